-- +goose Up
-- The restore that is at work, at most one row: which backup the file is being
-- filled from, and how many of its records are in.

CREATE TABLE restores (
  id     INTEGER PRIMARY KEY CHECK (id = 1),
  backup BLOB    NOT NULL,
  done   INTEGER NOT NULL
) STRICT;

-- The names of tags that nobody carries, which are no longer kept: they may be
-- those of people who were erased.
DELETE FROM tags WHERE count <= 0;
