-- +goose Up
-- Interactions and the timelines of contacts. What an interaction is linked to
-- lies in trees of their own, by contact and time, so that a page of a timeline
-- costs the same at the end as at the beginning.

CREATE TABLE interactions (
  ws           INTEGER NOT NULL,
  id           BLOB    NOT NULL,
  version      INTEGER NOT NULL,
  edited       INTEGER NOT NULL,
  type         TEXT    NOT NULL,
  direction    TEXT    NOT NULL,
  occurred_at  INTEGER NOT NULL,
  created_at   INTEGER NOT NULL,
  updated_at   INTEGER NOT NULL,
  source       TEXT    NOT NULL,
  source_id    TEXT    NOT NULL,
  thread       TEXT    NOT NULL,
  batch        BLOB    NOT NULL, -- empty for none
  participants TEXT    NOT NULL, -- JSON
  subject      TEXT    NOT NULL,
  body         TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX interactions_by_id     ON interactions (ws, id);
CREATE UNIQUE INDEX interactions_by_source ON interactions (ws, source_id, source) WHERE source_id <> '';
CREATE INDEX interactions_by_batch         ON interactions (ws, batch, id) WHERE batch <> x'';

-- type and direction stand here too, so that figures of a contact are read
-- without its interactions.
CREATE TABLE interaction_links (
  ws          INTEGER NOT NULL,
  contact     BLOB    NOT NULL,
  occurred_at INTEGER NOT NULL,
  interaction BLOB    NOT NULL,
  type        TEXT    NOT NULL,
  direction   TEXT    NOT NULL,
  PRIMARY KEY (ws, contact, occurred_at, interaction)
) STRICT, WITHOUT ROWID;
CREATE INDEX interaction_links_by_type ON interaction_links (ws, contact, type, occurred_at, interaction);

-- The keys of participants who are no contact, by which they are found when one
-- gains the address.
CREATE TABLE interaction_strangers (
  ws          INTEGER NOT NULL,
  kind        INTEGER NOT NULL,
  value       TEXT    NOT NULL,
  interaction BLOB    NOT NULL,
  PRIMARY KEY (ws, kind, value, interaction)
) STRICT, WITHOUT ROWID;

-- The contacts of an event, 16 bytes each.
ALTER TABLE events ADD COLUMN contacts BLOB NOT NULL DEFAULT x'';
