-- Every event of every run, in the order of recording; each hash covers the event and the hash before it.
create table events (
    position bigint not null primary key,
    run      text,                 -- null: not of a run
    at       bigint not null,
    kind     text   not null,
    body     text   not null,      -- JSON
    hash     text   not null
);
create index events_by_run on events (run, position);

-- The last event: one row, which every writer updates first, so that no two events get the same position.
create table event_head (
    position bigint not null,
    hash     text   not null
);
insert into event_head (position, hash) values (0, '');

-- A digest over the changes of a plan that leads to no write, and the run whose rows they share where both are equal.
alter table plans add column content text;
alter table plans add column same_as text;
-- When the run ended in the instance; the report does not change after that.
alter table plans add column ended_at bigint;

-- What the run read from the organization, known before it ends; JSON.
alter table runs add column source text;

-- 1: the change was sent, and Campaign was not read since.
alter table changes add column unread bigint;
create index changes_unread on changes (instance) where unread = 1;

-- When this digest was first held.
alter table held add column held_since bigint;
update held set held_since = at;

-- The run that granted a membership, and the one that removed it; null if it was changed in Campaign.
alter table stays add column granted_by text;
alter table stays add column ended_by text;
