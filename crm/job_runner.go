package crm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// leaseTime is how long a claim holds without a heartbeat; a killed
	// worker's job runs again after it.
	leaseTime = 15 * time.Second
	// heartbeatEvery leaves five tries within a lease.
	heartbeatEvery = 3 * time.Second
	// pollEvery is how long an idle worker waits before it looks again.
	pollEvery = 100 * time.Millisecond
	// reapEvery is how often lost leases are looked for.
	reapEvery = 5 * time.Second
	// maxLosses fails a job whose workers keep dying without progress. Whoever
	// claims it next writes its end, so that what depends on the job learns of
	// it in the same transaction; the store is told noEnd and only releases.
	maxLosses = 20
	noEnd     = 1 << 30
	// perKind bounds how many jobs of one kind run at once in a process.
	perKind = 5
	// finishPatience bounds writing a job's end after its context is over.
	finishPatience = 10 * time.Second
	// maxErrorText bounds what a job row keeps of an error, in bytes.
	maxErrorText = 1_000
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

	mu     sync.Mutex
	active map[JobKind]int
	slots  chan struct{}
	done   sync.WaitGroup
}

func newJobRunner(k *core, claims JobClaimer, queue *jobDelivery, workers int) *jobRunner {
	return &jobRunner{core: k, jobs: k.jobs, claims: claims, queue: queue, workers: workers, active: map[JobKind]int{}, slots: make(chan struct{}, max(workers, 0))}
}

// run works until ctx ends and then waits for the handlers, which end soon
// because their contexts do.
func (r *jobRunner) run(ctx context.Context) {
	defer r.done.Wait()
	if r.workers < 0 {
		return
	}
	var delivering sync.WaitGroup
	defer delivering.Wait()
	delivering.Go(func() { r.queue.run(ctx, r.jobs.kinds()) })
	poll, reap := time.NewTicker(pollEvery), time.NewTicker(reapEvery)
	defer poll.Stop()
	defer reap.Stop()
	for {
		if ctx.Err() != nil {
			return
		}
		if r.fill(ctx) {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-r.jobs.wake:
		case <-poll.C:
		case <-reap.C:
			if _, err := r.claims.ReleaseLost(ctx, noEnd, feedPage); err != nil && ctx.Err() == nil {
				r.core.log.Warn("lost jobs not released", "error", err)
			}
		}
	}
}

// fill claims as many jobs as there are free workers and reports whether it
// found any.
func (r *jobRunner) fill(ctx context.Context) bool {
	free := cap(r.slots) - len(r.slots)
	if free == 0 {
		return false
	}
	tickets, err := r.queue.ReceiveJobs(ctx, r.openKinds(), free)
	if err != nil || len(tickets) == 0 {
		if err != nil && ctx.Err() == nil {
			r.core.log.Warn("no jobs received", "error", err)
		}
		return false
	}
	jobs, err := r.claims.ClaimJobs(ctx, r.withinKinds(tickets), r.core.newID(), leaseTime)
	if err != nil {
		if ctx.Err() == nil {
			r.core.log.Warn("jobs not claimed", "error", err)
		}
		return false
	}
	for _, j := range jobs {
		r.start(ctx, j)
	}
	return len(jobs) > 0
}

