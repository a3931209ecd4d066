package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/adapters/internal/sqlkit"
	"github.com/omnicrm/omnicrm/crm"
)

const jobColumns = `id, workspace, kind, status, priority, subject, actor, payload, checkpoint, result, done, total, attempt, max_attempts, losses,
	error_code, error_text, batch, cancel_asked, created_at, run_at, started_at, finished_at, lease, version`

func scanJob(rows *sqlx.Rows) (crm.Job, error) { return scanJobAnd(rows) }

// scanJobAnd reads what follows the columns of a job too.
func scanJobAnd(rows *sqlx.Rows, more ...any) (j crm.Job, err error) {
	var actor string
	err = rows.Scan(append([]any{
		scanID(&j.ID), scanWorkspace(&j.Workspace), &j.Kind, &j.Status, &j.Priority, scanID(&j.Subject), &actor,
		&j.Payload, &j.Checkpoint, &j.Result, &j.Done, &j.Total, &j.Attempt, &j.MaxAttempts, &j.Losses,
		&j.ErrorCode, &j.ErrorText, scanID(&j.Batch), &j.CancelAsked,
		scanTime(&j.CreatedAt), scanTime(&j.RunAt), scanTime(&j.StartedAt), scanTime(&j.FinishedAt), scanID(&j.Lease), &j.Version,
	}, more...)...)
	if err == nil {
		err = json.Unmarshal([]byte(actor), &j.Actor)
	}
	return j, err
}

// GetJob implements [crm.JobStore].
func (r reads) GetJob(ctx context.Context, ws crm.WorkspaceID, id crm.ID) (crm.Job, error) {
	j, ok, err := one(ctx, r, scanJob, fixed("SELECT "+jobColumns+" FROM jobs WHERE workspace = ? AND id = ?"), blob(ws), blob(id))
	if err == nil && !ok {
		err = crm.ErrNotFound
	}
	if err != nil {
		return crm.Job{}, fmt.Errorf("get job %s: %w", id, err)
	}
	return j, nil
}

// ListJobs implements [crm.JobStore].
func (r reads) ListJobs(ctx context.Context, ws crm.WorkspaceID, q crm.JobQuery) ([]crm.Job, error) {
	w := criteria{}
	w.add("workspace = ?", blob(ws))
	w.add("id < ?", blob(orNewest(q.Before)))
	index := "jobs_by_id"
	if !q.Batch.IsZero() {
		index = "jobs_by_batch"
	}
	w.jobs(q, "")
	text := "SELECT " + jobColumns + " FROM jobs INDEXED BY " + index + " WHERE " + w.text() + " ORDER BY id DESC LIMIT ?"
	jobs, err := list(ctx, r, scanJob, statement{text: text, passes: w.filtered}, append(w.args, q.Limit)...)
	if err != nil {
		return nil, fmt.Errorf("list jobs: %w", err)
	}
	return jobs, nil
}

// jobs adds what a query asks of jobs, but for the place in the list. A hold of
// "+" keeps the planner from looking single values up, out of the index's order.
func (w *criteria) jobs(q crm.JobQuery, hold string) {
	if !q.Batch.IsZero() {
		w.filter("batch = ? AND batch <> x''", blob(q.Batch))
	}
	w.anyOf(hold+"status", texts(q.Statuses))
	w.anyOf(hold+"kind", texts(q.Kinds))
	if !q.User.IsZero() {
		w.filter("actor_user = ?", blob(q.User))
	}
}

// CountJobs implements [crm.JobStore]. One index holds what is counted by, also
// where all users are counted: each state of a job that an index holds is
// written once more. A batch, which has few jobs, is counted row by row.
func (r reads) CountJobs(ctx context.Context, ws crm.WorkspaceID, q crm.JobQuery) ([]crm.JobCount, error) {
	w := criteria{}
	w.add("workspace = ?", blob(ws))
	w.jobs(q, "+")
	text := "SELECT kind, status, count(*) FROM jobs INDEXED BY jobs_by_user WHERE " + w.text() + " GROUP BY actor_user, kind, status"
	if !q.Batch.IsZero() {
		text = "SELECT kind, status, 1 FROM jobs INDEXED BY jobs_by_batch WHERE " + w.text()
	}
	rows, err := list(ctx, r, func(rows *sqlx.Rows) (c crm.JobCount, err error) {
		err = rows.Scan(&c.Kind, &c.Status, &c.Count)
		return c, err
	}, statement{text: text, passes: w.filtered}, w.args...)
	if err != nil {
		return nil, fmt.Errorf("count jobs: %w", err)
	}
	var counts []crm.JobCount
	for _, c := range rows {
		same := func(o crm.JobCount) bool { return o.Kind == c.Kind && o.Status == c.Status }
		if at := slices.IndexFunc(counts, same); at >= 0 {
			counts[at].Count += c.Count
			continue
		}
		counts = append(counts, c)
	}
	return counts, nil
}

