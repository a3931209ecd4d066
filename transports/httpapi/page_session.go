package httpapi

import (
	"net/http"

	"github.com/omnicrm/omnicrm/crm/identity"
)

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
