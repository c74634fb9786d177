-- Operators that a run removed from a group and has to disable, until they are seen disabled or there is no reason any more.
create table unfinished_disablements (
    instance        text not null,
    operator_folded text not null,
    profile         text not null,
    primary key (instance, operator_folded)
);
