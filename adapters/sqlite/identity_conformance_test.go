package sqlite_test

import (
	"testing"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm/identity"
	"github.com/omnicrm/omnicrm/crm/identity/identitytest"
)

var _ identity.Store = (*sqlite.Store)(nil)

func TestIdentityStore(t *testing.T) {
	t.Parallel()
	identitytest.TestStore(t, func(tb testing.TB) identity.Store { return open(tb, ":memory:", sqlite.Options{}) })
}

func TestIdentityStoreInFile(t *testing.T) {
	t.Parallel()
	identitytest.TestStore(t, func(tb testing.TB) identity.Store {
		return open(tb, newFile(tb), sqlite.Options{Sync: sqlite.SyncNormal, Readers: 2})
	})
}
