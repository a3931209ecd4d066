package crm

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

const (
	// cancelEvery is how often a crew looks whether somebody asked to cancel one
	// of its jobs, maybe in another process.
	cancelEvery = 250 * time.Millisecond
	// slowAfter is how long a job of a batch may take before the others are handed
	// back.
	slowAfter = 500 * time.Millisecond
	// endsEvery is how long an end may wait to be written with others.
	endsEvery = 50 * time.Millisecond
)

// crew runs the jobs of one claim, one after the other, while its keeper holds
// their lease.
type crew struct {
	r *jobRunner
	// over is why a job ends when the context of the work does.
	over error
	// free gives the worker back; it is called when the work has ended and no
	// handler is left behind.
	free func()

	mu      sync.Mutex
	waiting []*JobRun
	current *JobRun
	stop    context.CancelCauseFunc // of the current
	began   time.Time               // the current
	asked   map[ID]bool             // to be cancelled
	ended   []jobEnd
	wrote   time.Time
	owners  int
}

// jobEnd is how an attempt ended.
type jobEnd struct {
	run     *JobRun
	failure error
}

func newCrew(r *jobRunner, jobs []Job, over error) *crew {
	c := &crew{r: r, over: over, free: func() {}, asked: map[ID]bool{}, owners: 1}
	for _, j := range jobs {
		c.waiting = append(c.waiting, newJobRun(r.core, j))
	}
	// One that took its worker down takes fewer others along when those without
	// losses are done before it, and the rest in another order each time.
	slices.SortStableFunc(c.waiting, func(a, b *JobRun) int { return cmp.Compare(min(a.Job.Losses, 1), min(b.Job.Losses, 1)) })
	if at := slices.IndexFunc(c.waiting, func(run *JobRun) bool { return run.Job.Losses > 0 }); at >= 0 {
		lost := c.waiting[at:]
		rand.Shuffle(len(lost), func(i, j int) { lost[i], lost[j] = lost[j], lost[i] }) //nolint:gosec // It needs no secrecy.
	}
	return c
}

// work runs the jobs and returns how many it has run.
func (c *crew) work(ctx context.Context) int {
	defer c.leave()
	end := make(chan struct{})
	var keeping sync.WaitGroup
	lease := c.waiting[0].Job.Lease
	keeping.Go(func() { c.keep(context.WithoutCancel(ctx), lease, end) })
	n := 0
	for run := c.next(); run != nil; run = c.next() {
		err := c.attempt(ctx, run)
		c.note(ctx, jobEnd{run, err})
		n++
	}
	close(end)
	keeping.Wait()
	c.write(ctx)
	return n
}

// next takes the next job off the list.
func (c *crew) next() *JobRun {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) == 0 {
		return nil
	}
	c.current, c.waiting = c.waiting[0], c.waiting[1:]
	c.began = time.Now()
	return c.current
}

// note keeps an end to be written with others, not for long.
func (c *crew) note(ctx context.Context, end jobEnd) {
	c.mu.Lock()
	c.current, c.stop = nil, nil
	c.ended = append(c.ended, end)
	hurry := len(c.waiting) == 0 || end.run.Job.Losses > 0 || c.waiting[0].Job.Losses > 0 || time.Since(c.wrote) > endsEvery
	c.mu.Unlock()
	if hurry {
		c.write(ctx)
	}
}

// write writes the ends that were noted.
func (c *crew) write(ctx context.Context) {
	c.mu.Lock()
	ended := c.ended
	c.ended, c.wrote = nil, time.Now()
	c.mu.Unlock()
	c.r.finish(context.WithoutCancel(ctx), ended)
}

// leave gives the worker back when its last owner leaves.
func (c *crew) leave() {
	c.mu.Lock()
	c.owners--
	last := c.owners == 0
	c.mu.Unlock()
	if last {
		c.free()
	}
}

// attempt runs the handler of one job. Its context ends with its timeout, a
// cancel, a lost lease, or the shutdown; the cause says which.
func (c *crew) attempt(ctx context.Context, run *JobRun) error {
	kind := c.r.jobs.kind(run.Job.Kind)
	switch {
	case kind == nil:
		return Invalid("kind", CodeUnknown, "is not registered in the process that took the job")
	case run.Job.Losses >= maxLosses:
		return errLost
	case run.Job.CancelAsked:
		return errCancelAsked
	}
	stopped, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	unhook := context.AfterFunc(ctx, func() { stop(c.over) })
	defer unhook()
	limited, release := context.WithTimeout(stopped, kind.Timeout)
	defer release()
	limited, run.observed = c.r.core.observer.JobBegins(limited, run.Job)
	c.mu.Lock()
	c.stop = stop
	if c.asked[run.Job.ID] {
		stop(errCancelAsked)
	}
	c.mu.Unlock()
	c.r.jobs.setRunning(run.Job.ID, stop)
	defer c.r.jobs.setRunning(run.Job.ID, nil)

	ended := make(chan error, 1)
	go func() { ended <- safely(limited, run, kind.run) }()
	var err error
	select {
	case err = <-ended:
	case <-limited.Done():
		err = c.insist(limited, run, ended)
	}
	if cause := context.Cause(stopped); err != nil && cause != nil {
		err = cause
	}
	return err
}

