package identity

import (
	"context"
	"errors"
	"fmt"

	"github.com/omnicrm/omnicrm/crm"
)

// NewWorkspace is the input of a new workspace.
type NewWorkspace struct {
	// Name has 1 to 200 characters. Required.
	Name string
	// Region is an ISO 3166-1 alpha-2 country. Default US.
	Region string
	// TimeZone is an IANA zone. Default UTC.
	TimeZone string
}

// WorkspaceService shows and makes the workspaces of the actor's user. Package
// crm changes their settings.
type WorkspaceService struct{ core *core }

// List returns the workspaces that the actor's user is a member of, the one
// joined first first. An API key, which acts in one workspace, sees that one.
func (s *WorkspaceService) List(ctx context.Context, actor crm.Actor) ([]Membership, error) {
	if err := actor.Authorize(crm.PermSignIn); err != nil {
		return nil, fmt.Errorf("list workspaces: %w", err)
	}
	all, err := s.core.store.ListMemberships(ctx, actor.User, maxMemberships)
	if err != nil {
		return nil, fmt.Errorf("list workspaces: %w", err)
	}
	if actor.Kind != crm.ActorKey {
		return all, nil
	}
	var own []Membership
	for _, m := range all {
		if m.Workspace == actor.Workspace {
			own = append(own, m)
		}
	}
	return own, nil
}

// Create makes a workspace with the actor's user as its owner. An API key may
// not: it acts in the workspace it was made in.
func (s *WorkspaceService) Create(ctx context.Context, actor crm.Actor, in NewWorkspace) (Membership, error) {
	if err := actor.Authorize(crm.PermSignIn); err != nil {
		return Membership{}, fmt.Errorf("create workspace: %w", err)
	}
	if actor.Kind == crm.ActorKey {
		return Membership{}, fmt.Errorf("create workspace: an API key acts in its own workspace: %w", crm.ErrForbidden)
	}
	var p problems
	w := p.workspace("name", in, s.core.newID(), s.core.now())
	if err := p.err(); err != nil {
		return Membership{}, fmt.Errorf("create workspace: %w", err)
	}
	err := s.core.store.InIdentityTx(ctx, func(tx Tx) error {
		_, err := tx.GetUser(ctx, actor.User)
		if errors.Is(err, crm.ErrNotFound) {
			return fmt.Errorf("the actor is no user of this server: %w", crm.ErrForbidden)
		}
		if err != nil {
			return err
		}
		return s.core.putWorkspace(ctx, tx, w, actor.User, by(actor))
	})
	if err != nil {
		return Membership{}, fmt.Errorf("create workspace: %w", err)
	}
	return Membership{Workspace: w.ID, Name: w.Name, Role: crm.RoleOwner, JoinedAt: w.CreatedAt}, nil
}

// putWorkspace writes a new workspace and its owner.
func (k *core) putWorkspace(ctx context.Context, tx Tx, w crm.Workspace, owner crm.ID, who crm.EventActor) error {
	if err := tx.PutWorkspace(ctx, w, 0); err != nil {
		return err
	}
	if err := k.tell(ctx, tx, w.ID, EventWorkspaceCreated, who, subject(SubjectWorkspace, crm.ID(w.ID))); err != nil {
		return err
	}
	return k.addMember(ctx, tx, w.ID, owner, crm.RoleOwner, who)
}

// addMember writes a new member and the event.
func (k *core) addMember(ctx context.Context, tx Tx, ws crm.WorkspaceID, user crm.ID, role crm.Role, who crm.EventActor) error {
	all, err := tx.ListMemberships(ctx, user, maxMemberships)
	if err != nil {
		return err
	}
	if len(all) >= maxMemberships {
		return fmt.Errorf("a user can be a member of %d workspaces: %w", maxMemberships, crm.ErrTooLarge)
	}
	now := k.now()
	m := Member{User: user, Role: role, CreatedAt: now, UpdatedAt: now, Version: 1}
	if err := tx.PutMember(ctx, ws, m, 0); err != nil {
		return err
	}
	event := k.event(EventMemberAdded, who, subject(SubjectMember, user))
	event.Version = m.Version
	return tx.AppendEvents(ctx, ws, []crm.Event{event})
}
