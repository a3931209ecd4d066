package httpapi_test

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func forbiddenTo(name string, make func(w *matrixWorld) []string) callerMaker {
	return refused(name, http.StatusForbidden, "forbidden", make)
}

// pastMembers had rights once: what counts is what they have now.
func pastMembers() []callerMaker {
	demoted := func(w *matrixWorld, actor crm.Actor) {
		if _, err := w.identity.Members.ChangeRole(w.t.Context(), w.colleague, actor.User, crm.RoleViewer, 0); err != nil {
			w.t.Fatal(err)
		}
	}
	later := func(make callerMaker, change func(*matrixWorld, crm.Actor), become func(*matrixCaller)) callerMaker {
		return func(w *matrixWorld) matrixCaller {
			c := make(w)
			change(w, c.actor)
			become(&c)
			return c
		}
	}
	viewer := func(c *matrixCaller) { c.actor.Role = crm.RoleViewer }
	is := func(status int, code string) func(*matrixCaller) {
		return func(c *matrixCaller) { c.status, c.code, c.actor = status, code, crm.Actor{} }
	}
	remove := func(w *matrixWorld, actor crm.Actor) {
		if err := w.identity.Members.Remove(w.t.Context(), w.colleague, actor.User, 0); err != nil {
			w.t.Fatal(err)
		}
	}
	erase := func(w *matrixWorld, actor crm.Actor) {
		if err := w.identity.Operator.DeleteUser(w.t.Context(), actor.User); err != nil {
			w.t.Fatal(err)
		}
	}
	owner := memberAs(crm.RoleOwner)
	return []callerMaker{
		later(bySession("owner made a viewer since", owner), demoted, viewer),
		later(byKey("key of an owner made a viewer since", owner, crm.Scopes()...), demoted, viewer),
		later(bySession("session of a removed member", owner), remove, is(http.StatusForbidden, "forbidden")),
		later(byKey("key of a removed member", owner, crm.Scopes()...), remove, is(http.StatusUnauthorized, "unauthorized")),
		later(bySession("session of a deleted user", owner), erase, is(http.StatusUnauthorized, "unauthorized")),
		later(byKey("key of a deleted user", owner, crm.Scopes()...), erase, is(http.StatusUnauthorized, "unauthorized")),
	}
}

// forgedRequests are what another site makes an owner's browser send: reads are
// answered, because the other site cannot see them, and writes are not.
func forgedRequests() []callerMaker {
	forged := func(name, code string, origin bool, headers func(w *matrixWorld, honest []string) []string) callerMaker {
		return func(w *matrixWorld) matrixCaller {
			c := bySession(name, memberAs(crm.RoleOwner))(w)
			c.headers = headers(w, c.headers)
			c.status, c.code, c.writes, c.origin = http.StatusForbidden, code, true, origin
			return c
		}
	}
	const csrf = 3 // Where headers hold the proof.
	return []callerMaker{
		forged("owner without the proof", "missing_csrf", false, func(_ *matrixWorld, honest []string) []string { return honest[:2] }),
		forged("owner with a wrong proof", "invalid_csrf", false, func(_ *matrixWorld, honest []string) []string {
			wrong := slices.Clone(honest)
			wrong[csrf] += "x"
			return wrong
		}),
		forged("owner with another session's proof", "invalid_csrf", false, func(w *matrixWorld, honest []string) []string {
			other := w.session(w.identity, w.colleague).CSRFToken
			session, _, _ := strings.Cut(honest[1], "csrf=")
			return []string{"Cookie", session + "csrf=" + other, "X-Csrf-Token", other}
		}),
		forged("owner on another site's page", "invalid_csrf", true, func(_ *matrixWorld, honest []string) []string {
			return append(honest, "Sec-Fetch-Site", "cross-site")
		}),
		forged("owner sent by another origin", "invalid_csrf", true, func(_ *matrixWorld, honest []string) []string {
			return append(honest, "Origin", "https://evil.example")
		}),
		func(w *matrixWorld) matrixCaller {
			c := byHost("host's owner on another site's page", memberAs(crm.RoleOwner))(w)
			c.headers = append(c.headers, "Sec-Fetch-Site", "cross-site")
			c.status, c.code, c.writes, c.origin = http.StatusForbidden, "invalid_csrf", true, true
			return c
		},
	}
}

// strangersThatCall own the other workspace, and may do there what they like.
func strangersThatCall() []callerMaker {
	stranger := func(w *matrixWorld) crm.Actor { return w.user(w.away, "Stranger", crm.RoleOwner) }
	atHome := func(w *matrixWorld) []string { return []string{"X-Workspace-Id", w.home.String()} }
	return []callerMaker{
		bySession("other workspace's owner", stranger),
		byKey("key of the other workspace's owner", stranger, crm.Scopes()...),
		byHost("host's owner of the other workspace", stranger),
		forbiddenTo("other workspace's owner who asks for this one", func(w *matrixWorld) []string {
			in := w.session(w.identity, w.stranger)
			return append(cookies(in, in.CSRFToken), atHome(w)...)
		}),
		forbiddenTo("other workspace's key that asks for this one", func(w *matrixWorld) []string {
			_, text := w.key(w.identity, w.stranger, crm.Scopes(), time.Time{})
			return append(bearer(text), atHome(w)...)
		}),
		forbiddenTo("owner who asks for a workspace that never was", func(w *matrixWorld) []string {
			in := w.session(w.identity, w.member(crm.RoleOwner))
			return append(cookies(in, in.CSRFToken), "X-Workspace-Id", crm.NewID().String())
		}),
	}
}
