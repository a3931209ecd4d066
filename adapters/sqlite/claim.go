package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/adapters/internal/sqlkit"
	"github.com/omnicrm/omnicrm/crm"
)

// ClaimJobs implements [crm.JobClaimer]. One writer at a time makes the bounds
// of workspaces exact. Nobody waits for the disk: a claim that a power cut takes
// back has done nothing that outlives it, and the job is due again.
func (s *Store) ClaimJobs(ctx context.Context, tickets []crm.JobTicket, claim crm.JobClaim) ([]crm.Job, error) {
	if len(tickets) == 0 {
		return nil, nil
	}
	jobs, err := inResumableTxValue(ctx, s, func(t *tx) ([]crm.Job, error) {
		free, err := t.claimable(ctx, tickets)
		if err != nil {
			return nil, err
		}
		picked, err := t.within(ctx, claim.PerWorkspace, tickets, free)
		if err != nil || len(picked) == 0 {
			return nil, err
		}
		return t.claim(ctx, picked, claim)
	})
	if err != nil {
		return nil, fmt.Errorf("claim jobs: %w", err)
	}
	return jobs, nil
}

// claimableJob is a job that is due, at a time of the database's clock.
type claimableJob struct {
	crm.Job
	row, now int64
}

// claimable returns the jobs of the tickets that may be claimed.
func (t *tx) claimable(ctx context.Context, tickets []crm.JobTicket) (map[crm.JobTicket]claimableJob, error) {
	byWorkspace := map[crm.WorkspaceID][]any{}
	for _, ticket := range tickets {
		byWorkspace[ticket.Workspace] = append(byWorkspace[ticket.Workspace], blob(ticket.Job))
	}
	free := make(map[crm.JobTicket]claimableJob, len(tickets))
	for ws, ids := range byWorkspace {
		err := sqlkit.Lists(ids, func(padded []any) error {
			text := "SELECT " + jobColumns + ", rowid, " + nowMicros + ` FROM jobs INDEXED BY jobs_by_id
				WHERE due IS NOT NULL AND run_at <= ` + thisTick + " AND workspace = ? AND id IN " + sqlkit.Placeholders(len(padded))
			return each(ctx, t, func(rows *sqlx.Rows) (err error) {
				var j claimableJob
				j.Job, err = scanJobAnd(rows, &j.row, &j.now)
				free[crm.JobTicket{Workspace: j.Workspace, Job: j.ID, Kind: j.Kind}] = j
				return err
			}, fixed(text), append([]any{blob(ws)}, padded...)...)
		})
		if err != nil {
			return nil, err
		}
	}
	return free, nil
}

// within returns the free jobs of the tickets, each once, without those that are
// more than may run in a workspace: the first tickets win.
func (t *tx) within(
	ctx context.Context, most map[crm.JobKind]int, tickets []crm.JobTicket, free map[crm.JobTicket]claimableJob,
) ([]claimableJob, error) {
	type bound struct {
		ws   crm.WorkspaceID
		kind crm.JobKind
	}
	room := map[bound]int{}
	var jobs []claimableJob
	for _, ticket := range tickets {
		ticket.Priority = crm.PriorityNormal // As the keys have it: it is nothing to a claim.
		j, ok := free[ticket]
		if !ok {
			continue
		}
		delete(free, ticket)
		if most := most[ticket.Kind]; most > 0 {
			key := bound{ticket.Workspace, ticket.Kind}
			if _, known := room[key]; !known {
				running, err := runningJobs(ctx, t, key.ws, key.kind, most)
				if err != nil {
					return nil, err
				}
				room[key] = most - running
			}
			if room[key]--; room[key] < 0 {
				continue
			}
		}
		jobs = append(jobs, j)
	}
	return jobs, nil
}

// claim gives the jobs to the lease. It computes the rows that it returns: to
// have SQLite return what it updates took twice as long.
func (t *tx) claim(ctx context.Context, picked []claimableJob, claim crm.JobClaim) ([]crm.Job, error) {
	now := picked[len(picked)-1].now
	rows, jobs := make([]any, len(picked)), make([]crm.Job, len(picked))
	for i, p := range picked {
		j := p.Job
		j.Status, j.Attempt, j.Lease, j.StartedAt, j.Version = crm.JobRunning, j.Attempt+1, claim.Lease, time.UnixMicro(now).UTC(), j.Version+1
		rows[i], jobs[i] = p.row, j
	}
	err := sqlkit.Lists(rows, func(padded []any) error {
		text := `UPDATE jobs SET status = 'running', due = NULL, attempt = attempt + 1, lease = ?, lease_until = ?, started_at = ?,
			version = version + 1 WHERE rowid IN ` + sqlkit.Placeholders(len(padded))
		_, err := t.exec(ctx, fixed(text), append([]any{blob(claim.Lease), now + claim.Valid.Microseconds(), now}, padded...)...)
		return err
	})
	return jobs, err
}
