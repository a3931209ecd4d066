package httpapi_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/internal/testkit/apifuzz"
)

// breakage is one way in which a server does not keep its document.
type breakage struct {
	name string
	// do changes an answer, or what is stored.
	do func(s *server, w *httptest.ResponseRecorder, r *http.Request)
	// every so many answers it happens.
	every int64
	cases int
	want  string
}

func breakages() []breakage {
	edit := func(change func(w *httptest.ResponseRecorder)) func(*server, *httptest.ResponseRecorder, *http.Request) {
		return func(_ *server, w *httptest.ResponseRecorder, _ *http.Request) { change(w) }
	}
	return []breakage{
		{"it fails now and then", edit(func(w *httptest.ResponseRecorder) { problemAnswer(w, http.StatusInternalServerError) }), 3, 120, "the server failed: 500"},
		{"an undocumented status", edit(func(w *httptest.ResponseRecorder) { problemAnswer(w, http.StatusTeapot) }), 3, 120, "the status 418 is not documented"},
		{"a member less", edit(func(w *httptest.ResponseRecorder) { editAnswer(w, "id", nil) }), 3, 120, "the body breaks the document"},
		{"a member of the wrong type", edit(func(w *httptest.ResponseRecorder) { editAnswer(w, "displayName", 1) }), 3, 120, "the body breaks the document"},
		{"no request id", edit(func(w *httptest.ResponseRecorder) { w.Header().Del("X-Request-Id") }), 3, 120, "no header X-Request-Id"},
		{"plain text for a refusal", edit(func(w *httptest.ResponseRecorder) {
			if w.Code >= http.StatusBadRequest {
				w.Header().Set("Content-Type", "text/plain")
			}
		}), 3, 120, "a refusal of type"},
		{"it takes what breaks a rule", edit(func(w *httptest.ResponseRecorder) {
			if w.Code == http.StatusBadRequest {
				w.Code = http.StatusOK
			}
		}), 1, 300, "although the call breaks a rule"},
		{"a refusal that writes", func(s *server, w *httptest.ResponseRecorder, r *http.Request) {
			if actor, err := s.identity.Operator.Actor(r.Context(), "known1@example.com", "Home"); err == nil && w.Code >= http.StatusBadRequest {
				_, _ = s.app.Contacts.Create(r.Context(), actor, crm.NewContact{DisplayName: "Half done"})
			}
		}, 1, 900, "was refused and changed what is stored"},
	}
}

// A server that breaks its document in one way is seen, whatever the way.
func TestFuzzerSeesBrokenServers(t *testing.T) {
	t.Parallel()
	for _, b := range breakages() {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			s := setupIdentity(t)
			var n atomic.Int64
			report := s.fuzz(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/events") || strings.HasSuffix(r.URL.Path, "openapi.json") || n.Add(1)%b.every != 0 {
					s.handler.ServeHTTP(w, r)
					return
				}
				inner := httptest.NewRecorder()
				s.handler.ServeHTTP(inner, r)
				b.do(s, inner, r)
				maps.Copy(w.Header(), inner.Header())
				w.Header().Del("Content-Length")
				w.WriteHeader(inner.Code)
				_, _ = w.Write(inner.Body.Bytes())
			}), apifuzz.Options{Seed: 1, Cases: b.cases})
			seen := slices.ContainsFunc(report.Failures, func(f string) bool {
				return strings.Contains(f, b.want) && strings.Contains(f, "curl -sS") && strings.Contains(f, "seed 1, case")
			})
			if !seen {
				t.Errorf("got %q, want %q", report.Failures, b.want)
			}
		})
	}
}

func problemAnswer(w *httptest.ResponseRecorder, status int) {
	w.Code = status
	w.Header().Set("Content-Type", "application/problem+json")
	w.Body.Reset()
	fmt.Fprintf(w.Body, `{"type":"x","title":"x","status":%d,"detail":"x","instance":"x","code":"internal","requestId":%q,"errors":[]}`, status, w.Header().Get("X-Request-Id"))
}

// editAnswer changes a member of a record.
func editAnswer(w *httptest.ResponseRecorder, name string, value any) {
	var record map[string]any
	if json.Unmarshal(w.Body.Bytes(), &record) != nil || record[name] == nil {
		return
	}
	if record[name] = value; value == nil {
		delete(record, name)
	}
	w.Body.Reset()
	_ = json.NewEncoder(w.Body).Encode(record)
}
