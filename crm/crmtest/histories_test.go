package crmtest_test

import (
	"os"
	"testing"

	"github.com/omnicrm/omnicrm/adapters/postgres"
	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/crmtest"
	"github.com/omnicrm/omnicrm/internal/testkit/pgtest"
)

// TestHistoriesOnSQLite holds the embedded store against the one of maps.
// OMNICRM_SOAK=1 makes it 1,000 histories.
func TestHistoriesOnSQLite(t *testing.T) {
	t.Parallel()
	maps := func(testing.TB) crm.Store { return store() }
	crmtest.TestHistories(t, maps, embedded, historyOptions())
}

// TestHistoriesOnPostgres holds the one store that is a product against the
// other.
func TestHistoriesOnPostgres(t *testing.T) {
	t.Parallel()
	crmtest.TestHistories(t, embedded, onServer, historyOptions())
}

func historyOptions() (o crmtest.HistoryOptions) {
	if os.Getenv("OMNICRM_SOAK") == "1" {
		o.Histories = 1_000
	}
	return o
}

func embedded(tb testing.TB) crm.Store {
	tb.Helper()
	s, err := sqlite.Open(tb.Context(), ":memory:")
	return opened(tb, s, err)
}

func onServer(tb testing.TB) crm.Store {
	tb.Helper()
	s, err := postgres.OpenWith(tb.Context(), pgtest.URL(tb), postgres.Options{MaxConns: 4})
	return opened(tb, s, err)
}

// opened is a store that ends with the test.
func opened(tb testing.TB, s crm.Store, err error) crm.Store {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("close store: %v", err)
		}
	})
	return s
}
