package postgres_test

import (
	"os"
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
	o := postgres.Options{MaxConns: 4}
	o.Trace(seen.add)
	t.Run("suite", func(t *testing.T) {
		crmtest.TestStore(t, func(tb testing.TB) crm.Store { return open(tb, o) })
	})
	t.Run("plans", func(t *testing.T) { checkPlans(t, &seen) })
}

// Behind a pooler each transaction may get another connection of the server.
// OMNICRM_SOAK=1 goes through the whole suite there.
func TestStoreBehindAPooler(t *testing.T) {
	t.Parallel()
	suite := crmtest.TestJobQueue
	if os.Getenv("OMNICRM_SOAK") == "1" {
		suite = crmtest.TestStore
	}
	suite(t, func(tb testing.TB) crm.Store {
		pooled, direct := pgtest.PooledURL(tb)
		return openAt(tb, pooled, postgres.Options{MaxConns: 4, DirectURL: direct})
	})
}

// TestWritesBehindAPooler has everything that an import and its undo write there.
func TestWritesBehindAPooler(t *testing.T) {
	t.Parallel()
	pooled, direct := pgtest.PooledURL(t)
	s := openAt(t, pooled, postgres.Options{MaxConns: 4, DirectURL: direct})
	ws := workspace("acme")
	writes := people(300)
	put(t, s, ws, writes)
	events := make([]crm.Event, len(writes))
	for i, w := range writes {
		events[i] = created(w.Contact)
	}
	err := s.InTx(t.Context(), func(tx crm.Tx) error {
		got, err := tx.GetContacts(t.Context(), ws, []crm.ID{writes[0].Contact.ID, writes[299].Contact.ID})
		if err != nil || len(got) != 2 {
			t.Errorf("contacts: got %d (%v), want 2", len(got), err)
		}
		return tx.AppendEvents(t.Context(), ws, events)
	})
	if err != nil {
		t.Fatal(err)
	}
	listed, err := s.ListEvents(t.Context(), ws, 0, 1000)
	if err != nil || len(listed) != len(events) {
		t.Errorf("events: got %d (%v), want %d", len(listed), err, len(events))
	}
	if n, err := s.EraseContacts(t.Context(), ws, []crm.ID{writes[0].Contact.ID}); err != nil || n != 1 {
		t.Errorf("erase: got %d (%v), want 1", n, err)
	}
	if n, err := s.CountContacts(t.Context(), ws, crm.ContactCriteria{}, 0); err != nil || n != 299 {
		t.Errorf("count: got %d (%v), want 299", n, err)
	}
}
