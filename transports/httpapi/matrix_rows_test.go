package httpapi_test

import (
	"maps"

	"github.com/omnicrm/omnicrm/crm"
)

// matrixRow is what a route asks for, written by hand from the table of roles
// (product J): it must not be read from the code that it checks.
type matrixRow struct {
	// what tells several rows of one route apart.
	what string
	// role is the least one that may; "" lets everybody in. scope is what a key
	// needs, "" nothing.
	role  crm.Role
	scope crm.Scope
	// orElse are further scopes that open the route, each with the least role.
	orElse map[crm.Scope]crm.Role
	// also is a second scope that a key needs for what it found.
	also crm.Scope

	// kind is the record whose id stands in the path, or in the body for {id}.
	kind recordKind
	// others is the least role that reaches another member's record, for others it
	// is not there; "" when records are everybody's.
	others crm.Role
	// found is the least role for a record that is there, where it needs more than
	// the route: others are forbidden.
	found crm.Role
	// media, body and query are sent.
	media, body, query string

	// status is the answer to who may, missing to an id that is not there: 404
	// where it is 0. figure counts what was reached: 0 then, else 1.
	status, missing int
	figure          string
	// lists are kinds of records of another member that are in the answer for those
	// only who reach them.
	lists []recordKind
	// spends says that the call ends the caller's own session or membership.
	spends bool
	// streams says that the answer has no end.
	streams bool
	// tidy is done after a call that succeeded.
	tidy func(w *matrixWorld)
}

// none is a role that nobody has: none reaches another user's sessions.
const none crm.Role = "none"

const (
	toRead   = crm.ScopeContactsRead
	toWrite  = crm.ScopeContactsWrite
	toImport = crm.ScopeImports
	toJobs   = crm.ScopeJobs
	toAdmin  = crm.ScopeAdmin
)

// matrixTable has at least one row for every route, by operationId.
func matrixTable() map[string][]matrixRow {
	table := map[string][]matrixRow{}
	for _, part := range []map[string][]matrixRow{contactRows(), bulkRows(), importRows(), jobRows(), signInRows(), memberRows(), openRows()} {
		maps.Copy(table, part)
	}
	return table
}

// reads and writes are the first two lines of the table of roles.
func reads(r matrixRow) []matrixRow {
	r.role, r.scope, r.status = crm.RoleViewer, toRead, 200
	return []matrixRow{r}
}

func writes(r matrixRow) []matrixRow {
	r.role, r.scope = crm.RoleMember, toWrite
	return []matrixRow{r}
}

func contactRows() map[string][]matrixRow {
	erase := matrixRow{role: crm.RoleAdmin, scope: toWrite, kind: aContact, status: 204}
	activity := reads(matrixRow{query: "?limit=100", lists: []recordKind{aDoneImport, aWaitingJob}, others: crm.RoleAdmin, orElse: map[crm.Scope]crm.Role{toImport: crm.RoleMember, toJobs: crm.RoleMember, toAdmin: crm.RoleAdmin}})
	stream := reads(matrixRow{orElse: activity[0].orElse, streams: true})
	return map[string][]matrixRow{
		"listContacts":   append(reads(matrixRow{what: "all"}), reads(matrixRow{what: "searched", query: "?search=person&facets=tag"})...),
		"createContact":  writes(matrixRow{body: `{"displayName":"New"}`, status: 201}),
		"batchContacts":  append(writes(matrixRow{what: "good", body: `{"contacts":[{"displayName":"New"}]}`, status: 200}), writes(matrixRow{what: "bad", body: `{"contacts":[{}]}`, status: 200})...),
		"getContact":     reads(matrixRow{kind: aContact}),
		"updateContact":  writes(matrixRow{kind: aContact, body: `{"notes":"changed"}`, status: 200}),
		"deleteContact":  writes(matrixRow{kind: aContact, status: 204}),
		"restoreContact": writes(matrixRow{kind: aTrashed, status: 200}),
		"eraseContact":   {erase},
		"findDuplicates": writes(matrixRow{status: 202, tidy: (*matrixWorld).cancelDedupe}),
		"listTags":       reads(matrixRow{}),
		"exportContacts": append(reads(matrixRow{what: "csv"}), reads(matrixRow{what: "jsonl", query: "?format=jsonl"})...),

		"listInteractions":   reads(matrixRow{kind: aContact}),
		"createInteraction":  writes(matrixRow{kind: aContact, body: `{"type":"note","occurredAt":"2026-01-01T00:00:00Z"}`, status: 201}),
		"getInteraction":     reads(matrixRow{kind: anInteraction}),
		"updateInteraction":  writes(matrixRow{kind: anInteraction, body: `{"subject":"changed"}`, status: 200}),
		"deleteInteraction":  writes(matrixRow{kind: anInteraction, status: 204}),
		"exportInteractions": reads(matrixRow{}),

		"getInsights": reads(matrixRow{kind: aContact}),
		// What it stores is derived from what the caller sees, and stored by itself
		// at night all the same.
		"refreshInsights": reads(matrixRow{kind: aContact}),
		"listFocus":       reads(matrixRow{}),

		"getDashboard":   reads(matrixRow{lists: []recordKind{aDoneImport, aWaitingJob}, others: crm.RoleAdmin}),
		"listActivity":   activity,
		"streamActivity": {stream[0]},
	}
}

