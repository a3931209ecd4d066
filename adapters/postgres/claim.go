package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/omnicrm/omnicrm/crm"
)

// unsynced in the WHERE of a statement that is a transaction of its own spares
// that the wait for the disk. A power cut may take it back as if it had never
// been.
const unsynced = "(SELECT set_config('synchronous_commit', 'off', true)) IS NOT NULL"

// ClaimJobs implements [crm.JobClaimer]. Nobody waits for the disk: a claim that
// a power cut takes back has done nothing that outlives it, and the job is due
// again. Nor does anybody wait for another worker, unless both claim jobs of a
// workspace and a kind of which only so many may run.
func (s *Store) ClaimJobs(ctx context.Context, tickets []crm.JobTicket, claim crm.JobClaim) ([]crm.Job, error) {
	if len(tickets) == 0 {
		return nil, nil
	}
	jobs, err := s.claimJobs(ctx, tickets, claim)
	if err != nil {
		return nil, fmt.Errorf("claim jobs: %w", err)
	}
	return jobs, nil
}

func (s *Store) claimJobs(ctx context.Context, tickets []crm.JobTicket, claim crm.JobClaim) ([]crm.Job, error) {
	bounds := boundsOf(tickets, claim.PerWorkspace)
	if len(bounds) == 0 {
		return claimOn(ctx, s, tickets, claim)
	}
	return inResumableTxValue(ctx, s, func(t *tx) ([]crm.Job, error) {
		keys := make([]int64, len(bounds))
		for i, b := range bounds {
			keys[i] = t.lockKey("claim", b.ws.String(), string(b.kind))
		}
		if err := t.hold(ctx, keys...); err != nil {
			return nil, err
		}
		picked, err := t.within(ctx, claim.PerWorkspace, tickets)
		if err != nil || len(picked) == 0 {
			return nil, err
		}
		return claimOn(ctx, t, picked, claim)
	})
}

// bound is what may run only so many times.
type bound struct {
	ws   crm.WorkspaceID
	kind crm.JobKind
}

// boundsOf returns the bounds that the tickets meet.
func boundsOf(tickets []crm.JobTicket, most map[crm.JobKind]int) []bound {
	var bounds []bound
	for _, ticket := range tickets {
		b := bound{ticket.Workspace, ticket.Kind}
		if most[ticket.Kind] > 0 && !slices.Contains(bounds, b) {
			bounds = append(bounds, b)
		}
	}
	return bounds
}

// lockKey is the number of an advisory lock of this schema. That two names share
// one makes them wait for each other and does no harm.
func (t *tx) lockKey(names ...string) int64 {
	digest := sha256.Sum256(fmt.Appendf(nil, "%q %q", t.store.pool.schema, names))
	return int64(binary.BigEndian.Uint64(digest[:8])) //nolint:gosec // Any bits will do.
}

// hold takes advisory locks until the end of the transaction, in an order that
// is the same for all. What a later statement reads is from behind that.
func (t *tx) hold(ctx context.Context, keys ...int64) error {
	slices.Sort(keys)
	_, err := t.exec(ctx, fixed("SELECT pg_advisory_xact_lock(k) FROM unnest(CAST(? AS bigint[])) AS k"), pq.Int64Array(keys))
	return err
}

// freeJobs selects the jobs of the tickets that may be claimed and locks them,
// without those that somebody is writing at the moment: a worker who claims them,
// or somebody who cancels one. ticketArgs are its first arguments.
const freeJobs = ` FROM unnest(CAST($1 AS uuid[]), CAST($2 AS uuid[]), CAST($3 AS text[])) WITH ORDINALITY AS t (workspace, id, kind, n)
	JOIN crm.jobs j ON j.workspace = t.workspace AND j.id = t.id AND j.kind = t.kind
	WHERE (j.due OR NOT j.due AND j.run_at <= ` + nowMicros + `) AND ` + unsynced + ` FOR NO KEY UPDATE OF j SKIP LOCKED`

func ticketArgs(tickets []crm.JobTicket) []any {
	workspaces, ids, kinds := make([]crm.WorkspaceID, len(tickets)), make([]crm.ID, len(tickets)), make([]crm.JobKind, len(tickets))
	for i, ticket := range tickets {
		workspaces[i], ids[i], kinds[i] = ticket.Workspace, ticket.Job, ticket.Kind
	}
	return []any{uuidsOf(workspaces), uuidsOf(ids), textsOf(kinds)}
}

// bare is a ticket without its priority, which is nothing to a claim.
func bare(t crm.JobTicket) crm.JobTicket {
	t.Priority = crm.PriorityNormal
	return t
}

// within returns the tickets of free jobs, each once, without those that are
// more than may run in a workspace: the first tickets win.
func (t *tx) within(ctx context.Context, most map[crm.JobKind]int, tickets []crm.JobTicket) ([]crm.JobTicket, error) {
	free := map[crm.JobTicket]bool{}
	err := each(ctx, t, func(rows *sqlx.Rows) error {
		var n int
		err := rows.Scan(&n)
		if err == nil {
			free[bare(tickets[n-1])] = true
		}
		return err
	}, fixed("SELECT t.n"+freeJobs), ticketArgs(tickets)...)
	if err != nil || len(free) == 0 {
		return nil, err
	}
	running, err := runningJobs(ctx, t, most)
	if err != nil {
		return nil, err
	}
	var picked []crm.JobTicket
	for _, ticket := range tickets {
		if !free[bare(ticket)] {
			continue
		}
		delete(free, bare(ticket))
		b := bound{ticket.Workspace, ticket.Kind}
		if most := most[ticket.Kind]; most > 0 && running[b] >= most {
			continue
		}
		running[b]++
		picked = append(picked, ticket)
	}
	return picked, nil
}

// claimOn gives the free jobs of the tickets to the lease: in a transaction, or
// as one of its own.
func claimOn(ctx context.Context, on session, tickets []crm.JobTicket, claim crm.JobClaim) ([]crm.Job, error) {
	return list(ctx, on, scanJob, fixed(`WITH free AS MATERIALIZED (SELECT j.workspace AS free_workspace, j.id AS free_id`+freeJobs+`)
		UPDATE crm.jobs SET status = 'running', due = NULL, attempt = attempt + 1, lease = $4, lease_until = clock.now + $5, started_at = clock.now,
			version = version + 1
		FROM free, (SELECT `+nowMicros+` AS now) AS clock WHERE workspace = free_workspace AND id = free_id RETURNING `+jobColumns),
		append(ticketArgs(tickets), uuidOf(claim.Lease), claim.Valid.Microseconds())...)
}
