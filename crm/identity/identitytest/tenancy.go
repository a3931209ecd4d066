package identitytest

import (
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

// testTenancy asks every method with a workspace for what another one has.
func testTenancy(t *testing.T, f *fixture) {
	ctx := t.Context()
	u := f.member(t, f.here, crm.RoleOwner, 0)
	k := f.key(t, f.here, u.ID, "key")
	i := f.invitation(t, f.here, "ana@example.com", "token")

	_, err := f.GetMember(ctx, f.there, u.ID)
	fails(t, "get a member", err, crm.ErrNotFound)
	members, err := f.ListMembers(ctx, f.there, crm.ID{}, 10)
	must(t, err)
	same(t, "members", len(members), 0)
	owners, err := f.CountOwners(ctx, f.there)
	must(t, err)
	same(t, "owners", owners, 0)
	number, err := f.CountMembers(ctx, f.there)
	must(t, err)
	same(t, "number of members", number, 0)
	fails(t, "delete a member", f.DeleteMember(ctx, f.there, u.ID), crm.ErrNotFound)
	conflict(t, "change a member", f.PutMember(ctx, f.there, identity.Member{User: u.ID, Role: crm.RoleViewer, Version: 2}, 1), crm.ConflictStale, u.ID)

	_, err = f.GetKey(ctx, f.there, k.ID)
	fails(t, "get a key", err, crm.ErrNotFound)
	for _, user := range []crm.ID{{}, u.ID} {
		keys, err := f.ListKeys(ctx, f.there, identity.KeyQuery{User: user, Limit: 10})
		must(t, err)
		same(t, "keys", len(keys), 0)
		number, err := f.CountKeys(ctx, f.there, user)
		must(t, err)
		same(t, "number of keys", number, 0)
	}
	fails(t, "delete a key", f.DeleteKey(ctx, f.there, k.ID), crm.ErrNotFound)
	must(t, f.TouchKey(ctx, f.there, k.ID, at(8)))

	_, err = f.GetInvitation(ctx, f.there, i.ID)
	fails(t, "get an invitation", err, crm.ErrNotFound)
	_, err = f.FindInvitationOf(ctx, f.there, i.EmailKey)
	fails(t, "find an invitation", err, crm.ErrNotFound)
	invitations, err := f.ListInvitations(ctx, f.there, crm.ID{}, 10)
	must(t, err)
	same(t, "invitations", len(invitations), 0)
	number, err = f.CountInvitations(ctx, f.there)
	must(t, err)
	same(t, "number of invitations", number, 0)
	fails(t, "delete an invitation", f.DeleteInvitation(ctx, f.there, i.ID), crm.ErrNotFound)

	member, err := f.GetMember(ctx, f.here, u.ID)
	must(t, err)
	same(t, "the member's role", member.Role, crm.RoleOwner)
	key, err := f.GetKey(ctx, f.here, k.ID)
	must(t, err)
	same(t, "the key", key, k)
	got, err := f.GetInvitation(ctx, f.here, i.ID)
	must(t, err)
	same(t, "the invitation", got, i.Invitation)

	// One user in two workspaces: what happens in one does not reach the other.
	f.join(t, f.there, u, crm.RoleViewer, 1)
	f.key(t, f.there, u.ID, "key there")
	must(t, f.DeleteMember(ctx, f.there, u.ID))
	_, err = f.FindKeyCaller(ctx, digest("key"))
	must(t, err)
	_, err = f.FindKeyCaller(ctx, digest("key there"))
	fails(t, "the key of the membership that ended", err, crm.ErrNotFound)
}

func testText(t *testing.T, f *fixture) {
	ctx := t.Context()
	for _, text := range []string{"", "a\x00b", "Zoë Łukasz", "السلام", "👩‍👩‍👧", "'; --", "%_\\", strings.Repeat("長", 200)} {
		u := f.newUser()
		u.Name, u.PasswordHash, u.EmailKey = text, text, "key "+text
		must(t, f.PutUser(ctx, u, 0))
		got, err := f.FindUser(ctx, u.EmailKey)
		must(t, err)
		same(t, "the user", got, u)
		s := identity.Session{ID: crm.NewID(), User: u.ID, CreatedAt: at(0), SeenAt: at(0), Address: text, UserAgent: text}
		must(t, f.PutSession(ctx, s, digest(text)))
		session, err := f.FindSession(ctx, digest(text))
		must(t, err)
		same(t, "the session", session, s)
		f.join(t, f.here, u, crm.RoleMember, 0)
		k := identity.Key{ID: crm.NewID(), User: u.ID, Name: text, Prefix: text, CreatedAt: at(0)}
		must(t, f.PutKey(ctx, f.here, k, digest(text)))
		key, err := f.GetKey(ctx, f.here, k.ID)
		must(t, err)
		same(t, "the key, without scopes and times", key, k)
	}
}

func testPages(t *testing.T, f *fixture) {
	ctx := t.Context()
	var users, invitations []crm.ID
	for n := range 5 {
		users = append(users, f.member(t, f.here, crm.RoleMember, n).ID)
		invitations = append(invitations, f.invitation(t, f.here, "a"+string(rune('a'+n))+"@example.com", string(rune('a'+n))).ID)
	}
	f.member(t, f.there, crm.RoleMember, 0)
	lists := map[string]struct {
		list func(after crm.ID, limit int) ([]crm.ID, error)
		want []crm.ID
	}{
		"users": {func(after crm.ID, limit int) ([]crm.ID, error) {
			all, err := f.ListUsers(ctx, after, limit)
			return ids(all, func(u identity.User) crm.ID { return u.ID }), err
		}, users},
		"members": {func(after crm.ID, limit int) ([]crm.ID, error) {
			all, err := f.ListMembers(ctx, f.here, after, limit)
			return ids(all, func(m identity.Member) crm.ID { return m.User }), err
		}, users},
		"invitations": {func(after crm.ID, limit int) ([]crm.ID, error) {
			all, err := f.ListInvitations(ctx, f.here, after, limit)
			return ids(all, func(i identity.Invitation) crm.ID { return i.ID }), err
		}, invitations},
	}
	for name, l := range lists {
		page, err := l.list(crm.ID{}, 2)
		must(t, err)
		same(t, "first page of "+name, page, l.want[:2])
		page, err = l.list(l.want[1], 3)
		must(t, err)
		same(t, "second page of "+name, page, l.want[2:])
	}
	workspaces, err := f.ListWorkspaces(ctx, crm.WorkspaceID{}, 10)
	must(t, err)
	same(t, "workspaces", len(workspaces), 2)
	workspaces, err = f.ListWorkspaces(ctx, workspaces[0].ID, 10)
	must(t, err)
	same(t, "workspaces after the first", len(workspaces), 1)
}
