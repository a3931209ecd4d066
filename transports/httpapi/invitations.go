package httpapi

import (
	"net/http"
	"time"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

const cursorInvitations = "n"

type newInvitationInput struct {
	Email string   `json:"email" maxLength:"254"`
	Role  crm.Role `json:"role,omitempty" doc:"Default member."`
}

type acceptInput struct {
	Token    string           `json:"token" maxLength:"200"`
	Name     optional[string] `json:"name,omitzero" maxLength:"200" doc:"For a new user."`
	Password string           `json:"password" maxLength:"1024" doc:"A new user chooses it; one who is known proves it."`
}

type invitationRecord struct {
	ID        crm.ID    `json:"id"`
	Email     string    `json:"email"`
	Role      crm.Role  `json:"role"`
	InvitedBy crm.ID    `json:"invitedBy"`
	CreatedAt time.Time `json:"createdAt"`
	ExpiresAt time.Time `json:"expiresAt"`
	Token     *string   `json:"token" doc:"What accepts the invitation, in the answer that made it and never again."`
}

func invitationRecordOf(i identity.Invitation) invitationRecord {
	return invitationRecord{ID: i.ID, Email: i.Email, Role: i.Role, InvitedBy: i.InvitedBy, CreatedAt: i.CreatedAt, ExpiresAt: i.ExpiresAt}
}

func (h *Handler) createInvitation(c *call) error {
	in, err := decode[newInvitationInput](c)
	if err != nil {
		return err
	}
	invitation, token, err := h.options.Identity.Invitations.Create(c.r.Context(), c.actor, identity.NewInvitation{Email: in.Email, Role: in.Role})
	if err != nil {
		return err
	}
	record := invitationRecordOf(invitation)
	record.Token = &token
	c.remember(invitation.ID, nil)
	return c.writeCreated(c.link("invitations", invitation.ID.String()), invitationVersion, record)
}

// invitationVersion is the version of every invitation: one never changes.
const invitationVersion = 1

func (h *Handler) getInvitation(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	invitation, err := h.options.Identity.Invitations.Get(c.r.Context(), c.actor, id)
	if err != nil {
		return err
	}
	return c.writeRecord(http.StatusOK, invitationVersion, invitationRecordOf(invitation))
}

// replayInvitation answers with the invitation of an earlier answer, without the
// token.
func (h *Handler) replayInvitation(c *call, saved *crm.SavedAnswer) error {
	invitation, err := h.options.Identity.Invitations.Get(c.r.Context(), c.actor, saved.Record)
	if err != nil {
		return err
	}
	return c.writeRecord(saved.Status, invitationVersion, invitationRecordOf(invitation))
}

func (h *Handler) listInvitations(c *call) error {
	after, err := c.cursorID(cursorInvitations)
	if err != nil {
		return err
	}
	limit := c.number("pageSize", defaultMemberPage)
	invitations, err := h.options.Identity.Invitations.List(c.r.Context(), c.actor, after, limit)
	if err != nil {
		return err
	}
	total, err := h.options.Identity.Invitations.Count(c.r.Context(), c.actor)
	if err != nil {
		return err
	}
	next := ""
	if len(invitations) == limit {
		next = makeCursor(cursorInvitations, invitations[limit-1].ID.String())
	}
	items := make([]invitationRecord, len(invitations))
	for i, one := range invitations {
		items[i] = invitationRecordOf(one)
	}
	return c.writeJSON(http.StatusOK, countedPage(items, next, total))
}

func (h *Handler) revokeInvitation(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	if err := h.options.Identity.Invitations.Revoke(c.r.Context(), c.actor, id); err != nil {
		return err
	}
	return c.noContent()
}

// acceptInvitation makes the caller a member and signs them in.
func (h *Handler) acceptInvitation(c *call) error {
	in, err := decode[acceptInput](c)
	if err != nil {
		return err
	}
	s, err := h.options.Identity.Invitations.Accept(c.r.Context(), identity.AcceptInvitation{
		Token: in.Token, Name: in.Name.value, Password: in.Password, Origin: c.origin(),
	})
	if err != nil {
		return err
	}
	return c.writeSignedIn(s)
}
