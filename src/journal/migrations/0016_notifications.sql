-- Notifications that are not delivered yet: one row for each target. Delivered and given up, the row is deleted.
create table outbox (
    id              text   not null,   -- the same for all targets: a receiver recognizes a repetition by it
    target          text   not null,
    kind            text   not null,
    at              bigint not null,
    document        text   not null,   -- JSON
    attempts        bigint not null,   -- attempts begun
    next_attempt_at bigint not null,   -- while an attempt is in progress: when it counts as failed
    decided_at      bigint not null,   -- when that time was written: one in the future was written by a wrong clock
    primary key (id, target)
);

-- What was reported and is reported again only after it was over: the outage, and each finding.
create table notified (
    instance text   not null,          -- folded; empty for what concerns none
    topic    text   not null,
    subject  text   not null,
    at       bigint not null,
    primary key (instance, topic, subject)
);

-- The results of the notifications of each target.
create table notification_targets (
    target            text   not null primary key,
    delivered         bigint not null,
    failed            bigint not null, -- attempts
    given_up          bigint not null,
    last_delivered_at bigint,
    error             text,            -- of the last attempt; null: it delivered
    failing_since     bigint
);
