-- The user whose process cancelled a pause, as the kernel reports it, and the credential of the pause.
alter table forgotten_pauses add column forgotten_by_uid bigint;
alter table forgotten_pauses add column forgotten_by_user text;
alter table forgotten_pauses add column client_id text;
