-- What `probe` learned about an instance: one row for each question that it settled. An instance with another address than the
-- probed one has no answers.
create table instance_answers (
    instance   text   not null,
    address    text   not null,
    question   text   not null,
    answer     text   not null,
    how        text   not null,        -- what was tried and seen
    learned_at bigint not null,
    primary key (instance, address, question)
);

-- The scratch records that a probe is about to create or has created. Their removal is read back before the row is deleted.
create table scratch_records (
    address     text   not null,
    kind        text   not null,       -- group, operator
    label       text   not null,       -- contains the id of the probe: no other record has it
    id          bigint,                -- null: not read back yet, and perhaps not created
    recorded_at bigint not null,
    primary key (address, kind, label)
);
