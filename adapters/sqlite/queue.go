package sqlite

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
)

// thisTick is the end of the clock's tick: its resolution is a millisecond, and
// a job that is put due now must not wait for the next one.
const thisTick = nowMicros + " + 999"

// promoteBatch is how many jobs whose time has come are made due at once.
const promoteBatch = 500

// rotation remembers where the last delivery ended, so that the next one goes
// on with the workspaces behind it.
type rotation struct {
	mu   sync.Mutex
	last []byte // the id of a workspace, or nothing
}

func (r *rotation) get() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == nil {
		return []byte{} // Not NULL, before which nothing sorts.
	}
	return r.last
}

func (r *rotation) set(ws crm.WorkspaceID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = blob(ws)
}

// DispatchJobs implements [crm.JobQueue]: the table is the queue.
func (s *Store) DispatchJobs(context.Context, []crm.JobTicket) error { return nil }

// ReceiveJobs implements [crm.JobQueue]. It skips along the index from
// workspace to workspace, a few steps however long the backlog is, and gives
// each workspace it finds the same share.
func (s *Store) ReceiveJobs(ctx context.Context, wants []crm.JobWant, limit int) ([]crm.JobTicket, error) {
	byKind := func(a, b crm.JobWant) int { return strings.Compare(string(a.Kind), string(b.Kind)) }
	wants = slices.CompactFunc(slices.SortedFunc(slices.Values(wants), byKind), func(a, b crm.JobWant) bool { return a.Kind == b.Kind })
	tickets, err := s.receiveJobs(ctx, wants, limit)
	if err != nil {
		return nil, fmt.Errorf("receive jobs: %w", err)
	}
	return tickets, nil
}

// receiveJobs goes on behind workspaces in which no more jobs may run for now,
// until it has a ticket or has been around.
func (s *Store) receiveJobs(ctx context.Context, wants []crm.JobWant, limit int) ([]crm.JobTicket, error) {
	if limit < 1 || len(wants) == 0 {
		return nil, nil
	}
	kinds := kindsOf(wants)
	if err := s.promoteJobs(ctx, kinds); err != nil {
		return nil, err
	}
	last, passed := s.turns.get(), 0
	for {
		found, err := s.waitingWorkspaces(ctx, kinds, last, limit)
		if err != nil || len(found) == 0 {
			return nil, err
		}
		tickets, err := s.shares(ctx, wants, found, limit)
		if err != nil {
			return nil, err
		}
		s.turns.set(found[len(found)-1])
		last = s.turns.get()
		// Fewer than asked for are all there are: it has been around.
		if passed += len(found); len(tickets) > 0 || len(found) < limit || passed >= maxPassed {
			return tickets, nil
		}
	}
}

// maxPassed is how many workspaces one delivery looks at in vain. The next one
// goes on behind them.
const maxPassed = 500

func kindsOf(wants []crm.JobWant) []crm.JobKind {
	kinds := make([]crm.JobKind, len(wants))
	for i, w := range wants {
		kinds[i] = w.Kind
	}
	return kinds
}

// promoteJobs makes the jobs due whose time has come.
func (s *Store) promoteJobs(ctx context.Context, kinds []crm.JobKind) error {
	for _, kind := range kinds {
		for {
			_, some, err := one(ctx, s, number, fixed(`SELECT 1 FROM jobs INDEXED BY jobs_later
				WHERE kind = ? AND due = 0 AND run_at <= `+thisTick+` LIMIT 1`), string(kind))
			if err != nil {
				return err
			}
			if !some {
				break
			}
			n, err := inResumableTxValue(ctx, s, func(t *tx) (int64, error) {
				return t.change(ctx, fixed(`UPDATE jobs SET due = 1 WHERE rowid IN (SELECT rowid FROM jobs INDEXED BY jobs_later
					WHERE kind = ? AND due = 0 AND run_at <= `+thisTick+` ORDER BY run_at LIMIT ?)`), string(kind), promoteBatch)
			})
			if err != nil || n < promoteBatch {
				return err
			}
		}
	}
	return nil
}

// waitingWorkspaces returns up to limit workspaces with due jobs, those behind
// the last one first.
func (s *Store) waitingWorkspaces(ctx context.Context, kinds []crm.JobKind, last []byte, limit int) ([]crm.WorkspaceID, error) {
	found, err := s.workspacesAfter(ctx, kinds, last, limit)
	if err != nil || len(found) == limit || len(last) == 0 {
		return found, err
	}
	wrapped, err := s.workspacesAfter(ctx, kinds, []byte{}, limit-len(found))
	for _, ws := range wrapped {
		if bytes.Compare(ws[:], last) <= 0 {
			found = append(found, ws)
		}
	}
	return found, err
}

// skipText finds the next workspaces of one kind, a step of the index each.
const skipText = `WITH RECURSIVE w (id) AS (
	SELECT (SELECT workspace FROM jobs INDEXED BY jobs_due WHERE due = 1 AND kind = ?1 AND workspace > ?2 ORDER BY workspace LIMIT 1)
	UNION ALL
	SELECT (SELECT workspace FROM jobs INDEXED BY jobs_due WHERE due = 1 AND kind = ?1 AND workspace > w.id ORDER BY workspace LIMIT 1)
	FROM w WHERE w.id IS NOT NULL
) SELECT id FROM w WHERE id IS NOT NULL LIMIT ?3`

