package crm

import (
	"context"
	"time"
)

// attachEvery is how often a job that another process runs is looked at.
const attachEvery = 200 * time.Millisecond

// jobHost runs single jobs in the caller's goroutine. A service that acts for
// people holds this much of the runner and nothing that crosses workspaces.
type jobHost interface {
	// workHere runs a job that the caller has put as running under a lease.
	workHere(ctx context.Context, j Job, report func(done, total int64)) error
	// attach waits for a job to end, running it here as soon as nobody else
	// does, and returns how it ended.
	attach(ctx context.Context, ws WorkspaceID, id ID, report func(done, total int64)) (Job, error)
}

func (r *jobRunner) attach(ctx context.Context, ws WorkspaceID, id ID, report func(done, total int64)) (Job, error) {
	for {
		j, err := r.core.store.GetJob(ctx, ws, id)
		if err != nil || j.Status.Final() {
			return j, err
		}
		if report != nil {
			report(j.Done, j.Total)
		}
		claimed, err := r.claims.ClaimJobs(ctx, []JobTicket{{Workspace: ws, Job: id, Kind: j.Kind}}, JobClaim{Lease: r.core.newID(), Valid: leaseTime})
		if err != nil {
			return j, err
		}
		if len(claimed) > 0 {
			if err := r.workHere(ctx, claimed[0], report); err != nil {
				return j, err
			}
			continue
		}
		if _, err := r.claims.ReleaseLost(ctx, noEnd, feedPage); err != nil {
			return j, err
		}
		if err := wait(ctx, attachEvery); err != nil {
			return j, err
		}
	}
}
