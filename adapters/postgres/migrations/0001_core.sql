-- +goose Up
-- Every table of tenants' data and every unique key is led by the workspace, so
-- that the tables can be partitioned or distributed by it. Ids are UUIDs, with
-- the nil UUID for "none"; times are microseconds since 1970 in UTC with -2^62
-- for "absent", so that no sorted column is ever NULL. Text that is sorted or
-- looked up compares byte by byte. The schema is called crm here; the adapter
-- puts the configured name in its place.

CREATE TABLE crm.workspaces (
  id         uuid   NOT NULL PRIMARY KEY,
  name       text   NOT NULL,
  region     text   NOT NULL,
  time_zone  text   NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  version    bigint NOT NULL
);

-- What is sorted or filtered by is a column; doc holds the rest (JSON with
-- short keys, see sqlkit), keys what contact_keys has of the row, so that a
-- change need not look for it.
CREATE TABLE crm.contacts (
  workspace           uuid     NOT NULL,
  id                  uuid     NOT NULL,
  trashed             boolean  NOT NULL,
  version             bigint   NOT NULL,
  peak_version        bigint   NOT NULL,
  stage               text     COLLATE "C" NOT NULL,
  source              text     COLLATE "C" NOT NULL,
  has_email           boolean  NOT NULL,
  has_phone           boolean  NOT NULL,
  created_at          bigint   NOT NULL,
  updated_at          bigint   NOT NULL,
  last_interaction_at bigint   NOT NULL,
  score               bigint   NOT NULL,
  deleted_at          bigint   NOT NULL,
  name_key            bytea    NOT NULL,
  doc                 text     NOT NULL,
  keys                bytea    NOT NULL,
  search_text         text     COLLATE "C" NOT NULL,
  PRIMARY KEY (workspace, id)
);
CREATE INDEX contacts_by_created         ON crm.contacts (workspace, trashed, created_at, id);
CREATE INDEX contacts_by_updated         ON crm.contacts (workspace, trashed, updated_at, id);
CREATE INDEX contacts_by_name            ON crm.contacts (workspace, trashed, name_key, id);
CREATE INDEX contacts_by_interaction     ON crm.contacts (workspace, trashed, last_interaction_at, id);
CREATE INDEX contacts_by_score           ON crm.contacts (workspace, trashed, score, id);
CREATE INDEX contacts_trashed_by_id      ON crm.contacts (workspace, id) WHERE trashed;
-- Its condition is not that of the lists, so that no workspace reads the trash of
-- the others.
CREATE INDEX contacts_trashed_by_deleted ON crm.contacts (deleted_at) WHERE deleted_at > -4611686018427387904;

-- value is the key's bytes, or their beginning and a digest where they are more
-- than an index entry should hold.
CREATE TABLE crm.contact_keys (
  workspace uuid     NOT NULL,
  kind      smallint NOT NULL,
  value     bytea    NOT NULL,
  contact   uuid     NOT NULL,
  PRIMARY KEY (workspace, kind, value, contact)
);
CREATE UNIQUE INDEX contact_keys_source ON crm.contact_keys (workspace, value) WHERE kind = 1;

-- The exact totals are the figures and what is pending for them: writers add
-- rows to pending_counts, so that no two of them wait for one row, and whoever
-- numbers the events folds them. what is 0 for live contacts, 1 for trashed
-- ones, 2 for a tag (key and name), 3 for a series (series and slot).
CREATE TABLE crm.pending_counts (
  seq       bigint   GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  workspace uuid     NOT NULL,
  what      smallint NOT NULL,
  key       text     COLLATE "C" NOT NULL,
  name      text     NOT NULL,
  series    bigint   NOT NULL,
  slot      bigint   NOT NULL,
  n         bigint   NOT NULL
);
CREATE INDEX pending_counts_by_workspace ON crm.pending_counts (workspace, what);

CREATE TABLE crm.contact_figures (
  workspace uuid   NOT NULL PRIMARY KEY,
  live      bigint NOT NULL,
  trashed   bigint NOT NULL
);

