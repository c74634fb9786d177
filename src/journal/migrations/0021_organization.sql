-- The organization to which the state belongs, in "meta". A state whose runs have read one organization alone belongs to it; any
-- other is claimed by the next complete read.
insert into meta (name, value)
    select 'organization', min(organization) from call_windows
    where exists (select 1 from accepted_reads)
    having count(*) = 1;