// workspacesAfter returns up to limit workspaces with due jobs of the kinds
// that sort after one, in their order; all sort after nothing.
func (s *Store) workspacesAfter(ctx context.Context, kinds []crm.JobKind, after []byte, limit int) ([]crm.WorkspaceID, error) {
	var found []crm.WorkspaceID
	for _, kind := range kinds {
		some, err := list(ctx, s, func(rows *sqlx.Rows) (ws crm.WorkspaceID, err error) {
			err = rows.Scan(scanWorkspace(&ws))
			return ws, err
		}, fixed(skipText), string(kind), after, limit)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	slices.SortFunc(found, func(a, b crm.WorkspaceID) int { return bytes.Compare(a[:], b[:]) })
	found = slices.Compact(found)
	return found[:min(limit, len(found))], nil
}

// waitingTicket is a ticket with what kinds are merged by.
type waitingTicket struct {
	crm.JobTicket
	runAt int64
}

func (w waitingTicket) compare(o waitingTicket) int {
	return cmp.Or(cmp.Compare(o.Priority, w.Priority), cmp.Compare(w.runAt, o.runAt), bytes.Compare(w.Job[:], o.Job[:]))
}

// shares divides the limit by the workspaces. What those with fewer jobs leave
// goes to the others in a second round.
func (s *Store) shares(ctx context.Context, wants []crm.JobWant, found []crm.WorkspaceID, limit int) ([]crm.JobTicket, error) {
	share := (limit + len(found) - 1) / len(found)
	var tickets []crm.JobTicket
	var rest [][]waitingTicket
	for _, ws := range found {
		// With one workspace the share is all there is; else look further, for
		// the second round.
		waiting, err := s.waitingJobs(ctx, ws, wants, min(limit, share*2))
		if err != nil {
			return nil, err
		}
		own := min(share, len(waiting), limit-len(tickets))
		for _, w := range waiting[:own] {
			tickets = append(tickets, w.JobTicket)
		}
		rest = append(rest, waiting[own:])
	}
	for _, waiting := range rest {
		for _, w := range waiting {
			if len(tickets) < limit {
				tickets = append(tickets, w.JobTicket)
			}
		}
	}
	return tickets, nil
}

// waitingJobs returns the next jobs of a workspace: those of the highest
// priority, then those that have waited longest.
func (s *Store) waitingJobs(ctx context.Context, ws crm.WorkspaceID, wants []crm.JobWant, limit int) ([]waitingTicket, error) {
	var waiting []waitingTicket
	for _, want := range wants {
		room := limit
		if want.PerWorkspace > 0 {
			running, err := runningJobs(ctx, s, ws, want.Kind, want.PerWorkspace)
			if err != nil {
				return nil, err
			}
			if room = min(room, want.PerWorkspace-running); room <= 0 {
				continue
			}
		}
		some, err := list(ctx, s, func(rows *sqlx.Rows) (w waitingTicket, err error) {
			w.Workspace, w.Kind = ws, want.Kind
			err = rows.Scan(scanID(&w.Job), &w.Priority, &w.runAt)
			return w, err
		}, fixed(`SELECT id, priority, run_at FROM jobs INDEXED BY jobs_due WHERE due = 1 AND kind = ? AND workspace = ?
			ORDER BY priority DESC, run_at, id LIMIT ?`), string(want.Kind), blob(ws), room)
		if err != nil {
			return nil, err
		}
		waiting = append(waiting, some...)
	}
	slices.SortFunc(waiting, waitingTicket.compare)
	return waiting[:min(limit, len(waiting))], nil
}

// runningJobs counts a workspace's running jobs of a kind, up to a number. It
// passes over all that run now, which are few: no more than there are workers.
func runningJobs(ctx context.Context, on session, ws crm.WorkspaceID, kind crm.JobKind, atMost int) (int, error) {
	n, _, err := one(ctx, on, number, fixed(`SELECT count(*) FROM (SELECT 1 FROM jobs INDEXED BY jobs_leased
		WHERE status = 'running' AND lease_until > -1 AND workspace = ? AND kind = ? LIMIT ?)`), blob(ws), string(kind), atMost)
	return int(n), err
}

// CancelAsked implements [crm.JobClaimer].
func (s *Store) CancelAsked(ctx context.Context, lease crm.ID) ([]crm.JobTicket, error) {
	tickets, err := list(ctx, s, func(rows *sqlx.Rows) (t crm.JobTicket, err error) {
		err = rows.Scan(scanWorkspace(&t.Workspace), scanID(&t.Job), &t.Kind)
		return t, err
	}, fixed(`SELECT workspace, id, kind FROM jobs INDEXED BY jobs_cancelling WHERE cancel_asked = 1 AND status = 'running' AND lease = ?`), blob(lease))
	if err != nil {
		return nil, fmt.Errorf("jobs to cancel: %w", err)
	}
	return tickets, nil
}

// ExtendLease implements [crm.JobClaimer].
func (s *Store) ExtendLease(ctx context.Context, ws crm.WorkspaceID, id, lease crm.ID, valid time.Duration, done, total int64) (crm.Job, error) {
	j, err := inResumableTxValue(ctx, s, func(t *tx) (crm.Job, error) {
		j, ok, err := one(ctx, t, scanJob, fixed(`UPDATE jobs SET lease_until = `+nowMicros+` + ?1, version = version + 1,
			losses = CASE WHEN ?2 > done THEN 0 ELSE losses END,
			done = CASE WHEN ?2 < 0 THEN done ELSE ?2 END, total = CASE WHEN ?3 < 0 THEN total ELSE ?3 END
			WHERE workspace = ?4 AND id = ?5 AND status = 'running' AND lease = ?6 RETURNING `+jobColumns),
			valid.Microseconds(), done, total, blob(ws), blob(id), blob(lease))
		if err == nil && !ok {
			err = lostLease(id)
		}
		return j, err
	})
	if err != nil {
		return crm.Job{}, fmt.Errorf("extend lease of job %s: %w", id, err)
	}
	return j, nil
}

// ReleaseLost implements [crm.JobClaimer]. Jobs that are due again keep their
// time and so their place.
func (s *Store) ReleaseLost(ctx context.Context, maxLosses, limit int) (int, error) {
	n, err := inTxValue(ctx, s, func(t *tx) (int64, error) {
		return t.change(ctx, fixed(`UPDATE jobs SET lease = x'', lease_until = 0, version = version + 1,
			attempt = max(attempt - 1, 0), losses = losses + 1,
			status = CASE WHEN losses + 1 >= ?1 THEN 'failed' ELSE 'queued' END,
			due = CASE WHEN losses + 1 >= ?1 THEN NULL ELSE 1 END,
			error_code = CASE WHEN losses + 1 >= ?1 THEN 'lost' ELSE error_code END,
			error_text = CASE WHEN losses + 1 >= ?1 THEN 'its workers were lost again and again without progress' ELSE error_text END,
			finished_at = CASE WHEN losses + 1 >= ?1 THEN `+nowMicros+` ELSE finished_at END
			WHERE rowid IN (SELECT rowid FROM jobs INDEXED BY jobs_leased
				WHERE status = 'running' AND lease_until <= `+nowMicros+` ORDER BY lease_until LIMIT ?2)`), maxLosses, limit)
	})
	if err != nil {
		return 0, fmt.Errorf("release lost jobs: %w", err)
	}
	return int(n), nil
}

// NextDue implements [crm.JobClaimer].
func (s *Store) NextDue(ctx context.Context, kinds []crm.JobKind) (time.Duration, bool, error) {
	var next time.Duration
	found := false
	for _, kind := range kinds {
		wait, some, err := s.nextDue(ctx, kind)
		if err != nil {
			return 0, false, fmt.Errorf("next due: %w", err)
		}
		if some && (!found || wait < next) {
			next, found = wait, true
		}
	}
	return next, found, nil
}

// QueueDepth implements [crm.ActivityReader].
func (s *Store) QueueDepth(ctx context.Context, kinds []crm.JobKind) ([]crm.QueueDepth, error) {
	depths := make([]crm.QueueDepth, len(kinds))
	for i, kind := range kinds {
		d := &depths[i]
		d.Kind = kind
		for _, count := range []struct {
			into *int
			text string
		}{
			{&d.Due, "SELECT count(*) FROM jobs INDEXED BY jobs_due WHERE due = 1 AND kind = ?"},
			{&d.Later, "SELECT count(*) FROM jobs INDEXED BY jobs_later WHERE due = 0 AND kind = ?"},
			// The bound is below every lease: it keeps to the index of running jobs.
			{&d.Running, "SELECT count(*) FROM jobs INDEXED BY jobs_leased WHERE status = 'running' AND lease_until > -1 AND kind = ?"},
		} {
			n, _, err := one(ctx, s, number, fixed(count.text), string(kind))
			if err != nil {
				return nil, fmt.Errorf("queue depth of %s: %w", kind, err)
			}
			*count.into = int(n)
		}
	}
	return depths, nil
}

// tick is the resolution of SQLite's clock in microseconds: it may lag by as
// much, and a wait must not come out longer than it is.
const tick = 1000

func (s *Store) nextDue(ctx context.Context, kind crm.JobKind) (time.Duration, bool, error) {
	_, now, err := one(ctx, s, number, fixed("SELECT 1 FROM jobs INDEXED BY jobs_due WHERE due = 1 AND kind = ? LIMIT 1"), string(kind))
	if err != nil || now {
		return 0, now, err
	}
	micros, later, err := one(ctx, s, number, fixed(`SELECT max(run_at - `+nowMicros+`, 0) FROM jobs INDEXED BY jobs_later
		WHERE due = 0 AND kind = ? ORDER BY run_at LIMIT 1`), string(kind))
	if micros > tick {
		micros -= tick - 1
	}
	return time.Duration(micros) * time.Microsecond, later, err
}
