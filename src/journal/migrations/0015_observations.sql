-- What runs saw in Campaign that no run had made is asked for by every view of the status page.
create index events_of_observations on events (position) where kind = 'observed';
