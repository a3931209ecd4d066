-- +goose Up
-- A job changes its state twice at least, and each index that holds the state is
-- written again each time: one does for counting by workspace and by user.
DROP INDEX jobs_by_state;

-- Running jobs are few; a bound of a workspace is counted among them.
DROP INDEX jobs_leased;
CREATE INDEX jobs_leased ON jobs (lease_until, workspace, kind) WHERE status = 'running';