CREATE TABLE crm.tags (
  workspace uuid   NOT NULL,
  key       text   COLLATE "C" NOT NULL,
  name      text   NOT NULL,
  count     bigint NOT NULL,
  PRIMARY KEY (workspace, key)
);
-- Those that nobody carries any more, which go as soon as they are counted.
CREATE INDEX tags_forgotten ON crm.tags (workspace, key) WHERE count = 0;

-- Numbers of records by quarter of an hour, see crm.Series. A slot that came to
-- nothing may stay with a count of 0.
CREATE TABLE crm.series (
  workspace uuid   NOT NULL,
  series    bigint NOT NULL,
  slot      bigint NOT NULL,
  count     bigint NOT NULL,
  PRIMARY KEY (workspace, series, slot)
);

CREATE TABLE crm.contact_images (
  seq       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  workspace uuid   NOT NULL,
  contact   uuid   NOT NULL,
  version   bigint NOT NULL,
  batch     uuid   NOT NULL,
  at        bigint NOT NULL,
  before    text,
  after     text,
  row       bigint NOT NULL -- the record of an import that wrote it, 0 for none
);
CREATE INDEX contact_images_by_batch   ON crm.contact_images (workspace, batch, contact);
CREATE INDEX contact_images_by_contact ON crm.contact_images (workspace, contact);
CREATE INDEX contact_images_by_time    ON crm.contact_images (at);

-- Events are written into the inbox; after the commit whoever holds the lock of
-- the log moves them into events and so gives them their positions. Writers take
-- no position themselves: one who commits late would put it behind readers.
CREATE TABLE crm.event_inbox (
  seq          bigint   GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  workspace    uuid     NOT NULL,
  id           uuid     NOT NULL,
  type         text     COLLATE "C" NOT NULL,
  at           bigint   NOT NULL,
  actor_kind   text     NOT NULL,
  actor        uuid     NOT NULL,
  subject_kind text     NOT NULL,
  subject      uuid     NOT NULL,
  changed      text     NOT NULL, -- JSON array of names, or empty
  version      bigint   NOT NULL,
  batch        uuid     NOT NULL,
  contacts     uuid[]   NOT NULL,
  owner        uuid     NOT NULL,
  feed         smallint NOT NULL
);

-- feed is 2 for an entry of the feed: every event but those of a batch, of which
-- only the first is one; 1 for a batch's first event of a further type.
-- owner is whose job or import the event is about.
CREATE TABLE crm.events (
  position     bigint   NOT NULL PRIMARY KEY,
  workspace    uuid     NOT NULL,
  id           uuid     NOT NULL,
  type         text     COLLATE "C" NOT NULL,
  at           bigint   NOT NULL,
  actor_kind   text     NOT NULL,
  actor        uuid     NOT NULL,
  subject_kind text     NOT NULL,
  subject      uuid     NOT NULL,
  changed      text     NOT NULL,
  version      bigint   NOT NULL,
  batch        uuid     NOT NULL,
  contacts     uuid[]   NOT NULL,
  owner        uuid     NOT NULL,
  feed         smallint NOT NULL
);
CREATE INDEX events_by_workspace ON crm.events (workspace, position);
CREATE INDEX events_by_subject   ON crm.events (workspace, subject, position);
CREATE INDEX events_feed         ON crm.events (workspace, type, position) WHERE feed >= 1;
CREATE INDEX events_own          ON crm.events (workspace, owner, type, position)
  WHERE owner <> '00000000-0000-0000-0000-000000000000';

-- The one row of what is known of the log as a whole. head is the highest
-- position that was ever given.
CREATE TABLE crm.event_log (
  id     integer PRIMARY KEY CHECK (id = 1),
  epoch  uuid    NOT NULL,
  purged bigint  NOT NULL,
  head   bigint  NOT NULL
);
INSERT INTO crm.event_log (id, epoch, purged, head) VALUES (1, gen_random_uuid(), 0, 0);

