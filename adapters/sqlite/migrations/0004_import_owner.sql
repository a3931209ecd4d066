-- +goose Up
-- Members list the imports they made themselves.

ALTER TABLE imports ADD COLUMN actor_user BLOB NOT NULL DEFAULT x''; -- empty for none
UPDATE imports SET actor_user = unhex(replace(doc ->> '$.actor.user', '-', ''))
  WHERE doc ->> '$.actor.user' <> '00000000-0000-0000-0000-000000000000';
CREATE INDEX imports_by_user ON imports (workspace, actor_user, id);
