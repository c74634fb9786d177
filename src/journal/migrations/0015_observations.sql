-- Every view of the status page reads what runs observed in Campaign that no run had made.
create index events_of_observations on events (position) where kind = 'observed';
