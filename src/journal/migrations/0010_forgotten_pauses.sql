-- The user whose process had a pause forgotten, as the kernel reports it, and the credential that it is about.
alter table forgotten_pauses add column forgotten_by_uid bigint;
alter table forgotten_pauses add column forgotten_by_user text;
alter table forgotten_pauses add column client_id text;
