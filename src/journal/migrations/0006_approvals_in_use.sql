-- When a run began to apply an approved plan (null: not yet), and the user that the kernel reported for the approver.
alter table approvals add column begun_at bigint;
alter table approvals add column approver_uid bigint;
alter table approvals add column approver_user text;
-- Until now a run over everything that found an approval deleted the plan from "held" before it applied it.
update approvals set begun_at = at where not exists (
    select 1 from held where held.instance = approvals.instance and held.digest = approvals.digest
);
