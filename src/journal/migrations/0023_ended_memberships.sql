-- Who was in which group at a past time: most of the memberships that have ended since then began later, and the index shows
-- it.
drop index stays_by_end;
create index stays_by_end on stays (until, since) where until is not null;
