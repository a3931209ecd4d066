package identitytest

import (
	"testing"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

func testKeys(t *testing.T, f *fixture) {
	ctx := t.Context()
	u, other := f.member(t, f.here, crm.RoleMember, 0), f.member(t, f.here, crm.RoleAdmin, 0)
	first, theirs, last := f.key(t, f.here, u.ID, "1"), f.key(t, f.here, other.ID, "2"), f.key(t, f.here, u.ID, "3")
	got, err := f.GetKey(ctx, f.here, first.ID)
	must(t, err)
	same(t, "the key", got, first)
	list := func(q identity.KeyQuery) []identity.Key {
		t.Helper()
		all, err := f.ListKeys(ctx, f.here, q)
		must(t, err)
		return all
	}
	same(t, "all", list(identity.KeyQuery{Limit: 10}), []identity.Key{first, theirs, last})
	same(t, "one user's", list(identity.KeyQuery{User: u.ID, Limit: 10}), []identity.Key{first, last})
	same(t, "one user's first", list(identity.KeyQuery{User: u.ID, Limit: 1}), []identity.Key{first})
	same(t, "one user's next", list(identity.KeyQuery{User: u.ID, After: first.ID, Limit: 1}), []identity.Key{last})

	count := func(user crm.ID, want int) {
		t.Helper()
		n, err := f.CountKeys(ctx, f.here, user)
		must(t, err)
		same(t, "number of keys", n, want)
	}
	count(crm.ID{}, 3)
	count(u.ID, 2)
	count(other.ID, 1)
	count(crm.NewID(), 0)

	must(t, f.TouchKey(ctx, f.here, first.ID, at(8)))
	must(t, f.TouchKey(ctx, f.here, first.ID, at(7)))
	got, err = f.GetKey(ctx, f.here, first.ID)
	must(t, err)
	same(t, "used at", got.UsedAt, at(8))
	must(t, f.DeleteKey(ctx, f.here, first.ID))
	must(t, f.TouchKey(ctx, f.here, first.ID, at(9)))
	fails(t, "delete again", f.DeleteKey(ctx, f.here, first.ID), crm.ErrNotFound)
	count(crm.ID{}, 2)
	count(u.ID, 1)
	_, err = f.GetKey(ctx, f.here, first.ID)
	fails(t, "get the deleted", err, crm.ErrNotFound)
	stranger := f.user(t)
	k := identity.Key{ID: crm.NewID(), User: stranger.ID, Name: "key", CreatedAt: at(0)}
	fails(t, "a key of no member", f.PutKey(ctx, f.here, k, digest("4")), crm.ErrNotFound)
}

func testKeyCaller(t *testing.T, f *fixture) {
	ctx := t.Context()
	u := f.member(t, f.here, crm.RoleAdmin, 0)
	f.join(t, f.there, u, crm.RoleViewer, 1)
	k := f.key(t, f.here, u.ID, "key")
	want := identity.KeyCaller{Key: k, User: u.User, Workspace: f.here, Role: crm.RoleAdmin}
	got, err := f.FindKeyCaller(ctx, digest("key"))
	must(t, err)
	same(t, "the caller", got, want)
	must(t, f.PutMember(ctx, f.here, identity.Member{User: u.ID, Role: crm.RoleViewer, CreatedAt: at(0), UpdatedAt: at(1), Version: 2}, 1))
	want.Role = crm.RoleViewer
	got, err = f.FindKeyCaller(ctx, digest("key"))
	must(t, err)
	same(t, "after a change of role", got, want)
	_, err = f.FindKeyCaller(ctx, digest("other"))
	fails(t, "an unknown key", err, crm.ErrNotFound)
	must(t, f.DeleteKey(ctx, f.here, k.ID))
	_, err = f.FindKeyCaller(ctx, digest("key"))
	fails(t, "a deleted key", err, crm.ErrNotFound)
}
