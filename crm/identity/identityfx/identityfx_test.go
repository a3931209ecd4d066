package identityfx_test

import (
	"testing"

	"go.uber.org/fx"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm/identity"
	"github.com/omnicrm/omnicrm/crm/identity/identityfx"
)

func TestModuleProvidesIdentity(t *testing.T) {
	t.Parallel()
	store, err := sqlite.Open(t.Context(), ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	var some bool
	app := fx.New(fx.NopLogger, identityfx.Module(), fx.Provide(func() identity.Store { return store }),
		fx.Invoke(func(who *identity.Identity) (err error) {
			some, err = who.Operator.HasUsers(t.Context())
			return err
		}))
	if err := app.Err(); err != nil {
		t.Fatalf("wire: %v", err)
	}
	if some {
		t.Error("users in an empty store: got some, want none")
	}
}

func TestModuleNeedsAStore(t *testing.T) {
	t.Parallel()
	if err := fx.New(fx.NopLogger, identityfx.Module(), fx.Invoke(func(*identity.Identity) {})).Err(); err == nil {
		t.Error("wire without a store: got no error, want one")
	}
}
