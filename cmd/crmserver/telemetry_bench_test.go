package main

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/transports/httpapi"
)

// BenchmarkTelemetry asks for a list of 50 contacts, and for health, which is
// nothing but what every request costs: unwatched, with metrics, and with traces
// that a collector takes as well.
func BenchmarkTelemetry(b *testing.B) {
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	b.Cleanup(sink.Close)
	for _, watched := range []struct {
		name     string
		observed bool
		endpoint string
	}{{name: "unwatched"}, {name: "metrics", observed: true}, {name: "traces", observed: true, endpoint: sink.URL}} {
		h := watchedHandler(b, telemetrySettings{OTLPEndpoint: watched.endpoint}, watched.observed)
		for _, path := range []string{"/healthz", "/api/v1/contacts?pageSize=50"} {
			b.Run(watched.name+path, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					w := httptest.NewRecorder()
					h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, http.NoBody))
					if w.Code != http.StatusOK {
						b.Fatalf("got %d %s", w.Code, w.Body)
					}
				}
			})
		}
	}
}

func watchedHandler(b *testing.B, s telemetrySettings, observed bool) http.Handler {
	b.Helper()
	told, err := newTelemetry(s, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(told.close)
	if told.push != nil {
		b.Cleanup(func() { told.push.close(b.Context()) })
	}
	store, err := sqlite.OpenWith(b.Context(), ":memory:", sqlite.Options{OpenDB: told.openDB()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = store.Close() })
	app, err := crm.New(crm.Config{Store: store})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = app.Close() })
	actor := crm.Actor{Workspace: crm.WorkspaceID(crm.NamedID("bench")), Role: crm.RoleOwner}
	for i := range 60 {
		if _, err := app.Contacts.Create(b.Context(), actor, crm.NewContact{DisplayName: "Person " + strconv.Itoa(i)}); err != nil {
			b.Fatal(err)
		}
	}
	o := httpapi.Options{RateLimit: -1, ActorFunc: func(*http.Request) (crm.Actor, error) { return actor, nil }}
	if observed {
		o.Observe, o.TraceParent = told.answered, told.traceParent()
	}
	h, err := httpapi.New(app, o)
	if err != nil {
		b.Fatal(err)
	}
	return told.traced(h)
}
