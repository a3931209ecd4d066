package crm

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// leaseTime is how long a claim holds without a heartbeat. With what reapEvery
	// and pollEvery add, a killed worker's job runs again within 15 seconds.
	leaseTime = 10 * time.Second
	// heartbeatEvery leaves three tries within a lease.
	heartbeatEvery = 3 * time.Second
	// pollEvery is how long an idle worker waits before it looks again.
	pollEvery = 100 * time.Millisecond
	// demandLasts is how long after a job of a kind ended this process counts as
	// having a worker for another.
	demandLasts = 200 * time.Millisecond
	// reapEvery is how often lost leases are looked for.
	reapEvery = 2 * time.Second
	// maxLosses fails a job whose workers keep dying without progress. Whoever
	// claims it next writes its end, so that what depends on the job learns of
	// it in the same transaction; the store is told noEnd and only releases.
	maxLosses = 20
	noEnd     = 1 << 30
	// Short jobs are claimed for about batchTime, as far as is known how long they
	// take, at first firstBatch and at most maxBatch at once.
	batchTime  = 100 * time.Millisecond
	firstBatch = 10
	maxBatch   = 100
)

var (
	errLeaseLost = errors.New("the job's lease was lost")
	errShutdown  = errors.New("shutting down")
	errPanicked  = errors.New("the job failed inside; the log says where")
	errLost      = errors.New("its workers were lost again and again without progress")
)

// jobRunner receives, claims and runs jobs.
type jobRunner struct {
	core    *core
	jobs    *JobService
	claims  JobClaimer
	queue   *jobDelivery
	workers int
	// grace is how long a handler may go on after its context ended.
	grace time.Duration

	mu      sync.Mutex
	active  map[JobKind]int           // crews by kind
	busy    int                       // crews in all
	long    int                       // of them, those of kinds that are not short
	pace    map[JobKind]time.Duration // how long a short job takes, about
	freed   map[JobKind]time.Time     // when a crew of the kind ended
	turn    int                       // rotates short kinds, and who is served first
	working sync.WaitGroup
}

func newJobRunner(k *core, claims JobClaimer, queue *jobDelivery, workers int, grace time.Duration) *jobRunner {
	return &jobRunner{
		core: k, jobs: k.jobs, claims: claims, queue: queue, workers: workers, grace: grace,
		active: map[JobKind]int{}, pace: map[JobKind]time.Duration{}, freed: map[JobKind]time.Time{},
	}
}

// run works until ctx ends and then waits for the handlers, which end soon
// because their contexts do. One that does not is left behind after the grace.
func (r *jobRunner) run(ctx context.Context) {
	if r.workers < 0 {
		return
	}
	short, long := r.jobs.wants(true), r.jobs.wants(false)
	var beside sync.WaitGroup
	defer beside.Wait()
	defer r.working.Wait()
	beside.Go(func() { r.queue.run(ctx, func() []JobWant { return r.demand(long, short) }) })
	beside.Go(func() { r.reap(ctx) })
	beside.Go(func() { r.runSchedules(ctx) })
	poll := time.NewTimer(pollEvery)
	defer poll.Stop()
	for ctx.Err() == nil {
		if r.fill(ctx, long, short) {
			continue
		}
		poll.Reset(r.queue.pollEvery())
		select {
		case <-ctx.Done():
		case <-r.jobs.wake:
		case <-poll.C:
		}
	}
}

