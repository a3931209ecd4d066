package httpapi_test

import (
	"net/http"
	"reflect"
	"slices"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
	"github.com/omnicrm/omnicrm/transports/httpapi"
)

// brokenCallers are sign-ins that let in who has no rights: each of the callers
// that are refused, as an owner.
func brokenCallers(t *testing.T, m *matrix) int {
	w, variants := m.w, 0
	for _, caller := range m.callers {
		if caller.status == 0 || caller.writes {
			continue
		}
		variants++
		lenient := w.serve(httpapi.Options{Identity: w.identity, ActorFunc: func(r *http.Request) (crm.Actor, error) {
			if sentBy(r, caller) {
				return w.colleague, nil
			}
			return w.hostActor(r)
		}})
		m.sees(t, "whoever comes with "+caller.name+" is let in", lenient)
	}
	late := w.identityAt(-identity.SessionIdle)
	for name, o := range map[string]httpapi.Options{
		"a clock that is late keeps sessions alive": {Identity: late, ActorFunc: w.hostActor},
		"a host's actor needs no role": {Identity: w.identity, ActorFunc: func(r *http.Request) (crm.Actor, error) {
			actor, err := w.hostActor(r)
			if err == nil && actor.Role == "" {
				actor.Role = crm.RoleViewer
			}
			return actor, err
		}},
		"the workspace that is asked for is believed": {Identity: w.identity, ActorFunc: func(r *http.Request) (crm.Actor, error) {
			if ws, err := crm.ParseID(r.Header.Get("X-Workspace-Id")); err == nil {
				return crm.Actor{Workspace: crm.WorkspaceID(ws), User: w.stranger.User, Role: crm.RoleOwner}, nil
			}
			return w.hostActor(r)
		}},
	} {
		variants++
		m.sees(t, name, w.serve(o))
	}
	return variants
}

// sentBy reports whether a request has what the caller sends, and no more: nobody
// sends nothing at all.
func sentBy(r *http.Request, c *matrixCaller) bool {
	sent := http.Header{}
	for _, name := range []string{"Authorization", "Cookie", "X-Csrf-Token", "X-Workspace-Id", hostHeader} {
		if value := r.Header.Get(name); value != "" {
			sent.Set(name, value)
		}
	}
	want := http.Header{}
	for i := 0; i+1 < len(c.headers); i += 2 {
		want.Set(c.headers[i], c.headers[i+1])
	}
	return reflect.DeepEqual(sent, want)
}

// sees expects complaints about a write.
func (m *matrix) sees(t *testing.T, name string, h http.Handler) {
	t.Helper()
	run := m.run(h)
	run.enough, m.victims = 1, map[victim]crm.ID{}
	if run.all(m.of("updateContact"), matrixCell.harmless); len(run.complaints) == 0 {
		t.Errorf("%s: the matrix sees nothing wrong", name)
	}
}

// brokenTables have a route without a row, or a row without a route.
func brokenTables(t *testing.T, w *matrixWorld) int {
	routes := httpapi.RoutesOf(w.handler)
	less, more := matrixTable(), matrixTable()
	delete(less, "getContact")
	more["getSecrets"] = more["getContact"]
	added := append(slices.Clone(routes), httpapi.Route{ID: "getSecrets", Method: http.MethodGet, Path: "/api/v1/secrets"})
	for name, c := range map[string]struct {
		routes []httpapi.Route
		table  map[string][]matrixRow
		want   string
	}{
		"a row was taken out": {routes, less, "getContact (GET /api/v1/contacts/{id}) has no row in the matrix"},
		"a route was added":   {added, matrixTable(), "getSecrets (GET /api/v1/secrets) has no row in the matrix"},
		"a row has no route":  {routes, more, "getSecrets is in the matrix and no route"},
	} {
		if got := complaintsOf(c.routes, c.table); len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	return 3
}