-- The log with what has no position yet, behind it, as a transaction sees it: it
-- reads what it wrote itself, and a snapshot reads whole transactions.
CREATE VIEW crm.all_events AS
  SELECT position, workspace, id, type, at, actor_kind, actor, subject_kind, subject, changed, version, batch, contacts, owner, feed
  FROM crm.events
  UNION ALL
  SELECT (SELECT head FROM crm.event_log WHERE id = 1) + row_number() OVER (ORDER BY seq), workspace, id, type, at, actor_kind, actor,
    subject_kind, subject, changed, version, batch, contacts, owner, feed
  FROM crm.event_inbox;

-- Which contacts an event names beside its subject.
CREATE TABLE crm.event_contacts (
  workspace uuid   NOT NULL,
  contact   uuid   NOT NULL,
  position  bigint NOT NULL,
  PRIMARY KEY (workspace, contact, position)
);

-- How many events a batch made, as JSON by type. Its rows are few: one a batch.
CREATE TABLE crm.event_batches (
  workspace uuid NOT NULL,
  batch     uuid NOT NULL,
  counts    text NOT NULL,
  PRIMARY KEY (workspace, batch)
);

CREATE TABLE crm.event_readers (
  name          text   COLLATE "C" NOT NULL PRIMARY KEY,
  position      bigint NOT NULL,
  lease         uuid   NOT NULL,
  lease_until   bigint NOT NULL,
  failure       text   NOT NULL,
  failing_since bigint NOT NULL
);

-- Interactions and the timelines of contacts. What an interaction is linked to
-- lies in trees of their own, by contact and time, so that a page of a timeline
-- costs the same at the end as at the beginning.
CREATE TABLE crm.interactions (
  workspace    uuid    NOT NULL,
  id           uuid    NOT NULL,
  version      bigint  NOT NULL,
  edited       boolean NOT NULL,
  type         text    COLLATE "C" NOT NULL,
  direction    text    NOT NULL,
  occurred_at  bigint  NOT NULL,
  created_at   bigint  NOT NULL,
  updated_at   bigint  NOT NULL,
  source       text    COLLATE "C" NOT NULL,
  source_id    text    COLLATE "C" NOT NULL,
  source_key   bytea   NOT NULL, -- source_id as contact_keys has values
  thread       text    NOT NULL,
  batch        uuid    NOT NULL,
  participants text    NOT NULL, -- JSON
  subject      text    NOT NULL,
  body         text    NOT NULL,
  PRIMARY KEY (workspace, id)
);
CREATE UNIQUE INDEX interactions_by_source ON crm.interactions (workspace, source_key, source) WHERE source_key <> '';
CREATE INDEX interactions_by_batch         ON crm.interactions (workspace, batch, id)
  WHERE batch <> '00000000-0000-0000-0000-000000000000';

-- type and direction stand here too, so that figures of a contact are read
-- without its interactions.
CREATE TABLE crm.interaction_links (
  workspace   uuid   NOT NULL,
  contact     uuid   NOT NULL,
  occurred_at bigint NOT NULL,
  interaction uuid   NOT NULL,
  type        text   COLLATE "C" NOT NULL,
  direction   text   NOT NULL,
  PRIMARY KEY (workspace, contact, occurred_at, interaction)
);
CREATE INDEX interaction_links_by_type ON crm.interaction_links (workspace, contact, type, occurred_at, interaction);

-- The keys of participants who are no contact, by which they are found when one
-- gains the address. value is as in contact_keys.
CREATE TABLE crm.interaction_strangers (
  workspace   uuid     NOT NULL,
  kind        smallint NOT NULL,
  value       bytea    NOT NULL,
  interaction uuid     NOT NULL,
  PRIMARY KEY (workspace, kind, value, interaction)
);

-- What is derived of contacts and their history, and who has looked at them.
CREATE TABLE crm.insights (
  workspace   uuid   NOT NULL,
  contact     uuid   NOT NULL,
  computed_at bigint NOT NULL,
  score       bigint NOT NULL,
  due_at      bigint NOT NULL, -- -2^62 for no follow-up
  priority    bigint NOT NULL, -- 0 where none was due
  trend       text   NOT NULL,
  chance      bigint NOT NULL,
  PRIMARY KEY (workspace, contact)
);
CREATE INDEX insights_by_priority ON crm.insights (workspace, priority, contact) WHERE priority > 0;
CREATE INDEX insights_by_due      ON crm.insights (workspace, due_at) WHERE due_at > -4611686018427387904;

