package httpapi

import (
	"net/http"
)

// identityRoutes are the rows that need sessions, keys and members.
func identityRoutes() []*operation {
	table := signInRoutes()
	table = append(table, keyRoutes()...)
	table = append(table, memberRoutes()...)
	return append(table, invitationRoutes()...)
}

func signInRoutes() []*operation {
	const tag, sessions = "sign-in", apiRoot + "/sessions"
	return []*operation{
		{
			id: "login", method: http.MethodPost, path: apiRoot + "/auth/login", tag: tag, summary: "Sign in with email and password", open: true,
			body: typeOf[loginInput](), run: (*Handler).login,
			answers: []answerDoc{okJSON[signedIn]("Signed in; the session and csrf cookies are set.")},
		},
		{
			id: "logout", method: http.MethodPost, path: apiRoot + "/auth/logout", tag: tag, summary: "End this session",
			run: (*Handler).logout, answers: []answerDoc{noContent("The session is over and its cookies are removed.")},
		},
		{
			id: "listSessions", method: http.MethodGet, path: sessions, tag: tag, summary: "List one's own sessions",
			run: (*Handler).listSessions, answers: []answerDoc{okJSON[page[sessionRecord]]("The newest 100.")},
		},
		{
			id: "revokeOtherSessions", method: http.MethodDelete, path: sessions, tag: tag, summary: "End all one's other sessions",
			run: (*Handler).revokeOtherSessions, answers: []answerDoc{noContent("They are over.")},
		},
		{
			id: "revokeSession", method: http.MethodDelete, path: sessions + "/{id}", tag: tag, summary: "End one of one's sessions",
			run: (*Handler).revokeSession, answers: []answerDoc{noContent("It is over.")},
		},
	}
}

func keyRoutes() []*operation {
	const tag, all = "API keys", apiRoot + "/api-keys"
	return []*operation{
		{
			id: "listKeys", method: http.MethodGet, path: all, tag: tag, summary: "List one's API keys; admins see all",
			query: memberPage(), run: (*Handler).listKeys, answers: []answerDoc{okJSON[page[keyRecord]]("A page of keys.")},
		},
		{
			id: "createKey", method: http.MethodPost, path: all, tag: tag, summary: "Make an API key",
			notes: "The key is shown once; a replay by Idempotency-Key shows everything but it.",
			body:  typeOf[newKeyInput](), run: (*Handler).createKey, replay: (*Handler).replayKey,
			answers: []answerDoc{createdRecord[keyRecord]("The key.")},
		},
		{
			id: "getKey", method: http.MethodGet, path: all + "/{id}", tag: tag, summary: "Get an API key, without the key itself",
			run: (*Handler).getKey, answers: []answerDoc{okRecord[keyRecord]("What is known of it."), notModified()},
		},
		{
			id: "revokeKey", method: http.MethodDelete, path: all + "/{id}", tag: tag, summary: "Revoke an API key",
			run: (*Handler).revokeKey, answers: []answerDoc{noContent("It opens nothing any more.")},
		},
	}
}

func memberPage() []parameter {
	return []parameter{numberParam("pageSize", "How many items a page has.", 1, 200, defaultMemberPage), cursorParam()}
}

func memberRoutes() []*operation {
	const tag, all, one = "members", apiRoot + "/members", apiRoot + "/members/{id}"
	return []*operation{
		{
			id: "listMembers", method: http.MethodGet, path: all, tag: tag, summary: "List the members of the workspace",
			query: memberPage(), run: (*Handler).listMembers, answers: []answerDoc{okJSON[page[memberRecord]]("A page of members.")},
		},
		{
			id: "getMember", method: http.MethodGet, path: one, tag: tag, summary: "Get a member by their user id",
			run: (*Handler).getMember, answers: []answerDoc{okRecord[memberRecord]("The member."), notModified()},
		},
		{
			id: "updateMember", method: http.MethodPatch, path: one, tag: tag, summary: "Change a member's role",
			body: typeOf[memberPatch](), matches: true, run: (*Handler).updateMember, refusals: []int{http.StatusConflict},
			answers: []answerDoc{okRecord[memberRecord]("The member as it is now.")},
		},
		{
			id: "removeMember", method: http.MethodDelete, path: one, tag: tag, summary: "Remove a member, or leave",
			matches: true, run: (*Handler).removeMember, refusals: []int{http.StatusConflict},
			answers: []answerDoc{noContent("They are no member any more.")},
		},
	}
}

func invitationRoutes() []*operation {
	const tag, all = "invitations", apiRoot + "/invitations"
	return []*operation{
		{
			id: "listInvitations", method: http.MethodGet, path: all, tag: tag, summary: "List the open invitations",
			query: memberPage(), run: (*Handler).listInvitations, answers: []answerDoc{okJSON[page[invitationRecord]]("A page of invitations.")},
		},
		{
			id: "createInvitation", method: http.MethodPost, path: all, tag: tag, summary: "Invite somebody by email",
			notes: "The token is shown once; a replay by Idempotency-Key shows everything but it.",
			body:  typeOf[newInvitationInput](), run: (*Handler).createInvitation, replay: (*Handler).replayInvitation,
			answers: []answerDoc{createdRecord[invitationRecord]("The invitation.")},
		},
		{
			id: "getInvitation", method: http.MethodGet, path: all + "/{id}", tag: tag, summary: "Get an open invitation, without its token",
			run: (*Handler).getInvitation, answers: []answerDoc{okRecord[invitationRecord]("The invitation."), notModified()},
		},
		{
			id: "revokeInvitation", method: http.MethodDelete, path: all + "/{id}", tag: tag, summary: "Take an invitation back",
			run: (*Handler).revokeInvitation, answers: []answerDoc{noContent("It cannot be accepted any more.")},
		},
		{
			id: "acceptInvitation", method: http.MethodPost, path: all + "/accept", tag: tag, summary: "Accept an invitation and sign in", open: true,
			body: typeOf[acceptInput](), run: (*Handler).acceptInvitation, refusals: []int{http.StatusNotFound, http.StatusConflict},
			answers: []answerDoc{okJSON[signedIn]("Signed in; the session and csrf cookies are set.")},
		},
	}
}
