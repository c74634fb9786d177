-- All operators that the last run read, for queries about one operator, which read no others from Campaign: their ids by the
-- loose key of their login, and how many members each managed group has.
create table seen_operators (
    instance text not null,
    id bigint not null,
    login text not null,
    login_loose text not null,
    primary key (instance, id)
);
create index seen_operators_by_login on seen_operators (instance, login_loose);
create table group_sizes (
    instance text not null,
    group_folded text not null,
    members bigint not null,
    managed bigint not null,
    primary key (instance, group_folded)
);
-- Until the next run, all members that the access record knows count as managed.
insert into group_sizes (instance, group_folded, members, managed)
    select instance, group_folded, count(*), count(*) from stays where until is null group by instance, group_folded;
