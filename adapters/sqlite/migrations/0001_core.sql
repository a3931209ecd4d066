-- +goose Up
-- Every table of tenants' data is led by the workspace: by its id, or, where a
-- contact has a row or more, by its number, which takes a byte or two in each
-- of the twenty entries that a contact makes. Ids are 16 bytes, times are
-- microseconds since 1970 in UTC with -2^62 for "absent", so that no sorted
-- column is ever NULL.

CREATE TABLE workspaces (
  id         BLOB    NOT NULL PRIMARY KEY,
  name       TEXT    NOT NULL,
  region     TEXT    NOT NULL,
  time_zone  TEXT    NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  version    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The number of a workspace (ws in other tables), given when it is first
-- written to and never given again.
CREATE TABLE workspace_numbers (
  ws INTEGER PRIMARY KEY,
  id BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX workspace_numbers_by_id ON workspace_numbers (id);

-- What is sorted or filtered by is a column; doc holds the rest (JSON with
-- short keys, see sqlkit), keys what contact_keys has of the row, so that a
-- change need not look for it. The long columns stand last.
CREATE TABLE contacts (
  ws                  INTEGER NOT NULL,
  id                  BLOB    NOT NULL,
  trashed             INTEGER NOT NULL,
  version             INTEGER NOT NULL,
  peak_version        INTEGER NOT NULL,
  stage               TEXT    NOT NULL,
  source              TEXT    NOT NULL,
  has_email           INTEGER NOT NULL,
  has_phone           INTEGER NOT NULL,
  created_at          INTEGER NOT NULL,
  updated_at          INTEGER NOT NULL,
  last_interaction_at INTEGER NOT NULL,
  score               INTEGER NOT NULL,
  deleted_at          INTEGER NOT NULL,
  name_key            BLOB    NOT NULL,
  doc                 TEXT    NOT NULL,
  keys                BLOB    NOT NULL,
  search_text         TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX contacts_by_id          ON contacts (ws, id);
CREATE INDEX contacts_by_created            ON contacts (ws, trashed, created_at, id);
CREATE INDEX contacts_by_updated            ON contacts (ws, trashed, updated_at, id);
CREATE INDEX contacts_by_name               ON contacts (ws, trashed, name_key, id);
CREATE INDEX contacts_by_interaction        ON contacts (ws, trashed, last_interaction_at, id);
CREATE INDEX contacts_by_score              ON contacts (ws, trashed, score, id);
CREATE INDEX contacts_trashed_by_id         ON contacts (ws, id) WHERE trashed = 1;
CREATE INDEX contacts_trashed_by_deleted    ON contacts (deleted_at) WHERE trashed = 1;

CREATE TABLE contact_keys (
  ws        INTEGER NOT NULL,
  kind      INTEGER NOT NULL,
  value     TEXT    NOT NULL,
  contact   BLOB    NOT NULL,
  PRIMARY KEY (ws, kind, value, contact)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX contact_keys_source ON contact_keys (ws, value) WHERE kind = 1;

-- The exact totals. SQLite has one writer at a time, so that one row a
-- workspace is no bottleneck.
CREATE TABLE contact_figures (
  ws        INTEGER NOT NULL PRIMARY KEY,
  live      INTEGER NOT NULL,
  trashed   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tags (
  ws        INTEGER NOT NULL,
  key       TEXT    NOT NULL,
  name      TEXT    NOT NULL,
  count     INTEGER NOT NULL,
  PRIMARY KEY (ws, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE contact_images (
  seq       INTEGER PRIMARY KEY,
  ws        INTEGER NOT NULL,
  contact   BLOB    NOT NULL,
  version   INTEGER NOT NULL,
  batch     BLOB    NOT NULL, -- empty for none
  at        INTEGER NOT NULL,
  before    TEXT,
  after     TEXT,
  row       INTEGER NOT NULL -- the record of an import that wrote it, 0 for none
) STRICT;
CREATE INDEX contact_images_by_batch   ON contact_images (ws, batch, contact);
CREATE INDEX contact_images_by_contact ON contact_images (ws, contact);
CREATE INDEX contact_images_by_time    ON contact_images (at);

-- One writer at a time gives rising positions in the order of the commits: each
-- the one behind the highest, so that the newest event must never be removed.
CREATE TABLE events (
  position     INTEGER PRIMARY KEY,
  ws           INTEGER NOT NULL,
  id           BLOB    NOT NULL,
  type         TEXT    NOT NULL,
  at           INTEGER NOT NULL,
  actor_kind   TEXT    NOT NULL,
  actor        BLOB    NOT NULL,
  subject_kind TEXT    NOT NULL,
  subject      BLOB    NOT NULL,
  changed      TEXT    NOT NULL, -- JSON array of names, or empty
  version      INTEGER NOT NULL,
  batch        BLOB    NOT NULL
) STRICT;
CREATE INDEX events_by_workspace ON events (ws);

CREATE TABLE imports (
  workspace    BLOB    NOT NULL,
  id           BLOB    NOT NULL,
  version      INTEGER NOT NULL,
  status       TEXT    NOT NULL,
  actor_user   BLOB    NOT NULL, -- empty for none
  doc          TEXT    NOT NULL,
  PRIMARY KEY (workspace, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX imports_by_user ON imports (workspace, actor_user, id);

-- In the order of outcomes, of which there are few: all rows are the merged
-- rows of each, and need no second index.
CREATE TABLE import_rows (
  ws        INTEGER NOT NULL,
  import    BLOB    NOT NULL,
  outcome   TEXT    NOT NULL,
  row       INTEGER NOT NULL,
  flagged   INTEGER NOT NULL, -- 1 when the row was not written as it stood
  contact   BLOB    NOT NULL,
  detail    TEXT    NOT NULL, -- JSON of candidates, problems and kept names, or empty
  PRIMARY KEY (ws, import, outcome, row)
) STRICT, WITHOUT ROWID;
CREATE INDEX import_rows_flagged ON import_rows (ws, import, outcome, row) WHERE flagged = 1;

CREATE TABLE fingerprints (
  ws        INTEGER NOT NULL,
  print     BLOB    NOT NULL,
  contact   BLOB    NOT NULL,
  batch     BLOB    NOT NULL, -- empty for none
  PRIMARY KEY (ws, print)
) STRICT, WITHOUT ROWID;
CREATE INDEX fingerprints_by_contact ON fingerprints (ws, contact);

CREATE TABLE idempotency_records (
  workspace  BLOB    NOT NULL,
  key        TEXT    NOT NULL,
  request    BLOB    NOT NULL,
  answer     TEXT, -- JSON, NULL while in progress
  created_at INTEGER NOT NULL,
  PRIMARY KEY (workspace, key)
) STRICT;
CREATE INDEX idempotency_records_by_time ON idempotency_records (created_at);

-- due: 1 waits for a worker now, 0 waits for its time, NULL is running or
-- final. The due jobs have an index of their own, so that a poll passes over
-- neither the later nor the finished ones.
CREATE TABLE jobs (
  workspace    BLOB    NOT NULL,
  id           BLOB    NOT NULL,
  kind         TEXT    NOT NULL,
  status       TEXT    NOT NULL,
  due          INTEGER,
  subject      BLOB    NOT NULL, -- empty for none
  actor        TEXT    NOT NULL, -- JSON
  actor_user   BLOB    NOT NULL,
  payload      BLOB,
  checkpoint   BLOB,
  result       BLOB,
  done         INTEGER NOT NULL,
  total        INTEGER NOT NULL,
  attempt      INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL,
  losses       INTEGER NOT NULL,
  error_code   TEXT    NOT NULL,
  error_text   TEXT    NOT NULL,
  batch        BLOB    NOT NULL, -- empty for none
  cancel_asked INTEGER NOT NULL,
  created_at   INTEGER NOT NULL,
  run_at       INTEGER NOT NULL,
  started_at   INTEGER NOT NULL,
  finished_at  INTEGER NOT NULL,
  lease        BLOB    NOT NULL,
  lease_until  INTEGER NOT NULL,
  version      INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX jobs_by_id     ON jobs (workspace, id);
CREATE INDEX jobs_by_state         ON jobs (workspace, kind, status);
CREATE INDEX jobs_by_user          ON jobs (workspace, actor_user, kind, status);
CREATE INDEX jobs_by_batch         ON jobs (workspace, batch, id) WHERE batch <> x'';
CREATE INDEX jobs_due              ON jobs (kind, workspace, run_at, id) WHERE due = 1;
CREATE INDEX jobs_later            ON jobs (kind, run_at) WHERE due = 0;
CREATE INDEX jobs_leased           ON jobs (lease_until) WHERE status = 'running';
CREATE UNIQUE INDEX jobs_unfinished ON jobs (workspace, kind, subject)
  WHERE subject <> x'' AND status IN ('queued', 'scheduled', 'running', 'retrying');

-- A blob is visible when its row here exists. Chunks are written before it
-- under the id of their upload, which is noted in blob_uploads until then.
CREATE TABLE blobs (
  workspace BLOB    NOT NULL,
  id        BLOB    NOT NULL,
  upload    BLOB    NOT NULL,
  size      INTEGER NOT NULL,
  PRIMARY KEY (workspace, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE blob_uploads (
  workspace  BLOB    NOT NULL,
  upload     BLOB    NOT NULL,
  touched_at INTEGER NOT NULL,
  PRIMARY KEY (workspace, upload)
) STRICT, WITHOUT ROWID;
CREATE INDEX blob_uploads_by_time ON blob_uploads (touched_at);

CREATE TABLE blob_chunks (
  workspace BLOB    NOT NULL,
  upload    BLOB    NOT NULL,
  n         INTEGER NOT NULL,
  data      BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX blob_chunks_by_upload ON blob_chunks (workspace, upload, n);
