-- The operators that the last run read, in blocks: one row with many operators as JSON, and a digest of that text. The next run
-- stores them again.
drop table seen_operators;
drop table seen_operator_digests;
create table operator_blocks (
    instance  text   not null,
    block     bigint not null,   -- the remainder of the id of an operator, divided by the number of blocks
    digest    text   not null,
    operators text   not null,
    primary key (instance, block)
);

-- Every statement that searches a membership names its login, or searches open ones.
drop index stays_by_group;
