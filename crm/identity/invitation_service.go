package identity

import (
	"context"
	"errors"
	"fmt"

	"github.com/omnicrm/omnicrm/crm"
)

// NewInvitation is the input of an invitation.
type NewInvitation struct {
	Email string
	Role  crm.Role // default member
}

// InvitationService invites people to the actor's workspace, by address. It
// sends nothing: who invites passes the token on.
type InvitationService struct{ core *core }

// Create makes an invitation and returns it with its token, which is shown here
// and never again. It replaces an open one of the same address. Admins invite up
// to admin, owners also owners. An address whose user is a member already is
// a *crm.ConflictError with the user's id.
func (s *InvitationService) Create(ctx context.Context, actor crm.Actor, in NewInvitation) (Invitation, string, error) {
	if in.Role == "" {
		in.Role = crm.RoleMember
	}
	if err := mayInvite(actor, in.Role); err != nil {
		return Invitation{}, "", fmt.Errorf("invite: %w", err)
	}
	var p problems
	now := s.core.now()
	i := InvitationRecord{Invitation: Invitation{
		ID: s.core.newID(), Role: in.Role, InvitedBy: actor.User, CreatedAt: now, ExpiresAt: now.Add(InvitationLifetime),
	}}
	i.Email, i.EmailKey = p.email("email", in.Email)
	p.role("role", in.Role)
	if err := p.err(); err != nil {
		return Invitation{}, "", fmt.Errorf("invite: %w", err)
	}
	token := newToken()
	err := s.core.store.InIdentityTx(ctx, func(tx Tx) error { return s.put(ctx, tx, actor, i, digestOf(token)) })
	if err != nil {
		return Invitation{}, "", fmt.Errorf("invite: %w", err)
	}
	return i.Invitation, token, nil
}

func mayInvite(actor crm.Actor, role crm.Role) error {
	if role == crm.RoleOwner {
		return actor.Authorize(crm.PermWorkspaceManage)
	}
	return actor.Authorize(crm.PermMembersManage)
}

func (s *InvitationService) put(ctx context.Context, tx Tx, actor crm.Actor, i InvitationRecord, token Digest) error {
	if err := notYetMember(ctx, tx, actor.Workspace, i.EmailKey); err != nil {
		return err
	}
	open, err := tx.FindInvitationOf(ctx, actor.Workspace, i.EmailKey)
	if err == nil {
		err = s.revoke(ctx, tx, actor, open)
	}
	if err != nil && !errors.Is(err, crm.ErrNotFound) {
		return err
	}
	if err := tx.PutInvitation(ctx, actor.Workspace, i, token); err != nil {
		return err
	}
	return s.core.tell(ctx, tx, actor.Workspace, EventInvitationCreated, by(actor), subject(SubjectInvitation, i.ID))
}

func notYetMember(ctx context.Context, tx Tx, ws crm.WorkspaceID, emailKey string) error {
	user, err := tx.FindUser(ctx, emailKey)
	if err == nil {
		_, err = tx.GetMember(ctx, ws, user.ID)
	}
	switch {
	case errors.Is(err, crm.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	return &crm.ConflictError{Reason: crm.ConflictExists, ID: user.ID, Message: "the address belongs to a member already; change the member's role instead"}
}

// List returns up to limit open invitations whose id sorts after the id after,
// by id, those that have run out included until they are revoked or replaced.
// A limit of 0 means 100, the highest is 200. Admins may.
func (s *InvitationService) List(ctx context.Context, actor crm.Actor, after crm.ID, limit int) ([]Invitation, error) {
	if err := actor.Authorize(crm.PermMembersManage); err != nil {
		return nil, fmt.Errorf("list invitations: %w", err)
	}
	limit, err := pageLimit(limit)
	if err != nil {
		return nil, fmt.Errorf("list invitations: %w", err)
	}
	all, err := s.core.store.ListInvitations(ctx, actor.Workspace, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list invitations: %w", err)
	}
	return all, nil
}

// Count returns how many invitations List has. Admins may.
func (s *InvitationService) Count(ctx context.Context, actor crm.Actor) (int, error) {
	if err := actor.Authorize(crm.PermMembersManage); err != nil {
		return 0, fmt.Errorf("count invitations: %w", err)
	}
	n, err := s.core.store.CountInvitations(ctx, actor.Workspace)
	if err != nil {
		return 0, fmt.Errorf("count invitations: %w", err)
	}
	return n, nil
}

// Get returns one open invitation. Admins may.
func (s *InvitationService) Get(ctx context.Context, actor crm.Actor, id crm.ID) (Invitation, error) {
	if err := actor.Authorize(crm.PermMembersManage); err != nil {
		return Invitation{}, fmt.Errorf("get invitation: %w", err)
	}
	i, err := s.core.store.GetInvitation(ctx, actor.Workspace, id)
	if err != nil {
		return Invitation{}, fmt.Errorf("get invitation %s: %w", id, err)
	}
	return i, nil
}

// Revoke withdraws an invitation: admins those up to admin, owners all.
func (s *InvitationService) Revoke(ctx context.Context, actor crm.Actor, id crm.ID) error {
	if err := actor.Authorize(crm.PermMembersManage); err != nil {
		return fmt.Errorf("revoke invitation: %w", err)
	}
	err := s.core.store.InIdentityTx(ctx, func(tx Tx) error {
		i, err := tx.GetInvitation(ctx, actor.Workspace, id)
		if err != nil {
			return err
		}
		return s.revoke(ctx, tx, actor, i)
	})
	if err != nil {
		return fmt.Errorf("revoke invitation %s: %w", id, err)
	}
	return nil
}

func (s *InvitationService) revoke(ctx context.Context, tx Tx, actor crm.Actor, i Invitation) error {
	if err := mayInvite(actor, i.Role); err != nil {
		return err
	}
	if err := tx.DeleteInvitation(ctx, actor.Workspace, i.ID); err != nil {
		return err
	}
	return s.core.tell(ctx, tx, actor.Workspace, EventInvitationRevoked, by(actor), subject(SubjectInvitation, i.ID))
}
