-- The skips of the last run over everything in each instance: a run log names only new ones.
create table named_skips (
    instance text not null,
    reason   text not null,
    subject  text not null,
    primary key (instance, reason, subject)
);