// reap makes jobs due again whose workers are lost.
func (r *jobRunner) reap(ctx context.Context) {
	tick := time.NewTicker(reapEvery)
	defer tick.Stop()
	for {
		n, err := r.claims.ReleaseLost(ctx, noEnd, feedPage)
		if err != nil && ctx.Err() == nil {
			r.core.log.Warn("lost jobs not released", "error", err)
		}
		if n > 0 {
			r.jobs.awaken()
		}
		if n == feedPage {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// fill claims jobs for the free workers and reports whether it found any. Short
// kinds and the others take turns at being served first, and while there are
// short kinds the others leave one worker to them: neither waits for the other's
// backlog.
func (r *jobRunner) fill(ctx context.Context, long, short []JobWant) bool {
	r.mu.Lock()
	r.turn++
	turn := r.turn
	r.mu.Unlock()
	if turn%2 == 0 {
		found := r.fillLong(ctx, long, len(short) > 0)
		return r.fillShort(ctx, short, turn/2) || found
	}
	found := r.fillShort(ctx, short, turn/2)
	return r.fillLong(ctx, long, len(short) > 0) || found
}

func (r *jobRunner) fillLong(ctx context.Context, wants []JobWant, shared bool) bool {
	r.mu.Lock()
	room := min(r.workers-r.busy, r.mostLong(shared)-r.long)
	wants = r.open(wants)
	r.mu.Unlock()
	if room < 1 || len(wants) == 0 {
		return false
	}
	jobs := r.take(ctx, wants, room)
	for _, j := range jobs {
		r.start(ctx, []Job{j}, false)
	}
	return len(jobs) > 0
}

// demand returns the kinds of which this process could begin jobs now, or has
// ended some a moment ago: where jobs are short, workers are rarely seen idle.
func (r *jobRunner) demand(long, short []JobWant) []JobWant {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	var wants []JobWant
	for _, w := range short {
		if r.busy < r.workers && r.active[w.Kind] < r.jobs.kind(w.Kind).Limit || now.Sub(r.freed[w.Kind]) < demandLasts {
			wants = append(wants, w)
		}
	}
	most := r.mostLong(len(short) > 0)
	for _, w := range long {
		if r.busy < r.workers && r.long < most && r.active[w.Kind] < r.jobs.kind(w.Kind).Limit || now.Sub(r.freed[w.Kind]) < demandLasts {
			wants = append(wants, w)
		}
	}
	return wants
}

// mostLong is how many workers may run jobs that are not short.
func (r *jobRunner) mostLong(shared bool) int {
	if shared && r.workers > 1 {
		return r.workers - 1
	}
	return r.workers
}

// fillShort gives one worker a batch of the next short kind that has jobs.
func (r *jobRunner) fillShort(ctx context.Context, wants []JobWant, turn int) bool {
	r.mu.Lock()
	room := r.workers - r.busy
	wants = r.open(wants)
	r.mu.Unlock()
	if room < 1 {
		return false
	}
	for i := range wants {
		want := wants[(turn+i)%len(wants)]
		if jobs := r.take(ctx, []JobWant{want}, r.batchSize(want.Kind)); len(jobs) > 0 {
			r.start(ctx, jobs, true)
			return true
		}
	}
	return false
}

// open returns the kinds below their limit. The caller holds the lock.
func (r *jobRunner) open(wants []JobWant) []JobWant {
	var open []JobWant
	for _, w := range wants {
		if r.active[w.Kind] < r.jobs.kind(w.Kind).Limit {
			open = append(open, w)
		}
	}
	return open
}

// take receives and claims up to limit jobs.
func (r *jobRunner) take(ctx context.Context, wants []JobWant, limit int) []Job {
	tickets, err := r.queue.ReceiveJobs(ctx, wants, limit)
	if err != nil || len(tickets) == 0 {
		if err != nil && ctx.Err() == nil {
			r.core.log.Warn("no jobs received", "error", err)
		}
		return nil
	}
	claim := JobClaim{Lease: r.core.newID(), Valid: leaseTime}
	for _, w := range wants {
		if w.PerWorkspace > 0 {
			if claim.PerWorkspace == nil {
				claim.PerWorkspace = map[JobKind]int{}
			}
			claim.PerWorkspace[w.Kind] = w.PerWorkspace
		}
	}
	if len(wants) > 1 {
		tickets = r.withinKinds(tickets)
	}
	jobs, err := r.claims.ClaimJobs(ctx, tickets, claim)
	if err != nil {
		if ctx.Err() == nil {
			r.core.log.Warn("jobs not claimed", "error", err)
		}
		return nil
	}
	return jobs
}

// withinKinds leaves out the tickets beyond what a kind may have running.
func (r *jobRunner) withinKinds(tickets []JobTicket) []JobTicket {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := map[JobKind]int{}
	var within []JobTicket
	for _, t := range tickets {
		if taken[t.Kind]++; r.active[t.Kind]+taken[t.Kind] <= r.jobs.kind(t.Kind).Limit {
			within = append(within, t)
		}
	}
	return within
}

// batchSize is how many short jobs of a kind make a batch.
func (r *jobRunner) batchSize(kind JobKind) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	pace, known := r.pace[kind]
	if !known {
		return firstBatch
	}
	return int(min(max(batchTime/max(pace, 1), 1), maxBatch))
}

// learn notes how long the jobs of a batch took.
func (r *jobRunner) learn(kind JobKind, took time.Duration, jobs int) {
	if jobs == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	pace, known := r.pace[kind]
	each := took / time.Duration(jobs)
	if known {
		each = (3*pace + each) / 4
	}
	r.pace[kind] = each
}

// start has a crew work on claimed jobs of one kind in a goroutine.
func (r *jobRunner) start(ctx context.Context, jobs []Job, short bool) {
	kind := jobs[0].Kind
	r.count(kind, 1, short)
	c := newCrew(r, jobs, errShutdown)
	c.free = func() {
		r.count(kind, -1, short)
		r.jobs.awaken()
	}
	r.working.Go(func() {
		began := time.Now()
		n := c.work(ctx)
		if short {
			r.learn(kind, time.Since(began), n)
		}
	})
}

func (r *jobRunner) count(k JobKind, n int, short bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active[k] += n
	r.busy += n
	if !short {
		r.long += n
	}
	if n < 0 {
		r.freed[k] = time.Now()
	}
}

// workHere runs one claimed job in the caller's goroutine. report, when not
// nil, is called with the progress about ten times a second. When ctx ends the
// job is cancelled, to be tried again by hand. It returns an error when the job's
// end could not be written: then nothing says that it was not run for nothing.
func (r *jobRunner) workHere(ctx context.Context, j Job, report func(done, total int64)) error {
	c := newCrew(r, []Job{j}, errCancelAsked)
	run := c.waiting[0]
	var reporting sync.WaitGroup
	end := make(chan struct{})
	if report != nil {
		reporting.Go(func() {
			tick := time.NewTicker(pollEvery)
			defer tick.Stop()
			for {
				select {
				case <-end:
					return
				case <-tick.C:
					report(run.done.Load(), run.total.Load())
				}
			}
		})
	}
	c.work(ctx)
	close(end)
	reporting.Wait()
	if run.unwritten != nil {
		return fmt.Errorf("write the end of job %s: %w", j.ID, run.unwritten)
	}
	return nil
}
