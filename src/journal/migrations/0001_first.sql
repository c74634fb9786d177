-- Times are milliseconds since 1970 in UTC; structured values are JSON. Names that are compared are stored twice: as
-- their owner spells them, and folded.

-- What holds for the whole journal: why the memory was lost, who holds the lock of the one run.
create table meta (
    name  text not null primary key,
    value text not null
);

create table runs (
    run        text   not null primary key,
    mode       text   not null,
    scope      text,
    started_at bigint not null,
    instances  text   not null,
    outcome    text,            -- null until the run has ended
    summary    text   not null,
    report     text             -- the whole report of a run that ended
);
create index runs_by_start on runs (started_at);

-- What a run was about to do in one instance: its report without the changes.
create table plans (
    run      text   not null references runs (run),
    instance text   not null,
    mode     text   not null,
    at       bigint not null,
    report   text   not null,
    primary key (run, instance)
);

create table changes (
    run             text   not null references runs (run),
    instance        text   not null,
    position        bigint not null,
    op              text   not null,
    operator        text,
    group_name      text,
    operator_folded text   not null,
    group_folded    text   not null,
    profile         text   not null,
    reason          text   not null,
    outcome         text   not null,
    detail          text,
    at              bigint not null,
    sent_at         bigint,     -- null until the change is being sent
    primary key (run, instance, position)
);
create index changes_by_operator on changes (instance, operator_folded, group_folded);

create table accepted_reads (
    instance text   not null primary key,
    run      text   not null,
    at       bigint not null,
    read     text   not null,
    followed text   not null
);

create table identities (
    instance    text   not null,
    user_folded text   not null,
    operator    bigint not null,
    primary key (instance, user_folded)
);

create table held (
    instance text   not null,
    digest   text   not null,
    at       bigint not null,
    record   text   not null,
    primary key (instance, digest)
);

create table approvals (
    instance   text   not null,
    digest     text   not null,
    approver   text   not null,
    at         bigint not null,
    expires_at bigint not null,
    primary key (instance, digest)
);

-- The changes that an approval names and that are not spent.
create table approved_changes (
    instance        text   not null,
    digest          text   not null,
    op              text   not null,
    group_folded    text   not null,
    operator_folded text   not null,
    profile         text   not null,
    primary key (instance, digest, op, group_folded, operator_folded),
    foreign key (instance, digest) references approvals (instance, digest)
);

create table undone (
    instance        text not null,
    op              text not null,
    group_folded    text not null,
    operator_folded text not null,
    run             text not null,
    primary key (instance, op, group_folded, operator_folded)
);

create table call_windows (
    organization       text not null primary key,
    users_first_page   bigint,
    groups_first_page  bigint,
    not_before         bigint,
    listing_read_at    bigint,
    listing            text
);

-- When which group was managed, and by which profile.
create table managed_groups (
    instance     text   not null,
    group_folded text   not null,
    group_name   text   not null,
    profile      text   not null,
    since        bigint not null,
    until        bigint
);
create index managed_groups_by_instance on managed_groups (instance, until);

-- Who was in a managed group, and when.
create table stays (
    instance     text   not null,
    group_folded text   not null,
    login_folded text   not null,
    login        text   not null,
    since        bigint not null,
    until        bigint
);
create index stays_by_instance on stays (instance, until);
create index stays_by_group on stays (instance, group_folded, login_folded);
