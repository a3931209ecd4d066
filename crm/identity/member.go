package identity

import (
	"context"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// Member is a user in a workspace.
type Member struct {
	User crm.ID
	// Email and Name are the user's. A store reads them there and ignores
	// them in a write.
	Email     string
	Name      string
	Role      crm.Role
	CreatedAt time.Time
	UpdatedAt time.Time
	Version   int64
}

// Membership is a workspace as its member sees it.
type Membership struct {
	Workspace crm.WorkspaceID
	Name      string
	Role      crm.Role
	JoinedAt  time.Time
}

// MemberStore keeps who is a member of which workspace.
type MemberStore interface {
	// PutMember inserts m when expect is 0, else replaces the row whose
	// version is expect. A *ConflictError with ConflictExists when the user is
	// a member already, with ConflictStale when the version differs or the row
	// is gone. A user or a workspace that does not exist is ErrNotFound.
	PutMember(ctx context.Context, ws crm.WorkspaceID, m Member, expect int64) error
	// GetMember returns the member, or ErrNotFound.
	GetMember(ctx context.Context, ws crm.WorkspaceID, user crm.ID) (Member, error)
	// DeleteMember removes the member with the API keys made in the
	// workspace, or returns ErrNotFound.
	DeleteMember(ctx context.Context, ws crm.WorkspaceID, user crm.ID) error
	// ListMembers returns up to limit members whose user id sorts after the id
	// after, by user id.
	ListMembers(ctx context.Context, ws crm.WorkspaceID, after crm.ID, limit int) ([]Member, error)
	// CountMembers returns how many members the workspace has.
	CountMembers(ctx context.Context, ws crm.WorkspaceID) (int, error)
	// CountOwners returns how many members are owners. Inside a transaction
	// the number stays so until the end, so that two owners who leave at once
	// do not both find another one.
	CountOwners(ctx context.Context, ws crm.WorkspaceID) (int, error)
	// ListMemberships returns up to limit workspaces of the user, the one
	// joined first first, then by id.
	ListMemberships(ctx context.Context, user crm.ID, limit int) ([]Membership, error)
}
