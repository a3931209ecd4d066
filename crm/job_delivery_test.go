package crm_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// moody is a queue that can be told to fail.
type moody struct {
	mu      sync.Mutex
	tickets []crm.JobTicket
	// deaf takes nothing, mute brings nothing, stuck answers neither call before
	// its context ends.
	deaf, mute, stuck bool
	calls             int
}

func (q *moody) set(deaf, mute, stuck bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.deaf, q.mute, q.stuck = deaf, mute, stuck
}

func (q *moody) answer(ctx context.Context, fails func() bool, do func()) error {
	q.mu.Lock()
	q.calls++
	stuck := q.stuck
	q.mu.Unlock()
	if stuck {
		<-ctx.Done()
		return ctx.Err()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if fails() {
		return fmt.Errorf("dial: %w", crm.ErrUnavailable)
	}
	do()
	return nil
}

func (q *moody) DispatchJobs(ctx context.Context, tickets []crm.JobTicket) error {
	return q.answer(ctx, func() bool { return q.deaf }, func() { q.tickets = append(q.tickets, tickets...) })
}

func (q *moody) ReceiveJobs(ctx context.Context, _ []crm.JobWant, limit int) (out []crm.JobTicket, err error) {
	err = q.answer(ctx, func() bool { return q.mute }, func() {
		n := min(limit, len(q.tickets))
		out, q.tickets = q.tickets[:n], q.tickets[n:]
	})
	return out, err
}

func (q *moody) asked() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.calls
}

func TestWhileTheQueueFailsTheTableDelivers(t *testing.T) {
	t.Parallel()
	for name, mood := range map[string]struct{ deaf, mute, stuck bool }{
		"it takes nothing":     {deaf: true},
		"it brings nothing":    {mute: true},
		"it answers nothing":   {stuck: true},
		"it does neither":      {deaf: true, mute: true},
		"it is in good health": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			q := &moody{}
			e := withKinds(t, openStore(t), oneKind(nothing, crm.JobOptions{}), func(c *crm.Config) { c.Queue = q })
			q.set(mood.deaf, mood.mute, mood.stuck)
			for i := range 3 {
				began := time.Now()
				j, err := e.Jobs.Enqueue(ctx, e.owner, crm.NewJob{Kind: "work"})
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); i > 0 && took > time.Second {
					t.Errorf("enqueue %d took %s: a queue that fails is left alone for a while", i, took)
				}
				e.succeeded(j.ID)
			}
			fails := mood.deaf || mood.mute || mood.stuck
			await(t, "the health to show it", func() bool {
				return (e.Health(ctx).Queue.Status == crm.ProbeDegraded) == fails
			})
			q.set(false, false, false)
			await(t, "the queue to be back, with nothing to hand over", func() bool { return e.Health(ctx).Queue.Status == crm.ProbeOK })
			j, err := e.Jobs.Enqueue(ctx, e.owner, crm.NewJob{Kind: "work"})
			if err != nil {
				t.Fatal(err)
			}
			e.succeeded(j.ID)
		})
	}
}

// TestAProcessWithoutWorkersLeavesAFailingQueueAlone has only the enqueue notice
// the failure.
func TestAProcessWithoutWorkersLeavesAFailingQueueAlone(t *testing.T) {
	t.Parallel()
	q := &moody{}
	e := withKinds(t, openStore(t), oneKind(nothing, crm.JobOptions{}), func(c *crm.Config) { c.Queue, c.Workers = q, -1 })
	q.set(true, true, false)
	for range 20 {
		if _, err := e.Jobs.Enqueue(context.Background(), e.owner, crm.NewJob{Kind: "work"}); err != nil {
			t.Fatal(err)
		}
	}
	if n := q.asked(); n > 10 {
		t.Errorf("calls of a queue that fails: got %d for 20 jobs, want few", n)
	}
	q.set(false, false, false)
	await(t, "its health, without another job", func() bool { return e.Health(context.Background()).Queue.Status == crm.ProbeOK })
}

// full is a queue with room for one ticket at a time.
type full struct{ moody }

func (q *full) DispatchJobs(ctx context.Context, tickets []crm.JobTicket) error {
	q.mu.Lock()
	room := 1 - len(q.tickets)
	q.mu.Unlock()
	if room < 1 || len(tickets) == 0 {
		return &crm.QueueFullError{}
	}
	return errors.Join(q.moody.DispatchJobs(ctx, tickets[:1]), &crm.QueueFullError{Taken: 1})
}

func TestWhatAQueueHasNoRoomForComesLater(t *testing.T) {
	t.Parallel()
	e := withKinds(t, openStore(t), oneKind(nothing, crm.JobOptions{Short: true}), func(c *crm.Config) { c.Queue = &full{} })
	if _, err := e.Jobs.EnqueueBatch(context.Background(), e.owner, make30("work")); err != nil {
		t.Fatal(err)
	}
	await(t, "all to succeed", func() bool { return e.counted([]crm.Actor{e.owner})[crm.JobSucceeded] == 30 })
	if got := e.Health(context.Background()).Queue.Status; got != crm.ProbeOK {
		t.Errorf("health of a queue that is full: got %s, want ok", got)
	}
}

func make30(kind crm.JobKind) []crm.NewJob {
	in := make([]crm.NewJob, 30)
	for i := range in {
		in[i].Kind = kind
	}
	return in
}
