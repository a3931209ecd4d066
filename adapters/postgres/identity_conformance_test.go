package postgres_test

import (
	"testing"

	"github.com/omnicrm/omnicrm/adapters/postgres"
	"github.com/omnicrm/omnicrm/crm/identity"
	"github.com/omnicrm/omnicrm/crm/identity/identitytest"
)

var _ identity.Store = (*postgres.Store)(nil)

func TestIdentityStore(t *testing.T) {
	t.Parallel()
	identitytest.TestStore(t, func(tb testing.TB) identity.Store { return open(tb, postgres.Options{}) })
}
