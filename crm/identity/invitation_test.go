package identity_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

func TestInvitations(t *testing.T) {
	t.Parallel()
	f := setup(t)
	owner := f.owner(t)
	ctx := t.Context()
	invite := func(t *testing.T, email string) (identity.Invitation, string) {
		t.Helper()
		i, token, err := f.Invitations.Create(ctx, owner, identity.NewInvitation{Email: email})
		must(t, err)
		return i, token
	}

	t.Run("a new user accepts with a password and is signed in", func(t *testing.T) {
		head := f.head(t, owner.Workspace)
		_, token := invite(t, "Bob@Example.com")
		_, err := f.Invitations.Accept(ctx, identity.AcceptInvitation{Token: token, Password: "short"})
		invalid(t, "a short password", err, "password")
		in, err := f.Invitations.Accept(ctx, identity.AcceptInvitation{Token: token, Password: password})
		must(t, err)
		caller, err := f.Sessions.Authenticate(ctx, in.Token, owner.Workspace)
		must(t, err)
		if caller.Actor.Role != crm.RoleMember || caller.User.Name != "Bob" || caller.User.Email != "Bob@Example.com" {
			t.Errorf("caller: got %+v, want the member Bob", caller)
		}
		want := []crm.EventType{identity.EventInvitationCreated, identity.EventUserCreated, identity.EventInvitationUsed, identity.EventMemberAdded, identity.EventUserSignedIn}
		if got := f.events(t, owner.Workspace, head); !slices.Equal(got, want) {
			t.Errorf("events: got %v, want %v", got, want)
		}
		_, err = f.Invitations.Accept(ctx, identity.AcceptInvitation{Token: token, Password: password})
		fails(t, "accept again", err, crm.ErrNotFound)
		_, err = f.signIn(ctx, "bob@example.com", password)
		must(t, err)
	})
	t.Run("an existing user needs the password, whoever has the token", func(t *testing.T) {
		eve, _, err := f.Operator.CreateUser(ctx, identity.NewAccount{Email: "eve@example.com", Password: "another password", Workspace: "Other"})
		must(t, err)
		_, token := invite(t, "EVE@example.com")
		_, err = f.Invitations.Accept(ctx, identity.AcceptInvitation{Token: token})
		invalid(t, "no password", err, "password")
		_, err = f.Invitations.Accept(ctx, identity.AcceptInvitation{Token: token, Password: password})
		fails(t, "a wrong password", err, crm.ErrUnauthenticated)
		in, err := f.Invitations.Accept(ctx, identity.AcceptInvitation{Token: token, Password: "another password"})
		must(t, err)
		if in.User.ID != eve.ID || len(in.Workspaces) != 2 {
			t.Errorf("signed in: got %+v, want eve in two workspaces", in)
		}
	})
	t.Run("a signed-in user accepts what is meant for the address", func(t *testing.T) {
		user, m, err := f.Operator.CreateUser(ctx, identity.NewAccount{Email: "zoe@example.com", NoPassword: true, Workspace: "Zoë's"})
		must(t, err)
		zoe := crm.Actor{Workspace: m.Workspace, User: user.ID, Role: m.Role}
		_, token := invite(t, "zoe@example.com")
		_, err = f.Invitations.AcceptAs(ctx, owner, token)
		fails(t, "another user", err, crm.ErrForbidden)
		made, err := f.Invitations.AcceptAs(ctx, zoe, token)
		must(t, err)
		if made.Workspace != owner.Workspace || made.Name != "Acme" || made.Role != crm.RoleMember {
			t.Errorf("membership: got %+v, want a member of Acme", made)
		}
		_, err = f.Invitations.AcceptAs(ctx, zoe, token)
		fails(t, "again", err, crm.ErrNotFound)
	})
	t.Run("a member cannot be invited again", func(t *testing.T) {
		_, _, err := f.Invitations.Create(ctx, owner, identity.NewInvitation{Email: "ANA@example.com"})
		conflict(t, "invite", err, crm.ConflictExists)
	})
	t.Run("a second invitation replaces the first", func(t *testing.T) {
		_, first := invite(t, "kim@example.com")
		second, token := invite(t, "KIM@example.com")
		_, err := f.Invitations.Accept(ctx, identity.AcceptInvitation{Token: first, Password: password})
		fails(t, "the first", err, crm.ErrNotFound)
		all, err := f.Invitations.List(ctx, owner, crm.ID{}, 0)
		must(t, err)
		if len(all) != 1 || all[0].ID != second.ID || all[0].Email != "KIM@example.com" {
			t.Errorf("invitations: got %+v, want the second", all)
		}
		must(t, f.Invitations.Revoke(ctx, owner, second.ID))
		_, err = f.Invitations.Accept(ctx, identity.AcceptInvitation{Token: token, Password: password})
		fails(t, "a revoked one", err, crm.ErrNotFound)
		fails(t, "revoke again", f.Invitations.Revoke(ctx, owner, second.ID), crm.ErrNotFound)
	})
	t.Run("it runs out", func(t *testing.T) {
		_, token := invite(t, "late@example.com")
		f.clock.pass(identity.InvitationLifetime)
		_, err := f.Invitations.Accept(ctx, identity.AcceptInvitation{Token: token, Password: password})
		fails(t, "late", err, crm.ErrNotFound)
	})
	t.Run("bad input names its fields", func(t *testing.T) {
		for _, email := range []string{"", "x", "a@b@c", "a b@example.com", "a@-x.com", "a@x..com", "Ana <a@example.com>", "a\x00@example.com", "a@example.com, b@example.com"} {
			_, _, err := f.Invitations.Create(ctx, owner, identity.NewInvitation{Email: email, Role: "king"})
			invalid(t, fmt.Sprintf("%q", email), err, "email", "role")
		}
		_, err := f.Invitations.Accept(ctx, identity.AcceptInvitation{Token: "nonsense"})
		fails(t, "no token", err, crm.ErrNotFound)
	})
}

