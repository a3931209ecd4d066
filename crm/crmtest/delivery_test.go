package crmtest_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/crmtest"
)

// fifo is a queue that delivers what it was given, once, and knows nothing of
// the rows.
type fifo struct {
	mu      sync.Mutex
	tickets []crm.JobTicket
	// loses says that every so many-th ticket is lost, the first one too; 0 is none.
	loses, given int
	// endless says that it holds any number of tickets.
	endless bool
}

// fifoRoom is how many tickets it holds otherwise.
const fifoRoom = 200

func (q *fifo) DispatchJobs(_ context.Context, tickets []crm.JobTicket) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, t := range tickets {
		if len(q.tickets) >= fifoRoom && !q.endless {
			return &crm.QueueFullError{Taken: i}
		}
		if q.given++; q.loses == 0 || q.given%q.loses != 1%q.loses {
			q.tickets = append(q.tickets, t)
		}
	}
	return nil
}

func (q *fifo) ReceiveJobs(_ context.Context, wants []crm.JobWant, limit int) ([]crm.JobTicket, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var out []crm.JobTicket
	q.tickets = slices.DeleteFunc(q.tickets, func(t crm.JobTicket) bool {
		if len(out) == limit || !slices.ContainsFunc(wants, func(w crm.JobWant) bool { return w.Kind == t.Kind }) {
			return false
		}
		out = append(out, t)
		return true
	})
	return out, nil
}

func TestDeliveryByAQueueThatKnowsOnlyWhatItWasGiven(t *testing.T) {
	t.Parallel()
	crmtest.TestJobDelivery(t, func(testing.TB) (crm.Store, crm.JobQueue) { return store(), &fifo{} })
}

func TestDeliveryByAQueueThatLosesHalf(t *testing.T) {
	t.Parallel()
	crmtest.TestJobDelivery(t, func(testing.TB) (crm.Store, crm.JobQueue) { return store(), &fifo{loses: 2} })
}

func TestDeliveryByTheStoreItself(t *testing.T) {
	t.Parallel()
	crmtest.TestJobDelivery(t, func(testing.TB) (crm.Store, crm.JobQueue) {
		s := store()
		return s, s
	})
}

func deliveryFaults() []fault {
	return []fault{
		{name: "delivery: a backlog goes first", red: "does_not_hide", queue: func() crm.JobQueue { return &fifo{endless: true} }},
	}
}
