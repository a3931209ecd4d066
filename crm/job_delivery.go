package crm

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// reconcileEvery is how often due rows are held against what a given queue
	// was told.
	reconcileEvery = 500 * time.Millisecond
	// reconcilePage is how many due jobs one look takes, fair between
	// workspaces.
	reconcilePage = 200
	// A ticket that nobody received is handed over again after resendStep, then
	// after that much longer each time, at most maxResend: a queue that lost it
	// gets another soon, and one that is merely long is not flooded.
	resendStep = 2 * time.Second
	maxResend  = time.Minute
)

// jobDispatcher hands tickets to whatever delivers them.
type jobDispatcher interface {
	DispatchJobs(ctx context.Context, tickets []JobTicket) error
}

// jobDelivery brings due jobs to workers. The table of jobs is the truth: a
// queue that was given only delivers, so the rows that are due are handed to it
// again and again until somebody takes them. That covers retries and planned
// jobs whose time has come, jobs whose worker died, and what the queue lost.
// While it fails, the table itself delivers.
type jobDelivery struct {
	table JobQueue
	queue JobQueue // nil where the table is the queue.
	log   *slog.Logger
	now   func() time.Time

	mu     sync.Mutex
	sent   map[ID]sentTicket
	failed bool
}

// sentTicket is what is known of a ticket that lies in the queue.
type sentTicket struct {
	again time.Time
	wait  time.Duration
}

func newJobDelivery(table, queue JobQueue, log *slog.Logger) *jobDelivery {
	return &jobDelivery{table: table, queue: queue, log: log, now: time.Now, sent: map[ID]sentTicket{}}
}

// DispatchJobs hands tickets over.
func (d *jobDelivery) DispatchJobs(ctx context.Context, tickets []JobTicket) error {
	if d.queue == nil {
		return d.table.DispatchJobs(ctx, tickets)
	}
	err := d.queue.DispatchJobs(ctx, tickets)
	if err == nil {
		d.noteSent(tickets)
	}
	return err
}

// ReceiveJobs returns tickets that are due, or may be.
func (d *jobDelivery) ReceiveJobs(ctx context.Context, wants []JobWant, limit int) ([]JobTicket, error) {
	if d.queue == nil {
		return d.table.ReceiveJobs(ctx, wants, limit)
	}
	tickets, err := d.queue.ReceiveJobs(ctx, wants, limit)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	d.noteFailure(err)
	if err != nil {
		return d.table.ReceiveJobs(ctx, wants, limit)
	}
	d.noteReceived(tickets)
	return tickets, nil
}

// reconcile hands the due jobs that do not lie in the queue to it.
func (d *jobDelivery) reconcile(ctx context.Context, wants []JobWant) error {
	due, err := d.table.ReceiveJobs(ctx, wants, reconcilePage)
	if err != nil {
		return err
	}
	if due = d.unsent(due); len(due) == 0 {
		return nil
	}
	return d.DispatchJobs(ctx, due)
}

// run reconciles until ctx ends.
func (d *jobDelivery) run(ctx context.Context, wants []JobWant) {
	if d.queue == nil {
		return
	}
	tick := time.NewTicker(reconcileEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := d.reconcile(ctx, wants); err != nil && ctx.Err() == nil {
			d.noteFailure(err)
		}
	}
}

// noteFailure logs the first failure of the queue, and that it is back.
func (d *jobDelivery) noteFailure(err error) {
	d.mu.Lock()
	changed := d.failed != (err != nil)
	d.failed = err != nil
	d.mu.Unlock()
	switch {
	case changed && err != nil:
		d.log.Warn("the job queue fails; jobs are taken from the store until it is back", "error", err)
	case changed:
		d.log.Info("the job queue is back")
	}
}

// failing reports whether the queue failed when it was last asked.
func (d *jobDelivery) failing() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.failed
}

// unsent leaves out the tickets that lie in the queue, as far as is known.
func (d *jobDelivery) unsent(tickets []JobTicket) []JobTicket {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	var out []JobTicket
	for _, t := range tickets {
		if s, ok := d.sent[t.Job]; !ok || !now.Before(s.again) {
			out = append(out, t)
		}
	}
	for id, s := range d.sent { // Received by another process, or ended otherwise.
		if now.Sub(s.again) > maxResend {
			delete(d.sent, id)
		}
	}
	return out
}

func (d *jobDelivery) noteSent(tickets []JobTicket) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	for _, t := range tickets {
		wait := min(d.sent[t.Job].wait+resendStep, maxResend)
		d.sent[t.Job] = sentTicket{again: now.Add(wait), wait: wait}
	}
}

// noteReceived forgets tickets that have left the queue: whether they are
// claimed or not, a job that is due after that needs another.
func (d *jobDelivery) noteReceived(tickets []JobTicket) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range tickets {
		delete(d.sent, t.Job)
	}
}

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
