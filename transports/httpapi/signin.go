package httpapi

import (
	"errors"
	"net/http"
	"time"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

type loginInput struct {
	Email    string `json:"email" maxLength:"254"`
	Password string `json:"password" maxLength:"1024"`
}

type userRecord struct {
	ID        crm.ID     `json:"id"`
	Name      string     `json:"name"`
	Email     *string    `json:"email" doc:"Null for the actors of an embedding program."`
	CreatedAt *time.Time `json:"createdAt"`
}

type workspaceRecord struct {
	ID   crm.WorkspaceID `json:"id"`
	Name string          `json:"name"`
}

type membershipRecord struct {
	ID   crm.WorkspaceID `json:"id"`
	Name string          `json:"name"`
	Role crm.Role        `json:"role"`
}

// signedIn is the answer of a sign-in; the cookies come with it.
type signedIn struct {
	User       userRecord         `json:"user"`
	Workspaces []membershipRecord `json:"workspaces" doc:"The one joined first is used unless X-Workspace-Id picks another."`
	CSRFToken  string             `json:"csrfToken" doc:"Goes into the x-csrf-token header of every write."`
}

type meRecord struct {
	User      userRecord      `json:"user"`
	Workspace workspaceRecord `json:"workspace"`
	Role      crm.Role        `json:"role"`
	Scopes    []crm.Scope     `json:"scopes" doc:"All of them for people; an API key's own."`
}

func userRecordOf(u identity.User) userRecord {
	return userRecord{ID: u.ID, Name: u.Name, Email: &u.Email, CreatedAt: timeOrNull(u.CreatedAt)}
}

func (c *call) origin() identity.Origin {
	address := ""
	if c.address.IsValid() {
		address = c.address.String()
	}
	return identity.Origin{Address: address, UserAgent: c.r.UserAgent()}
}

func (h *Handler) login(c *call) error {
	in, err := decode[loginInput](c)
	if err != nil {
		return err
	}
	s, err := h.options.Identity.Sessions.SignIn(c.r.Context(), identity.Credentials{Email: in.Email, Password: in.Password, Origin: c.origin()})
	if err != nil {
		return err
	}
	return c.writeSignedIn(s)
}

func (c *call) writeSignedIn(s identity.SignedIn) error {
	c.setSession(s)
	out := signedIn{User: userRecordOf(s.User), Workspaces: make([]membershipRecord, len(s.Workspaces)), CSRFToken: s.CSRFToken}
	for i, m := range s.Workspaces {
		out.Workspaces[i] = membershipRecord{ID: m.Workspace, Name: m.Name, Role: m.Role}
	}
	return c.writeJSON(http.StatusOK, out)
}

// logout ends the session of the cookie; for a key there is nothing to end.
func (h *Handler) logout(c *call) error {
	if c.who.session != "" {
		if err := h.options.Identity.Sessions.SignOut(c.r.Context(), c.who.session); err != nil {
			return err
		}
		c.cookie(sessionCookie, "", -1)
		c.cookie(csrfCookie, "", -1)
	}
	return c.noContent()
}

func (h *Handler) me(c *call) error {
	out := meRecord{
		User:      userRecord{ID: c.actor.User, Name: c.actor.Name},
		Workspace: workspaceRecord{ID: c.actor.Workspace},
		Role:      c.actor.Role, Scopes: c.actor.Scopes,
	}
	if out.Scopes == nil {
		out.Scopes = crm.Scopes()
	}
	if !c.who.user.ID.IsZero() {
		out.User = userRecordOf(c.who.user)
	}
	workspace, err := h.app.Workspaces.Get(c.r.Context(), c.actor)
	switch {
	case err == nil:
		out.Workspace.Name = workspace.Name
	case !errors.Is(err, crm.ErrForbidden): // A key that may read nothing may still ask who it is.
		return err
	}
	return c.writeJSON(http.StatusOK, out)
}

type sessionRecord struct {
	ID        crm.ID    `json:"id"`
	CreatedAt time.Time `json:"createdAt"`
	SeenAt    time.Time `json:"seenAt"`
	Address   string    `json:"address"`
	UserAgent string    `json:"userAgent"`
	Current   bool      `json:"current" doc:"Whether this request came with it."`
}

func (h *Handler) listSessions(c *call) error {
	sessions, err := h.options.Identity.Sessions.List(c.r.Context(), c.actor, c.who.sessionID)
	if err != nil {
		return err
	}
	items := make([]sessionRecord, len(sessions))
	for i, s := range sessions {
		items[i] = sessionRecord{
			ID: s.ID, CreatedAt: s.CreatedAt, SeenAt: s.SeenAt, Address: s.Address, UserAgent: s.UserAgent, Current: s.Current,
		}
	}
	return c.writeJSON(http.StatusOK, wholeList(items))
}

func (h *Handler) revokeSession(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	if err := h.options.Identity.Sessions.Revoke(c.r.Context(), c.actor, id); err != nil {
		return err
	}
	return c.noContent()
}

func (h *Handler) revokeOtherSessions(c *call) error {
	if _, err := h.options.Identity.Sessions.RevokeOthers(c.r.Context(), c.actor, c.who.sessionID); err != nil {
		return err
	}
	return c.noContent()
}