// insist waits for a handler whose context has ended, as long as the grace. One
// that goes on is reported and left behind: its job ends here, which takes its
// lease away, so that it cannot write through its transactions any more. Its
// worker stays taken until it returns.
func (c *crew) insist(ctx context.Context, run *JobRun, ended chan error) error {
	patience := time.NewTimer(c.r.grace)
	defer patience.Stop()
	select {
	case err := <-ended:
		return err
	case <-patience.C:
	}
	run.log().Error("a job's handler ignores the end of its context and is left behind",
		"cause", context.Cause(ctx), "grace", c.r.grace)
	c.mu.Lock()
	c.owners++
	c.mu.Unlock()
	go func() { // It ends with the handler, which nobody can end.
		<-ended //nolint:errcheck // Nobody asks for it any more.
		c.leave()
	}()
	return context.Cause(ctx)
}

// safely turns a handler's panic or Goexit into an error of the job.
func safely(ctx context.Context, run *JobRun, handler JobHandler) (err error) {
	err = errPanicked
	defer func() {
		if p := recover(); p != nil {
			run.log().Error("job panicked", "panic", p, "stack", string(debug.Stack()))
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

// keep holds the lease, stores the progress, watches for cancels and hands jobs
// back that would wait too long, until end.
func (c *crew) keep(ctx context.Context, lease ID, end <-chan struct{}) {
	tick := time.NewTicker(cancelEvery)
	defer tick.Stop()
	beat := time.Now()
	for {
		select {
		case <-end:
			return
		case <-tick.C:
		}
		c.handBack(ctx)
		c.watch(ctx, lease)
		if time.Since(beat) >= heartbeatEvery {
			beat = time.Now()
			c.heartbeat(ctx)
		}
	}
}

// watch stops the jobs that somebody has asked to cancel.
func (c *crew) watch(ctx context.Context, lease ID) {
	asked, err := c.r.claims.CancelAsked(ctx, lease)
	if err != nil || len(asked) == 0 {
		return // The next heartbeat tells too.
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range asked {
		c.asked[t.Job] = true
		if c.current != nil && c.current.Job.ID == t.Job && c.stop != nil {
			c.stop(errCancelAsked)
		}
	}
}

// heartbeat extends the lease of every job that is not done.
func (c *crew) heartbeat(ctx context.Context) {
	c.mu.Lock()
	held := slices.Clone(c.waiting)
	if c.current != nil {
		held = append(held, c.current)
	}
	c.mu.Unlock()
	for _, run := range held {
		run.touched.Store(true)
		j, err := c.r.claims.ExtendLease(ctx, run.Job.Workspace, run.Job.ID, run.Job.Lease, leaseTime, run.done.Load(), run.total.Load())
		switch {
		case IsStale(err):
			c.lose(run)
		case err == nil && j.CancelAsked:
			c.cancel(run, errCancelAsked)
		}
	}
}

// lose drops a job that somebody else has now.
func (c *crew) lose(run *JobRun) {
	c.mu.Lock()
	c.waiting = slices.DeleteFunc(c.waiting, func(r *JobRun) bool { return r == run })
	c.mu.Unlock()
	c.cancel(run, errLeaseLost)
}

func (c *crew) cancel(run *JobRun, cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cause == errCancelAsked { //nolint:errorlint // It is one of two.
		c.asked[run.Job.ID] = true
	}
	if c.current == run && c.stop != nil {
		c.stop(cause)
	}
}

// handBack makes the waiting jobs of a batch due again, for other workers, when
// the current one takes long.
func (c *crew) handBack(ctx context.Context) {
	c.mu.Lock()
	var back []*JobRun
	if c.current != nil && time.Since(c.began) > slowAfter {
		back, c.waiting = c.waiting, nil
	}
	c.mu.Unlock()
	if len(back) == 0 {
		return
	}
	ends := make([]jobEnd, len(back))
	for i, run := range back {
		ends[i] = jobEnd{run, errShutdown}
	}
	c.r.finish(ctx, ends)
	c.r.jobs.awaken()
}

// errIs spares a chain of errors.Is.
func errIs(err error, targets ...error) bool {
	return slices.ContainsFunc(targets, func(t error) bool { return errors.Is(err, t) })
}
