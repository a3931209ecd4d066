package identity

import (
	"context"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// InvitationLifetime is how long an invitation can be accepted.
const InvitationLifetime = 7 * 24 * time.Hour

// Invitation asks the owner of an address to become a member.
type Invitation struct {
	ID        crm.ID
	Email     string
	Role      crm.Role
	InvitedBy crm.ID
	CreatedAt time.Time
	ExpiresAt time.Time
}

// InvitationRecord is an invitation as a store keeps it.
type InvitationRecord struct {
	Invitation
	// EmailKey is the address in lower case, unique in the workspace.
	EmailKey string
}

// InvitationStore keeps open invitations.
type InvitationStore interface {
	// PutInvitation inserts the invitation under the digest of its token. When
	// the address has one in the workspace already, a *ConflictError with
	// ConflictExists and that one's id.
	PutInvitation(ctx context.Context, ws crm.WorkspaceID, i InvitationRecord, token Digest) error
	// GetInvitation returns the invitation, or ErrNotFound.
	GetInvitation(ctx context.Context, ws crm.WorkspaceID, id crm.ID) (Invitation, error)
	// FindInvitation returns the invitation of a token with its workspace, or
	// ErrNotFound.
	FindInvitation(ctx context.Context, token Digest) (crm.WorkspaceID, InvitationRecord, error)
	// FindInvitationOf returns the invitation of an address, or ErrNotFound.
	FindInvitationOf(ctx context.Context, ws crm.WorkspaceID, emailKey string) (Invitation, error)
	// ListInvitations returns up to limit invitations whose id sorts after the
	// id after, by id.
	ListInvitations(ctx context.Context, ws crm.WorkspaceID, after crm.ID, limit int) ([]Invitation, error)
	// CountInvitations returns how many ListInvitations would return in all.
	CountInvitations(ctx context.Context, ws crm.WorkspaceID) (int, error)
	// DeleteInvitation removes the invitation, or returns ErrNotFound. Of many
	// that remove it at once exactly one succeeds.
	DeleteInvitation(ctx context.Context, ws crm.WorkspaceID, id crm.ID) error
}
