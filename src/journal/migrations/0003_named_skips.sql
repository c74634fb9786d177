-- What the last run over everything skipped in each instance: a run log names only what is new.
create table named_skips (
    instance text not null,
    reason   text not null,
    subject  text not null,
    primary key (instance, reason, subject)
);