// CheckLease implements [crm.JobStore]. Inside a transaction nobody else can
// write until its end, so that the lease cannot change.
func (r reads) CheckLease(ctx context.Context, ws crm.WorkspaceID, id, lease crm.ID) error {
	_, ok, err := one(ctx, r, number,
		fixed("SELECT 1 FROM jobs WHERE workspace = ? AND id = ? AND status = 'running' AND lease = ?"), blob(ws), blob(id), blob(lease))
	if err == nil && !ok {
		err = lostLease(id)
	}
	if err != nil {
		return fmt.Errorf("check lease of job %s: %w", id, err)
	}
	return nil
}

func lostLease(id crm.ID) error {
	return &crm.ConflictError{Reason: crm.ConflictStale, ID: id, Message: "the job is no longer held under this lease"}
}

// PutJob implements [crm.JobStore].
func (t *tx) PutJob(ctx context.Context, ws crm.WorkspaceID, j crm.Job, expect int64) error {
	var err error
	if expect == 0 {
		err = t.insertJob(ctx, ws, j)
	} else {
		err = t.updateJob(ctx, ws, j, expect)
	}
	if isUnique(err) {
		err = t.explainJobConflict(ctx, ws, j, err)
	}
	if err != nil {
		return fmt.Errorf("put job %s: %w", j.ID, err)
	}
	return nil
}

// PutJob implements [crm.JobStore].
func (s *Store) PutJob(ctx context.Context, ws crm.WorkspaceID, j crm.Job, expect int64) error {
	return s.inTx(ctx, func(t *tx) error { return t.PutJob(ctx, ws, j, expect) })
}

// waits reports whether the job waits for a worker, now or later.
func waits(s crm.JobStatus) bool {
	return s == crm.JobQueued || s == crm.JobScheduled || s == crm.JobRetrying
}

// dueNow is the value of the column due: whether a waiting job is due by the
// database's clock, NULL for one that does not wait.
const dueNow = "CASE WHEN ? THEN ? <= " + thisTick + " END"

// jobArgs are the columns from kind to version, but for lease_until.
func jobArgs(j crm.Job) ([]any, error) {
	actor, err := json.Marshal(j.Actor)
	if err != nil {
		return nil, err
	}
	return []any{
		string(j.Kind), string(j.Status), flag(waits(j.Status)), crm.Micros(j.RunAt), int64(j.Priority), optionalBlob(j.Subject), string(actor),
		optionalBlob(j.Actor.User), j.Payload, j.Checkpoint, j.Result, j.Done, j.Total, j.Attempt, j.MaxAttempts, j.Losses,
		j.ErrorCode, j.ErrorText, optionalBlob(j.Batch), flag(j.CancelAsked), crm.Micros(j.CreatedAt), crm.Micros(j.RunAt),
		crm.Micros(j.StartedAt), crm.Micros(j.FinishedAt), optionalBlob(j.Lease), j.Version,
	}, nil
}

// firstLease is how long a job that is put as running holds its lease, in
// microseconds.
const firstLease = "10000000"

// leaseUntil is the value of the column lease_until for a status and a lease.
const leaseUntil = "CASE WHEN ? = 'running' AND ? <> x'' THEN " + nowMicros + " + " + firstLease + " ELSE 0 END"

func (t *tx) insertJob(ctx context.Context, ws crm.WorkspaceID, j crm.Job) error {
	args, err := jobArgs(j)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, fixed(`INSERT INTO jobs (workspace, id, kind, status, due, priority, subject, actor, actor_user, payload, checkpoint, result,
		done, total, attempt, max_attempts, losses, error_code, error_text, batch, cancel_asked, created_at, run_at, started_at, finished_at,
		lease, version, lease_until) VALUES (?, ?, ?, ?, `+dueNow+`, `+repeated(22)+`, `+leaseUntil+`)`),
		slices.Concat([]any{blob(ws), blob(j.ID)}, args, []any{string(j.Status), optionalBlob(j.Lease)})...)
	return err
}

