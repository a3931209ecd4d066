package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// The kinds of the bench: what is measured is the queue, not the work.
const (
	kindNoop crm.JobKind = "noop" // short: handed out by many
	kindOne  crm.JobKind = "one"  // handed out singly
)

// jobBench is a CRM with those kinds on a file of its own.
type jobBench struct {
	store database
	app   *crm.CRM
	// ran counts handlers; begun hears of those in a watched workspace.
	ran     atomic.Int64
	watched crm.WorkspaceID
	begun   chan time.Time
	// shut closes the queue that was given.
	shut func() error
}

func openJobs(ctx context.Context, path string, workers int, given crm.JobQueue) (*jobBench, error) {
	store, err := openDatabase(ctx, path)
	if err != nil {
		return nil, err
	}
	app, err := crm.New(crm.Config{Store: store, Workers: workers, Queue: given})
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	j := &jobBench{store: store, app: app, watched: jobActor("watched").Workspace, begun: make(chan time.Time, 1), shut: func() error { return nil }}
	handle := func(_ context.Context, run *crm.JobRun) error {
		j.ran.Add(1)
		if run.Job.Workspace == j.watched {
			j.begun <- time.Now()
		}
		return nil
	}
	err = errors.Join(app.Jobs.Register(kindNoop, handle, crm.JobOptions{Short: true}), app.Jobs.Register(kindOne, handle, crm.JobOptions{}))
	if err == nil {
		err = app.Start(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, j.close())
	}
	return j, nil
}

func (j *jobBench) close() error { return errors.Join(j.app.Close(), j.shut(), j.store.Close()) }

func jobActor(workspace string) crm.Actor {
	return crm.Actor{Workspace: crm.WorkspaceID(crm.NamedID(workspace)), User: crm.NamedID("bench"), Role: crm.RoleOwner}
}

// enqueue adds n jobs of a kind by several callers.
func (j *jobBench) enqueue(ctx context.Context, actor crm.Actor, kind crm.JobKind, n, batch int) error {
	const callers = 4
	var all sync.WaitGroup
	var failed [callers]error
	for c := range callers {
		all.Go(func() {
			for done := c * batch; done < n && failed[c] == nil; done += callers * batch {
				in := make([]crm.NewJob, min(batch, n-done))
				for i := range in {
					in[i].Kind = kind
				}
				_, failed[c] = j.app.Jobs.EnqueueBatch(ctx, actor, in)
			}
		})
	}
	all.Wait()
	return errors.Join(failed[:]...)
}

