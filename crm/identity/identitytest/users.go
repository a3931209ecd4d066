package identitytest

import (
	"testing"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

func testUsers(t *testing.T, f *fixture) {
	ctx := t.Context()
	u := f.user(t)
	got, err := f.GetUser(ctx, u.ID)
	must(t, err)
	same(t, "by id", got, u)
	got, err = f.FindUser(ctx, u.EmailKey)
	must(t, err)
	same(t, "by address", got, u)

	u.Name, u.PasswordHash, u.Version, u.UpdatedAt = "New Name", "", 2, at(5)
	must(t, f.PutUser(ctx, u, 1))
	got, err = f.GetUser(ctx, u.ID)
	must(t, err)
	same(t, "after the update", got, u)
	u.Version = 3
	conflict(t, "an update of an old version", f.PutUser(ctx, u, 1), crm.ConflictStale, u.ID)

	stranger := f.newUser()
	conflict(t, "an update of nobody", f.PutUser(ctx, stranger, 1), crm.ConflictStale, stranger.ID)
	_, err = f.GetUser(ctx, stranger.ID)
	fails(t, "get nobody", err, crm.ErrNotFound)
	_, err = f.FindUser(ctx, stranger.EmailKey)
	fails(t, "find nobody", err, crm.ErrNotFound)
	fails(t, "delete nobody", f.DeleteUser(ctx, stranger.ID), crm.ErrNotFound)
	must(t, f.PutMember(ctx, f.here, identity.Member{User: u.ID, Role: crm.RoleViewer, Version: 1}, 0))
	fails(t, "a member who is no user", f.PutMember(ctx, f.here, identity.Member{User: stranger.ID, Role: crm.RoleViewer, Version: 1}, 0), crm.ErrNotFound)
	fails(t, "a session of nobody", f.PutSession(ctx, identity.Session{ID: crm.NewID(), User: stranger.ID}, digest("x")), crm.ErrNotFound)
	fails(t, "a link of nobody", f.PutLink(ctx, identity.Link{Purpose: identity.LinkSignIn, User: stranger.ID}, digest("x")), crm.ErrNotFound)
}

func testAddresses(t *testing.T, f *fixture) {
	ctx := t.Context()
	first, second := f.user(t), f.user(t)
	third := f.newUser()
	third.Email, third.EmailKey = "USER1@example.COM", first.EmailKey
	conflict(t, "a new user with a taken address", f.PutUser(ctx, third, 0), crm.ConflictExists, first.ID)
	taken := second
	taken.EmailKey, taken.Version = first.EmailKey, 2
	conflict(t, "a change to a taken address", f.PutUser(ctx, taken, 1), crm.ConflictExists, first.ID)
	got, err := f.GetUser(ctx, second.ID)
	must(t, err)
	same(t, "the user after the refused change", got, second)

	// The store compares keys byte by byte: folding is the service's.
	third.EmailKey = "user1@EXAMPLE.com"
	must(t, f.PutUser(ctx, third, 0))
	found, err := f.FindUser(ctx, first.EmailKey)
	must(t, err)
	same(t, "the first user", found, first)

	first.Email, first.EmailKey, first.Version = "moved@example.com", "moved@example.com", 2
	must(t, f.PutUser(ctx, first, 1))
	_, err = f.FindUser(ctx, "user1@example.com")
	fails(t, "the address that was left", err, crm.ErrNotFound)
}

func testDeleteUser(t *testing.T, f *fixture) {
	ctx := t.Context()
	u, other := f.member(t, f.here, crm.RoleOwner, 0), f.member(t, f.here, crm.RoleOwner, 0)
	f.join(t, f.there, u, crm.RoleMember, 1)
	f.session(t, u.ID, "mine")
	kept := f.session(t, other.ID, "theirs")
	key := f.key(t, f.there, u.ID, "my key")
	link := identity.Link{Purpose: identity.LinkSignIn, User: u.ID, ExpiresAt: at(9)}
	must(t, f.PutLink(ctx, link, digest("my link")))

	must(t, f.DeleteUser(ctx, u.ID))
	_, err := f.FindSession(ctx, digest("mine"))
	fails(t, "the session", err, crm.ErrNotFound)
	_, err = f.FindSessionCaller(ctx, digest("mine"), f.here)
	fails(t, "the session's caller", err, crm.ErrNotFound)
	_, err = f.FindKeyCaller(ctx, digest("my key"))
	fails(t, "the key's caller", err, crm.ErrNotFound)
	_, err = f.GetKey(ctx, f.there, key.ID)
	fails(t, "the key", err, crm.ErrNotFound)
	_, err = f.TakeLink(ctx, digest("my link"))
	fails(t, "the link", err, crm.ErrNotFound)
	_, err = f.GetMember(ctx, f.here, u.ID)
	fails(t, "the member", err, crm.ErrNotFound)
	owners, err := f.CountOwners(ctx, f.here)
	must(t, err)
	same(t, "owners left", owners, 1)
	got, err := f.FindSession(ctx, digest("theirs"))
	must(t, err)
	same(t, "the other user's session", got, kept)
	fails(t, "delete again", f.DeleteUser(ctx, u.ID), crm.ErrNotFound)
}
