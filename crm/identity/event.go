package identity

import (
	"context"

	"github.com/omnicrm/omnicrm/crm"
)

// The events of this package. Those of a user stand in the log of each
// workspace the user is a member of.
const (
	EventUserCreated       crm.EventType = "user.created"
	EventUserUpdated       crm.EventType = "user.updated"
	EventUserDeleted       crm.EventType = "user.deleted"
	EventUserSignedIn      crm.EventType = "user.signed_in"
	EventUserSignInFailed  crm.EventType = "user.sign_in_failed"
	EventPasswordChanged   crm.EventType = "user.password_changed"
	EventSessionRevoked    crm.EventType = "session.revoked"
	EventMemberAdded       crm.EventType = "member.added"
	EventRoleChanged       crm.EventType = "member.role_changed"
	EventMemberRemoved     crm.EventType = "member.removed"
	EventKeyCreated        crm.EventType = "api_key.created"
	EventKeyRevoked        crm.EventType = "api_key.revoked"
	EventInvitationCreated crm.EventType = "invitation.created"
	EventInvitationUsed    crm.EventType = "invitation.accepted"
	EventInvitationRevoked crm.EventType = "invitation.revoked"
	EventWorkspaceCreated  crm.EventType = "workspace.created"
)

// The kinds of subjects. The id of a member is the user's.
const (
	SubjectUser       = "user"
	SubjectMember     = "member"
	SubjectSession    = "session"
	SubjectKey        = "api_key"
	SubjectInvitation = "invitation"
	SubjectWorkspace  = "workspace"
)

// maxMemberships is how many workspaces a user can be a member of, so that what
// concerns the user can be told to all of them in one transaction.
const maxMemberships = 500

// by names the actor in events.
func by(actor crm.Actor) crm.EventActor {
	kind := actor.Kind
	if kind == "" {
		kind = crm.ActorUser
	}
	return crm.EventActor{Kind: kind, ID: actor.User}
}

func byUser(user crm.ID) crm.EventActor { return crm.EventActor{Kind: crm.ActorUser, ID: user} }

func bySystem() crm.EventActor { return crm.EventActor{Kind: crm.ActorSystem} }

func subject(kind string, id crm.ID) crm.Subject { return crm.Subject{Kind: kind, ID: id} }

func (k *core) event(t crm.EventType, who crm.EventActor, about crm.Subject) crm.Event {
	return crm.Event{ID: k.newID(), Type: t, At: k.now(), Actor: who, Subject: about}
}

// tell appends one event to the log of a workspace.
func (k *core) tell(ctx context.Context, tx Tx, ws crm.WorkspaceID, t crm.EventType, who crm.EventActor, about crm.Subject) error {
	return tx.AppendEvents(ctx, ws, []crm.Event{k.event(t, who, about)})
}

// tellAll appends an event to the log of every workspace of the user.
func (k *core) tellAll(ctx context.Context, tx Tx, user crm.ID, e crm.Event) error {
	all, err := tx.ListMemberships(ctx, user, maxMemberships)
	if err != nil {
		return err
	}
	return k.tellEach(ctx, tx, all, e)
}

// tellEach gives the event an id of its own in each workspace.
func (k *core) tellEach(ctx context.Context, tx Tx, in []Membership, e crm.Event) error {
	for _, m := range in {
		e.ID = k.newID()
		if err := tx.AppendEvents(ctx, m.Workspace, []crm.Event{e}); err != nil {
			return err
		}
	}
	return nil
}