CREATE TABLE crm.contact_views (
  workspace uuid   NOT NULL,
  user_id   uuid   NOT NULL,
  contact   uuid   NOT NULL,
  viewed_at bigint NOT NULL,
  PRIMARY KEY (workspace, user_id, contact)
);
CREATE INDEX contact_views_by_time    ON crm.contact_views (workspace, user_id, viewed_at, contact);
CREATE INDEX contact_views_by_contact ON crm.contact_views (workspace, contact);

CREATE TABLE crm.contact_view_counts (
  workspace uuid   NOT NULL,
  contact   uuid   NOT NULL,
  views     bigint NOT NULL,
  PRIMARY KEY (workspace, contact)
);

CREATE TABLE crm.imports (
  workspace  uuid   NOT NULL,
  id         uuid   NOT NULL,
  version    bigint NOT NULL,
  status     text   COLLATE "C" NOT NULL,
  actor_user uuid   NOT NULL,
  doc        text   NOT NULL,
  PRIMARY KEY (workspace, id)
);
CREATE INDEX imports_by_user ON crm.imports (workspace, actor_user, id);

-- In the order of outcomes, of which there are few: all rows are the merged
-- rows of each, and need no second index.
CREATE TABLE crm.import_rows (
  workspace uuid    NOT NULL,
  import    uuid    NOT NULL,
  outcome   text    COLLATE "C" NOT NULL,
  row       bigint  NOT NULL,
  flagged   boolean NOT NULL, -- the row was not written as it stood
  contact   uuid    NOT NULL,
  detail    text    NOT NULL, -- JSON of candidates, problems and kept names, or empty
  PRIMARY KEY (workspace, import, outcome, row)
);
CREATE INDEX import_rows_flagged ON crm.import_rows (workspace, import, outcome, row) WHERE flagged;

CREATE TABLE crm.fingerprints (
  workspace uuid  NOT NULL,
  print     uuid  NOT NULL, -- 16 bytes
  contact   uuid  NOT NULL,
  batch     uuid  NOT NULL,
  PRIMARY KEY (workspace, print)
);
CREATE INDEX fingerprints_by_contact ON crm.fingerprints (workspace, contact);

CREATE TABLE crm.idempotency_records (
  workspace  uuid   NOT NULL,
  key        text   COLLATE "C" NOT NULL,
  request    bytea  NOT NULL,
  answer     text, -- JSON, NULL while in progress
  created_at bigint NOT NULL,
  PRIMARY KEY (workspace, key)
);
CREATE INDEX idempotency_records_by_time ON crm.idempotency_records (created_at);

