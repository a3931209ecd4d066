package asynq

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hibiken/asynq"

	"github.com/omnicrm/omnicrm/crm"
)

const (
	// holdTime is how long a process holds a task of which its workers take
	// nothing, before another gets it.
	holdTime = 250 * time.Millisecond
	// noteTimeout bounds noting what became of a task.
	noteTimeout = time.Second
)

// errGivenBack sends a task to another process. It is no failure.
var errGivenBack = errors.New("no worker here is free for it")

// parcel is a fetched task that workers take tickets of.
type parcel struct {
	kind  crm.JobKind
	rest  []crm.JobTicket
	taken int
	// moved hears that some were taken; it has room for one word.
	moved chan struct{}
}

// ReceiveJobs implements [crm.JobQueue]: it takes what this process has fetched.
// While Redis is away it fails at once.
func (q *Queue) ReceiveJobs(_ context.Context, wants []crm.JobWant, limit int) ([]crm.JobTicket, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil, fmt.Errorf("receive jobs: the queue is closed: %w", crm.ErrUnavailable)
	}
	if q.server == nil {
		if err := q.start(); err != nil {
			return nil, fmt.Errorf("receive jobs: %w", err)
		}
	}
	tickets := q.take(wants, limit)
	if len(tickets) == 0 && q.away != nil {
		return nil, fmt.Errorf("receive jobs: %w", q.away)
	}
	return tickets, nil
}

// take takes up to limit tickets of the kinds, those fetched first first. The
// caller holds the lock.
func (q *Queue) take(wants []crm.JobWant, limit int) []crm.JobTicket {
	var tickets []crm.JobTicket
	for _, p := range q.parcels {
		if len(tickets) >= limit {
			break
		}
		if !slices.ContainsFunc(wants, func(w crm.JobWant) bool { return w.Kind == p.kind }) {
			continue
		}
		n := min(limit-len(tickets), len(p.rest))
		tickets = append(tickets, p.rest[:n]...)
		p.rest, p.taken = p.rest[n:], p.taken+n
		select {
		case p.moved <- struct{}{}:
		default:
		}
	}
	q.parcels = slices.DeleteFunc(q.parcels, func(p *parcel) bool { return len(p.rest) == 0 })
	return tickets
}

// deliver is Asynq's handler: it holds a task until workers have taken all of it.
// A process that dies before that, or before they have claimed the jobs, loses
// the tickets; the jobs are due still, and handed over again.
func (q *Queue) deliver(ctx context.Context, task *asynq.Task) error {
	kind := crm.JobKind(task.Type())
	queue, _ := asynq.GetQueueName(ctx)
	tickets, err := decode(kind, task.Payload())
	if err != nil { // Nobody can do anything with it.
		q.options.Logger.Warn("a task in Redis cannot be read and is dropped", "kind", kind, "error", err)
		return fmt.Errorf("%w: %w", asynq.RevokeTask, err)
	}
	p := &parcel{kind: kind, rest: slices.Clone(tickets), moved: make(chan struct{}, 1)}
	q.mu.Lock()
	q.parcels = append(q.parcels, p)
	q.mu.Unlock()
	taken := q.hold(ctx, p)
	// The task's own context may be over.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTimeout)
	defer cancel()
	if taken == 0 && q.wanted(ctx, queue, kind, tickets) {
		return errGivenBack
	}
	if err := q.unmark(ctx, queue, kind, taken, tickets); err != nil {
		q.options.Logger.Debug("taken tickets stay marked for some seconds", "kind", kind, "error", err)
	}
	return nil
}

// hold waits until all of a parcel is taken, or nothing of it is for a while, and
// returns how much was.
func (q *Queue) hold(ctx context.Context, p *parcel) int {
	patience := time.NewTimer(holdTime)
	defer patience.Stop()
	for {
		over := false
		select {
		case <-p.moved:
			patience.Reset(holdTime)
		case <-patience.C:
			over = true
		case <-q.closing:
			over = true
		case <-ctx.Done():
			over = true
		}
		q.mu.Lock()
		if over {
			q.parcels = slices.DeleteFunc(q.parcels, func(other *parcel) bool { return other == p })
		}
		rest, taken := len(p.rest), p.taken
		q.mu.Unlock()
		if over || rest == 0 {
			return taken
		}
	}
}

// wanted reports whether a task of which nothing was taken goes back to Redis. One
// whose tickets no longer count as lying there is dropped: the jobs are handed
// over again as soon as somebody has a worker for them.
func (q *Queue) wanted(ctx context.Context, queue string, kind crm.JobKind, tickets []crm.JobTicket) bool {
	select {
	case <-q.closing:
		return true
	default:
	}
	n, err := q.alive(ctx, queue, kind, tickets)
	return err != nil || n > 0
}
