package httpapi

import (
	"net/http"

	"github.com/omnicrm/omnicrm/crm"
)

// Route is a row of a handler's own table of routes, as the tests outside of
// the package see it.
type Route struct {
	// ID is the operationId, Path as for http.ServeMux.
	ID, Method, Path string
	// Open routes ask nobody who is calling.
	Open bool
}

// RoutesOf returns every route that is registered with the handler.
func RoutesOf(h *Handler) []Route {
	routes := make([]Route, len(h.operations))
	for i, op := range h.operations {
		routes[i] = Route{op.id, op.method, op.path, op.open}
	}
	return routes
}

// BreakRights makes one route of the handler wrong: before it runs, change may do
// to the actor what a forgotten check would. It returns what mends the route.
func BreakRights(h *Handler, id string, change func(r *http.Request, actor *crm.Actor)) (mend func()) {
	for _, op := range h.operations {
		if op.id == id {
			sound := op.run
			op.run = func(h *Handler, c *call) error {
				change(c.r, &c.actor)
				return sound(h, c)
			}
			return func() { op.run = sound }
		}
	}
	panic("no route " + id)
}

// BreakSignIn makes one route of the handler ask nobody who is calling: everybody
// acts as the actor. It returns what mends the route.
func BreakSignIn(h *Handler, id string, as crm.Actor) (mend func()) {
	mendRights := BreakRights(h, id, func(_ *http.Request, actor *crm.Actor) { *actor = as })
	for _, op := range h.operations {
		if op.id == id {
			op.open = true
			return func() { op.open = false; mendRights() }
		}
	}
	panic("no route " + id)
}
