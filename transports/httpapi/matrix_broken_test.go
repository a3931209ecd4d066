package httpapi_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
	"github.com/omnicrm/omnicrm/transports/httpapi"
)

// TestTheMatrixSeesWhatIsBroken breaks the authorisation of one route after the
// other in every way there is, and expects the matrix to complain each time.
func TestTheMatrixSeesWhatIsBroken(t *testing.T) {
	t.Parallel()
	w := newMatrixWorld(t)
	m := newMatrix(w, httpapi.RoutesOf(w.handler), matrixTable())
	variants := 0
	for _, b := range slices.Concat(brokenRights(w), brokenProofs(w)) {
		for _, route := range m.routes {
			fit := func(c matrixCell) bool { return c.harmless() && b.fit(c) }
			if !slices.ContainsFunc(m.of(route.ID), fit) {
				continue
			}
			variants++
			run := m.run(nil)
			m.victims, run.enough = map[victim]crm.ID{}, 1
			handler, mend := b.breaks(run, route.ID)
			run.handler = handler
			run.all(m.of(route.ID), fit)
			mend()
			if len(run.complaints) == 0 {
				t.Errorf("%s: the matrix sees nothing wrong with %s", b.name, route.ID)
				continue
			}
			m.renew(run.current.caller) // Whoever was let in may have spent what lets them in.
		}
	}
	t.Run("answers", func(t *testing.T) { variants += brokenAnswers(t, m) })
	t.Run("callers", func(t *testing.T) { variants += brokenCallers(t, m) })
	t.Run("the table", func(t *testing.T) { variants += brokenTables(t, w) })
	t.Run("mended, nothing is wrong", func(t *testing.T) {
		m.victims = map[victim]crm.ID{}
		run, n := m.run(w.handler), 0
		run.all(m.cells, func(c matrixCell) bool { n++; return c.harmless() && n%5 == 0 })
		report(t, run)
	})
	t.Logf("%d broken variants", variants)
}

// brokenRoute is one way in which any route can be wrong.
type brokenRoute struct {
	name string
	// fit says which cells can show it; a route without one cannot be broken so.
	fit func(c matrixCell) bool
	// breaks returns the broken handler, and what mends it.
	breaks func(run *matrixRun, id string) (h http.Handler, mend func())
}

// brokenRights are routes that ask too little of who is calling.
func brokenRights(w *matrixWorld) []brokenRoute {
	rights := func(change func(c matrixCell, actor *crm.Actor)) func(*matrixRun, string) (http.Handler, func()) {
		return func(run *matrixRun, id string) (http.Handler, func()) {
			return w.handler, httpapi.BreakRights(w.handler, id, func(_ *http.Request, actor *crm.Actor) { change(run.current, actor) })
		}
	}
	live := func(c matrixCell) bool { return c.row.role != "" && c.caller.status == 0 }
	return []brokenRoute{
		{
			"a route that asks nobody who is calling", func(c matrixCell) bool { return c.row.role != "" },
			func(_ *matrixRun, id string) (http.Handler, func()) {
				return w.handler, httpapi.BreakSignIn(w.handler, id, w.colleague)
			},
		},
		{
			"a route that does not ask for the role", func(c matrixCell) bool { return live(c) && !c.caller.actor.Role.AtLeast(c.row.role) },
			rights(func(_ matrixCell, actor *crm.Actor) { actor.Role = crm.RoleOwner }),
		},
		{
			"a route that does not ask for the scope", func(c matrixCell) bool {
				return live(c) && c.row.scope != "" && !holds(c.caller.actor, c.row.scope) && c.status == http.StatusForbidden
			},
			rights(func(_ matrixCell, actor *crm.Actor) { actor.Role, actor.Scopes = crm.RoleOwner, nil }),
		},
		{
			"a route that does not ask for what the record needs", func(c matrixCell) bool {
				return live(c) && c.class == ownID && c.status == http.StatusForbidden && allowed(c.row, c.caller.actor)
			},
			rights(func(_ matrixCell, actor *crm.Actor) { actor.Role, actor.Scopes = crm.RoleOwner, nil }),
		},
		{
			"a route that looks into every workspace", func(c matrixCell) bool {
				return live(c) && c.class == foreignID && allowed(c.row, c.caller.actor) && c.status != http.StatusForbidden
			},
			rights(func(c matrixCell, actor *crm.Actor) {
				if c.class == foreignID {
					actor.Workspace, actor.User = w.away, w.stranger.User
				}
			}),
		},
		{
			"a route that shows other members' records", func(c matrixCell) bool {
				return live(c) && c.class == membersID && c.row.hides(c.caller.actor.Role) && allowed(c.row, c.caller.actor)
			},
			rights(func(_ matrixCell, actor *crm.Actor) { actor.User = w.colleague.User }),
		},
	}
}

