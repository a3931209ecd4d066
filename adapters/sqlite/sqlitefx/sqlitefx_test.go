package sqlitefx_test

import (
	"errors"
	"path/filepath"
	"testing"

	"go.uber.org/fx"
	"go.uber.org/fx/fxtest"

	"github.com/omnicrm/omnicrm/adapters/sqlite/sqlitefx"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

func TestModuleProvidesTheStores(t *testing.T) {
	err := fx.ValidateApp(sqlitefx.Module(), fx.Supply(sqlitefx.Config{Path: ":memory:"}), fx.Invoke(func(crm.Store, identity.Store) {}))
	if err != nil {
		t.Fatalf("validate: %v", err)
	}
}

func TestModuleOpensAndCloses(t *testing.T) {
	var store crm.Store
	app := fxtest.New(t, sqlitefx.Module(), fx.Supply(sqlitefx.Config{Path: filepath.Join(t.TempDir(), "crm.db")}), fx.Populate(&store))
	app.RequireStart()
	if err := store.Ping(t.Context()); err != nil {
		t.Fatalf("ping: %v", err)
	}
	app.RequireStop()
	if err := store.Ping(t.Context()); !errors.Is(err, crm.ErrUnavailable) {
		t.Errorf("ping after the stop: got %v, want ErrUnavailable", err)
	}
}
