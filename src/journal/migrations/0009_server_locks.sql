-- The views that runs and the leader lock on a server: a lock on a view needs rights on it, which an advisory lock does not,
-- and a view needs no vacuum while the lock is held for months.
create view run_lock as select 1 as held;
create view leader_lock as select 1 as held;
