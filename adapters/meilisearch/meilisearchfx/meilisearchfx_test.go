package meilisearchfx_test

import (
	"errors"
	"testing"

	"go.uber.org/fx"
	"go.uber.org/fx/fxtest"

	"github.com/omnicrm/omnicrm/adapters/meilisearch"
	"github.com/omnicrm/omnicrm/adapters/meilisearch/meilisearchfx"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/internal/testkit/meilitest"
)

func options() meilisearch.Options { return meilisearch.Options{Key: meilitest.MasterKey} }

func TestModuleProvidesTheIndex(t *testing.T) {
	err := fx.ValidateApp(meilisearchfx.Module(), fx.Supply(meilisearchfx.Config{URL: "http://127.0.0.1:7700"}), fx.Invoke(func(crm.SearchIndex) {}))
	if err != nil {
		t.Fatalf("validate: %v", err)
	}
}

func TestModulePreparesTheIndexAtTheStart(t *testing.T) {
	for _, lazy := range []bool{false, true} {
		s := meilitest.New(t, meilitest.Options{})
		var x crm.SearchIndex
		app := fxtest.New(t, meilisearchfx.Module(), fx.Supply(meilisearchfx.Config{URL: s.URL, Options: options(), Lazy: lazy}), fx.Populate(&x))
		app.RequireStart()
		if asked := len(s.Requests()) > 0; asked == lazy {
			t.Errorf("lazy %t: the server was asked at the start: %t", lazy, asked)
		}
		if _, err := x.IndexStatus(t.Context(), crm.WorkspaceID{}); err != nil {
			t.Errorf("status: %v", err)
		}
		app.RequireStop()
	}
}

func TestAServerThatIsAwayDoesNotKeepTheApplicationFromStarting(t *testing.T) {
	s := meilitest.New(t, meilitest.Options{})
	s.SetDown(true)
	app := fxtest.New(t, meilisearchfx.Module(), fx.Supply(meilisearchfx.Config{URL: s.URL, Options: options()}), fx.Invoke(func(crm.SearchIndex) {}))
	app.RequireStart()
	app.RequireStop()
}

func TestAWrongKeyKeepsTheApplicationFromStarting(t *testing.T) {
	s := meilitest.New(t, meilitest.Options{})
	app := fx.New(meilisearchfx.Module(), fx.NopLogger, fx.Supply(meilisearchfx.Config{URL: s.URL}), fx.Invoke(func(crm.SearchIndex) {}))
	if err := app.Start(t.Context()); !errors.Is(err, meilisearch.ErrMisconfigured) {
		t.Errorf("got error %v, want ErrMisconfigured", err)
	}
	if err := app.Stop(t.Context()); err != nil {
		t.Errorf("stop: %v", err)
	}
}