// openKinds returns the kinds below their limit.
func (r *jobRunner) openKinds() []JobKind {
	r.mu.Lock()
	defer r.mu.Unlock()
	var kinds []JobKind
	for _, k := range r.jobs.kinds() {
		if r.active[k] < perKind {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// withinKinds leaves out the tickets beyond what a kind may have running.
func (r *jobRunner) withinKinds(tickets []JobTicket) []JobTicket {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := map[JobKind]int{}
	var within []JobTicket
	for _, t := range tickets {
		if taken[t.Kind]++; r.active[t.Kind]+taken[t.Kind] <= perKind {
			within = append(within, t)
		}
	}
	return within
}

func (r *jobRunner) start(ctx context.Context, j Job) {
	r.count(j.Kind, 1)
	r.slots <- struct{}{}
	r.done.Add(1)
	go func() {
		defer func() {
			<-r.slots
			r.count(j.Kind, -1)
			r.done.Done()
		}()
		r.work(ctx, j)
	}()
}

func (r *jobRunner) count(k JobKind, n int) {
	r.mu.Lock()
	r.active[k] += n
	r.mu.Unlock()
}

// work runs one claimed job to the end of the attempt.
func (r *jobRunner) work(ctx context.Context, j Job) {
	r.workRun(ctx, newJobRun(r.core, j), errShutdown)
}

// workRun runs a job; over is what it means that ctx ended.
func (r *jobRunner) workRun(ctx context.Context, run *jobRun, over error) {
	j := run.Job
	handler, ok := r.jobs.handlers[j.Kind]
	if !ok {
		r.finish(ctx, run, fmt.Errorf("kind %q: %w", j.Kind, ErrNotFound))
		return
	}
	if j.Losses >= maxLosses {
		r.finish(context.WithoutCancel(ctx), run, errLost)
		return
	}
	// The handler's context ends with its timeout, a cancel, a lost lease, or
	// the shutdown; the cause says which.
	stopped, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	unhook := context.AfterFunc(ctx, func() { stop(over) })
	defer unhook()
	limited, release := context.WithTimeout(stopped, handler.Timeout)
	defer release()

	r.jobs.setRunning(j.ID, stop)
	defer r.jobs.setRunning(j.ID, nil)
	beat := make(chan struct{})
	var beating sync.WaitGroup
	beating.Go(func() {
		r.heartbeat(stopped, run, stop, beat)
	})
	err := safely(limited, run, handler.run)
	close(beat)
	beating.Wait()
	if cause := context.Cause(stopped); err != nil && cause != nil {
		err = cause
	}
	r.finish(context.WithoutCancel(ctx), run, err)
}

// workHere runs one claimed job in the caller's goroutine. report, when not
// nil, is called with the progress about ten times a second. When ctx ends the
// job is cancelled, to be tried again by hand.
func (r *jobRunner) workHere(ctx context.Context, j Job, report func(done, total int64)) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	run := newJobRun(r.core, j)
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
	r.workRun(ctx, run, errCancelAsked)
	close(end)
	reporting.Wait()
}

// safely turns a handler's panic into an error of the job.
func safely(ctx context.Context, run *jobRun, handler func(context.Context, *jobRun) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			run.core.log.Error("job panicked", "job", run.Job.ID, "panic", p, "stack", string(debug.Stack()))
			err = errPanicked
		}
	}()
	return handler(ctx, run)
}

func (s *JobService) setRunning(id ID, stop context.CancelCauseFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if stop == nil {
		delete(s.running, id)
		return
	}
	s.running[id] = stop
}

// heartbeat keeps the lease, stores the progress and watches for a cancel.
func (r *jobRunner) heartbeat(ctx context.Context, run *jobRun, stop context.CancelCauseFunc, end <-chan struct{}) {
	tick := time.NewTicker(heartbeatEvery)
	defer tick.Stop()
	for {
		select {
		case <-end:
			return
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		j, err := r.claims.ExtendLease(ctx, run.Job.Workspace, run.Job.ID, run.Job.Lease, leaseTime, run.done.Load(), run.total.Load())
		switch {
		case IsStale(err):
			stop(errLeaseLost)
		case err == nil && j.CancelAsked:
			stop(errCancelAsked)
		}
	}
}

// finish writes how the attempt ended, unless the handler has done so in its
// own transaction or the lease is lost.
func (r *jobRunner) finish(ctx context.Context, run *jobRun, failure error) {
	if errors.Is(failure, errLeaseLost) || (failure == nil && run.completed) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, finishPatience)
	defer cancel()
	var ended Job
	err := r.core.store.InTx(ctx, func(tx Tx) error {
		if err := tx.CheckLease(ctx, run.Job.Workspace, run.Job.ID, run.Job.Lease); err != nil {
			return err
		}
		j, err := tx.GetJob(ctx, run.Job.Workspace, run.Job.ID)
		if err != nil {
			return err
		}
		expect := j.Version
		j.Done, j.Total, j.Lease, j.Version = run.done.Load(), run.total.Load(), ID{}, j.Version+1
		r.settle(&j, failure)
		ended = j
		if err := tx.PutJob(ctx, j.Workspace, j, expect); err != nil {
			return err
		}
		if !j.Status.Final() {
			return nil
		}
		if err := r.core.jobEnded(ctx, tx, j); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, j.Workspace, []Event{r.jobs.event(EventJobFinished, EventActor{Kind: ActorSystem}, j)})
	})
	if err != nil {
		if !IsStale(err) {
			r.core.log.Error("end of a job not written; it runs again when its lease is over", "job", run.Job.ID, "error", err)
		}
		return
	}
	if failure != nil && ended.Status != JobQueued {
		r.core.log.Warn("job ended", "job", ended.ID, "kind", ended.Kind, "status", ended.Status, "error", failure)
	}
}

// settle decides the state after an attempt.
func (r *jobRunner) settle(j *Job, failure error) {
	now := r.core.now()
	switch {
	case failure == nil:
		j.Status, j.FinishedAt, j.ErrorCode, j.ErrorText = JobSucceeded, now, "", ""
		return
	case errors.Is(failure, errShutdown): // Parked: not an attempt.
		j.Status, j.RunAt, j.Attempt = JobQueued, now, max(j.Attempt-1, 0)
		return
	case errors.Is(failure, errCancelAsked):
		j.Status, j.FinishedAt = JobCancelled, now
		return
	}
	if errors.Is(failure, errLost) { // It was claimed to be ended: not an attempt.
		j.Attempt = max(j.Attempt-1, 0)
	}
	j.ErrorCode, j.ErrorText = errorCode(failure), cutBytes(failure.Error(), maxErrorText)
	if j.Attempt >= j.MaxAttempts || permanent(failure) {
		j.Status, j.FinishedAt = JobFailed, now
		return
	}
	j.Status, j.RunAt = JobRetrying, now.Add(retryDelay(j.Attempt))
}