-- due: true waits for a worker now, false waits for its time, NULL is running or
-- final. The due jobs have an index of their own, so that a poll passes over
-- neither the later nor the finished ones.
CREATE TABLE crm.jobs (
  workspace    uuid     NOT NULL,
  id           uuid     NOT NULL,
  kind         text     COLLATE "C" NOT NULL,
  status       text     COLLATE "C" NOT NULL,
  due          boolean,
  priority     smallint NOT NULL, -- -1 low, 0 normal, 1 high
  subject      uuid     NOT NULL,
  actor        text     NOT NULL, -- JSON
  actor_user   uuid     NOT NULL,
  payload      bytea,
  checkpoint   bytea,
  result       bytea,
  done         bigint   NOT NULL,
  total        bigint   NOT NULL,
  attempt      integer  NOT NULL,
  max_attempts integer  NOT NULL,
  losses       integer  NOT NULL,
  error_code   text     NOT NULL,
  error_text   text     NOT NULL,
  batch        uuid     NOT NULL,
  cancel_asked boolean  NOT NULL,
  created_at   bigint   NOT NULL,
  run_at       bigint   NOT NULL,
  started_at   bigint   NOT NULL,
  finished_at  bigint   NOT NULL,
  lease        uuid     NOT NULL,
  lease_until  bigint   NOT NULL,
  version      bigint   NOT NULL,
  PRIMARY KEY (workspace, id)
);
CREATE INDEX jobs_by_user          ON crm.jobs (workspace, actor_user, kind, status);
CREATE INDEX jobs_by_batch         ON crm.jobs (workspace, batch, id) WHERE batch <> '00000000-0000-0000-0000-000000000000';
CREATE INDEX jobs_due              ON crm.jobs (kind, workspace, priority DESC, run_at, id) WHERE due;
CREATE INDEX jobs_later            ON crm.jobs (kind, run_at) WHERE NOT due;
CREATE INDEX jobs_leased           ON crm.jobs (lease_until) WHERE status = 'running';
CREATE INDEX jobs_cancelling       ON crm.jobs (lease) WHERE cancel_asked AND status = 'running';
CREATE INDEX jobs_ended            ON crm.jobs (finished_at) WHERE status IN ('succeeded', 'failed', 'cancelled');
CREATE UNIQUE INDEX jobs_unfinished ON crm.jobs (workspace, kind, subject)
  WHERE subject <> '00000000-0000-0000-0000-000000000000' AND status IN ('queued', 'scheduled', 'running', 'retrying');

-- A blob is visible when its row here exists. Chunks are written before it
-- under the id of their upload, which is noted in blob_uploads until then.
CREATE TABLE crm.blobs (
  workspace uuid   NOT NULL,
  id        uuid   NOT NULL,
  upload    uuid   NOT NULL,
  size      bigint NOT NULL,
  PRIMARY KEY (workspace, id)
);

CREATE TABLE crm.blob_uploads (
  workspace  uuid   NOT NULL,
  upload     uuid   NOT NULL,
  touched_at bigint NOT NULL,
  PRIMARY KEY (workspace, upload)
);
CREATE INDEX blob_uploads_by_time ON crm.blob_uploads (touched_at);

CREATE TABLE crm.blob_chunks (
  workspace uuid   NOT NULL,
  upload    uuid   NOT NULL,
  n         bigint NOT NULL,
  data      bytea  NOT NULL,
  PRIMARY KEY (workspace, upload, n)
);
-- What is stored there is compressed or is not worth it.
ALTER TABLE crm.blob_chunks ALTER COLUMN data SET STORAGE EXTERNAL;

-- What is written to find out whether the database can be written. It never has
-- more than one row.
CREATE TABLE crm.write_probe (
  id   integer PRIMARY KEY CHECK (id = 1),
  side integer NOT NULL -- 0 or 1, by turns
);

-- The restore that is at work, at most one row: which backup the database is
-- being filled from, and how many of its records are in.
CREATE TABLE crm.restores (
  id     integer PRIMARY KEY CHECK (id = 1),
  backup uuid    NOT NULL,
  done   bigint  NOT NULL
);

-- The plain search finds parts of words by their trigrams. The extensions come
-- with PostgreSQL and its owner may make them; where they are missing or not
-- allowed the search reads the contacts one by one.
-- +goose StatementBegin
DO $$
DECLARE
  ops text;
BEGIN
  CREATE EXTENSION IF NOT EXISTS pg_trgm;
  CREATE EXTENSION IF NOT EXISTS btree_gin;
  SELECT n.nspname INTO ops FROM pg_opclass c JOIN pg_namespace n ON n.oid = c.opcnamespace WHERE c.opcname = 'gin_trgm_ops';
  EXECUTE format('CREATE INDEX contacts_by_text ON crm.contacts USING gin (workspace, search_text %I.gin_trgm_ops)', ops);
EXCEPTION
  WHEN insufficient_privilege OR undefined_file OR feature_not_supported OR invalid_schema_name THEN
    RAISE NOTICE 'without pg_trgm and btree_gin: %', SQLERRM;
END
$$;
-- +goose StatementEnd
