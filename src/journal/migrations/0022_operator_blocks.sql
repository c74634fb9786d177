-- The operators that the last run read, in blocks: one row with all operators of a range of ids as JSON, and a digest of that
-- text. The next run stores them again.
drop table seen_operators;
drop table seen_operator_digests;
create table operator_blocks (
    instance  text   not null,
    block     bigint not null,   -- the id of an operator divided by 1,024, rounded down
    digest    text   not null,
    operators text   not null,
    primary key (instance, block)
);

-- Whoever searches a membership knows its login, or searches an open one.
drop index stays_by_group;
