package httpapi_test

import (
	"net/http"
	"strings"
	"time"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

// matrixCaller is a column of the matrix: somebody who calls, with what proves
// it, and what is refused to them before any role counts.
type matrixCaller struct {
	name string
	// actor is who they are; the role is the one they have now.
	actor   crm.Actor
	headers []string
	// status and code answer every route that is not open, zero for nothing.
	status int
	code   string
	// writes says that only unsafe methods are answered so, origin that open
	// routes answer it as well.
	writes, origin bool
}

// away reports whether they are at home in the other workspace.
func (c matrixCaller) away(w *matrixWorld) bool { return c.actor.Workspace == w.away }

// callerMaker makes a caller anew, with a user of its own.
type callerMaker func(w *matrixWorld) matrixCaller

func matrixCallers() []callerMaker {
	all := append(membersThatCall(), keysThatCall()...)
	all = append(all, deadCredentials()...)
	all = append(all, pastMembers()...)
	all = append(all, forgedRequests()...)
	return append(all, strangersThatCall()...)
}

// cookies are what a browser with the session sends.
func cookies(in identity.SignedIn, csrf string) []string {
	return []string{"Cookie", "omnicrm_session=" + in.Token + "; csrf=" + csrf, "X-Csrf-Token", csrf}
}

func (w *matrixWorld) member(role crm.Role) crm.Actor { return w.user(w.home, "Member", role) }

func bySession(name string, of func(w *matrixWorld) crm.Actor) callerMaker {
	return func(w *matrixWorld) matrixCaller {
		actor := of(w)
		in := w.session(w.identity, actor)
		return matrixCaller{name: name, actor: actor, headers: cookies(in, in.CSRFToken)}
	}
}

func byKey(name string, of func(w *matrixWorld) crm.Actor, scopes ...crm.Scope) callerMaker {
	return func(w *matrixWorld) matrixCaller {
		actor := of(w)
		_, text := w.key(w.identity, actor, scopes, time.Time{})
		actor.Kind, actor.Scopes = crm.ActorKey, scopes
		return matrixCaller{name: name, actor: actor, headers: []string{"Authorization", "Bearer " + text}}
	}
}

func byHost(name string, of func(w *matrixWorld) crm.Actor) callerMaker {
	return func(w *matrixWorld) matrixCaller {
		actor := of(w)
		w.hosts[name] = actor
		return matrixCaller{name: name, actor: actor, headers: []string{hostHeader, name}}
	}
}

func memberAs(role crm.Role) func(w *matrixWorld) crm.Actor {
	return func(w *matrixWorld) crm.Actor { return w.member(role) }
}

// membersThatCall are the roles, by session and by a host's own sign-in.
func membersThatCall() []callerMaker {
	var all []callerMaker
	for _, role := range crm.Roles() {
		all = append(all, bySession(string(role), memberAs(role)), byHost("host's "+string(role), memberAs(role)))
	}
	return all
}

// keysThatCall are keys of every role with every scope, and of an owner with
// each scope alone.
func keysThatCall() []callerMaker {
	var all []callerMaker
	for _, role := range crm.Roles() {
		all = append(all, byKey("key of a "+string(role), memberAs(role), crm.Scopes()...))
	}
	for _, scope := range crm.Scopes() {
		all = append(all, byKey("key for "+string(scope), memberAs(crm.RoleOwner), scope))
	}
	return append(all, byKey("viewer's key that reads no contacts", memberAs(crm.RoleViewer),
		crm.ScopeContactsWrite, crm.ScopeImports, crm.ScopeJobs, crm.ScopeAdmin))
}

// refused is a caller whom every route refuses that is not open.
func refused(name string, status int, code string, make func(w *matrixWorld) []string) callerMaker {
	return func(w *matrixWorld) matrixCaller {
		return matrixCaller{name: name, headers: make(w), status: status, code: code}
	}
}

func nobodyAs(name string, make func(w *matrixWorld) []string) callerMaker {
	return refused(name, http.StatusUnauthorized, "unauthorized", make)
}

func bearer(text string) []string { return []string{"Authorization", "Bearer " + text} }

// deadCredentials are those that open nothing: not one answer may tell them apart.
func deadCredentials() []callerMaker {
	ownersKey := func(w *matrixWorld, expires time.Time, by *identity.Identity) (crm.Actor, crm.ID, string) {
		actor := w.member(crm.RoleOwner)
		id, text := w.key(by, actor, crm.Scopes(), expires)
		return actor, id, text
	}
	revoked := func(w *matrixWorld) string {
		actor, id, text := ownersKey(w, time.Time{}, w.identity)
		if err := w.identity.Keys.Revoke(w.t.Context(), actor, id); err != nil {
			w.t.Fatal(err)
		}
		return text
	}
	owner := func(w *matrixWorld, ahead time.Duration) identity.SignedIn {
		return w.session(w.identityAt(ahead), w.member(crm.RoleOwner))
	}
	return []callerMaker{
		nobodyAs("nobody", func(*matrixWorld) []string { return nil }),
		nobodyAs("revoked key", func(w *matrixWorld) []string { return bearer(revoked(w)) }),
		nobodyAs("revoked key beside a good session", func(w *matrixWorld) []string {
			in := owner(w, 0)
			return append(cookies(in, in.CSRFToken), bearer(revoked(w))...)
		}),
		nobodyAs("expired key", func(w *matrixWorld) []string {
			_, _, text := ownersKey(w, time.Now().Add(-time.Hour), w.identityAt(-48*time.Hour))
			return bearer(text)
		}),
		nobodyAs("unknown key", func(w *matrixWorld) []string {
			_, _, text := ownersKey(w, time.Time{}, w.identity)
			return bearer(strings.Map(func(r rune) rune { // The same form, another secret.
				if r >= '0' && r <= '8' {
					return r + 1
				}
				return r
			}, text))
		}),
		nobodyAs("no key at all", func(*matrixWorld) []string { return bearer("x") }),
		nobodyAs("session that was ended", func(w *matrixWorld) []string {
			in := owner(w, 0)
			if err := w.identity.Sessions.SignOut(w.t.Context(), in.Token); err != nil {
				w.t.Fatal(err)
			}
			return cookies(in, in.CSRFToken)
		}),
		nobodyAs("expired session", func(w *matrixWorld) []string {
			in := owner(w, -identity.SessionLifetime-time.Hour)
			return cookies(in, in.CSRFToken)
		}),
		nobodyAs("idle session", func(w *matrixWorld) []string {
			in := owner(w, -identity.SessionIdle-time.Hour)
			return cookies(in, in.CSRFToken)
		}),
		nobodyAs("unknown session", func(w *matrixWorld) []string {
			in := owner(w, 0)
			in.Token = in.CSRFToken
			return cookies(in, in.CSRFToken)
		}),
		nobodyAs("session's token as a key", func(w *matrixWorld) []string { return bearer(owner(w, 0).Token) }),
		nobodyAs("host's actor without a role", func(w *matrixWorld) []string {
			w.hosts["no role"] = crm.Actor{Workspace: w.home, User: w.colleague.User}
			return []string{hostHeader, "no role"}
		}),
	}
}
