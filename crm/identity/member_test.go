package identity_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

// TestWhoMayChangeRoles tries every role on every member towards every role.
func TestWhoMayChangeRoles(t *testing.T) {
	t.Parallel()
	f := setup(t)
	owner := f.owner(t)
	for _, role := range crm.Roles() {
		actor := f.join(t, owner, role)
		for _, from := range crm.Roles() {
			for _, to := range crm.Roles() {
				t.Run(fmt.Sprintf("%s turns %s into %s", role, from, to), func(t *testing.T) {
					target := f.join(t, owner, from)
					_, err := f.Members.ChangeRole(t.Context(), actor, target.User, to, 0)
					highest := crm.RoleAdmin
					if from == crm.RoleOwner || to == crm.RoleOwner {
						highest = crm.RoleOwner
					}
					if from == to {
						highest = crm.RoleAdmin // Nothing changes.
					}
					want := error(nil)
					if !role.AtLeast(highest) {
						want = crm.ErrForbidden
					}
					fails(t, "change", err, want)
					if want != nil { // Whoever may not is not told that the version is another one.
						_, err = f.Members.ChangeRole(t.Context(), actor, target.User, to, 99)
						fails(t, "change another version", err, want)
					}
					m, err := f.Members.Get(t.Context(), owner, target.User)
					must(t, err)
					wantRole := from
					if want == nil {
						wantRole = to
					}
					if m.Role != wantRole {
						t.Errorf("role: got %s, want %s", m.Role, wantRole)
					}
				})
			}
			t.Run(fmt.Sprintf("%s removes %s", role, from), func(t *testing.T) {
				target := f.join(t, owner, from)
				want := error(nil)
				if !role.AtLeast(crm.RoleAdmin) || from == crm.RoleOwner && role != crm.RoleOwner {
					want = crm.ErrForbidden
				}
				if want != nil { // Whoever may not is not told that the version is another one.
					fails(t, "remove another version", f.Members.Remove(t.Context(), actor, target.User, 99), want)
				}
				fails(t, "remove", f.Members.Remove(t.Context(), actor, target.User, 0), want)
			})
		}
	}
}

