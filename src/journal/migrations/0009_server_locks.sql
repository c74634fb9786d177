-- What runs and the node that leads lock on a server: a lock on a view needs rights on it, which an advisory lock does not,
-- and a view has nothing that the server would want to tidy up while the lock is held for months.
create view run_lock as select 1 as held;
create view leader_lock as select 1 as held;
