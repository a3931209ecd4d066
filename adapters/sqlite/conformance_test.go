package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/crmtest"
)

var _ crm.Store = (*sqlite.Store)(nil)

// open returns an empty store that ends with the test.
func open(tb testing.TB, path string, o sqlite.Options) *sqlite.Store {
	tb.Helper()
	store, err := sqlite.OpenWith(tb.Context(), path, o)
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

// newFile is the path of a database that is not there yet.
func newFile(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(tb.TempDir(), "crm.db")
}

func TestStore(t *testing.T) {
	t.Parallel()
	crmtest.TestStore(t, func(tb testing.TB) crm.Store { return open(tb, ":memory:", sqlite.Options{}) })
}

func TestStoreInFile(t *testing.T) {
	t.Parallel()
	crmtest.TestStore(t, func(tb testing.TB) crm.Store {
		return open(tb, newFile(tb), sqlite.Options{Sync: sqlite.SyncNormal, Readers: 2})
	})
}
