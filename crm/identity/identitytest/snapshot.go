package identitytest

import (
	"cmp"
	"slices"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

// seen is what a snapshot has of the fixture's first workspace, and all users.
type seen struct {
	users       []identity.UserRecord
	members     []identity.Member
	keys        []identity.KeyRecord
	invitations []identity.TokenRecord
}

// readView reads a view two records at a time.
func readView(t *testing.T, view identity.Snapshot, ws crm.WorkspaceID) seen {
	t.Helper()
	ctx := t.Context()
	return seen{
		users: inPages(t, func(u identity.UserRecord) crm.ID { return u.ID }, func(after crm.ID) ([]identity.UserRecord, error) {
			return view.ListUserRecords(ctx, after, 2)
		}),
		members: inPages(t, func(m identity.Member) crm.ID { return m.User }, func(after crm.ID) ([]identity.Member, error) {
			return view.ListMembers(ctx, ws, after, 2)
		}),
		keys: inPages(t, func(k identity.KeyRecord) crm.ID { return k.ID }, func(after crm.ID) ([]identity.KeyRecord, error) {
			return view.ListKeyRecords(ctx, ws, after, 2)
		}),
		invitations: inPages(t, func(i identity.TokenRecord) crm.ID { return i.ID }, func(after crm.ID) ([]identity.TokenRecord, error) {
			return view.ListInvitationRecords(ctx, ws, after, 2)
		}),
	}
}

func inPages[T any](t *testing.T, id func(T) crm.ID, page func(after crm.ID) ([]T, error)) []T {
	t.Helper()
	var all []T
	var after crm.ID
	for range 20 {
		some, err := page(after)
		must(t, err)
		all = append(all, some...)
		if len(some) < 2 {
			return all
		}
		after = id(some[len(some)-1])
	}
	t.Fatal("the pages do not end")
	return nil
}

// fillBoth writes what a backup holds, into both workspaces, and returns what is
// to be seen of the first.
func fillBoth(t *testing.T, f *fixture) seen {
	t.Helper()
	var want seen
	for n := range 5 {
		u := f.user(t)
		want.users = append(want.users, u)
		want.members = append(want.members, f.join(t, f.here, u, crm.RoleAdmin, n))
		name := string(rune('a' + n))
		want.keys = append(want.keys, identity.KeyRecord{Key: f.key(t, f.here, u.ID, name), Digest: digest(name)})
		i := f.invitation(t, f.here, name+"@example.com", "token "+name)
		want.invitations = append(want.invitations, identity.TokenRecord{InvitationRecord: i, Token: digest("token " + name)})
	}
	other := f.member(t, f.there, crm.RoleOwner, 0)
	want.users = append(want.users, other)
	f.key(t, f.there, other.ID, "there")
	f.invitation(t, f.there, "there@example.com", "token there")
	byID := func(a, b crm.ID) int { return cmp.Compare(a.String(), b.String()) }
	slices.SortFunc(want.users, func(a, b identity.UserRecord) int { return byID(a.ID, b.ID) })
	slices.SortFunc(want.members, func(a, b identity.Member) int { return byID(a.User, b.User) })
	slices.SortFunc(want.keys, func(a, b identity.KeyRecord) int { return byID(a.ID, b.ID) })
	slices.SortFunc(want.invitations, func(a, b identity.TokenRecord) int { return byID(a.ID, b.ID) })
	return want
}

func testSnapshot(t *testing.T, f *fixture) {
	want := fillBoth(t, f)
	must(t, f.InIdentitySnapshot(t.Context(), func(view identity.Snapshot) error {
		got := readView(t, view, f.here)
		same(t, "users", got.users, want.users)
		same(t, "members", got.members, want.members)
		same(t, "keys", got.keys, want.keys)
		same(t, "invitations", got.invitations, want.invitations)
		return nil
	}))
}

func testSnapshotMoment(t *testing.T, f *fixture) {
	want := fillBoth(t, f)
	ctx := t.Context()
	must(t, f.InIdentitySnapshot(ctx, func(view identity.Snapshot) error {
		same(t, "before", readView(t, view, f.here), want)
		f.member(t, f.here, crm.RoleMember, 9)
		must(t, f.DeleteUser(ctx, want.users[0].ID))
		must(t, f.DeleteInvitation(ctx, f.here, want.invitations[0].ID))
		must(t, f.DeleteKey(ctx, f.here, want.keys[4].ID))
		same(t, "after writes", readView(t, view, f.here), want)
		spaces, err := view.ListWorkspaces(ctx, crm.WorkspaceID{}, 10)
		must(t, err)
		same(t, "workspaces in the same view", len(spaces), 2)
		return nil
	}))
}
