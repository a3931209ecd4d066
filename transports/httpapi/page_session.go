package httpapi

import (
	"net/http"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

// BeginPage begins the answer of a page that lies beside the handler: it writes
// the headers that every answer carries, with a policy that lets the page's own
// forms be sent, and counts the request by its address like any other before
// sign-in. The request's body gets the time that others have. It returns false, with
// Retry-After set, for one too many: the page then says so with status 429.
func (h *Handler) BeginPage(w http.ResponseWriter, r *http.Request) (allowed bool) {
	c := &call{h: h, r: r, address: h.clientAddress(r)}
	c.w = &answer{ResponseWriter: w, call: c, routed: true}
	c.requestID = h.setHeaders(w.Header(), r, formsHere)
	if body := pace(w, r, h.bodyTime); body != nil {
		r.Body = body
	}
	err := c.take(addressKey(c.address), h.options.AddressRateLimit)
	if err != nil {
		retryAfter(w.Header(), retryDelay(err))
	}
	return err == nil
}

// AllowsOrigin reports whether the request may change something as far as the
// place goes that it comes from: false for a write that a page of another
// origin made a browser send, as for the API's own routes. A page with a form
// asks it before it acts, because a sign-in that another site causes makes its
// victim work in the attacker's account.
func (h *Handler) AllowsOrigin(r *http.Request) bool { return h.crossSite.Check(r) == nil }

// SignedInUser returns who is signed in with the request's session cookie, false
// for nobody.
func (h *Handler) SignedInUser(r *http.Request) (identity.User, bool) {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil || h.options.Identity == nil {
		return identity.User{}, false
	}
	who, err := h.options.Identity.Sessions.Authenticate(r.Context(), cookie.Value, crm.WorkspaceID{})
	return who.User, err == nil
}

// StartSession sets the cookies of a session that a page outside of the API
// has begun, for instance by a one-time link. The page lies beside the
// handler: cookies are for the path that the handler's own requests come under.
func (h *Handler) StartSession(w http.ResponseWriter, r *http.Request, s identity.SignedIn) {
	c := &call{h: h, r: r, address: h.clientAddress(r)}
	c.w = &answer{ResponseWriter: w, call: c, routed: true}
	c.setSession(s)
}

// Origin tells where a request of such a page comes from, by the handler's own
// rules about proxies.
func (h *Handler) Origin(r *http.Request) identity.Origin {
	c := &call{h: h, r: r, address: h.clientAddress(r)}
	return c.origin()
}
