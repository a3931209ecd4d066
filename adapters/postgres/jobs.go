package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

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
		scanExact(&j.ErrorCode), scanExact(&j.ErrorText), scanID(&j.Batch), &j.CancelAsked,
		scanTime(&j.CreatedAt), scanTime(&j.RunAt), scanTime(&j.StartedAt), scanTime(&j.FinishedAt), scanID(&j.Lease), &j.Version,
	}, more...)...)
	if err == nil {
		err = json.Unmarshal([]byte(actor), &j.Actor)
	}
	return j, err
}

// GetJob implements [crm.JobStore].
func (r reads) GetJob(ctx context.Context, ws crm.WorkspaceID, id crm.ID) (crm.Job, error) {
	return getJob(ctx, r, ws, id, "")
}

// GetJob implements [crm.JobStore]. The job stays as it is until the end of the
// transaction.
func (t *tx) GetJob(ctx context.Context, ws crm.WorkspaceID, id crm.ID) (crm.Job, error) {
	return getJob(ctx, t, ws, id, forUpdate)
}

func getJob(ctx context.Context, on session, ws crm.WorkspaceID, id crm.ID, lock string) (crm.Job, error) {
	j, ok, err := one(ctx, on, scanJob, fixed("SELECT "+jobColumns+" FROM crm.jobs WHERE workspace = ? AND id = ?"+lock), uuidOf(ws), uuidOf(id))
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
	w.add("workspace = ?", uuidOf(ws))
	w.add("id < ?", uuidOf(orNewest(q.Before)))
	w.jobs(q)
	text := "SELECT " + jobColumns + " FROM crm.jobs WHERE " + w.text() + " ORDER BY id DESC LIMIT ?"
	jobs, err := list(ctx, r, scanJob, statement{text: text, passes: w.filtered}, append(w.args, q.Limit)...)
	if err != nil {
		return nil, fmt.Errorf("list jobs: %w", err)
	}
	return jobs, nil
}

// jobs adds what a query asks of jobs, but for the place in the list.
func (w *criteria) jobs(q crm.JobQuery) {
	if !q.Batch.IsZero() {
		w.filter("batch = ? AND batch <> "+noID, uuidOf(q.Batch))
	}
	if len(q.Statuses) > 0 {
		w.filter("status = ANY(?)", textsOf(q.Statuses))
	}
	if len(q.Kinds) > 0 {
		w.filter("kind = ANY(?)", textsOf(q.Kinds))
	}
	if !q.User.IsZero() {
		w.filter("actor_user = ?", uuidOf(q.User))
	}
}

// CountJobs implements [crm.JobStore]. One index holds what is counted by, also
// where all users are counted: each state of a job that an index holds is
// written once more.
func (r reads) CountJobs(ctx context.Context, ws crm.WorkspaceID, q crm.JobQuery) ([]crm.JobCount, error) {
	w := criteria{}
	w.add("workspace = ?", uuidOf(ws))
	w.jobs(q)
	text := "SELECT kind, status, count(*) FROM crm.jobs WHERE " + w.text() + " GROUP BY kind, status"
	counts, err := list(ctx, r, func(rows *sqlx.Rows) (c crm.JobCount, err error) {
		err = rows.Scan(&c.Kind, &c.Status, &c.Count)
		return c, err
	}, statement{text: text, passes: w.filtered}, w.args...)
	if err != nil {
		return nil, fmt.Errorf("count jobs: %w", err)
	}
	return counts, nil
}

// CheckLease implements [crm.JobStore].
func (r reads) CheckLease(ctx context.Context, ws crm.WorkspaceID, id, lease crm.ID) error {
	return checkLease(ctx, r, ws, id, lease, "")
}

// CheckLease implements [crm.JobStore]. The row is locked, so that the lease does
// not change until the end of the transaction.
func (t *tx) CheckLease(ctx context.Context, ws crm.WorkspaceID, id, lease crm.ID) error {
	return checkLease(ctx, t, ws, id, lease, forUpdate)
}

func checkLease(ctx context.Context, on session, ws crm.WorkspaceID, id, lease crm.ID, lock string) error {
	_, ok, err := one(ctx, on, number,
		fixed("SELECT 1 FROM crm.jobs WHERE workspace = ? AND id = ? AND status = 'running' AND lease = ?"+lock), uuidOf(ws), uuidOf(id), uuidOf(lease))
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
	if err := t.putJob(ctx, ws, j, expect); err != nil {
		return fmt.Errorf("put job %s: %w", j.ID, err)
	}
	return nil
}

// PutJob implements [crm.JobStore].
func (s *Store) PutJob(ctx context.Context, ws crm.WorkspaceID, j crm.Job, expect int64) error {
	return s.inTx(ctx, func(t *tx) error { return t.PutJob(ctx, ws, j, expect) })
}

// The parameters of a job's statements: its columns in the order of jobColumns
// behind the id and the workspace, and the version that is expected.
const (
	// dueNow is the value of the column due: whether a waiting job is due, NULL for
	// one that does not wait. A queued one is, whatever the clocks say; the others
	// by the clock of the database.
	dueNow = "CASE WHEN $4 = 'queued' THEN true WHEN $4 IN ('scheduled', 'retrying') THEN $21 <= " + nowMicros + " END"
	// leaseUntil is the value of the column lease_until.
	leaseUntil = "CASE WHEN $4 = 'running' AND CAST($24 AS uuid) <> " + noID + " THEN " + nowMicros + " + " + firstLease + " ELSE 0 END"
	// leaseStays keeps the time the lease ends at as long as the same lease holds.
	leaseStays = "CASE WHEN $4 = 'running' AND status = 'running' AND lease = $24 THEN lease_until ELSE " + leaseUntil + " END"
	// firstLease is how long a job that is put as running holds its lease, in
	// microseconds.
	firstLease = "10000000"
	// inTheWay is another unfinished job of the same kind and subject.
	inTheWay = `SELECT o.id FROM crm.jobs o WHERE o.workspace = $1 AND o.kind = $3 AND o.subject = $6 AND o.id <> $2
		AND o.subject <> ` + noID + ` AND o.status IN ('queued', 'scheduled', 'running', 'retrying')`
)

