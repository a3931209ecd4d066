package postgres

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/omnicrm/omnicrm/crm"
)

// promoteBatch is how many jobs whose time has come are made due at once. The
// number stands in the statement: of a parameter the planner thinks that it is
// large, and passes over the whole table.
const (
	promoteBatch = 500
	promoteLimit = "500"
)

// rotation remembers where the last delivery ended, so that the next one goes
// on with the workspaces behind it.
type rotation struct {
	mu   sync.Mutex
	last place
}

// place is a workspace, or in front of all.
type place struct {
	ws   crm.WorkspaceID
	some bool
}

func (r *rotation) get() place {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

func (r *rotation) set(ws crm.WorkspaceID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = place{ws, true}
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

// promoteJobs makes the jobs due whose time has come. Where there is none, as
// nearly always, it only looks.
func (s *Store) promoteJobs(ctx context.Context, kinds []crm.JobKind) error {
	for {
		n, _, err := one(ctx, s, number, fixed(`WITH ripe AS MATERIALIZED (
				SELECT l.workspace, l.id FROM unnest(CAST(? AS text[])) AS k (kind) CROSS JOIN LATERAL (
					SELECT workspace, id FROM crm.jobs WHERE kind = k.kind AND NOT due AND run_at <= `+nowMicros+` AND `+unsynced+`
					ORDER BY run_at LIMIT `+promoteLimit+` FOR NO KEY UPDATE SKIP LOCKED) l LIMIT `+promoteLimit+`
			), made AS (
				UPDATE crm.jobs j SET due = true FROM ripe WHERE j.workspace = ripe.workspace AND j.id = ripe.id RETURNING 1
			) SELECT count(*) FROM made`), textsOf(kinds))
		if err != nil || n < promoteBatch {
			return err
		}
	}
}

// waitingWorkspaces returns up to limit workspaces with due jobs, those behind
// the last one first.
func (s *Store) waitingWorkspaces(ctx context.Context, kinds []crm.JobKind, last place, limit int) ([]crm.WorkspaceID, error) {
	found, err := s.workspacesAfter(ctx, kinds, last, limit)
	if err != nil || len(found) == limit || !last.some {
		return found, err
	}
	wrapped, err := s.workspacesAfter(ctx, kinds, place{}, limit-len(found))
	for _, ws := range wrapped {
		if bytes.Compare(ws[:], last.ws[:]) <= 0 {
			found = append(found, ws)
		}
	}
	return found, err
}

// skipText finds the next workspaces, a step of the index each, for all kinds by
// turns. It orders by all of the index, because no other one has that order.
func skipText(after string) string {
	next := func(from, condition string) string {
		return "SELECT " + from + ".kind, (SELECT j.workspace FROM crm.jobs j WHERE j.due AND j.kind = " + from + ".kind AND j.workspace " + condition +
			" ORDER BY j.workspace, j.priority DESC, j.run_at, j.id LIMIT 1)"
	}
	return "WITH RECURSIVE w (kind, id) AS (" +
		next("k", after+" $2") + " FROM unnest(CAST($1 AS text[])) AS k (kind) UNION ALL " +
		next("w", "> w.id") + " FROM w WHERE w.id IS NOT NULL" +
		") SELECT id FROM w WHERE id IS NOT NULL LIMIT $3"
}

// workspacesAfter returns up to limit workspaces with due jobs of the kinds
// that sort after one, in their order.
func (s *Store) workspacesAfter(ctx context.Context, kinds []crm.JobKind, after place, limit int) ([]crm.WorkspaceID, error) {
	text := skipText(">=")
	if after.some {
		text = skipText(">")
	}
	found, err := list(ctx, s, func(rows *sqlx.Rows) (ws crm.WorkspaceID, err error) {
		err = rows.Scan(scanWorkspace(&ws))
		return ws, err
	}, fixed(text), textsOf(kinds), uuidOf(after.ws), limit*len(kinds))
	if err != nil {
		return nil, err
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
	// With one workspace the share is all there is; else look further, for the
	// second round.
	all, err := s.waitingJobs(ctx, found, wants, min(limit, share*2))
	if err != nil {
		return nil, err
	}
	var tickets []crm.JobTicket
	var rest [][]waitingTicket
	for _, ws := range found {
		waiting := all[ws]
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

// sharesText looks for the next jobs of each workspace and kind, as many as
// there is room for.
const sharesText = `WITH running AS MATERIALIZED (` + runningText + `)
	SELECT w.workspace, k.kind, j.id, j.priority, j.run_at
	FROM unnest(CAST($1 AS uuid[])) AS w (workspace) CROSS JOIN unnest(CAST($2 AS text[]), CAST($3 AS bigint[])) AS k (kind, most)
	LEFT JOIN running r ON r.workspace = w.workspace AND r.kind = k.kind
	CROSS JOIN LATERAL (SELECT id, priority, run_at FROM crm.jobs WHERE due AND kind = k.kind AND workspace = w.workspace
		ORDER BY priority DESC, run_at, id LIMIT CASE WHEN k.most = 0 THEN $5 ELSE least($5, greatest(k.most - coalesce(r.n, 0), 0)) END) j`

// waitingJobs returns the next jobs of workspaces, up to limit each: those of
// the highest priority, then those that have waited longest.
func (s *Store) waitingJobs(
	ctx context.Context, found []crm.WorkspaceID, wants []crm.JobWant, limit int,
) (map[crm.WorkspaceID][]waitingTicket, error) {
	most, bounded := make(pq.Int64Array, len(wants)), []crm.JobKind{}
	for i, want := range wants {
		if want.PerWorkspace > 0 {
			most[i], bounded = int64(want.PerWorkspace), append(bounded, want.Kind)
		}
	}
	all := map[crm.WorkspaceID][]waitingTicket{}
	err := each(ctx, s, func(rows *sqlx.Rows) error {
		var w waitingTicket
		err := rows.Scan(scanWorkspace(&w.Workspace), &w.Kind, scanID(&w.Job), &w.Priority, &w.runAt)
		all[w.Workspace] = append(all[w.Workspace], w)
		return err
	}, fixed(sharesText), uuidsOf(found), textsOf(kindsOf(wants)), most, textsOf(bounded), int64(limit))
	for ws, waiting := range all {
		slices.SortFunc(waiting, waitingTicket.compare)
		all[ws] = waiting[:min(limit, len(waiting))]
	}
	return all, err
}

// runningText counts the running jobs of some kinds by workspace. It passes over
// all that run now, which are few: no more than there are workers. No lease ends
// as early as the bound, which keeps it to their index.
const runningText = `SELECT workspace, kind, count(*) AS n FROM crm.jobs
	WHERE status = 'running' AND lease_until > -1 AND kind = ANY($4) GROUP BY workspace, kind`

// runningJobs counts the running jobs of the kinds.
func runningJobs(ctx context.Context, on session, kinds map[crm.JobKind]int) (map[bound]int, error) {
	running := map[bound]int{}
	err := each(ctx, on, func(rows *sqlx.Rows) error {
		var b bound
		var n int
		err := rows.Scan(scanWorkspace(&b.ws), &b.kind, &n)
		running[b] = n
		return err
	}, fixed(strings.ReplaceAll(runningText, "$4", "$1")), textsOf(slices.Collect(maps.Keys(kinds))))
	return running, err
}

// CancelAsked implements [crm.JobClaimer].
func (s *Store) CancelAsked(ctx context.Context, lease crm.ID) ([]crm.JobTicket, error) {
	tickets, err := list(ctx, s, func(rows *sqlx.Rows) (t crm.JobTicket, err error) {
		err = rows.Scan(scanWorkspace(&t.Workspace), scanID(&t.Job), &t.Kind)
		return t, err
	}, fixed(`SELECT workspace, id, kind FROM crm.jobs WHERE cancel_asked AND status = 'running' AND lease = ?`), uuidOf(lease))
	if err != nil {
		return nil, fmt.Errorf("jobs to cancel: %w", err)
	}
	return tickets, nil
}

// ExtendLease implements [crm.JobClaimer]. It waits for a transaction that has
// checked the lease.
func (s *Store) ExtendLease(ctx context.Context, ws crm.WorkspaceID, id, lease crm.ID, valid time.Duration, done, total int64) (crm.Job, error) {
	j, ok, err := one(ctx, s, scanJob, fixed(`UPDATE crm.jobs SET lease_until = `+nowMicros+` + $1, version = version + 1,
		losses = CASE WHEN CAST($2 AS bigint) > done THEN 0 ELSE losses END,
		done = CASE WHEN CAST($2 AS bigint) < 0 THEN done ELSE $2 END, total = CASE WHEN CAST($3 AS bigint) < 0 THEN total ELSE $3 END
		WHERE workspace = $4 AND id = $5 AND status = 'running' AND lease = $6 AND `+unsynced+` RETURNING `+jobColumns),
		valid.Microseconds(), done, total, uuidOf(ws), uuidOf(id), uuidOf(lease))
	if err == nil && !ok {
		err = lostLease(id)
	}
	if err != nil {
		return crm.Job{}, fmt.Errorf("extend lease of job %s: %w", id, err)
	}
	return j, nil
}

// ReleaseLost implements [crm.JobClaimer]. Jobs that are due again keep their
// time and so their place. One that a transaction holds which has checked its
// lease is left for the next time.
func (s *Store) ReleaseLost(ctx context.Context, maxLosses, limit int) (int, error) {
	n, _, err := one(ctx, s, number, fixed(`WITH lost AS MATERIALIZED (
			SELECT workspace, id FROM crm.jobs WHERE status = 'running' AND lease_until <= `+nowMicros+`
			ORDER BY lease_until LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
		), released AS (
			UPDATE crm.jobs j SET lease = `+noID+`, lease_until = 0, version = version + 1, attempt = greatest(attempt - 1, 0), losses = losses + 1,
			status = CASE WHEN losses + 1 >= $1 THEN 'failed' ELSE 'queued' END,
			due = CASE WHEN losses + 1 >= $1 THEN NULL ELSE true END,
			error_code = CASE WHEN losses + 1 >= $1 THEN 'lost' ELSE error_code END,
			error_text = CASE WHEN losses + 1 >= $1 THEN 'its workers were lost again and again without progress' ELSE error_text END,
			finished_at = CASE WHEN losses + 1 >= $1 THEN `+nowMicros+` ELSE finished_at END
			FROM lost WHERE j.workspace = lost.workspace AND j.id = lost.id RETURNING 1
		) SELECT count(*) FROM released`), maxLosses, limit)
	if err != nil {
		return 0, fmt.Errorf("release lost jobs: %w", err)
	}
	return int(n), nil
}

// NextDue implements [crm.JobClaimer].
func (s *Store) NextDue(ctx context.Context, kinds []crm.JobKind) (time.Duration, bool, error) {
	micros, _, err := one(ctx, s, func(rows *sqlx.Rows) (n sql.NullInt64, err error) {
		err = rows.Scan(&n)
		return n, err
	}, fixed(nextDueText), textsOf(kinds))
	if err != nil {
		return 0, false, fmt.Errorf("next due: %w", err)
	}
	return time.Duration(micros.Int64) * time.Microsecond, micros.Valid, nil
}

// nextDueText looks at the first entry of two indexes for each kind, and orders
// by all of the one of the due jobs, because no other one has that order.
const nextDueText = `SELECT min(CASE
	WHEN (SELECT j.due FROM crm.jobs j WHERE j.due AND j.kind = k.kind ORDER BY j.workspace, j.priority DESC, j.run_at, j.id LIMIT 1) THEN 0
	ELSE (SELECT greatest(j.run_at - ` + nowMicros + `, 0) FROM crm.jobs j WHERE NOT j.due AND j.kind = k.kind ORDER BY j.run_at LIMIT 1) END)
	FROM unnest(CAST(? AS text[])) AS k (kind)`

// QueueDepth implements [crm.ActivityReader]. A job whose time has come is due
// before any worker has looked. No lease ends as early as the bound, which keeps
// the running ones to their index.
func (s *Store) QueueDepth(ctx context.Context, kinds []crm.JobKind) ([]crm.QueueDepth, error) {
	depths, err := list(ctx, s, func(rows *sqlx.Rows) (d crm.QueueDepth, err error) {
		err = rows.Scan(&d.Kind, &d.Due, &d.Later, &d.Running)
		return d, err
	}, fixed(`SELECT k.kind,
		(SELECT count(*) FROM crm.jobs j WHERE j.due AND j.kind = k.kind)
			+ (SELECT count(*) FROM crm.jobs j WHERE NOT j.due AND j.kind = k.kind AND j.run_at <= `+nowMicros+`),
		(SELECT count(*) FROM crm.jobs j WHERE NOT j.due AND j.kind = k.kind AND j.run_at > `+nowMicros+`),
		(SELECT count(*) FROM crm.jobs j WHERE j.status = 'running' AND j.lease_until > -1 AND j.kind = k.kind)
		FROM unnest(CAST(? AS text[])) WITH ORDINALITY AS k (kind, n) ORDER BY k.n`), textsOf(kinds))
	if err != nil {
		return nil, fmt.Errorf("queue depth: %w", err)
	}
	return depths, nil
}
