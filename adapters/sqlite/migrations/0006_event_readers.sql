-- +goose Up
-- The readers of the event log: the feed, durable consumers, and streams.

-- feed is 2 for an entry of the feed: every event but those of a batch, of which
-- only the first is one; 1 for a batch's first event of a further type.
-- owner is whose job or import the event is about, empty for none.
ALTER TABLE events ADD COLUMN owner BLOB NOT NULL DEFAULT x'';
ALTER TABLE events ADD COLUMN feed INTEGER NOT NULL DEFAULT 2;

-- How many events a batch made, as JSON by type. Its rows are few: one a batch.
CREATE TABLE event_batches (
  ws     INTEGER NOT NULL,
  batch  BLOB    NOT NULL,
  counts TEXT    NOT NULL,
  PRIMARY KEY (ws, batch)
) STRICT, WITHOUT ROWID;

UPDATE events SET owner = coalesce((SELECT j.actor_user FROM jobs j, workspace_numbers n
  WHERE n.ws = events.ws AND j.workspace = n.id AND j.id = events.subject), x'') WHERE subject_kind = 'job';
UPDATE events SET owner = coalesce((SELECT i.actor_user FROM imports i, workspace_numbers n
  WHERE n.ws = events.ws AND i.workspace = n.id AND i.id = events.subject), x'') WHERE subject_kind = 'import';

INSERT INTO event_batches (ws, batch, counts)
  SELECT ws, batch, json_group_object(type, n) FROM
    (SELECT ws, batch, type, count(*) AS n FROM events WHERE batch <> x'' AND subject_kind IN ('contact', 'interaction') GROUP BY ws, batch, type)
  GROUP BY ws, batch;
UPDATE events SET feed = 0 WHERE batch <> x'' AND subject_kind IN ('contact', 'interaction');
UPDATE events SET feed = 1 WHERE position IN
  (SELECT min(position) FROM events WHERE batch <> x'' AND subject_kind IN ('contact', 'interaction') GROUP BY ws, batch, type);
UPDATE events SET feed = 2 WHERE position IN
  (SELECT min(position) FROM events WHERE batch <> x'' AND subject_kind IN ('contact', 'interaction') GROUP BY ws, batch);

CREATE INDEX events_by_subject ON events (ws, subject);
CREATE INDEX events_feed       ON events (ws, type) WHERE feed >= 1;
CREATE INDEX events_own        ON events (ws, owner, type) WHERE owner <> x'';

CREATE TABLE event_readers (
  name          TEXT    NOT NULL PRIMARY KEY,
  position      INTEGER NOT NULL,
  lease         BLOB    NOT NULL, -- empty for none
  lease_until   INTEGER NOT NULL,
  failure       TEXT    NOT NULL,
  failing_since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The one row of what is known of the log as a whole.
CREATE TABLE event_log (
  id     INTEGER PRIMARY KEY CHECK (id = 1),
  epoch  BLOB    NOT NULL,
  purged INTEGER NOT NULL
) STRICT;
INSERT INTO event_log (id, epoch, purged) VALUES (1, randomblob(16), 0);
