-- Whom a run took out of a group and was to disable for it, until that is seen made or a later run finds no ground for it.
create table unfinished_disablements (
    instance        text not null,
    operator_folded text not null,
    profile         text not null,
    primary key (instance, operator_folded)
);
