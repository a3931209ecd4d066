package asynq

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"

	"github.com/omnicrm/omnicrm/adapters/internal/rediskit"
	"github.com/omnicrm/omnicrm/crm"
)

const (
	// dispatchTimeout bounds a hand-over: whoever asked for the job waits for it.
	dispatchTimeout = 500 * time.Millisecond
	// breakerRest is how long nothing is handed over after a failure.
	breakerRest = time.Second
	// maxIDs bounds the ids of a task. It holds a fifth of what a kind may have in
	// the queue, so that there are some for several workers: kinds of which less
	// than about 30 are done in a second go one by one.
	maxIDs, share = 100, 5
	// A task that fails again and again, which is a fault, or dies with its process
	// is tried maxRetry times; it must not be 0, which loses it with the process.
	maxRetry = 5
	// taskTimeout bounds how long a process may hold a task.
	taskTimeout = time.Minute
)

// DispatchJobs implements [crm.JobQueue]. It ends within half a second. A Redis
// that has just failed is left alone for a second, and the call fails at once.
func (q *Queue) DispatchJobs(ctx context.Context, tickets []crm.JobTicket) error {
	if q.isClosed() {
		return fmt.Errorf("dispatch jobs: the queue is closed: %w", crm.ErrUnavailable)
	}
	if !q.giving.Allow() {
		return fmt.Errorf("dispatch jobs: redis has just failed: %w", crm.ErrUnavailable)
	}
	bounded, cancel := context.WithTimeout(ctx, dispatchTimeout)
	defer cancel()
	taken, err := q.dispatch(bounded, tickets)
	if ctx.Err() != nil {
		return fmt.Errorf("dispatch jobs: %w", ctx.Err())
	}
	q.giving.Done(err)
	if err != nil {
		return fmt.Errorf("dispatch %d jobs: %w", len(tickets), rediskit.Translate(err))
	}
	if taken < len(tickets) {
		return &crm.QueueFullError{Taken: taken}
	}
	return nil
}

// lot is the tickets that lie together: of one kind and priority.
type lot struct {
	kind     crm.JobKind
	priority crm.JobPriority
}

// dispatch returns how many of the tickets, from the first on, lie in Redis.
func (q *Queue) dispatch(ctx context.Context, tickets []crm.JobTicket) (int, error) {
	if len(tickets) == 0 {
		return 0, rediskit.Probe(ctx, q.redis)
	}
	at := map[lot][]int{}
	for i, t := range tickets {
		key := lot{t.Kind, min(max(t.Priority, crm.PriorityLow), crm.PriorityHigh)}
		at[key] = append(at[key], i)
	}
	first := len(tickets)
	for key, places := range at {
		part := make([]crm.JobTicket, len(places))
		for i, place := range places {
			part[i] = tickets[place]
		}
		taken, err := q.dispatchLot(ctx, key, part)
		if err != nil {
			return 0, err
		}
		if taken < len(part) {
			first = min(first, places[taken])
		}
	}
	return first, nil
}

func (q *Queue) dispatchLot(ctx context.Context, l lot, tickets []crm.JobTicket) (taken int, err error) {
	queue := q.level(l.priority)
	window, answers, err := q.offer(ctx, queue, l.kind, tickets)
	if err != nil {
		return 0, err
	}
	var fresh []crm.JobTicket
	taken = len(tickets)
	for i, answer := range answers {
		switch answer {
		case 1:
			fresh = append(fresh, tickets[i])
		case 2:
			taken = min(taken, i)
		}
	}
	for size := min(max(window/share, 1), maxIDs); len(fresh) > 0; {
		n := min(size, len(fresh))
		if err := q.enqueue(ctx, queue, l.kind, fresh[:n]); err != nil {
			q.unmark(ctx, queue, l.kind, 0, fresh) //nolint:errcheck // They are forgotten soon.
			return 0, err
		}
		fresh = fresh[n:]
	}
	return taken, nil
}

// enqueue puts one task into a queue. Each has an id of its own: that of a task
// which Asynq has not forgotten yet would be refused.
func (q *Queue) enqueue(ctx context.Context, queue string, kind crm.JobKind, tickets []crm.JobTicket) error {
	payload, err := encode(tickets)
	if err != nil {
		return err
	}
	id := fmt.Sprintf("%s.%d.%s", tickets[0].Job, len(tickets), uuid.NewString()[:8])
	_, err = q.client.EnqueueContext(ctx, asynq.NewTask(string(kind), payload),
		asynq.Queue(queue), asynq.TaskID(id), asynq.MaxRetry(maxRetry), asynq.Timeout(taskTimeout))
	return err
}

func (q *Queue) isClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}
