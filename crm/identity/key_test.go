package identity_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	f := setup(t)
	owner := f.owner(t)
	ctx := t.Context()
	key, text, err := f.Keys.Create(ctx, owner, identity.NewKey{Name: " Zapier ", Scopes: []crm.Scope{crm.ScopeJobs, crm.ScopeContactsRead, crm.ScopeJobs}})
	must(t, err)

	t.Run("a key is shown once and known by its beginning", func(t *testing.T) {
		if !strings.HasPrefix(text, identity.KeyPrefix) || len(text) != len(identity.KeyPrefix)+43 || !strings.HasPrefix(text, key.Prefix) {
			t.Errorf("key: got %q with the prefix %q, want omni_ and 43 characters", text, key.Prefix)
		}
		all, err := f.Keys.List(ctx, owner, crm.ID{}, 0)
		must(t, err)
		if len(all) != 1 || all[0].Name != "Zapier" || !slices.Equal(all[0].Scopes, []crm.Scope{crm.ScopeContactsRead, crm.ScopeJobs}) {
			t.Errorf("keys: got %+v, want Zapier with its two scopes once each", all)
		}
	})
	t.Run("it authenticates with its scopes in its workspace", func(t *testing.T) {
		for _, ws := range []crm.WorkspaceID{{}, owner.Workspace} {
			caller, err := f.Keys.Authenticate(ctx, text, ws)
			must(t, err)
			a := caller.Actor
			if a.Kind != crm.ActorKey || a.User != owner.User || a.Role != crm.RoleOwner || !a.May(crm.PermContactsRead) || a.May(crm.PermContactsWrite) {
				t.Errorf("actor: got %+v, want the owner's key for reading", a)
			}
			if caller.Key == nil || caller.Key.ID != key.ID || caller.Session != nil {
				t.Errorf("caller: got %+v, want the key %s", caller, key.ID)
			}
		}
		_, err := f.Keys.Authenticate(ctx, text, crm.WorkspaceID(crm.NewID()))
		fails(t, "another workspace", err, crm.ErrForbidden)
	})
	t.Run("what is no key is refused", func(t *testing.T) {
		for _, bad := range []string{"", "omni_", text[:len(text)-1], text + "x", strings.ToUpper(text), strings.TrimPrefix(text, "omni_"), f.session(t, owner.User).Token} {
			_, err := f.Keys.Authenticate(ctx, bad, owner.Workspace)
			fails(t, bad, err, crm.ErrUnauthenticated)
		}
		_, err := f.Sessions.Authenticate(ctx, text, owner.Workspace)
		fails(t, "a key as a session", err, crm.ErrUnauthenticated)
	})
	t.Run("its use is noted once a minute", func(t *testing.T) {
		used := func() time.Time {
			t.Helper()
			_, err := f.Keys.Authenticate(ctx, text, owner.Workspace)
			must(t, err)
			all, err := f.Keys.List(ctx, owner, crm.ID{}, 1)
			must(t, err)
			return all[0].UsedAt
		}
		first := used()
		f.clock.pass(59 * time.Second)
		second := used()
		f.clock.pass(time.Second)
		if third := used(); first.IsZero() || !second.Equal(first) || !third.Equal(first.Add(time.Minute)) {
			t.Errorf("used: got %v, %v, %v, want the second like the first and the third a minute later", first, second, third)
		}
	})
	t.Run("it never exceeds its maker's role of the moment", func(t *testing.T) {
		member := f.join(t, owner, crm.RoleAdmin)
		_, text, err := f.Keys.Create(ctx, member, identity.NewKey{Scopes: crm.Scopes()})
		must(t, err)
		_, err = f.Members.ChangeRole(ctx, owner, member.User, crm.RoleViewer, 0)
		must(t, err)
		caller, err := f.Keys.Authenticate(ctx, text, owner.Workspace)
		must(t, err)
		if caller.Actor.Role != crm.RoleViewer || caller.Actor.May(crm.PermContactsWrite) {
			t.Errorf("actor: got %+v, want a viewer", caller.Actor)
		}
		must(t, f.Members.Remove(ctx, owner, member.User, 0))
		_, err = f.Keys.Authenticate(ctx, text, owner.Workspace)
		fails(t, "after the membership", err, crm.ErrUnauthenticated)
	})
	t.Run("members see and count their own, admins all", func(t *testing.T) {
		member := f.join(t, owner, crm.RoleMember)
		own, _, err := f.Keys.Create(ctx, member, identity.NewKey{})
		must(t, err)
		all, err := f.Keys.List(ctx, owner, crm.ID{}, 0)
		must(t, err)
		for actor, want := range map[*crm.Actor]int{&member: 1, &owner: len(all), {Workspace: owner.Workspace, Role: crm.RoleMember}: 0} {
			if n, err := f.Keys.Count(ctx, *actor); n != want || err != nil {
				t.Errorf("number of keys of a %s: got %d (%v), want %d", actor.Role, n, err, want)
			}
		}
		for _, actor := range []crm.Actor{member, owner} {
			got, err := f.Keys.Get(ctx, actor, own.ID)
			if err != nil || got.ID != own.ID {
				t.Errorf("get as a %s: got %+v (%v)", actor.Role, got, err)
			}
		}
		_, err = f.Keys.Get(ctx, member, all[0].ID)
		fails(t, "another's key", err, crm.ErrNotFound)
		fails(t, "revoke another's key", f.Keys.Revoke(ctx, member, all[0].ID), crm.ErrNotFound)
		must(t, f.Keys.Revoke(ctx, member, own.ID))
	})
	t.Run("it runs out", func(t *testing.T) {
		_, text, err := f.Keys.Create(ctx, owner, identity.NewKey{ExpiresAt: f.clock.Now().Add(time.Hour)})
		must(t, err)
		f.clock.pass(time.Hour - time.Second)
		_, err = f.Keys.Authenticate(ctx, text, owner.Workspace)
		must(t, err)
		f.clock.pass(time.Second)
		_, err = f.Keys.Authenticate(ctx, text, owner.Workspace)
		fails(t, "run out", err, crm.ErrUnauthenticated)
	})
	t.Run("bad input names its fields", func(t *testing.T) {
		_, _, err := f.Keys.Create(ctx, owner, identity.NewKey{
			Name: strings.Repeat("x", 201), Scopes: []crm.Scope{crm.ScopeJobs, "root"}, ExpiresAt: f.clock.Now(),
		})
		invalid(t, "create", err, "name", "scopes[1]", "expiresAt")
		_, err = f.Keys.List(ctx, owner, crm.ID{}, -1)
		invalid(t, "list", err, "limit")
	})
	t.Run("a key makes keys with its own scopes at most", func(t *testing.T) {
		_, text, err := f.Keys.Create(ctx, owner, identity.NewKey{Scopes: []crm.Scope{crm.ScopeAdmin, crm.ScopeContactsRead}})
		must(t, err)
		caller, err := f.Keys.Authenticate(ctx, text, crm.WorkspaceID{})
		must(t, err)
		_, _, err = f.Keys.Create(ctx, caller.Actor, identity.NewKey{Scopes: []crm.Scope{crm.ScopeContactsWrite}})
		invalid(t, "more", err, "scopes[0]")
		child, _, err := f.Keys.Create(ctx, caller.Actor, identity.NewKey{})
		must(t, err)
		if !slices.Equal(child.Scopes, []crm.Scope{crm.ScopeContactsRead}) {
			t.Errorf("scopes: got %v, want only contacts:read", child.Scopes)
		}
		reader, err := f.Keys.Authenticate(ctx, mustKey(t, f, owner, crm.ScopeContactsRead), crm.WorkspaceID{})
		must(t, err)
		_, _, err = f.Keys.Create(ctx, reader.Actor, identity.NewKey{})
		fails(t, "without the scope admin", err, crm.ErrForbidden)
	})
}

