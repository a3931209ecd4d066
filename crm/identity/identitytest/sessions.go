package identitytest

import (
	"testing"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

func testSessions(t *testing.T, f *fixture) {
	ctx := t.Context()
	u, other := f.user(t), f.user(t)
	first, second, third := f.session(t, u.ID, "1"), f.session(t, u.ID, "2"), f.session(t, u.ID, "3")
	theirs := f.session(t, other.ID, "4")
	got, err := f.FindSession(ctx, digest("2"))
	must(t, err)
	same(t, "by token", got, second)
	_, err = f.FindSession(ctx, digest("5"))
	fails(t, "an unknown token", err, crm.ErrNotFound)

	must(t, f.TouchSession(ctx, digest("2"), at(8)))
	must(t, f.TouchSession(ctx, digest("2"), at(7)))
	must(t, f.TouchSession(ctx, digest("5"), at(7)))
	second.SeenAt = at(8)
	all, err := f.ListSessions(ctx, u.ID, 10)
	must(t, err)
	same(t, "newest first", all, []identity.Session{third, second, first})
	all, err = f.ListSessions(ctx, u.ID, 2)
	must(t, err)
	same(t, "the newest two", all, []identity.Session{third, second})

	fails(t, "delete another user's", f.DeleteSession(ctx, u.ID, theirs.ID), crm.ErrNotFound)
	must(t, f.DeleteSession(ctx, u.ID, first.ID))
	fails(t, "delete again", f.DeleteSession(ctx, u.ID, first.ID), crm.ErrNotFound)
	must(t, f.TouchSession(ctx, digest("1"), at(9)))
	_, err = f.FindSession(ctx, digest("1"))
	fails(t, "a deleted session after a touch", err, crm.ErrNotFound)

	n, err := f.DeleteSessions(ctx, u.ID, third.ID)
	must(t, err)
	same(t, "deleted but one", n, 1)
	n, err = f.DeleteSessions(ctx, u.ID, crm.ID{})
	must(t, err)
	same(t, "deleted all", n, 1)
	got, err = f.FindSession(ctx, digest("4"))
	must(t, err)
	same(t, "the other user's", got, theirs)
}

func testSessionCaller(t *testing.T, f *fixture) {
	ctx := t.Context()
	u := f.member(t, f.here, crm.RoleAdmin, 7)
	f.join(t, f.there, u, crm.RoleViewer, 5)
	f.member(t, f.there, crm.RoleOwner, 0)
	s := f.session(t, u.ID, "token")
	find := func(ws crm.WorkspaceID) identity.SessionCaller {
		t.Helper()
		got, err := f.FindSessionCaller(ctx, digest("token"), ws)
		must(t, err)
		return got
	}
	caller := identity.SessionCaller{Session: s, User: u.User, Workspace: f.here, Role: crm.RoleAdmin}
	same(t, "in a workspace", find(f.here), caller)
	caller.Workspace, caller.Role = f.there, crm.RoleViewer
	same(t, "in the one joined first", find(crm.WorkspaceID{}), caller)
	caller.Workspace, caller.Role = crm.WorkspaceID{}, ""
	same(t, "in a workspace that is not", find(crm.WorkspaceID(crm.NewID())), caller)

	must(t, f.DeleteMember(ctx, f.there, u.ID))
	same(t, "in a workspace that was left", find(f.there), caller)
	caller.Workspace, caller.Role = f.here, crm.RoleAdmin
	same(t, "in the one that is left", find(crm.WorkspaceID{}), caller)
	must(t, f.PutMember(ctx, f.here, identity.Member{User: u.ID, Role: crm.RoleMember, CreatedAt: at(7), UpdatedAt: at(8), Version: 2}, 1))
	caller.Role = crm.RoleMember
	same(t, "after a change of role", find(f.here), caller)
	must(t, f.DeleteMember(ctx, f.here, u.ID))
	caller.Workspace, caller.Role = crm.WorkspaceID{}, ""
	same(t, "a member of nothing", find(crm.WorkspaceID{}), caller)

	must(t, f.DeleteSession(ctx, u.ID, s.ID))
	for _, ws := range []crm.WorkspaceID{{}, f.here} {
		_, err := f.FindSessionCaller(ctx, digest("token"), ws)
		fails(t, "a deleted session", err, crm.ErrNotFound)
	}
}

func testLinks(t *testing.T, f *fixture) {
	ctx := t.Context()
	u := f.user(t)
	signIn := identity.Link{Purpose: identity.LinkSignIn, User: u.ID, ExpiresAt: at(3)}
	setUp := identity.Link{Purpose: identity.LinkSetUp, ExpiresAt: at(4)}
	must(t, f.PutLink(ctx, signIn, digest("1")))
	must(t, f.PutLink(ctx, setUp, digest("2")))
	for range 2 { // To look at a link does not use it up.
		got, err := f.FindLink(ctx, digest("2"))
		must(t, err)
		same(t, "the link without a user, looked at", got, setUp)
	}
	got, err := f.TakeLink(ctx, digest("2"))
	must(t, err)
	same(t, "the link without a user", got, setUp)
	_, err = f.FindLink(ctx, digest("2"))
	fails(t, "look at a link that was taken", err, crm.ErrNotFound)
	got, err = f.TakeLink(ctx, digest("1"))
	must(t, err)
	same(t, "the link with a user", got, signIn)
	_, err = f.TakeLink(ctx, digest("1"))
	fails(t, "take again", err, crm.ErrNotFound)
}

func testAttempts(t *testing.T, f *fixture) {
	ctx := t.Context()
	check := func(subject string, want identity.Attempts) {
		t.Helper()
		got, err := f.GetAttempts(ctx, digest(subject))
		must(t, err)
		same(t, "attempts of "+subject, got, want)
	}
	check("a", identity.Attempts{})
	must(t, f.PutAttempts(ctx, digest("a"), identity.Attempts{Count: 3, Last: at(1)}))
	must(t, f.PutAttempts(ctx, digest("b"), identity.Attempts{Count: 9, Last: at(2)}))
	must(t, f.PutAttempts(ctx, digest("a"), identity.Attempts{Count: 4, Last: at(3)}))
	check("a", identity.Attempts{Count: 4, Last: at(3)})
	check("b", identity.Attempts{Count: 9, Last: at(2)})
	must(t, f.PutAttempts(ctx, digest("a"), identity.Attempts{Last: at(5)}))
	must(t, f.PutAttempts(ctx, digest("a"), identity.Attempts{}))
	check("a", identity.Attempts{})
}

func testPurge(t *testing.T, f *fixture) {
	ctx := t.Context()
	u := f.user(t)
	put := func(name string, created, seen int) {
		t.Helper()
		s := identity.Session{ID: crm.NewID(), User: u.ID, CreatedAt: at(created), SeenAt: at(seen)}
		must(t, f.PutSession(ctx, s, digest(name)))
		must(t, f.PutLink(ctx, identity.Link{Purpose: identity.LinkSetUp, ExpiresAt: at(seen)}, digest(name)))
		must(t, f.PutAttempts(ctx, digest(name), identity.Attempts{Count: 1, Last: at(seen)}))
	}
	put("fresh", 10, 20)
	put("idle", 10, 11)
	put("old", 2, 20)
	must(t, f.PurgeIdentity(ctx, identity.Expired{}, 100))
	expired := identity.Expired{SessionsSeenBefore: at(20), SessionsCreatedBefore: at(10), LinksBefore: at(20), AttemptsBefore: at(20)}
	_, err := f.FindSession(ctx, digest("idle"))
	must(t, err)
	must(t, f.PurgeIdentity(ctx, expired, 100))
	for name, want := range map[string]error{"fresh": nil, "idle": crm.ErrNotFound, "old": crm.ErrNotFound} {
		_, err := f.FindSession(ctx, digest(name))
		fails(t, "the session "+name, err, want)
	}
	for name, want := range map[string]error{"fresh": nil, "idle": crm.ErrNotFound, "old": nil} {
		_, err := f.TakeLink(ctx, digest(name))
		fails(t, "the link "+name, err, want)
		a, err := f.GetAttempts(ctx, digest(name))
		must(t, err)
		same(t, "the attempts "+name+" are there", a.Count == 1, want == nil)
	}
	must(t, f.PutAttempts(ctx, digest("1"), identity.Attempts{Count: 1, Last: at(1)}))
	must(t, f.PutAttempts(ctx, digest("2"), identity.Attempts{Count: 1, Last: at(1)}))
	must(t, f.PurgeIdentity(ctx, expired, 1))
	first, err := f.GetAttempts(ctx, digest("1"))
	must(t, err)
	second, err := f.GetAttempts(ctx, digest("2"))
	must(t, err)
	same(t, "rows left by a purge of one", first.Count+second.Count, 1)
}
