-- Whether each operator is disabled (1), and in how many operator groups of any kind it is; null until a run of this version
-- has read the instance.
alter table seen_operators add column disabled bigint;
alter table seen_operators add column in_groups bigint;

-- Every access review that was recorded as done, one row for each instance.
create table reviews (
    event                bigint not null,   -- its position in the record
    instance             text   not null,
    digest               text   not null,   -- over the reviewed groups and their members
    since                bigint,            -- the beginning of the reviewed period; null: that of the record
    at                   bigint not null,
    run                  text,              -- the complete run whose picture was reviewed; null: none is recorded
    reviewer             text   not null,   -- the name that was given
    reviewer_uid         bigint,
    reviewer_user        text,
    reviewer_login_uid   bigint,
    reviewer_login_user  text,
    primary key (event, instance)
);