func mustKey(t *testing.T, f *fixture, owner crm.Actor, scopes ...crm.Scope) string {
	t.Helper()
	_, text, err := f.Keys.Create(t.Context(), owner, identity.NewKey{Scopes: scopes})
	must(t, err)
	return text
}

func TestWhoSeesAndRevokesKeys(t *testing.T) {
	t.Parallel()
	f := setup(t)
	owner := f.owner(t)
	ctx := t.Context()
	member, admin := f.join(t, owner, crm.RoleMember), f.join(t, owner, crm.RoleAdmin)
	own, text, err := f.Keys.Create(ctx, member, identity.NewKey{})
	must(t, err)
	if want := []crm.Scope{crm.ScopeContactsRead, crm.ScopeContactsWrite, crm.ScopeImports, crm.ScopeJobs}; !slices.Equal(own.Scopes, want) || own.Name != "API key" {
		t.Errorf("defaults: got %+v, want API key with %v", own, want)
	}
	others, _, err := f.Keys.Create(ctx, owner, identity.NewKey{})
	must(t, err)
	for _, c := range []struct {
		actor crm.Actor
		want  int
	}{{member, 1}, {admin, 2}, {owner, 2}, {f.join(t, owner, crm.RoleViewer), 0}} {
		all, err := f.Keys.List(ctx, c.actor, crm.ID{}, 0)
		must(t, err)
		if len(all) != c.want {
			t.Errorf("keys that the %s sees: got %d, want %d", c.actor.Role, len(all), c.want)
		}
	}
	fails(t, "another's", f.Keys.Revoke(ctx, member, others.ID), crm.ErrNotFound)
	fails(t, "nobody's", f.Keys.Revoke(ctx, member, crm.NewID()), crm.ErrNotFound)
	_, foreign, err := f.Operator.CreateUser(ctx, identity.NewAccount{Email: "eve@example.com", NoPassword: true, Workspace: "Other"})
	must(t, err)
	intruder := crm.Actor{Workspace: foreign.Workspace, User: crm.NewID(), Role: crm.RoleOwner}
	fails(t, "from another workspace", f.Keys.Revoke(ctx, intruder, own.ID), crm.ErrNotFound)
	must(t, f.Keys.Revoke(ctx, admin, own.ID))
	_, err = f.Keys.Authenticate(ctx, text, owner.Workspace)
	fails(t, "revoked", err, crm.ErrUnauthenticated)
	must(t, f.Keys.Revoke(ctx, owner, others.ID))
}

func TestAMemberHasABoundedNumberOfKeys(t *testing.T) {
	t.Parallel()
	f := setup(t)
	owner := f.owner(t)
	for range 100 {
		_, _, err := f.Keys.Create(t.Context(), owner, identity.NewKey{})
		must(t, err)
	}
	_, _, err := f.Keys.Create(t.Context(), owner, identity.NewKey{})
	conflict(t, "the hundred and first", err, crm.ConflictState)
}