// ended waits until n jobs of the actor's workspace have succeeded.
func (j *jobBench) ended(ctx context.Context, actor crm.Actor, n int) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if j.ran.Load() >= int64(n) { // Counting them all the time would be most of the work.
			counts, err := j.app.Jobs.Stats(ctx, actor)
			if err != nil {
				return err
			}
			for _, c := range counts {
				if c.Status == crm.JobSucceeded && c.Count == n {
					return nil
				}
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// pickUp measures from the end of an enqueue, by asker, to the beginning of the
// handler in j.
func (j *jobBench) pickUp(ctx context.Context, asker *jobBench, kind crm.JobKind) (time.Duration, error) {
	if _, err := asker.app.Jobs.Enqueue(ctx, jobActor("watched"), crm.NewJob{Kind: kind}); err != nil {
		return 0, err
	}
	asked := time.Now()
	select {
	case at := <-j.begun:
		return max(at.Sub(asked), 0), nil
	case <-time.After(30 * time.Second):
		return 0, errors.New("the job did not start within 30 s")
	}
}

// jobs is P5 and P6, embedded and over Asynq.
func (b *bench) jobs(ctx context.Context) error {
	if err := b.jobsEmbedded(ctx); err != nil {
		return err
	}
	return b.jobsOnAsynq(ctx)
}

// backlog is how many jobs wait.
func (b *bench) backlog() int { return min(50_000, b.contacts/2) }

func (b *bench) jobsEmbedded(ctx context.Context) error {
	backlog := b.backlog()
	for _, kind := range []crm.JobKind{kindNoop, kindOne} {
		var rates []float64
		for round := range b.rounds {
			rate, err := b.throughput(ctx, fmt.Sprintf("jobs-%s-%d", kind, round), kind, backlog/2, noQueue)
			if err != nil {
				return err
			}
			rates = append(rates, rate)
		}
		r := row{"P5", "no-op jobs end to end: enqueue, run, finish, with rows and events, handed out by many", fmt.Sprint(backlog / 2), perSecond(median(rates)), "", "", ">= 10,000/s", median(rates) >= 10_000}
		if kind == kindOne {
			r.what, r.bar, r.pass = "the same, handed out singly", "", true
		}
		b.table.add(r)
	}
	if err := b.idle(ctx, "", noQueue); err != nil {
		return err
	}
	return b.fairness(ctx, "", backlog, noQueue)
}

// aQueue opens a queue that the CRM is given, and tells how to close it.
type aQueue func(ctx context.Context) (crm.JobQueue, func() error, error)

// noQueue leaves the CRM its own.
func noQueue(context.Context) (crm.JobQueue, func() error, error) {
	return nil, func() error { return nil }, nil
}

// with opens a bench whose closing closes its queue.
func (open aQueue) with(ctx context.Context, path string, workers int) (*jobBench, error) {
	given, shut, err := open(ctx)
	if err != nil {
		return nil, err
	}
	j, err := openJobs(ctx, path, workers, given)
	if err != nil {
		return nil, errors.Join(err, shut())
	}
	j.shut = shut
	return j, nil
}

func (b *bench) throughput(ctx context.Context, name string, kind crm.JobKind, n int, open aQueue) (float64, error) {
	at, err := b.place(ctx, b.dir, name)
	if err != nil {
		return 0, err
	}
	j, err := open.with(ctx, at, 4)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	err = j.enqueue(ctx, jobActor("one"), kind, n, 100)
	if err == nil {
		err = j.ended(ctx, jobActor("one"), n)
	}
	return float64(n) / time.Since(began).Seconds(), errors.Join(err, j.close())
}

// idle has one process enqueue and another, which has nothing to do, pick up.
func (b *bench) idle(ctx context.Context, on string, open aQueue) error {
	path, err := b.place(ctx, b.dir, "jobs-idle"+on)
	if err != nil {
		return err
	}
	worker, err := open.with(ctx, path, 4)
	if err != nil {
		return err
	}
	asker, err := open.with(ctx, path, -1)
	if err != nil {
		return errors.Join(err, worker.close())
	}
	for _, way := range []struct {
		what string
		from *jobBench
	}{{"another store of the database", asker}, {"the same process", worker}} {
		var times []time.Duration
		for range 20 * b.rounds {
			took, err := worker.pickUp(ctx, way.from, kindOne)
			if err != nil {
				return err
			}
			times = append(times, took)
		}
		p99 := percentile(times, 0.99)
		b.table.add(row{"P5", "idle pick-up" + on + " of a job enqueued by " + way.what + ", p50 " + ms(percentile(times, 0.5)), fmt.Sprint(len(times)), "p99 " + ms(p99), "", "", "<= 150 ms", p99 <= 150*time.Millisecond})
	}
	return errors.Join(asker.close(), worker.close())
}

// fairness is P6: a single job beside a backlog of another workspace.
func (b *bench) fairness(ctx context.Context, on string, backlog int, open aQueue) error {
	for _, kind := range []crm.JobKind{kindNoop, kindOne} {
		at, err := b.place(ctx, b.dir, fmt.Sprintf("jobs-fair-%s%s", kind, on))
		if err != nil {
			return err
		}
		j, err := open.with(ctx, at, 4)
		if err != nil {
			return err
		}
		tries, busy := 20*b.rounds, jobActor("busy")
		if err := j.enqueue(ctx, busy, kind, backlog, 1000); err != nil {
			return err
		}
		var times []time.Duration
		least := backlog
		for range tries {
			waiting, err := j.waiting(ctx, busy)
			if err != nil {
				return err
			}
			if least = min(least, waiting); waiting < backlog/2 { // It is kept up.
				if err := j.enqueue(ctx, busy, kind, backlog-waiting, 1000); err != nil {
					return err
				}
			}
			took, err := j.pickUp(ctx, j, kind)
			if err != nil {
				return err
			}
			times = append(times, took)
		}
		p99 := percentile(times, 0.99)
		b.table.add(row{"P6", fmt.Sprintf("a job of another workspace beside a backlog%s (kind %s, at least %d waiting), p50 %s", on, kind, least, ms(percentile(times, 0.5))), fmt.Sprint(backlog), "p99 " + ms(p99), "", "", "<= 1 s", p99 <= time.Second})
		if err := j.close(); err != nil {
			return err
		}
	}
	return nil
}

func (j *jobBench) waiting(ctx context.Context, actor crm.Actor) (int, error) {
	counts, err := j.app.Jobs.Stats(ctx, actor)
	n := 0
	for _, c := range counts {
		if c.Status == crm.JobQueued || c.Status == crm.JobScheduled || c.Status == crm.JobRetrying {
			n += c.Count
		}
	}
	return n, err
}
