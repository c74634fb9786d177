-- The folded login of the operator of a user: null if an earlier version stored the user.
alter table identities add column login_folded text;

-- The user of a login, by the last single-user call for it.
create table login_holders (
    organization text   not null,
    login_folded text   not null,
    user_folded  text,            -- null: no active user; empty: a user without id
    read_at      bigint not null,
    primary key (organization, login_folded)
);