// permanent reports whether another attempt would end the same.
func permanent(err error) bool {
	return errors.Is(err, errLost) || errors.Is(err, ErrInvalid) || errors.Is(err, ErrForbidden) || errors.Is(err, ErrNotFound) || errors.Is(err, ErrTooLarge)
}

func errorCode(err error) string {
	for _, e := range []struct {
		target error
		code   string
	}{
		{ErrNotFound, "not_found"},
		{ErrConflict, "conflict"},
		{ErrInvalid, "invalid"},
		{ErrForbidden, "forbidden"},
		{ErrUnavailable, "unavailable"},
		{ErrTooLarge, "too_large"},
		{context.DeadlineExceeded, "timeout"},
		{errLost, "lost"},
	} {
		if errors.Is(err, e.target) {
			return e.code
		}
	}
	return "internal"
}

// retryDelay is min(200 ms * 2^n, 60 s), of which the upper half is random, so
// that jobs which failed together do not come back together.
func retryDelay(attempt int) time.Duration {
	d := min(200*time.Millisecond<<min(attempt, 20), time.Minute)
	return d/2 + rand.N(d/2) //nolint:gosec // Jitter needs no secrecy.
}

// jobRun is what a handler holds of its job.
type jobRun struct {
	core        *core
	Job         Job
	completed   bool
	done, total atomic.Int64
}

func newJobRun(k *core, j Job) *jobRun {
	run := &jobRun{core: k, Job: j}
	run.done.Store(j.Done)
	run.total.Store(j.Total)
	return run
}

// actor is who asked for the job, with the rights of that moment.
func (r *jobRun) actor() Actor {
	a := r.Job.Actor
	return Actor{Workspace: r.Job.Workspace, User: a.User, Role: a.Role, Scopes: a.Scopes, Kind: a.Kind}
}

// progress reports how far the work is; it costs nothing.
func (r *jobRun) progress(done, total int64) {
	r.done.Store(done)
	r.total.Store(total)
}

// payload decodes the job's input.
func (r *jobRun) payload(into any) error {
	if err := json.Unmarshal(r.Job.Payload, into); err != nil {
		return fmt.Errorf("payload: %w: %w", err, ErrInvalid)
	}
	return nil
}

// inTx runs fn in a transaction that commits only while the lease holds, and
// stores the checkpoint with it. last ends the job as succeeded in the same
// transaction.
func (r *jobRun) inTx(ctx context.Context, step jobStep, fn func(tx Tx) error) error {
	inTx := r.core.inResumableTx
	if step.last {
		inTx = r.core.inBackgroundTx
	}
	err := inTx(ctx, r.Job.Workspace, func(tx Tx) error {
		ws := r.Job.Workspace
		if err := tx.CheckLease(ctx, ws, r.Job.ID, r.Job.Lease); err != nil {
			return err
		}
		if err := fn(tx); err != nil {
			return err
		}
		j, err := tx.GetJob(ctx, ws, r.Job.ID)
		if err != nil {
			return err
		}
		expect := j.Version
		j.Version++
		if done := r.done.Load(); done > j.Done { // As a heartbeat would find.
			j.Losses = 0
		}
		j.Done, j.Total = r.done.Load(), r.total.Load()
		if step.checkpoint != nil {
			if j.Checkpoint, err = json.Marshal(step.checkpoint()); err != nil {
				return fmt.Errorf("encode checkpoint: %w", err)
			}
		}
		if step.result != nil {
			if j.Result, err = json.Marshal(step.result()); err != nil {
				return fmt.Errorf("encode result: %w", err)
			}
		}
		if !step.last {
			return tx.PutJob(ctx, ws, j, expect)
		}
		j.Status, j.FinishedAt, j.Lease, j.ErrorCode, j.ErrorText = JobSucceeded, r.core.now(), ID{}, "", ""
		if err := tx.PutJob(ctx, ws, j, expect); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, ws, []Event{r.core.jobs.event(EventJobFinished, EventActor{Kind: ActorSystem}, j)})
	})
	if IsStale(err) && asConflict(err).ID == r.Job.ID {
		return fmt.Errorf("%w: %w", errLeaseLost, err)
	}
	if err == nil && step.last {
		r.completed = true
	}
	return err
}

// jobStep says what a transaction of a job stores in its row. The functions
// are called after the work of the transaction.
type jobStep struct {
	checkpoint func() any
	result     func() any
	last       bool
}
