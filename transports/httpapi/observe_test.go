package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/transports/httpapi"
)

// observed collects what a handler tells of its requests.
type observed struct {
	mu  sync.Mutex
	all []httpapi.Answered
}

func (o *observed) add(_ context.Context, a httpapi.Answered) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = append(o.all, a)
}

func (o *observed) last() httpapi.Answered {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all[len(o.all)-1]
}

func TestObserveIsToldOfEveryRequest(t *testing.T) {
	t.Parallel()
	told := &observed{}
	s := setup(t, func(o *httpapi.Options) { o.Observe = told.add })
	id := crm.NewID().String()
	for _, c := range []struct {
		method, path, actor, route, knownAs string
		status                              int
	}{
		{"GET", "/api/v1/contacts?search=ana", "", "/api/v1/contacts", "GET", 200},
		{"GET", "/api/v1/contacts/" + id, "", "/api/v1/contacts/{id}", "GET", 404},
		{"HEAD", "/healthz", "", "/healthz", "HEAD", 200},
		{"POST", "/api/v1/contacts", "nobody", "/api/v1/contacts", "POST", 401},
		{"GET", "/api/v1/ana@example.com", "", "", "GET", 404},
		{"BREW", "/api/v1/contacts", "", "", "other", 405},
	} {
		r := httptest.NewRequest(c.method, c.path, http.NoBody)
		r.Header.Set("X-Request-Id", "told-1")
		if c.actor != "" {
			r.Header.Set("X-Test-Actor", c.actor)
		}
		s.root.ServeHTTP(httptest.NewRecorder(), r)
		got := told.last()
		if got.Took <= 0 {
			t.Errorf("%s %s: took %s, want some time", c.method, c.path, got.Took)
		}
		got.Took = 0
		if want := (httpapi.Answered{Route: c.route, Method: c.knownAs, Status: c.status, RequestID: "told-1"}); got != want {
			t.Errorf("%s %s: got %+v, want %+v", c.method, c.path, got, want)
		}
	}
}

func TestRequestLinesHoldNothingPersonal(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	s := setup(t)
	h, err := httpapi.New(s.app, httpapi.Options{
		ActorFunc: whoIsCalling, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/api/v1/contacts?search=ana@example.com", http.NoBody)
	r.Header.Set("X-Request-Id", "line-1")
	h.ServeHTTP(httptest.NewRecorder(), r)
	for _, want := range []string{"requestId=line-1", "method=GET", "route=/api/v1/contacts", "status=200", "took="} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log: got %s, want %s", log.String(), want)
		}
	}
	if strings.Contains(log.String(), "ana@") || strings.Contains(log.String(), "192.0.2.1") {
		t.Errorf("log: got %s, want neither what was searched for nor an address", log.String())
	}
}

func TestJobsKeepTheRequestThatAskedForThem(t *testing.T) {
	t.Parallel()
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	s := setup(t, func(o *httpapi.Options) { o.TraceParent = func(context.Context) string { return trace } })
	r := httptest.NewRequest("POST", "/api/v1/contacts/bulk-tag", bytes.NewReader([]byte(`{"filter": {}, "add": ["x"]}`)))
	r.Header.Set("X-Request-Id", "asked-1")
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.root.ServeHTTP(w, r)
	var made struct{ JobID crm.ID }
	if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || w.Code != http.StatusAccepted {
		t.Fatalf("got %d %s, %v, want 202 with a job", w.Code, w.Body, err)
	}
	j, err := s.store.GetJob(t.Context(), actors()["owner"].Workspace, made.JobID)
	if want := (crm.Origin{Request: "asked-1", Trace: trace}); err != nil || j.Actor.Origin != want {
		t.Errorf("origin: got %+v, %v, want %+v", j.Actor.Origin, err, want)
	}
}

func TestMetricsAreServedWhereThereAreSome(t *testing.T) {
	t.Parallel()
	get := func(s *server) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/metrics", http.NoBody)
		r.Header.Set("X-Test-Actor", "nobody")
		s.root.ServeHTTP(w, r)
		return w
	}
	if w := get(setup(t)); w.Code != http.StatusNotFound {
		t.Errorf("without any: got %d, want 404", w.Code)
	}
	w := get(setup(t, func(o *httpapi.Options) {
		o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("crm_up 1\n")) })
	}))
	if w.Code != http.StatusOK || w.Body.String() != "crm_up 1\n" || w.Header().Get("X-Request-Id") == "" {
		t.Errorf("got %d %q with headers %v, want the figures with the headers of every answer", w.Code, w.Body, w.Header())
	}
}
