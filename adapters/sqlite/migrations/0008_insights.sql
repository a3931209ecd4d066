-- +goose Up
-- What is derived of contacts and their history, and who has looked at them.

CREATE TABLE insights (
  ws          INTEGER NOT NULL,
  contact     BLOB    NOT NULL,
  computed_at INTEGER NOT NULL,
  score       INTEGER NOT NULL,
  due_at      INTEGER NOT NULL, -- -2^62 for no follow-up
  priority    INTEGER NOT NULL, -- 0 where none was due
  trend       TEXT    NOT NULL,
  chance      INTEGER NOT NULL,
  PRIMARY KEY (ws, contact)
) STRICT, WITHOUT ROWID;
CREATE INDEX insights_by_priority ON insights (ws, priority, contact) WHERE priority > 0;
CREATE INDEX insights_by_due      ON insights (ws, due_at) WHERE due_at > -4611686018427387904;

-- The contacts that a user looked at lately.
CREATE TABLE contact_views (
  ws        INTEGER NOT NULL,
  user      BLOB    NOT NULL,
  contact   BLOB    NOT NULL,
  viewed_at INTEGER NOT NULL,
  PRIMARY KEY (ws, user, contact)
) STRICT, WITHOUT ROWID;
CREATE INDEX contact_views_by_time    ON contact_views (ws, user, viewed_at, contact);
CREATE INDEX contact_views_by_contact ON contact_views (ws, contact);

CREATE TABLE contact_view_counts (
  ws      INTEGER NOT NULL,
  contact BLOB    NOT NULL,
  views   INTEGER NOT NULL,
  PRIMARY KEY (ws, contact)
) STRICT, WITHOUT ROWID;