func TestMembers(t *testing.T) {
	t.Parallel()
	f := setup(t)
	owner := f.owner(t)
	ctx := t.Context()
	_, foreign, err := f.Operator.CreateUser(ctx, identity.NewAccount{Email: "eve@example.com", NoPassword: true, Workspace: "Other"})
	must(t, err)

	t.Run("the last owner cannot leave, be demoted or deleted", func(t *testing.T) {
		_, err := f.Members.ChangeRole(ctx, owner, owner.User, crm.RoleAdmin, 0)
		conflict(t, "demote", err, crm.ConflictState)
		conflict(t, "leave", f.Members.Remove(ctx, owner, owner.User, 0), crm.ConflictState)
		conflict(t, "delete", f.Operator.DeleteUser(ctx, owner.User), crm.ConflictState)
	})
	t.Run("anybody may leave", func(t *testing.T) {
		for _, role := range crm.Roles() {
			actor := f.join(t, owner, role)
			must(t, f.Members.Remove(ctx, actor, actor.User, 0))
			fails(t, "leave again", f.Members.Remove(ctx, actor, actor.User, 0), crm.ErrNotFound)
		}
	})
	t.Run("a stale version is refused", func(t *testing.T) {
		member := f.join(t, owner, crm.RoleMember)
		m, err := f.Members.ChangeRole(ctx, owner, member.User, crm.RoleViewer, 1)
		must(t, err)
		if m.Version != 2 || m.Role != crm.RoleViewer {
			t.Errorf("member: got %+v, want a viewer of version 2", m)
		}
		_, err = f.Members.ChangeRole(ctx, owner, member.User, crm.RoleMember, 1)
		if !crm.IsStale(err) {
			t.Errorf("stale: got error %v, want a stale conflict", err)
		}
	})
	t.Run("a member who changed since is not removed", func(t *testing.T) {
		member := f.join(t, owner, crm.RoleMember)
		_, err := f.Members.ChangeRole(ctx, owner, member.User, crm.RoleViewer, 1)
		must(t, err)
		if err := f.Members.Remove(ctx, owner, member.User, 1); !crm.IsStale(err) {
			t.Errorf("remove: got error %v, want a stale conflict", err)
		}
		must(t, f.Members.Remove(ctx, owner, member.User, 2))
	})
	t.Run("the same role again changes nothing", func(t *testing.T) {
		member := f.join(t, owner, crm.RoleMember)
		head := f.head(t, owner.Workspace)
		m, err := f.Members.ChangeRole(ctx, owner, member.User, crm.RoleMember, 0)
		must(t, err)
		if m.Version != 1 || len(f.events(t, owner.Workspace, head)) != 0 {
			t.Errorf("member: got %+v with events, want version 1 without", m)
		}
	})
	t.Run("a role nobody knows is invalid", func(t *testing.T) {
		_, err := f.Members.ChangeRole(ctx, owner, owner.User, "king", 0)
		invalid(t, "king", err, "role")
	})
	t.Run("another workspace's workspace and user are not found", func(t *testing.T) {
		eve, err := f.Operator.FindUser(ctx, "EVE@example.com")
		must(t, err)
		for _, id := range []crm.ID{eve.ID, crm.NewID()} {
			_, err := f.Members.Get(ctx, owner, id)
			fails(t, "get", err, crm.ErrNotFound)
			_, err = f.Members.ChangeRole(ctx, owner, id, crm.RoleViewer, 0)
			fails(t, "change", err, crm.ErrNotFound)
			fails(t, "remove", f.Members.Remove(ctx, owner, id, 0), crm.ErrNotFound)
		}
		intruder := crm.Actor{Workspace: foreign.Workspace, User: eve.ID, Role: crm.RoleOwner}
		all, err := f.Members.List(ctx, intruder, crm.ID{}, 0)
		must(t, err)
		if n, err := f.Members.Count(ctx, intruder); n != 1 || err != nil {
			t.Errorf("number of members: got %d (%v), want 1", n, err)
		}
		if len(all) != 1 || all[0].User != eve.ID || all[0].Email != "eve@example.com" {
			t.Errorf("members: got %+v, want only eve", all)
		}
	})
	t.Run("members and viewers see themselves only", func(t *testing.T) {
		member := f.join(t, owner, crm.RoleMember)
		_, err := f.Members.List(ctx, member, crm.ID{}, 0)
		fails(t, "list", err, crm.ErrForbidden)
		_, err = f.Members.Get(ctx, member, owner.User)
		fails(t, "get another", err, crm.ErrForbidden)
		_, err = f.Members.Get(ctx, member, member.User)
		must(t, err)
		_, err = f.Members.List(ctx, owner, crm.ID{}, 201)
		invalid(t, "limit", err, "limit")
	})
	t.Run("a changed role counts with the next request", func(t *testing.T) {
		member := f.join(t, owner, crm.RoleMember)
		in := f.session(t, member.User)
		_, err := f.Members.ChangeRole(ctx, owner, member.User, crm.RoleAdmin, 0)
		must(t, err)
		caller, err := f.Sessions.Authenticate(ctx, in.Token, owner.Workspace)
		must(t, err)
		if caller.Actor.Role != crm.RoleAdmin {
			t.Errorf("role: got %s, want admin", caller.Actor.Role)
		}
	})
}

func TestTwoOwnersLeavingAtOnceLeaveOne(t *testing.T) {
	t.Parallel()
	f := setup(t)
	owners := []crm.Actor{f.owner(t)}
	for range 5 {
		owners = append(owners, f.join(t, owners[0], crm.RoleOwner))
	}
	var group sync.WaitGroup
	errs := make([]error, len(owners))
	for i, o := range owners {
		group.Go(func() { errs[i] = f.Members.Remove(t.Context(), o, o.User, 0) })
	}
	group.Wait()
	stayed := slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if len(stayed) != 1 {
		t.Fatalf("owners who could not leave: got %v, want one", stayed)
	}
	conflict(t, "the last owner", stayed[0], crm.ConflictState)
}

func TestMemberEvents(t *testing.T) {
	t.Parallel()
	f := setup(t)
	owner := f.owner(t)
	member := f.join(t, owner, crm.RoleMember)
	_, err := f.Members.ChangeRole(t.Context(), owner, member.User, crm.RoleAdmin, 0)
	must(t, err)
	must(t, f.Members.Remove(t.Context(), owner, member.User, 0))
	want := []crm.EventType{
		identity.EventWorkspaceCreated, identity.EventMemberAdded, identity.EventUserCreated,
		identity.EventMemberAdded, identity.EventUserCreated, identity.EventRoleChanged, identity.EventMemberRemoved,
	}
	if got := f.events(t, owner.Workspace, 0); !slices.Equal(got, want) {
		t.Errorf("events: got %v, want %v", got, want)
	}
	all, err := f.store.ListEvents(t.Context(), owner.Workspace, 0, 10)
	must(t, err)
	last := all[len(all)-1]
	if last.Actor != (crm.EventActor{Kind: crm.ActorUser, ID: owner.User}) || last.Subject != (crm.Subject{Kind: identity.SubjectMember, ID: member.User}) {
		t.Errorf("the last event: got %+v, want the owner about the member", last)
	}
}
