-- The schema of a new state. The migrations bring the state of an earlier version to the same one.
--
-- Times are milliseconds since 1970 in UTC; structured values are JSON. Names that are compared are stored twice: as their
-- owner spells them, and folded.

-- What holds for the whole journal: why the memory was lost, the organization to which the state belongs.
create table meta (
    name  text not null primary key,
    value text not null
);

-- The record: every event of every run in the order of recording; each hash covers the event and the hash before it.
create table events (
    position bigint not null primary key,
    run      text,                 -- null: not of a run
    at       bigint not null,
    kind     text   not null,
    body     text   not null,
    hash     text   not null
);
create index events_by_run on events (run, position);
-- Every view of the status page reads what runs observed in Campaign that no run had made.
create index events_of_observations on events (position) where kind = 'observed';
create index events_of_deletions on events (position) where kind = 'deletion';

-- The last event: one row, which every writer updates first, so that no two events get the same position. The first event
-- is never deleted.
create table event_head (
    position     bigint not null,
    hash         text   not null,
    digests_from bigint            -- the first event whose text retention can delete
);
insert into event_head (position, hash, digests_from) values (0, '', 2);

-- The digests of deleted events, with which the chain can be verified over their positions.
create table deleted_events (
    position bigint not null primary key,
    digest   text   not null
);

create table runs (
    run        text   not null primary key,
    mode       text   not null,
    scope      text,
    started_at bigint not null,
    instances  text   not null,
    outcome    text,                         -- null until the run has ended
    summary    text   not null,
    report     text,                         -- the whole report of a run that ended
    position   bigint not null default 0,    -- the order of recording: a wrong clock must not change it
    source     text                          -- what the run read from the organization, known before it ends
);
create index runs_by_start on runs (started_at);
create index runs_by_position on runs (position);
create index runs_without_outcome on runs (position) where outcome is null;

-- What a run was about to do in one instance: its report without the changes.
create table plans (
    run           text   not null references runs (run),
    instance      text   not null,
    mode          text   not null,
    at            bigint not null,
    report        text   not null,
    content       text,                      -- a digest over the changes of a plan that leads to no write
    same_as       text,                      -- the run with the same content whose rows of changes it shares
    ended_at      bigint,                    -- when the run ended in the instance; the report does not change after that
    report_digest text,                      -- of the report in "instance_reports"
    primary key (run, instance)
);
create index plans_by_shared_rows on plans (same_as) where same_as is not null;
create index plans_by_report on plans (report_digest) where report_digest is not null;

-- The report of a run about an instance, without its changes, once for all runs with the same report.
create table instance_reports (
    digest text not null primary key,
    report text not null
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
    sent_at         bigint,                  -- null until the change is being sent
    unread          bigint,                  -- 1: it was sent, and Campaign was not read since
    approved_by     text,                    -- if an approval released it
    primary key (run, instance, position)
);
create index changes_unread on changes (instance) where unread = 1;
-- `history --user` searches all instances.
create index changes_by_operator on changes (operator_folded, instance, group_folded);

create table accepted_reads (
    instance text   not null primary key,
    run      text   not null,
    at       bigint not null,
    read     text   not null,
    followed text   not null
);

-- The operator that each user was at last sight.
create table identities (
    instance     text   not null,
    user_folded  text   not null,
    operator     bigint not null,
    login_folded text,                       -- null if an earlier version stored the user
    primary key (instance, user_folded)
);

-- The user of a login, by the last single-user call for it.
create table login_holders (
    organization text   not null,
    login_folded text   not null,
    user_folded  text,                       -- null: no active user; empty: a user without id
    read_at      bigint not null,
    primary key (organization, login_folded)
);

-- The product profiles that runs have seen, and their operator groups. An instance without a row was last read by a version
-- that kept the followed groups in "accepted_reads" only, and no other profiles.
create table known_profiles (
    instance text not null primary key,
    known    text not null
);

create table held (
    instance   text   not null,
    digest     text   not null,
    at         bigint not null,
    record     text   not null,
    held_since bigint,                       -- when this digest was first held
    primary key (instance, digest)
);

-- Holds that later plans do not contain because the group, profile or operator is absent: they stay held.
create table dormant_holds (
    instance        text not null,
    op              text not null,
    group_folded    text not null,
    operator_folded text not null,
    why             text not null,
    limits          text not null,
    primary key (instance, op, group_folded, operator_folded)
);

