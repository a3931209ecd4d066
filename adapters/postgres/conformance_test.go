package postgres_test

import (
	"testing"

	"github.com/omnicrm/omnicrm/adapters/postgres"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/crmtest"
	"github.com/omnicrm/omnicrm/internal/testkit/pgtest"
)

var _ crm.Store = (*postgres.Store)(nil)

// open returns an empty store that ends with the test.
func open(tb testing.TB, o postgres.Options) *postgres.Store {
	tb.Helper()
	return openAt(tb, pgtest.URL(tb), o)
}

// openAt is open for a database that there is.
func openAt(tb testing.TB, url string, o postgres.Options) *postgres.Store {
	tb.Helper()
	store, err := postgres.OpenWith(tb.Context(), url, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := store.Close(); err != nil {
			tb.Error(err)
		}
	})
	return store
}

// TestStore also reads the plans of all statements that the suite has made.
func TestStore(t *testing.T) {
	t.Parallel()
	var seen traces
	o := postgres.Options{MaxConns: 8}
	o.Trace(seen.add)
	t.Run("suite", func(t *testing.T) {
		crmtest.TestStore(t, func(tb testing.TB) crm.Store { return open(tb, o) })
	})
	t.Run("plans", func(t *testing.T) { checkPlans(t, &seen) })
}

// Behind a pooler each transaction may get another connection of the server.
func TestStoreBehindAPooler(t *testing.T) {
	t.Parallel()
	crmtest.TestStore(t, func(tb testing.TB) crm.Store {
		pooled, direct := pgtest.PooledURL(tb)
		return openAt(tb, pooled, postgres.Options{MaxConns: 8, DirectURL: direct})
	})
}