// brokenProofs are routes that let another site's page write.
func brokenProofs(w *matrixWorld) []brokenRoute {
	around := func(change func(r *http.Request)) func(*matrixRun, string) (http.Handler, func()) {
		return func(*matrixRun, string) (http.Handler, func()) {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				change(r)
				w.handler.ServeHTTP(rw, r)
			}), func() {}
		}
	}
	prove := func(r *http.Request) {
		if cookie, err := r.Cookie("omnicrm_session"); err == nil {
			proof := identity.CSRFToken(cookie.Value)
			r.Header.Set("X-Csrf-Token", proof)
			r.Header.Set("Cookie", "omnicrm_session="+cookie.Value+"; csrf="+proof)
		}
	}
	return []brokenRoute{
		{
			"a route that asks for no proof of the page", func(c matrixCell) bool { return c.caller.writes && c.code == "missing_csrf" },
			around(func(r *http.Request) {
				if r.Header.Get("X-Csrf-Token") == "" {
					prove(r)
				}
			}),
		},
		{
			"a route that takes any proof", func(c matrixCell) bool { return c.caller.writes && c.code == "invalid_csrf" && !c.caller.origin },
			around(prove),
		},
		{
			"a route that does not look where a request comes from", func(c matrixCell) bool { return c.caller.origin && c.status == http.StatusForbidden },
			around(func(r *http.Request) { r.Header.Del("Origin"); r.Header.Del("Sec-Fetch-Site") }),
		},
	}
}

// brokenAnswers are handlers that refuse and tell too much by it, or do
// something all the same.
func brokenAnswers(t *testing.T, m *matrix) int {
	w := m.w
	shown := func(change func(run *matrixRun, got *httptest.ResponseRecorder)) func(*matrixRun) http.Handler {
		return func(run *matrixRun) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				got := httptest.NewRecorder()
				w.handler.ServeHTTP(got, r)
				change(run, got)
				maps.Copy(rw.Header(), got.Header())
				rw.WriteHeader(got.Code)
				_, _ = rw.Write(got.Body.Bytes())
			})
		}
	}
	detail := func(got *httptest.ResponseRecorder, old, text string) {
		body := strings.Replace(got.Body.String(), old, text, 1)
		got.Body.Reset()
		got.Body.WriteString(body)
	}
	all := map[string]func(*matrixRun) http.Handler{
		"a foreign id has another answer than one that never was": shown(func(run *matrixRun, got *httptest.ResponseRecorder) {
			if run.current.class == foreignID {
				detail(got, "no such record in this workspace", "such a record in another workspace")
			}
		}),
		"a foreign id is forbidden": shown(func(run *matrixRun, got *httptest.ResponseRecorder) {
			if run.current.class == foreignID && got.Code == http.StatusNotFound {
				got.Code = http.StatusForbidden
			}
		}),
		"a revoked key is told that it was one": shown(func(run *matrixRun, got *httptest.ResponseRecorder) {
			if run.current.caller.name == "revoked key" {
				detail(got, "Sign in", "This key was revoked. Sign in")
			}
		}),
		"401 does not say how to sign in": shown(func(_ *matrixRun, got *httptest.ResponseRecorder) { got.Header().Del("WWW-Authenticate") }),
		"a refusal shows the version": shown(func(_ *matrixRun, got *httptest.ResponseRecorder) {
			if got.Code >= http.StatusBadRequest {
				got.Header().Set("ETag", `"1"`)
			}
		}),
		"a refusal can be cached": shown(func(_ *matrixRun, got *httptest.ResponseRecorder) { got.Header().Set("Cache-Control", "public") }),
		"a refusal is no problem document": shown(func(_ *matrixRun, got *httptest.ResponseRecorder) {
			if got.Code >= http.StatusBadRequest {
				detail(got, `"instance"`, `"place"`)
			}
		}),
		"a refusal names the other workspace's people": shown(func(_ *matrixRun, got *httptest.ResponseRecorder) { detail(got, `"detail":"`, `"detail":"`+awaySecret) }),
		"an answer by HEAD is not the one by GET": shown(func(run *matrixRun, got *httptest.ResponseRecorder) {
			if got.Body.Len() == 0 && run.current.route.Method == http.MethodGet {
				got.Code = http.StatusOK
			}
		}),
	}
	for name, broken := range all {
		run := m.run(nil)
		m.victims, run.enough = map[victim]crm.ID{}, 1
		run.handler = broken(run)
		if run.all(m.of("getContact"), matrixCell.harmless); len(run.complaints) == 0 {
			t.Errorf("%s: the matrix sees nothing wrong", name)
		}
	}
	if refusalsThatAct(m) == 0 {
		t.Error("refused calls leave something behind: the matrix sees nothing wrong")
	}
	return len(all) + 1
}

// refusalsThatAct runs a handler that notes each refusal in the database, and
// returns how many tables the matrix saw changed.
func refusalsThatAct(m *matrix) int {
	w := m.w
	acting := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.handler.ServeHTTP(rw, r)
		if r.Header.Get("X-Test-Host") == "host's viewer" {
			w.make(aContact, w.colleague)
		}
	})
	before := w.contents()
	m.run(acting).all(m.of("createContact"), matrixCell.harmless)
	return len(changes(before, w.contents()))
}
