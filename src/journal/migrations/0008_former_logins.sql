-- The folded login of the operator that a user was: null where an earlier version remembered the user.
alter table identities add column login_folded text;

-- Who had a login when a single-user call asked for it.
create table login_holders (
    organization text   not null,
    login_folded text   not null,
    user_folded  text,            -- null: no active user; empty: a user without id
    read_at      bigint not null,
    primary key (organization, login_folded)
);
