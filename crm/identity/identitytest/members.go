package identitytest

import (
	"testing"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

func testMembers(t *testing.T, f *fixture) {
	ctx := t.Context()
	u := f.user(t)
	m := f.join(t, f.here, u, crm.RoleViewer, 3)
	got, err := f.GetMember(ctx, f.here, u.ID)
	must(t, err)
	same(t, "the member", got, m)
	conflict(t, "a member twice", f.PutMember(ctx, f.here, m, 0), crm.ConflictExists, u.ID)

	m.Role, m.Version, m.UpdatedAt, m.Email = crm.RoleAdmin, 2, at(9), "ignored"
	must(t, f.PutMember(ctx, f.here, m, 1))
	m.Email = u.Email
	got, err = f.GetMember(ctx, f.here, u.ID)
	must(t, err)
	same(t, "after the update", got, m)
	m.Version = 3
	conflict(t, "an update of an old version", f.PutMember(ctx, f.here, m, 1), crm.ConflictStale, u.ID)
	conflict(t, "an update of no member", f.PutMember(ctx, f.there, m, 1), crm.ConflictStale, u.ID)
	nowhere := crm.WorkspaceID(crm.NewID())
	fails(t, "a member of no workspace", f.PutMember(ctx, nowhere, identity.Member{User: u.ID, Role: crm.RoleViewer, Version: 1}, 0), crm.ErrNotFound)

	key := f.key(t, f.here, u.ID, "key")
	must(t, f.DeleteMember(ctx, f.here, u.ID))
	fails(t, "delete again", f.DeleteMember(ctx, f.here, u.ID), crm.ErrNotFound)
	_, err = f.GetMember(ctx, f.here, u.ID)
	fails(t, "get the deleted", err, crm.ErrNotFound)
	_, err = f.GetKey(ctx, f.here, key.ID)
	fails(t, "the key of the deleted", err, crm.ErrNotFound)
	_, err = f.GetUser(ctx, u.ID)
	must(t, err)
	f.join(t, f.here, u, crm.RoleMember, 4)
	_, err = f.FindKeyCaller(ctx, digest("key"))
	fails(t, "the key after coming back", err, crm.ErrNotFound)
}

func testMemberships(t *testing.T, f *fixture) {
	ctx := t.Context()
	u := f.user(t)
	none, err := f.ListMemberships(ctx, u.ID, 10)
	must(t, err)
	same(t, "memberships of a newcomer", len(none), 0)
	f.member(t, f.here, crm.RoleOwner, 0)
	f.join(t, f.here, u, crm.RoleAdmin, 7)
	f.join(t, f.there, u, crm.RoleViewer, 5)
	names := map[crm.WorkspaceID]string{}
	for _, ws := range []crm.WorkspaceID{f.here, f.there} {
		w, err := f.GetWorkspace(ctx, ws)
		must(t, err)
		names[ws] = w.Name
	}
	want := []identity.Membership{
		{Workspace: f.there, Name: names[f.there], Role: crm.RoleViewer, JoinedAt: at(5)},
		{Workspace: f.here, Name: names[f.here], Role: crm.RoleAdmin, JoinedAt: at(7)},
	}
	got, err := f.ListMemberships(ctx, u.ID, 10)
	must(t, err)
	same(t, "memberships", got, want)
	got, err = f.ListMemberships(ctx, u.ID, 1)
	must(t, err)
	same(t, "the first membership", got, want[:1])

	// Joined at the same moment: by id.
	tie := f.user(t)
	f.join(t, f.there, tie, crm.RoleMember, 2)
	f.join(t, f.here, tie, crm.RoleMember, 2)
	got, err = f.ListMemberships(ctx, tie.ID, 10)
	must(t, err)
	if len(got) != 2 || got[0].Workspace.String() > got[1].Workspace.String() {
		t.Errorf("memberships of one moment: got %+v, want them by id", got)
	}
}

func testOwners(t *testing.T, f *fixture) {
	ctx := t.Context()
	count := func(want, members int) {
		t.Helper()
		got, err := f.CountOwners(ctx, f.here)
		must(t, err)
		same(t, "owners", got, want)
		got, err = f.CountMembers(ctx, f.here)
		must(t, err)
		same(t, "members", got, members)
	}
	count(0, 0)
	u := f.member(t, f.here, crm.RoleOwner, 0)
	f.member(t, f.here, crm.RoleAdmin, 0)
	f.member(t, f.there, crm.RoleOwner, 0)
	count(1, 2)
	second := f.member(t, f.here, crm.RoleOwner, 0)
	count(2, 3)
	must(t, f.PutMember(ctx, f.here, identity.Member{User: u.ID, Role: crm.RoleMember, CreatedAt: at(0), UpdatedAt: at(1), Version: 2}, 1))
	count(1, 3)
	must(t, f.DeleteMember(ctx, f.here, second.ID))
	count(0, 2)
}
