-- The product profiles that runs have seen, and their operator groups; JSON. An instance without a row was
-- last read by a version that kept the followed groups in accepted_reads only, and no other profiles.
create table known_profiles (
    instance text not null primary key,
    known    text not null
);

-- Holds that later plans do not contain because the group, profile or operator is absent: they stay held.
create table dormant_holds (
    instance        text not null,
    op              text not null,
    group_folded    text not null,
    operator_folded text not null,
    why             text not null,
    limits          text not null,
    primary key (instance, op, group_folded, operator_folded)
);
