package httpapi_test

import (
	"github.com/omnicrm/omnicrm/crm"
)

// signInRows are what everybody does about their own sign-in. Sessions are
// nobody else's business; keys are the admins' too.
func signInRows() map[string][]matrixRow {
	own := func(r matrixRow) []matrixRow {
		r.role, r.scope = crm.RoleViewer, toAdmin
		return []matrixRow{r}
	}
	return map[string][]matrixRow{
		"me":                  {{role: crm.RoleViewer, status: 200}},
		"logout":              {{role: crm.RoleViewer, status: 204, spends: true}},
		"listSessions":        own(matrixRow{lists: []recordKind{aSession}, others: none, status: 200}),
		"revokeOtherSessions": own(matrixRow{status: 204}),
		"revokeSession":       own(matrixRow{kind: aSession, others: none, status: 204}),
		"listKeys":            own(matrixRow{query: "?pageSize=200", lists: []recordKind{aKey}, others: crm.RoleAdmin, status: 200}),
		"createKey":           append(own(matrixRow{what: "with the default", body: `{}`, status: 201}), own(matrixRow{what: "to read", body: `{"scopes":["admin"]}`, status: 201})...),
		"getKey":              own(matrixRow{kind: aKey, others: crm.RoleAdmin, status: 200}),
		"revokeKey":           own(matrixRow{kind: aKey, others: crm.RoleAdmin, status: 204}),
	}
}

// memberRows are the members up to admin, for admins, and owners, for owners.
func memberRows() map[string][]matrixRow {
	admins := func(r matrixRow) matrixRow {
		r.role, r.scope = crm.RoleAdmin, toAdmin
		return r
	}
	// Whether the target is an owner is known to whoever found it: an id that is
	// not there is 404 for admins as well.
	owners := func(r matrixRow) matrixRow {
		r = admins(r)
		r.found = crm.RoleOwner
		return r
	}
	themself := func(status int, spends bool) matrixRow {
		return matrixRow{what: "oneself", role: crm.RoleViewer, scope: toAdmin, kind: themselves, status: status, spends: spends}
	}
	return map[string][]matrixRow{
		"listMembers": {admins(matrixRow{status: 200})},
		"getMember":   {admins(matrixRow{what: "a member", kind: aMember, status: 200}), admins(matrixRow{what: "an owner", kind: anOwner, status: 200}), themself(200, false)},
		"updateMember": {
			admins(matrixRow{what: "a member", kind: aMember, body: `{"role":"admin"}`, status: 200}),
			owners(matrixRow{what: "a member, to owner", kind: aMember, body: `{"role":"owner"}`, status: 200}),
			owners(matrixRow{what: "an owner", kind: anOwner, body: `{"role":"viewer"}`, status: 200}),
		},
		"removeMember": {
			admins(matrixRow{what: "a member", kind: aMember, status: 204}),
			owners(matrixRow{what: "an owner", kind: anOwner, status: 204}),
			themself(204, true),
		},
		"listInvitations": {admins(matrixRow{status: 200})},
		"createInvitation": {
			admins(matrixRow{what: "as an admin", body: `{"email":"new@example.com","role":"admin"}`, status: 201}),
			{what: "as an owner", role: crm.RoleOwner, scope: toAdmin, body: `{"email":"chief@example.com","role":"owner"}`, status: 201},
		},
		"getInvitation": {admins(matrixRow{kind: anInvitation, status: 200})},
		"revokeInvitation": {
			admins(matrixRow{what: "of a member", kind: anInvitation, status: 204}),
			owners(matrixRow{what: "of an owner", kind: anOwnersInvite, status: 204}),
		},
	}
}

// openRows ask nobody who is calling. What proves nothing is answered alike,
// whoever sends it.
func openRows() map[string][]matrixRow {
	return map[string][]matrixRow{
		"login":            {{body: `{"email":"","password":""}`, status: 400}},
		"acceptInvitation": {{body: `{"token":"x","password":"long enough for one"}`, status: 404}},
		"openapi":          {{status: 200}},
		"healthz":          {{status: 200}},
		"readyz":           {{status: 200}},
		"metrics":          {{status: 200}},
	}
}
