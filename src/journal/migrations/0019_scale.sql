-- A digest over the operators that the last run read in each instance: where the next one reads the same, it writes nothing.
create table seen_operator_digests (
    instance text not null primary key,
    digest   text not null
);

-- The open memberships alone, in the order in which a run compares them; an ended one is found by its group or its login.
drop index stays_by_instance;
create index stays_open on stays (instance, group_folded, login_folded) where until is null;
create index stays_by_login on stays (instance, login_folded);

-- `history --user` searches all instances.
drop index changes_by_operator;
create index changes_by_operator on changes (operator_folded, instance, group_folded);
create index runs_without_outcome on runs (position) where outcome is null;
