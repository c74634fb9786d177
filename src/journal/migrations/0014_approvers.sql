-- The user who signed in on the host of an approver, as the kernel reports it: it survives sudo.
alter table approvals add column approver_login_uid bigint;
alter table approvals add column approver_login_user text;
alter table forgotten_pauses add column forgotten_by_login_uid bigint;
alter table forgotten_pauses add column forgotten_by_login_user text;

-- Who approved the change, if an approval released it.
alter table changes add column approved_by text;

-- Every approval that was ever given, in the order of recording. The table "approvals" has the last one of each digest, and
-- what is left of it.
create table given_approvals (
    event               bigint not null,   -- its position in the record; 0: before the record began
    instance            text   not null,
    digest              text   not null,
    approver            text   not null,   -- the name that was given
    approver_uid        bigint,
    approver_user       text,
    approver_login_uid  bigint,
    approver_login_user text,
    at                  bigint not null,
    expires_at          bigint not null,
    changes             bigint not null,   -- how many changes it released
    used_by             text,              -- the run that began to apply it
    used_at             bigint
);
create index given_approvals_by_digest on given_approvals (instance, digest);
create index given_approvals_by_event on given_approvals (event);
insert into given_approvals (event, instance, digest, approver, approver_uid, approver_user, at, expires_at, changes, used_at)
    select 0, a.instance, a.digest, a.approver, a.approver_uid, a.approver_user, a.at, a.expires_at,
           (select count(*) from approved_changes c where c.instance = a.instance and c.digest = a.digest), a.begun_at
    from approvals a;