// repeated returns n placeholders without parentheses.
func repeated(n int) string {
	in := sqlkit.Placeholders(n)
	return in[1 : len(in)-1]
}

// leaseStays keeps the time the lease ends at as long as the same lease holds.
const leaseStays = "CASE WHEN ? = 'running' AND status = 'running' AND lease = ? THEN lease_until ELSE " + leaseUntil + " END"

func (t *tx) updateJob(ctx context.Context, ws crm.WorkspaceID, j crm.Job, expect int64) error {
	args, err := jobArgs(j)
	if err != nil {
		return err
	}
	if n, err := t.stepJob(ctx, ws, j, args, expect); err != nil || n == 1 {
		return err
	}
	status, lease := string(j.Status), optionalBlob(j.Lease)
	args = append(args, status, lease, status, lease, blob(ws), blob(j.ID), expect)
	n, err := t.change(ctx, fixed(`UPDATE jobs SET kind = ?, status = ?, due = `+dueNow+`, priority = ?, subject = ?, actor = ?, actor_user = ?,
		payload = ?, checkpoint = ?, result = ?, done = ?, total = ?, attempt = ?, max_attempts = ?, losses = ?, error_code = ?,
		error_text = ?, batch = ?, cancel_asked = ?, created_at = ?, run_at = ?, started_at = ?, finished_at = ?, lease = ?, version = ?,
		lease_until = `+leaseStays+`
		WHERE workspace = ? AND id = ? AND version = ?`), args...)
	if err != nil || n == 1 {
		return err
	}
	return t.stale(ctx, j.ID, fixed("SELECT version FROM jobs WHERE workspace = ? AND id = ?"), blob(ws), blob(j.ID))
}

// stepJob updates a row in which nothing but the course of the job has changed,
// as nearly always: SQLite writes every index anew of which an UPDATE names a
// column, whether its value changes or not. Where something else has changed it
// does nothing and returns 0.
func (t *tx) stepJob(ctx context.Context, ws crm.WorkspaceID, j crm.Job, all []any, expect int64) (int64, error) {
	kind, status, due, runAt, priority, subject, actor, user, payload := all[0], all[1], all[2], all[3], all[4], all[5], all[6], all[7], all[8]
	course, batch, cancel, created := all[9:18], all[18], all[19], all[20]
	lease := optionalBlob(j.Lease)
	args := slices.Concat([]any{status, due, runAt}, course, []any{cancel}, all[21:26], []any{status, lease, status, lease},
		[]any{blob(ws), blob(j.ID), expect, kind, priority, subject, actor, user, payload, batch, created})
	return t.change(ctx, fixed(`UPDATE jobs SET status = ?, due = `+dueNow+`, checkpoint = ?, result = ?, done = ?, total = ?, attempt = ?,
		max_attempts = ?, losses = ?, error_code = ?, error_text = ?, cancel_asked = ?, run_at = ?, started_at = ?, finished_at = ?,
		lease = ?, version = ?, lease_until = `+leaseStays+`
		WHERE workspace = ? AND id = ? AND version = ? AND kind = ? AND priority = ? AND subject = ? AND actor = ? AND actor_user = ?
		AND payload IS ? AND batch = ? AND created_at = ?`), args...)
}

// explainJobConflict finds what a unique index refused.
func (t *tx) explainJobConflict(ctx context.Context, ws crm.WorkspaceID, j crm.Job, cause error) error {
	id, ok, err := one(ctx, t, scanOneID, fixed(`SELECT id FROM jobs INDEXED BY jobs_unfinished
		WHERE workspace = ? AND kind = ? AND subject = ? AND subject <> x'' AND status IN ('queued', 'scheduled', 'running', 'retrying')`),
		blob(ws), string(j.Kind), optionalBlob(j.Subject))
	if err != nil {
		return err
	}
	if ok && id != j.ID {
		return existsConflict(id, "such a job is waiting or running already")
	}
	if _, err := t.GetJob(ctx, ws, j.ID); err == nil {
		return existsConflict(j.ID, "a job with this id exists already")
	}
	return cause
}
