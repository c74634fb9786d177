-- The calls of a credential within the last minute, one row a call.
create table sent_calls (
    credential text   not null,
    kind       text   not null,   -- users, groups
    purpose    text   not null,   -- run, question
    at         bigint not null
);
create index sent_calls_by_kind on sent_calls (credential, kind, at);

-- The length of the pause that Adobe asked for, in milliseconds; null for pauses of an earlier version.
alter table call_windows add column pause_asked bigint;

-- Pauses that an administrator cancelled.
create table forgotten_pauses (
    organization text   not null,
    until        bigint not null,
    at           bigint not null,
    forgotten_by text   not null
);
create index forgotten_pauses_by_organization on forgotten_pauses (organization, at);

-- The order in which runs were recorded: a wrong clock must not change it.
alter table runs add column position bigint not null default 0;
update runs set position = ordered.position
    from (select run as name, row_number() over (order by started_at, run) as position from runs) as ordered
    where ordered.name = runs.run;
create index runs_by_position on runs (position);
