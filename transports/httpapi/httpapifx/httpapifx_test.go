package httpapifx_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"go.uber.org/fx"
	"go.uber.org/fx/fxtest"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/transports/httpapi/httpapifx"
)

func TestModule(t *testing.T) {
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
	var got struct {
		fx.In

		Handler http.Handler `name:"api"`
	}
	app := fxtest.New(t, httpapifx.Module(), fx.Provide(func() (*crm.CRM, error) { return crm.New(crm.Config{Store: store}) }), fx.Populate(&got))
	app.RequireStart()
	defer app.RequireStop()
	w := httptest.NewRecorder()
	got.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/healthz", nil))
	if w.Code != http.StatusOK {
		t.Errorf("got %d, want 200", w.Code)
	}
}
