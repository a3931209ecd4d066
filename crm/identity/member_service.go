package identity

import (
	"context"
	"fmt"

	"github.com/omnicrm/omnicrm/crm"
)

// MemberService shows and changes the members of the actor's workspace. Admins
// manage members up to admin; only owners make, change and remove owners; and
// a workspace always keeps one.
type MemberService struct{ core *core }

// List returns up to limit members whose user id sorts after the id after, by
// user id; the next page begins after the last one. A limit of 0 means 100, the
// highest is 200. Admins may.
func (s *MemberService) List(ctx context.Context, actor crm.Actor, after crm.ID, limit int) ([]Member, error) {
	if err := actor.Authorize(crm.PermMembersRead); err != nil {
		return nil, fmt.Errorf("list members: %w", err)
	}
	limit, err := pageLimit(limit)
	if err != nil {
		return nil, fmt.Errorf("list members: %w", err)
	}
	all, err := s.core.store.ListMembers(ctx, actor.Workspace, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list members: %w", err)
	}
	return all, nil
}

// Count returns how many members the workspace has. Admins may.
func (s *MemberService) Count(ctx context.Context, actor crm.Actor) (int, error) {
	if err := actor.Authorize(crm.PermMembersRead); err != nil {
		return 0, fmt.Errorf("count members: %w", err)
	}
	n, err := s.core.store.CountMembers(ctx, actor.Workspace)
	if err != nil {
		return 0, fmt.Errorf("count members: %w", err)
	}
	return n, nil
}

// Get returns one member. Admins may; anybody sees themselves.
func (s *MemberService) Get(ctx context.Context, actor crm.Actor, user crm.ID) (Member, error) {
	if err := actor.Authorize(ownOr(actor, user, crm.PermMembersRead)); err != nil {
		return Member{}, fmt.Errorf("get member: %w", err)
	}
	m, err := s.core.store.GetMember(ctx, actor.Workspace, user)
	if err != nil {
		return Member{}, fmt.Errorf("get member %s: %w", user, err)
	}
	return m, nil
}

// ownOr is the permission to act on a user: anybody on themselves.
func ownOr(actor crm.Actor, user crm.ID, others crm.Permission) crm.Permission {
	if actor.User == user && !user.IsZero() {
		return crm.PermSignIn
	}
	return others
}

// ChangeRole gives a member another role, which counts with the member's next
// request. A version other than 0 must be the member's current one. To demote
// the last owner is a *crm.ConflictError with ConflictState.
func (s *MemberService) ChangeRole(ctx context.Context, actor crm.Actor, user crm.ID, role crm.Role, version int64) (Member, error) {
	if err := actor.Authorize(crm.PermMembersManage); err != nil {
		return Member{}, fmt.Errorf("change role: %w", err)
	}
	var p problems
	p.role("role", role)
	if err := p.err(); err != nil {
		return Member{}, fmt.Errorf("change role: %w", err)
	}
	var m Member
	err := s.core.store.InIdentityTx(ctx, func(tx Tx) (err error) {
		m, err = s.changeRole(ctx, tx, actor, user, role, version)
		return err
	})
	if err != nil {
		return Member{}, fmt.Errorf("change role of %s: %w", user, err)
	}
	return m, nil
}

func (s *MemberService) changeRole(ctx context.Context, tx Tx, actor crm.Actor, user crm.ID, role crm.Role, version int64) (Member, error) {
	m, err := tx.GetMember(ctx, actor.Workspace, user)
	if err != nil {
		return Member{}, err
	}
	if m.Role != role {
		if err := mayManage(actor, m.Role, role); err != nil { // Before the version: who may not is told nothing else.
			return Member{}, err
		}
	}
	if err := m.checkVersion(version); err != nil {
		return Member{}, err
	}
	if m.Role == role {
		return m, nil
	}
	if err := keepsAnOwner(ctx, tx, actor.Workspace, m); err != nil {
		return Member{}, err
	}
	m.Role, m.UpdatedAt, m.Version = role, s.core.now(), m.Version+1
	if err := tx.PutMember(ctx, actor.Workspace, m, m.Version-1); err != nil {
		return Member{}, err
	}
	event := s.core.event(EventRoleChanged, by(actor), subject(SubjectMember, user))
	event.Changed, event.Version = []string{"role"}, m.Version
	return m, tx.AppendEvents(ctx, actor.Workspace, []crm.Event{event})
}

// checkVersion refuses a write on a member who has changed; version 0 is any.
func (m Member) checkVersion(version int64) error {
	if version == 0 || version == m.Version {
		return nil
	}
	return &crm.ConflictError{
		Reason: crm.ConflictStale, ID: m.User, Version: m.Version,
		Message: "the member has changed since it was read; read it again and repeat the change",
	}
}

// mayManage decides whether the actor may turn the one role into the other, "" for
// none: owners are the owners' business.
func mayManage(actor crm.Actor, from, to crm.Role) error {
	if from == crm.RoleOwner || to == crm.RoleOwner {
		return actor.Authorize(crm.PermWorkspaceManage)
	}
	return nil
}

// keepsAnOwner refuses to take the last owner's role away.
func keepsAnOwner(ctx context.Context, tx Tx, ws crm.WorkspaceID, m Member) error {
	if m.Role != crm.RoleOwner {
		return nil
	}
	return anotherOwner(ctx, tx, ws, m.User)
}

// anotherOwner refuses to take the last owner from a workspace.
func anotherOwner(ctx context.Context, tx Tx, ws crm.WorkspaceID, owner crm.ID) error {
	n, err := tx.CountOwners(ctx, ws)
	if err != nil || n > 1 {
		return err
	}
	return &crm.ConflictError{
		Reason: crm.ConflictState, ID: owner,
		Message: "the last owner cannot leave or be demoted; make another member an owner first",
	}
}

// Remove takes a member out of the workspace, with the API keys made there; the
// user stays. Anybody may leave; the last owner cannot. A version other than 0
// must be the member's current one.
func (s *MemberService) Remove(ctx context.Context, actor crm.Actor, user crm.ID, version int64) error {
	if err := actor.Authorize(ownOr(actor, user, crm.PermMembersManage)); err != nil {
		return fmt.Errorf("remove member: %w", err)
	}
	err := s.core.store.InIdentityTx(ctx, func(tx Tx) error {
		m, err := tx.GetMember(ctx, actor.Workspace, user)
		if err != nil {
			return err
		}
		if err := mayManage(actor, m.Role, ""); err != nil {
			return err
		}
		if err := m.checkVersion(version); err != nil {
			return err
		}
		if err := keepsAnOwner(ctx, tx, actor.Workspace, m); err != nil {
			return err
		}
		if err := tx.DeleteMember(ctx, actor.Workspace, user); err != nil {
			return err
		}
		return s.core.tell(ctx, tx, actor.Workspace, EventMemberRemoved, by(actor), subject(SubjectMember, user))
	})
	if err != nil {
		return fmt.Errorf("remove member %s: %w", user, err)
	}
	return nil
}
