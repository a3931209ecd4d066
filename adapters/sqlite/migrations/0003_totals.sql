-- +goose Up
-- What one user's totals are counted by.

CREATE INDEX jobs_by_user ON jobs (workspace, actor_user, kind, status);
