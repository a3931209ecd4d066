package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/omnicrm/omnicrm/crm"
)

// others makes what another member has, right before a list is asked that must
// show it to some and hide it from the others.
func (r *matrixRun) others(c matrixCell) map[recordKind]crm.ID {
	if len(c.row.lists) == 0 || c.status != http.StatusOK {
		return nil
	}
	made := map[recordKind]crm.ID{}
	for _, kind := range c.row.lists {
		made[kind] = r.w.make(kind, r.w.colleague)
	}
	return made
}

// checkList complains of another member's record in the list of who must not see
// it, and of one that is missing in the list of who may: else the list would
// prove nothing.
func (r *matrixRun) checkList(c matrixCell, got *httptest.ResponseRecorder, made map[recordKind]crm.ID) {
	for kind, id := range made {
		shown := strings.Contains(got.Body.String(), id.String())
		hidden := c.caller.away(r.w) || c.row.hides(c.caller.actor.Role) || !holds(c.caller.actor, scopeOf(kind))
		if shown == hidden {
			r.complain(c, "shows another member's %s: got %v, want %v", kind, shown, !hidden)
		}
	}
}

// scopeOf is what a key needs to see a kind of record that belongs to a member.
func scopeOf(kind recordKind) crm.Scope {
	switch kind {
	case aReadyImport, aDoneImport:
		return toImport
	case aWaitingJob, aCancelledJob, aFinishedJob, anImportsJob:
		return toJobs
	}
	return toAdmin
}
