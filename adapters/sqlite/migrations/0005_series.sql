-- +goose Up
-- Numbers of records by quarter of an hour, see crm.Series. A slot that came to
-- nothing may stay with a count of 0.

CREATE TABLE series (
  ws     INTEGER NOT NULL,
  series INTEGER NOT NULL,
  slot   INTEGER NOT NULL,
  count  INTEGER NOT NULL,
  PRIMARY KEY (ws, series, slot)
) STRICT, WITHOUT ROWID;