// jobArgs are the parameters of a job's statements, but for the version that is
// expected.
func jobArgs(ws crm.WorkspaceID, j crm.Job) ([]any, error) {
	actor, err := json.Marshal(j.Actor)
	if err != nil {
		return nil, err
	}
	return []any{
		uuidOf(ws), uuidOf(j.ID), string(j.Kind), string(j.Status), int64(j.Priority), uuidOf(j.Subject), string(actor), uuidOf(j.Actor.User),
		j.Payload, j.Checkpoint, j.Result, j.Done, j.Total, j.Attempt, j.MaxAttempts, j.Losses,
		exactText(j.ErrorCode), exactText(j.ErrorText), uuidOf(j.Batch), crm.Micros(j.CreatedAt), crm.Micros(j.RunAt),
		crm.Micros(j.StartedAt), crm.Micros(j.FinishedAt), uuidOf(j.Lease), j.Version, j.CancelAsked,
	}, nil
}

// insertJob returns how many rows it wrote, 0 where one is in the way.
func (t *tx) insertJob(ctx context.Context, args []any, onConflict string) (int64, error) {
	return t.change(ctx, fixed(`INSERT INTO crm.jobs (workspace, id, kind, status, priority, subject, actor, actor_user, payload, checkpoint, result,
		done, total, attempt, max_attempts, losses, error_code, error_text, batch, created_at, run_at, started_at, finished_at,
		lease, version, cancel_asked, due, lease_until)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26,
			`+dueNow+`, `+leaseUntil+`)`+onConflict), args...)
}

// updateJob returns how many rows it wrote, 0 where the version is another or,
// with unless, where a job is in the way.
func (t *tx) updateJob(ctx context.Context, args []any, expect int64, unless string) (int64, error) {
	return t.change(ctx, fixed(`UPDATE crm.jobs SET kind = $3, status = $4, priority = $5, subject = $6, actor = $7, actor_user = $8,
		payload = $9, checkpoint = $10, result = $11, done = $12, total = $13, attempt = $14, max_attempts = $15, losses = $16,
		error_code = $17, error_text = $18, batch = $19, created_at = $20, run_at = $21, started_at = $22, finished_at = $23,
		lease = $24, version = $25, cancel_asked = $26, due = `+dueNow+`, lease_until = `+leaseStays+`
		WHERE workspace = $1 AND id = $2 AND version = $27`+unless), append(slices.Clip(args), expect)...)
}

// putJob looks for what stands in a write's way only when that wrote nothing.
// When it has gone by then, the write that does not look first goes through, or
// loses a race and the transaction runs again.
func (t *tx) putJob(ctx context.Context, ws crm.WorkspaceID, j crm.Job, expect int64) error {
	args, err := jobArgs(ws, j)
	if err != nil {
		return err
	}
	if expect == 0 {
		n, err := t.insertJob(ctx, args, " ON CONFLICT DO NOTHING")
		if err == nil && n == 0 {
			if err = t.explainJobConflict(ctx, ws, j); err == nil {
				_, err = t.insertJob(ctx, args, "")
			}
		}
		return err
	}
	unless := ""
	if !j.Status.Final() && !j.Subject.IsZero() {
		unless = " AND NOT EXISTS (" + inTheWay + ")"
	}
	n, err := t.updateJob(ctx, args, expect, unless)
	if err != nil || n == 1 {
		return err
	}
	version, _, err := one(ctx, t, number, fixed("SELECT version FROM crm.jobs WHERE workspace = ? AND id = ?"), uuidOf(ws), uuidOf(j.ID))
	if err != nil {
		return err
	}
	if version != expect {
		return staleConflict(j.ID, version)
	}
	if err := t.explainSubject(ctx, ws, j); err != nil {
		return err
	}
	_, err = t.updateJob(ctx, args, expect, "")
	return err
}

// explainJobConflict finds what an insert met, nil when it has gone.
func (t *tx) explainJobConflict(ctx context.Context, ws crm.WorkspaceID, j crm.Job) error {
	if err := t.explainSubject(ctx, ws, j); err != nil {
		return err
	}
	_, there, err := one(ctx, t, number, fixed("SELECT 1 FROM crm.jobs WHERE workspace = ? AND id = ?"), uuidOf(ws), uuidOf(j.ID))
	if err == nil && there {
		err = existsConflict(j.ID, "a job with this id exists already")
	}
	return err
}

// explainSubject looks for another unfinished job of the kind and subject.
func (t *tx) explainSubject(ctx context.Context, ws crm.WorkspaceID, j crm.Job) error {
	id, there, err := one(ctx, t, scanOneID, fixed(`SELECT id FROM crm.jobs WHERE workspace = ? AND kind = ? AND subject = ? AND id <> ?
		AND subject <> `+noID+` AND status IN ('queued', 'scheduled', 'running', 'retrying')`),
		uuidOf(ws), string(j.Kind), uuidOf(j.Subject), uuidOf(j.ID))
	if err == nil && there {
		err = existsConflict(id, "such a job is waiting or running already")
	}
	return err
}
