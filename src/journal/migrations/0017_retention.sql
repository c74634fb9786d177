-- From this event on, hashes cover a digest of the event: retention can delete its text, and the chain stays complete.
alter table event_head add column digests_from bigint;
update event_head set digests_from = position + 1;
-- The digests of deleted events, with which the chain can be verified over their positions.
create table deleted_events (
    position bigint not null primary key,
    digest   text   not null
);
create index events_of_deletions on events (position) where kind = 'deletion';
create index plans_by_shared_rows on plans (same_as) where same_as is not null;

-- Who approved a membership whose run was deleted for its age.
alter table stays add column approved_by text;
-- The last deletion of old changes sealed this membership: 1 it was open then, 2 it had ended. Null: events record it.
alter table stays add column vouched bigint;
create index stays_by_end on stays (until) where until is not null;

-- The report of a run about an instance, without its changes, once for all runs with the same report. Earlier versions wrote it
-- into "plans" for each run.
create table instance_reports (
    digest text not null primary key,
    report text not null
);
alter table plans add column report_digest text;
create index plans_by_report on plans (report_digest) where report_digest is not null;
