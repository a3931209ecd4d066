-- +goose Up
-- Which contacts an event names, so that a contact's feed shows its interactions.

CREATE TABLE event_contacts (
  ws       INTEGER NOT NULL,
  contact  BLOB    NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (ws, contact, position)
) STRICT, WITHOUT ROWID;

-- events.contacts holds 16 bytes each.
INSERT OR IGNORE INTO event_contacts (ws, contact, position)
  WITH RECURSIVE named (ws, position, contact, rest) AS (
    SELECT ws, position, substr(contacts, 1, 16), substr(contacts, 17) FROM events WHERE contacts <> x''
    UNION ALL
    SELECT ws, position, substr(rest, 1, 16), substr(rest, 17) FROM named WHERE rest <> x''
  ) SELECT ws, contact, position FROM named;
