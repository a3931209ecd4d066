package httpapi

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

// authenticate recognises the caller by an API key in the Authorization
// header or, without that header, by the session cookie. A session's token is
// never taken from the header: it would pass the CSRF check.
func (h *Handler) authenticate(c *call) error {
	workspace, err := c.chosenWorkspace()
	if err != nil {
		return err
	}
	var who identity.Caller
	if header := c.r.Header.Get("Authorization"); header != "" {
		scheme, key, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") || key == "" {
			return fmt.Errorf("authorization header: %w", crm.ErrUnauthenticated)
		}
		who, err = h.options.Identity.Keys.Authenticate(c.r.Context(), strings.TrimSpace(key), workspace)
	} else {
		cookie, missing := c.r.Cookie(sessionCookie)
		if missing != nil || cookie.Value == "" {
			return fmt.Errorf("no credentials: %w", crm.ErrUnauthenticated)
		}
		c.who.session, c.who.ambient = cookie.Value, true
		who, err = h.options.Identity.Sessions.Authenticate(c.r.Context(), cookie.Value, workspace)
	}
	if err != nil {
		return fmt.Errorf("authenticate: %w", err)
	}
	c.actor, c.who.user = who.Actor, who.User
	switch {
	case who.Key != nil:
		c.who.limitKey = "key:" + who.Key.ID.String()
	case who.Session != nil:
		c.who.sessionID = who.Session.ID
		c.who.limitKey = "session:" + who.Session.ID.String()
	}
	return nil
}

// chosenWorkspace is what a user of several workspaces picks, zero for none.
func (c *call) chosenWorkspace() (crm.WorkspaceID, error) {
	text := c.r.Header.Get("X-Workspace-Id")
	if text == "" {
		return crm.WorkspaceID{}, nil
	}
	id, err := crm.ParseID(text)
	if err != nil || id.IsZero() { // The nil UUID would pass for "not given".
		return crm.WorkspaceID{}, &placeError{code: codeInvalidID, err: crm.Invalid("X-Workspace-Id", crm.CodeInvalid,
			"must be a UUID such as 0190d3c1-7d3a-7f00-8000-000000000000")}
	}
	return crm.WorkspaceID(id), nil
}

func (h *Handler) validCSRF(session, token string) bool { return identity.CheckCSRF(session, token) }

// setCSRFCookie gives a browser that lost its csrf cookie a new one, so that
// it can simply try again.
func (h *Handler) setCSRFCookie(c *call) {
	if c.who.session != "" {
		c.cookie(csrfCookie, identity.CSRFToken(c.who.session), int(identity.SessionLifetime.Seconds()))
	}
}

func (c *call) setSession(s identity.SignedIn) {
	age := int(identity.SessionLifetime.Seconds())
	c.cookie(sessionCookie, s.Token, age)
	c.cookie(csrfCookie, s.CSRFToken, age)
}

func isThrottled(err error) bool {
	var throttled *identity.ThrottledError
	return errors.As(err, &throttled)
}

func throttleDelay(err error) time.Duration {
	if throttled, ok := errors.AsType[*identity.ThrottledError](err); ok {
		return throttled.RetryAfter
	}
	return 0
}
