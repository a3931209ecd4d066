-- +goose Up
-- Waiting jobs of a workspace are handed out by priority, then by time.
ALTER TABLE jobs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0; -- -1 low, 0 normal, 1 high
DROP INDEX jobs_due;
CREATE INDEX jobs_due ON jobs (kind, workspace, priority DESC, run_at, id) WHERE due = 1;

-- Running jobs that somebody has asked to cancel: mostly none, so that workers
-- can look several times a second.
CREATE INDEX jobs_cancelling ON jobs (lease) WHERE cancel_asked = 1 AND status = 'running';