-- The last approval of each digest, and when a run began to apply it (null: not yet). The user of the process and the user
-- who signed in on the host are those that the kernel reports.
create table approvals (
    instance            text   not null,
    digest              text   not null,
    approver            text   not null,
    at                  bigint not null,
    expires_at          bigint not null,
    begun_at            bigint,
    approver_uid        bigint,
    approver_user       text,
    approver_login_uid  bigint,
    approver_login_user text,
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

-- Every approval that was ever given, in the order of recording.
create table given_approvals (
    event               bigint not null,     -- its position in the record; 0: before the record began
    instance            text   not null,
    digest              text   not null,
    approver            text   not null,     -- the name that was given
    approver_uid        bigint,
    approver_user       text,
    approver_login_uid  bigint,
    approver_login_user text,
    at                  bigint not null,
    expires_at          bigint not null,
    changes             bigint not null,     -- how many changes it released
    used_by             text,                -- the run that began to apply it
    used_at             bigint
);
create index given_approvals_by_digest on given_approvals (instance, digest);
create index given_approvals_by_event on given_approvals (event);

create table undone (
    instance        text not null,
    op              text not null,
    group_folded    text not null,
    operator_folded text not null,
    run             text not null,
    primary key (instance, op, group_folded, operator_folded)
);

-- Operators that a run removed from a group and has to disable, until they are seen disabled or there is no reason any more.
create table unfinished_disablements (
    instance        text not null,
    operator_folded text not null,
    profile         text not null,
    primary key (instance, operator_folded)
);

-- The skips of the last run over everything in each instance: a run log names only new ones.
create table named_skips (
    instance text not null,
    reason   text not null,
    subject  text not null,
    primary key (instance, reason, subject)
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

-- How many members each managed group has.
create table group_sizes (
    instance     text   not null,
    group_folded text   not null,
    members      bigint not null,
    managed      bigint not null,
    primary key (instance, group_folded)
);

-- Who was in a managed group, and when.
create table stays (
    instance     text   not null,
    group_folded text   not null,
    login_folded text   not null,
    login        text   not null,
    since        bigint not null,
    until        bigint,
    granted_by   text,                       -- the run that granted it; null if it was made in Campaign
    ended_by     text,                       -- the run that removed it; null if it was ended in Campaign
    approved_by  text,                       -- who approved it, where the run was deleted for its age
    vouched      bigint                      -- the last deletion of old changes sealed it: 1 open, 2 ended; null: events record it
);
-- The open memberships alone, in the order in which a run compares them.
create index stays_open on stays (instance, group_folded, login_folded) where until is null;
create index stays_by_login on stays (instance, login_folded);
-- Who was in which group at a past time: most of the memberships that have ended since then began later, and the index shows
-- it.
create index stays_by_end on stays (until, since) where until is not null;

-- The operators that the last run read, in blocks: one row with many operators, and a digest of that text.
create table operator_blocks (
    instance  text   not null,
    block     bigint not null,               -- the remainder of the id of an operator, divided by the number of blocks
    digest    text   not null,
    operators text   not null,
    primary key (instance, block)
);

-- Every access review that was recorded as done, one row for each instance.
create table reviews (
    event               bigint not null,     -- its position in the record
    instance            text   not null,
    digest              text   not null,     -- over the reviewed groups and their members
    since               bigint,              -- the beginning of the reviewed period; null: that of the record
    at                  bigint not null,
    run                 text,                -- the complete run whose picture was reviewed; null: none is recorded
    reviewer            text   not null,     -- the name that was given
    reviewer_uid        bigint,
    reviewer_user       text,
    reviewer_login_uid  bigint,
    reviewer_login_user text,
    primary key (event, instance)
);

create table call_windows (
    organization       text not null primary key,
    users_first_page   bigint,
    groups_first_page  bigint,
    not_before         bigint,
    listing_read_at    bigint,
    listing            text,
    pause_asked        bigint                -- the length of the pause that Adobe asked for, in milliseconds
);

-- The calls of a credential within the last minute, one row a call.
create table sent_calls (
    credential text   not null,
    kind       text   not null,              -- users, groups
    purpose    text   not null,              -- run, question
    at         bigint not null
);
create index sent_calls_by_kind on sent_calls (credential, kind, at);

-- Pauses that an administrator cancelled: by whom, and of which credential.
create table forgotten_pauses (
    organization             text   not null,
    until                    bigint not null,
    at                       bigint not null,
    forgotten_by             text   not null,
    forgotten_by_uid         bigint,
    forgotten_by_user        text,
    client_id                text,
    forgotten_by_login_uid   bigint,
    forgotten_by_login_user  text
);
create index forgotten_pauses_by_organization on forgotten_pauses (organization, at);

-- What `probe` learned about an instance: one row for each question that it settled. An instance with another address than the
-- probed one has no answers.
create table instance_answers (
    instance   text   not null,
    address    text   not null,
    question   text   not null,
    answer     text   not null,
    how        text   not null,              -- what was tried and seen
    learned_at bigint not null,
    primary key (instance, address, question)
);

-- The scratch records that a probe is about to create or has created. Their removal is read back before the row is deleted.
create table scratch_records (
    address     text   not null,
    kind        text   not null,             -- group, operator
    label       text   not null,             -- contains the id of the probe: no other record has it
    id          bigint,                      -- null: not read back yet, and perhaps not created
    recorded_at bigint not null,
    primary key (address, kind, label)
);

-- Notifications that are not delivered yet: one row for each target. Delivered and given up, the row is deleted.
create table outbox (
    id              text   not null,         -- the same for all targets: a receiver recognizes a repetition by it
    target          text   not null,
    kind            text   not null,
    at              bigint not null,
    document        text   not null,
    attempts        bigint not null,         -- attempts begun
    next_attempt_at bigint not null,         -- while an attempt is in progress: when it counts as failed
    decided_at      bigint not null,         -- when that time was written: one in the future was written by a wrong clock
    primary key (id, target)
);

-- What was reported and is reported again only after it was over: the outage, and each finding.
create table notified (
    instance text   not null,                -- folded; empty for what concerns none
    topic    text   not null,
    subject  text   not null,
    at       bigint not null,
    primary key (instance, topic, subject)
);

-- The results of the notifications of each target.
create table notification_targets (
    target            text   not null primary key,
    delivered         bigint not null,
    failed            bigint not null,       -- attempts
    given_up          bigint not null,
    last_delivered_at bigint,
    error             text,                  -- of the last attempt; null: it delivered
    failing_since     bigint
);

-- The views that runs and the leader lock on a server: a lock on a view needs rights on it, which an advisory lock does not,
-- and a view needs no vacuum while the lock is held for months.
create view run_lock as select 1 as held;
create view leader_lock as select 1 as held;
