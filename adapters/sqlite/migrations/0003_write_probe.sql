-- +goose Up
-- What is written to find out whether the file can be written. It never has
-- more than one row.

CREATE TABLE write_probe (
  id   INTEGER PRIMARY KEY CHECK (id = 1),
  side INTEGER NOT NULL -- 0 or 1, by turns
) STRICT;