func bulkRows() map[string][]matrixRow {
	byIDs := func(kind recordKind, figure, more string) []matrixRow {
		return writes(matrixRow{what: "by ids", kind: kind, body: `{"ids":["{id}"]` + more + `}`, status: 200, missing: 200, figure: figure})
	}
	byFilter := func(more string) matrixRow {
		return writes(matrixRow{what: "by filter", body: `{"filter":{"tag":["nobody"]}` + more + `}`, status: 202})[0]
	}
	return map[string][]matrixRow{
		"bulkDelete":  append(byIDs(aContact, "deleted", ""), byFilter("")),
		"bulkRestore": byIDs(aTrashed, "restored", ""),
		"bulkTag":     append(byIDs(aContact, "updated", `,"add":["x"]`), byFilter(`,"add":["x"]`)),
		"bulkUpdate":  append(byIDs(aContact, "updated", `,"set":{"stage":"lead"}`), byFilter(`,"set":{"stage":"lead"}`)),
	}
}

func importRows() map[string][]matrixRow {
	imports := func(r matrixRow) matrixRow {
		r.role, r.scope = crm.RoleMember, toImport
		if r.kind != "" {
			r.others = crm.RoleAdmin
		}
		return r
	}
	return map[string][]matrixRow{
		"listImports":  {imports(matrixRow{query: "?pageSize=200", lists: []recordKind{aReadyImport}, others: crm.RoleAdmin, status: 200})},
		"createImport": {imports(matrixRow{media: "text/csv", query: "?format=csv", body: "Name\nNew Person\n", status: 201})},
		"getImport":    {imports(matrixRow{kind: aReadyImport, status: 200})},
		"listImportRows": {
			imports(matrixRow{what: "page", kind: aReadyImport, status: 200}),
			imports(matrixRow{what: "report", kind: aReadyImport, query: "?format=csv", status: 200}),
		},
		"commitImport": {imports(matrixRow{kind: aReadyImport, status: 202})},
		"undoImport":   {imports(matrixRow{kind: aDoneImport, status: 202})},
	}
}

func jobRows() map[string][]matrixRow {
	jobs := func(r matrixRow) matrixRow {
		r.role, r.scope = crm.RoleMember, toJobs
		if r.kind != "" {
			r.others = crm.RoleAdmin
		}
		return r
	}
	return map[string][]matrixRow{
		"listJobs":  {jobs(matrixRow{query: "?pageSize=200", lists: []recordKind{aWaitingJob}, others: crm.RoleAdmin, status: 200})},
		"jobStats":  {jobs(matrixRow{status: 200})},
		"getJob":    {jobs(matrixRow{kind: aFinishedJob, status: 200})},
		"cancelJob": {jobs(matrixRow{kind: aWaitingJob, status: 200})},
		"retryJob":  {jobs(matrixRow{kind: aCancelledJob, status: 200})},
		"listKept":  {jobs(matrixRow{kind: aFinishedJob, status: 200})},
		// A key for jobs alone does not write contacts by undoing.
		"undoJob": {
			jobs(matrixRow{what: "of a bulk action", kind: aFinishedJob, also: toWrite, status: 202}),
			jobs(matrixRow{what: "of an import", kind: anImportsJob, also: toImport, status: 202}),
		},
	}
}