func TestWhoMayInvite(t *testing.T) {
	t.Parallel()
	f := setup(t)
	owner := f.owner(t)
	for _, role := range crm.Roles() {
		actor := f.join(t, owner, role)
		for _, invited := range crm.Roles() {
			want := error(nil)
			if !role.AtLeast(crm.RoleAdmin) || invited == crm.RoleOwner && role != crm.RoleOwner {
				want = crm.ErrForbidden
			}
			email := fmt.Sprintf("%s-%s@example.com", role, invited)
			_, _, err := f.Invitations.Create(t.Context(), actor, identity.NewInvitation{Email: email, Role: invited})
			fails(t, fmt.Sprintf("%s invites %s", role, invited), err, want)
			i, _, err := f.Invitations.Create(t.Context(), owner, identity.NewInvitation{Email: email, Role: invited})
			must(t, err)
			fails(t, fmt.Sprintf("%s revokes %s", role, invited), f.Invitations.Revoke(t.Context(), actor, i.ID), want)
			if want == nil {
				continue
			}
			must(t, f.Invitations.Revoke(t.Context(), owner, i.ID))
		}
		want := error(nil)
		if !role.AtLeast(crm.RoleAdmin) {
			want = crm.ErrForbidden
		}
		_, err := f.Invitations.List(t.Context(), actor, crm.ID{}, 0)
		fails(t, string(role)+" lists", err, want)
	}
}

func TestTwoWhoAcceptOneInvitation(t *testing.T) {
	t.Parallel()
	f := setup(t)
	owner := f.owner(t)
	_, token, err := f.Invitations.Create(t.Context(), owner, identity.NewInvitation{Email: "bob@example.com"})
	must(t, err)
	errs := make([]error, 8)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() {
			_, errs[i] = f.Invitations.Accept(t.Context(), identity.AcceptInvitation{Token: token, Password: password})
		})
	}
	group.Wait()
	accepted := 0
	for _, err := range errs {
		if err == nil {
			accepted++
		} else if !errors.Is(err, crm.ErrNotFound) {
			t.Errorf("a loser: got error %v, want %v", err, crm.ErrNotFound)
		}
	}
	if accepted != 1 {
		t.Errorf("accepted: got %d, want 1", accepted)
	}
	users, err := f.Operator.ListUsers(t.Context(), crm.ID{}, 0)
	must(t, err)
	if len(users) != 2 {
		t.Errorf("users: got %d, want 2", len(users))
	}
}
