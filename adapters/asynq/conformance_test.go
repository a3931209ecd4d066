package asynq_test

import (
	"testing"

	"github.com/omnicrm/omnicrm/adapters/asynq"
	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/crmtest"
	"github.com/omnicrm/omnicrm/internal/testkit/redistest"
)

func openStore(t testing.TB) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), ":memory:")
	if err != nil {
		t.Fatalf("open store: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	return s
}

func openQueue(t testing.TB, address string, o asynq.Options) *asynq.Queue {
	t.Helper()
	q, err := asynq.Open(t.Context(), address, o)
	if err != nil {
		t.Fatalf("open queue: %v", err)
	}
	t.Cleanup(func() {
		if err := q.Close(); err != nil {
			t.Errorf("close queue: %v", err)
		}
	})
	return q
}

func TestConformance(t *testing.T) {
	t.Parallel()
	crmtest.TestJobDelivery(t, func(t testing.TB) (crm.Store, crm.JobQueue) {
		return openStore(t), openQueue(t, redistest.Start(t, redistest.Options{}).URL(), asynq.Options{})
	})
}

func TestConformanceOnACluster(t *testing.T) {
	t.Parallel()
	crmtest.TestJobDelivery(t, func(t testing.TB) (crm.Store, crm.JobQueue) {
		_, address := redistest.StartCluster(t)
		return openStore(t), openQueue(t, address, asynq.Options{})
	})
}

func TestConformanceBehindSentinel(t *testing.T) {
	t.Parallel()
	crmtest.TestJobDelivery(t, func(t testing.TB) (crm.Store, crm.JobQueue) {
		_, address := redistest.StartSentinel(t)
		return openStore(t), openQueue(t, address, asynq.Options{})
	})
}
