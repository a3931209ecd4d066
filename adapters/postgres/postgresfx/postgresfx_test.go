package postgresfx_test

import (
	"errors"
	"os"
	"testing"

	"go.uber.org/fx"
	"go.uber.org/fx/fxtest"

	"github.com/omnicrm/omnicrm/adapters/postgres/postgresfx"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
	"github.com/omnicrm/omnicrm/internal/testkit/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func TestModuleProvidesTheStores(t *testing.T) {
	t.Parallel()
	err := fx.ValidateApp(postgresfx.Module(), fx.Supply(postgresfx.Config{URL: "postgres://localhost/crm"}), fx.Invoke(func(crm.Store, identity.Store) {}))
	if err != nil {
		t.Fatalf("validate: %v", err)
	}
}

func TestModuleOpensAndCloses(t *testing.T) {
	t.Parallel()
	var store crm.Store
	app := fxtest.New(t, postgresfx.Module(), fx.Supply(postgresfx.Config{URL: pgtest.URL(t)}), fx.Populate(&store))
	app.RequireStart()
	if err := store.Ping(t.Context()); err != nil {
		t.Fatalf("ping: %v", err)
	}
	app.RequireStop()
	if err := store.Ping(t.Context()); !errors.Is(err, crm.ErrUnavailable) {
		t.Errorf("ping after the stop: got %v, want ErrUnavailable", err)
	}
}
