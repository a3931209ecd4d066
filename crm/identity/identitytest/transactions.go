package identitytest

import (
	"errors"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

// errUndo ends a transaction that must leave nothing.
var errUndo = errors.New("undo")

func testRollback(t *testing.T, f *fixture) {
	ctx := t.Context()
	u := f.member(t, f.here, crm.RoleOwner, 0)
	before, err := f.EventHead(ctx, f.here)
	must(t, err)
	link := identity.Link{Purpose: identity.LinkSetUp, ExpiresAt: at(1)}
	must(t, f.PutLink(ctx, link, digest("link")))
	fresh, i := f.newUser(), newInvitation("ana@example.com")
	event := crm.Event{ID: crm.NewID(), Type: identity.EventMemberAdded, At: at(0), Subject: crm.Subject{Kind: identity.SubjectMember, ID: fresh.ID}}
	err = f.InIdentityTx(ctx, func(tx identity.Tx) error {
		_, taken := tx.TakeLink(ctx, digest("link"))
		return errors.Join(
			taken,
			tx.PutUser(ctx, fresh, 0),
			tx.PutMember(ctx, f.here, identity.Member{User: fresh.ID, Role: crm.RoleOwner, Version: 1}, 0),
			tx.PutSession(ctx, identity.Session{ID: crm.NewID(), User: fresh.ID}, digest("session")),
			tx.PutKey(ctx, f.here, identity.Key{ID: crm.NewID(), User: fresh.ID}, digest("key")),
			tx.PutInvitation(ctx, f.here, i, digest("invitation")),
			tx.PutAttempts(ctx, digest("attempts"), identity.Attempts{Count: 1, Last: at(0)}),
			tx.PutWorkspace(ctx, crm.Workspace{ID: crm.WorkspaceID(fresh.ID), Name: "new", Version: 1}, 0),
			tx.AppendEvents(ctx, f.here, []crm.Event{event}),
			tx.DeleteMember(ctx, f.here, u.ID),
			errUndo,
		)
	})
	if !errors.Is(err, errUndo) || errors.Is(err, crm.ErrConflict) || errors.Is(err, crm.ErrNotFound) {
		t.Fatalf("the transaction: got error %v, want only %v", err, errUndo)
	}
	_, err = f.GetUser(ctx, fresh.ID)
	fails(t, "the user", err, crm.ErrNotFound)
	_, err = f.FindSession(ctx, digest("session"))
	fails(t, "the session", err, crm.ErrNotFound)
	_, err = f.FindKeyCaller(ctx, digest("key"))
	fails(t, "the key", err, crm.ErrNotFound)
	_, err = f.GetInvitation(ctx, f.here, i.ID)
	fails(t, "the invitation", err, crm.ErrNotFound)
	_, err = f.GetWorkspace(ctx, crm.WorkspaceID(fresh.ID))
	fails(t, "the workspace", err, crm.ErrNotFound)
	attempts, err := f.GetAttempts(ctx, digest("attempts"))
	must(t, err)
	same(t, "the attempts", attempts, identity.Attempts{})
	_, err = f.GetMember(ctx, f.here, u.ID)
	must(t, err)
	after, err := f.EventHead(ctx, f.here)
	must(t, err)
	same(t, "the head of the log", after, before)
	_, err = f.TakeLink(ctx, digest("link"))
	must(t, err)
}

func testOwnWrites(t *testing.T, f *fixture) {
	ctx := t.Context()
	u := f.newUser()
	event := crm.Event{
		ID: crm.NewID(), Type: identity.EventMemberAdded, At: at(0), Actor: crm.EventActor{Kind: crm.ActorUser, ID: u.ID},
		Subject: crm.Subject{Kind: identity.SubjectMember, ID: u.ID}, Version: 1,
	}
	must(t, f.InIdentityTx(ctx, func(tx identity.Tx) error {
		if err := tx.PutUser(ctx, u, 0); err != nil {
			return err
		}
		if _, err := tx.FindUser(ctx, u.EmailKey); err != nil {
			return err
		}
		err := errors.Join(
			tx.PutMember(ctx, f.here, identity.Member{User: u.ID, Role: crm.RoleOwner, CreatedAt: at(0), UpdatedAt: at(0), Version: 1}, 0),
			tx.PutSession(ctx, identity.Session{ID: crm.NewID(), User: u.ID}, digest("s")),
			tx.AppendEvents(ctx, f.here, []crm.Event{event}),
		)
		if err != nil {
			return err
		}
		owners, err := tx.CountOwners(ctx, f.here)
		same(t, "owners inside", owners, 1)
		if err != nil {
			return err
		}
		conflict(t, "a conflict inside", tx.PutUser(ctx, u, 0), crm.ConflictExists, crm.ID{})
		_, err = tx.FindSession(ctx, digest("s"))
		return err
	}))
	_, err := f.FindSession(ctx, digest("s"))
	must(t, err)
	events, err := f.ListEvents(ctx, f.here, 0, 10)
	must(t, err)
	if len(events) == 1 {
		event.Position = events[0].Position
	}
	same(t, "events", events, []crm.Event{event})
	none, err := f.ListEvents(ctx, f.there, 0, 10)
	must(t, err)
	same(t, "events of the other workspace", len(none), 0)
}

func testLinkRace(t *testing.T, f *fixture) {
	must(t, f.PutLink(t.Context(), identity.Link{Purpose: identity.LinkSetUp, ExpiresAt: at(1)}, digest("link")))
	errs := race(20, func(int) error {
		return f.InIdentityTx(t.Context(), func(tx identity.Tx) error {
			_, err := tx.TakeLink(t.Context(), digest("link"))
			return err
		})
	})
	same(t, "takers of one link", winners(t, errs, crm.ErrNotFound), 1)
}

func testInvitationRace(t *testing.T, f *fixture) {
	i := f.invitation(t, f.here, "ana@example.com", "token")
	errs := race(20, func(int) error { return f.DeleteInvitation(t.Context(), f.here, i.ID) })
	same(t, "takers of one invitation", winners(t, errs, crm.ErrNotFound), 1)
}

func testAttemptRace(t *testing.T, f *fixture) {
	ctx := t.Context()
	errs := race(20, func(int) error {
		return f.InIdentityTx(ctx, func(tx identity.Tx) error {
			a, err := tx.GetAttempts(ctx, digest("account"))
			if err != nil {
				return err
			}
			return tx.PutAttempts(ctx, digest("account"), identity.Attempts{Count: a.Count + 1, Last: at(0)})
		})
	})
	same(t, "attempts written", winners(t, errs, nil), 20)
	got, err := f.GetAttempts(ctx, digest("account"))
	must(t, err)
	same(t, "attempts counted", got.Count, 20)
}

func testOwnerRace(t *testing.T, f *fixture) {
	ctx := t.Context()
	var owners []crm.ID
	for range 8 {
		owners = append(owners, f.member(t, f.here, crm.RoleOwner, 0).ID)
	}
	errs := race(len(owners), func(i int) error {
		return f.InIdentityTx(ctx, func(tx identity.Tx) error {
			n, err := tx.CountOwners(ctx, f.here)
			if err != nil {
				return err
			}
			if n == 1 {
				return errUndo
			}
			return tx.DeleteMember(ctx, f.here, owners[i])
		})
	})
	same(t, "owners who left", winners(t, errs, errUndo), len(owners)-1)
	n, err := f.CountOwners(ctx, f.here)
	must(t, err)
	same(t, "owners who stayed", n, 1)
}

func testAddressRace(t *testing.T, f *fixture) {
	errs := race(20, func(int) error {
		u := f.newUser()
		u.EmailKey = "one@example.com"
		return f.PutUser(t.Context(), u, 0)
	})
	same(t, "users with one address", winners(t, errs, crm.ErrConflict), 1)
}
