package httpapi

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

// admit finds out who calls and refuses whom it must: nobody, another site's
// page, or one who calls too often. Requests before sign-in are counted by
// address, later ones by session, key or actor.
func (h *Handler) admit(c *call) error {
	if c.op.unlimited {
		return nil
	}
	if c.op.open {
		if err := c.take(addressKey(c.address), h.options.AddressRateLimit); err != nil {
			return err
		}
		return h.checkOrigin(c)
	}
	err := h.identify(c)
	if c.actor.Origin.Request = c.requestID; h.options.TraceParent != nil {
		c.actor.Origin.Trace = h.options.TraceParent(c.r.Context())
	}
	if err != nil {
		// A guess at a key or session costs the address its allowance.
		if limited := c.take(addressKey(c.address), h.options.AddressRateLimit); limited != nil {
			return limited
		}
		return err
	}
	if err := h.checkCSRF(c); err != nil {
		return err
	}
	return c.take(c.who.limitKey, h.options.RateLimit)
}

// identify sets the actor: by the host's function, and where that knows
// nobody, or there is none, by the identity's sessions and keys.
func (h *Handler) identify(c *call) error {
	if h.options.ActorFunc != nil {
		actor, err := h.options.ActorFunc(c.r)
		if err == nil && (actor.Workspace.IsZero() || actor.Role == "") {
			err = crm.ErrUnauthenticated
		}
		if err == nil {
			c.actor = actor
			c.who.limitKey = "actor:" + actor.Workspace.String() + actor.User.String()
			c.who.ambient = c.r.Header.Get("Authorization") == ""
			return nil
		}
		if h.options.Identity == nil || !errors.Is(err, crm.ErrUnauthenticated) {
			return fmt.Errorf("identify caller: %w", err)
		}
	}
	if h.options.Identity == nil {
		return errNobodyCan
	}
	return h.authenticate(c)
}

// caller is how the actor was recognised.
type caller struct {
	// limitKey is what the caller's requests are counted by.
	limitKey string
	// ambient is true when a browser may have added what proves the caller by
	// itself, so that another site could use it.
	ambient bool
	// session is the token of the cookie and sessionID its id; "" and zero for
	// keys and host actors.
	session   string
	sessionID crm.ID
	// user is zero for host actors.
	user identity.User
}

// checkOrigin refuses writes that a page of another origin makes a browser
// send (Sec-Fetch-Site, else Origin against Host). Programs send neither.
func (h *Handler) checkOrigin(c *call) error {
	if !c.op.unsafe() {
		return nil
	}
	if err := h.crossSite.Check(c.r); err != nil {
		return fmt.Errorf("%w: %w", errCrossSite, err)
	}
	return nil
}

// checkCSRF guards writes that a cookie proves: the origin, and for our own
// sessions the double submit of the csrf cookie, which is bound to the session.
func (h *Handler) checkCSRF(c *call) error {
	if !c.op.unsafe() || !c.who.ambient {
		return nil
	}
	if err := h.checkOrigin(c); err != nil {
		return err
	}
	if c.who.session == "" {
		return nil
	}
	cookie, err := c.r.Cookie(csrfCookie)
	sent := c.r.Header.Get(csrfHeader)
	if err != nil || cookie.Value == "" || sent == "" {
		return errMissingCSRF
	}
	if sent != cookie.Value || !h.validCSRF(c.who.session, sent) {
		return errInvalidCSRF
	}
	return nil
}

const (
	sessionCookie = "omnicrm_session"
	csrfCookie    = "csrf"
	csrfHeader    = "X-Csrf-Token"
)

// cookie makes a cookie for the place where the handler is mounted; a negative
// age removes it. Script may read the csrf cookie only.
func (c *call) cookie(name, value string, maxAge int) {
	http.SetCookie(c.w, &http.Cookie{ //nolint:gosec // Secure where the client is on TLS; script must read the csrf cookie.
		Name: name, Value: value, Path: c.prefix() + "/", MaxAge: maxAge, HttpOnly: name != csrfCookie,
		Secure: c.h.overTLS(c.r), SameSite: http.SameSiteLaxMode,
	})
}
