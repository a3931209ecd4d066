package httpapi_test

import (
	"net/http"
	"slices"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/transports/httpapi"
)

// idClass is whose id a call names.
type idClass string

const (
	noID      idClass = "no id"
	ownID     idClass = "own id" // of the workspace, and where records have owners of the caller
	membersID idClass = "another member's id"
	foreignID idClass = "foreign id"
	absentID  idClass = "id that never was"
)

// matrixCell is one case: a route, a caller, an id, and the answer to expect.
type matrixCell struct {
	route  httpapi.Route
	row    *matrixRow
	caller *matrixCaller
	class  idClass

	status int
	code   string
}

func (c matrixCell) name() string {
	name := c.route.Method + " " + c.route.Path + c.row.query
	if c.row.what != "" {
		name += " (" + c.row.what + ")"
	}
	return name + ", " + c.caller.name + ", " + string(c.class)
}

// owned kinds belong to the member who made them.
func (k recordKind) owned() bool {
	switch k {
	case aReadyImport, aDoneImport, aWaitingJob, aCancelledJob, aFinishedJob, anImportsJob, aSession, aKey:
		return true
	}
	return false
}

// classes are the ids that a caller tries on a row.
func classes(w *matrixWorld, row *matrixRow, caller *matrixCaller) []idClass {
	switch {
	case row.kind == "":
		return []idClass{noID}
	case row.kind == themselves:
		if caller.actor.Workspace != w.home { // Strangers are the last owner of theirs.
			return nil
		}
		return []idClass{ownID}
	case caller.away(w): // What is foreign to them are this workspace's.
		return []idClass{absentID, membersID}
	case row.kind.owned():
		return []idClass{absentID, ownID, membersID, foreignID}
	}
	return []idClass{absentID, ownID, foreignID}
}

// expected is the rule: first who is calling, then what they may, then what is
// there.
func expected(w *matrixWorld, route httpapi.Route, row *matrixRow, caller *matrixCaller, class idClass) (status int, code string) {
	unsafe := route.Method != http.MethodGet
	switch {
	case row.role == "" && unsafe && caller.origin:
		return caller.status, caller.code
	case row.role == "":
		return row.status, codeOf(row.status)
	case caller.status != 0 && (unsafe || !caller.writes):
		return caller.status, caller.code
	case !allowed(row, caller.actor):
		return http.StatusForbidden, "forbidden"
	case class == foreignID || class == absentID || class == membersID && (caller.away(w) || row.hides(caller.actor.Role)):
		if row.missing != 0 {
			return row.missing, ""
		}
		return http.StatusNotFound, "not_found"
	case row.found != "" && !caller.actor.Role.AtLeast(row.found), row.also != "" && !holds(caller.actor, row.also):
		return http.StatusForbidden, "forbidden"
	}
	return row.status, codeOf(row.status)
}

// codeOf is the code of the errors that an open route answers.
func codeOf(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "invalid_body"
	case http.StatusNotFound:
		return "not_found"
	}
	return ""
}

func allowed(row *matrixRow, actor crm.Actor) bool {
	if actor.Role.AtLeast(row.role) && (row.scope == "" || holds(actor, row.scope)) {
		return true
	}
	for scope, role := range row.orElse {
		if actor.Role.AtLeast(role) && holds(actor, scope) {
			return true
		}
	}
	return false
}

// holds reports whether the actor is a person, or a key with the scope.
func holds(actor crm.Actor, scope crm.Scope) bool {
	return actor.Kind != crm.ActorKey || slices.Contains(actor.Scopes, scope)
}

// hides reports whether another member's record is not there for the role.
func (r *matrixRow) hides(role crm.Role) bool {
	return r.others == none || r.others != "" && !role.AtLeast(r.others)
}

// harmless cells must change nothing: they are refused, or find nothing.
func (c matrixCell) harmless() bool {
	return c.status >= http.StatusBadRequest || c.row.figure != "" && c.class != ownID
}

// matrix is every cell of the routes.
type matrix struct {
	w       *matrixWorld
	routes  []httpapi.Route
	table   map[string][]matrixRow
	makers  []callerMaker
	callers []*matrixCaller
	cells   []matrixCell
	// documented are the statuses that each route can answer.
	documented map[string][]int
	// victims are the records that harmless cells try, made on first use.
	victims map[victim]crm.ID
}

type victim struct {
	row   *matrixRow
	of    *matrixCaller
	class idClass
}

// newMatrix crosses the routes with the rows of the table and the callers.
func newMatrix(w *matrixWorld, routes []httpapi.Route, table map[string][]matrixRow) *matrix {
	m := &matrix{w: w, routes: routes, table: table, makers: matrixCallers(), victims: map[victim]crm.ID{}, documented: statusesOf(w.t, w.handler)}
	for _, make := range m.makers {
		c := make(w)
		m.callers = append(m.callers, &c)
	}
	for _, route := range routes {
		for i := range table[route.ID] {
			m.cross(route, &table[route.ID][i])
		}
	}
	return m
}

// complaintsOf tells of each route without a row, and each row without a route.
func complaintsOf(routes []httpapi.Route, table map[string][]matrixRow) []string {
	var complaints []string
	known := map[string]bool{}
	for _, route := range routes {
		known[route.ID] = true
		if len(table[route.ID]) == 0 {
			complaints = append(complaints, route.ID+" ("+route.Method+" "+route.Path+") has no row in the matrix")
		}
	}
	for id := range table {
		if !known[id] {
			complaints = append(complaints, id+" is in the matrix and no route")
		}
	}
	return complaints
}

func (m *matrix) cross(route httpapi.Route, row *matrixRow) {
	for _, caller := range m.callers {
		for _, class := range classes(m.w, row, caller) {
			status, code := expected(m.w, route, row, caller, class)
			m.cells = append(m.cells, matrixCell{route, row, caller, class, status, code})
		}
	}
}

// of returns the cells of one route.
func (m *matrix) of(route string) []matrixCell {
	return slices.DeleteFunc(slices.Clone(m.cells), func(c matrixCell) bool { return c.route.ID != route })
}

// record returns the id that a cell names. Harmless cells of a row share their
// records; what a call may change is made for it.
func (m *matrix) record(c matrixCell) crm.ID {
	if c.class == absentID || c.class == noID {
		return crm.NewID()
	}
	at := victim{row: c.row, class: c.class}
	if c.class == ownID && (c.row.kind.owned() || c.row.kind == themselves) {
		at.of = c.caller
	}
	id, ok := m.victims[at]
	if !ok || !c.harmless() {
		id = m.w.make(c.row.kind, m.ownerOf(c))
	}
	if c.harmless() {
		m.victims[at] = id
	}
	return id
}

func (m *matrix) ownerOf(c matrixCell) crm.Actor {
	switch {
	case c.class == foreignID:
		return m.w.stranger
	case c.class == membersID || c.caller.actor.Workspace != m.w.home:
		return m.w.colleague
	}
	return c.caller.actor
}

// renew gives a caller who spent a session or membership another one.
func (m *matrix) renew(caller *matrixCaller) {
	for i, c := range m.callers {
		if c == caller {
			*caller = m.makers[i](m.w)
		}
	}
}
