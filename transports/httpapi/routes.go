package httpapi

import (
	"net/http"

	"github.com/omnicrm/omnicrm/crm"
)

// apiRoot leads every path but health.
const apiRoot = "/api/v1"

// routes is the table of everything the API does. Those of sign-in, sessions,
// keys and members need an identity.
func routes(formats []crm.Format, withIdentity bool) []*operation {
	table := contactRoutes(formats)
	table = append(table, interactionRoutes()...)
	table = append(table, insightRoutes()...)
	table = append(table, bulkRoutes()...)
	table = append(table, importRoutes(formats)...)
	table = append(table, jobRoutes()...)
	table = append(table, activityRoutes()...)
	table = append(table, ownRoutes()...)
	if withIdentity {
		table = append(table, identityRoutes()...)
	}
	return table
}

func contactRoutes(formats []crm.Format) []*operation {
	const tag, one = "contacts", apiRoot + "/contacts/{id}"
	return []*operation{
		{
			id: "listContacts", method: http.MethodGet, path: apiRoot + "/contacts", tag: tag, summary: "List and search contacts",
			notes: "Page by cursor or by number. A search ranks by relevance unless a sort is given.",
			query: listParams(), fieldFilters: true, run: (*Handler).listContacts,
			answers: []answerDoc{okJSON[contactListDoc]("A page of contacts.")},
		},
		{
			id: "createContact", method: http.MethodPost, path: apiRoot + "/contacts", tag: tag, summary: "Create a contact",
			notes: "Never matches an existing contact; only the same source and sourceId is a conflict.",
			body:  typeOf[newContactInput](), run: (*Handler).createContact, replay: (*Handler).replayContact, refusals: []int{http.StatusConflict},
			answers: []answerDoc{createdRecord[crm.ContactRecord]("The contact.")},
		},
		{
			id: "batchContacts", method: http.MethodPost, path: apiRoot + "/contacts/batch", tag: tag, summary: "Create or upsert up to 1,000 contacts",
			body: typeOf[batchInput](), run: (*Handler).batchContacts, replay: (*Handler).replayBatch, refusals: []int{http.StatusConflict},
			answers: []answerDoc{okJSON[batchResults]("The outcome of each, in order.")},
		},
		{
			id: "getContact", method: http.MethodGet, path: one, tag: tag, summary: "Get a contact",
			notes: "One in the trash has deletedAt.", run: (*Handler).getContact,
			answers: []answerDoc{okRecord[crm.ContactRecord]("The contact."), notModified()},
		},
		{
			id: "updateContact", method: http.MethodPatch, path: one, tag: tag, summary: "Change a contact by a merge patch (RFC 7396)",
			body: typeOf[contactPatchInput](), matches: true, run: (*Handler).updateContact, refusals: []int{http.StatusConflict},
			answers: []answerDoc{okRecord[crm.ContactRecord]("The contact as it is now.")},
		},
		{
			id: "deleteContact", method: http.MethodDelete, path: one, tag: tag, summary: "Move a contact to the trash for 30 days",
			matches: true, run: (*Handler).deleteContact, answers: []answerDoc{noContent("It is in the trash.")},
		},
		{
			id: "restoreContact", method: http.MethodPost, path: one + "/restore", tag: tag, summary: "Take a contact out of the trash",
			matches: true, run: (*Handler).restoreContact, replay: (*Handler).replayContact, refusals: []int{http.StatusConflict},
			answers: []answerDoc{okRecord[crm.ContactRecord]("The contact.")},
		},
		{
			id: "eraseContact", method: http.MethodPost, path: one + "/erase", tag: tag, summary: "Erase a contact for good",
			matches: true, run: (*Handler).eraseContact, answers: []answerDoc{noContent("Nothing is left of it.")},
		},
		{
			id: "findDuplicates", method: http.MethodPost, path: apiRoot + "/contacts/dedupe", tag: tag, summary: "Look for contacts that may be the same",
			notes: "Changes nothing. The job's result is {contacts, found, pairs: [{a, b, score, reasons}]}, the likeliest pairs first, at most 1,000.",
			run:   (*Handler).findDuplicates, records: apiRoot + "/jobs", refusals: []int{http.StatusConflict},
			answers: []answerDoc{acceptedJob[jobRecord]("The job.")},
		},
		{
			id: "listTags", method: http.MethodGet, path: apiRoot + "/tags", tag: tag, summary: "List the tags with the number of their contacts",
			run: (*Handler).listTags, answers: []answerDoc{okJSON[page[tagRecord]]("All tags.")},
		},
		{
			id: "exportContacts", method: http.MethodGet, path: apiRoot + "/exports/contacts", tag: tag, summary: "Export contacts as a file",
			notes: "Streamed; an error after the beginning cuts the connection.", fieldFilters: true, run: (*Handler).exportContacts,
			query:   append(filterParams(), enumParam("format", "Default csv.", formatNames(formats)...)),
			answers: []answerDoc{{status: http.StatusOK, notes: "The file.", media: formatMedia(formats)}},
		},
	}
}

func interactionRoutes() []*operation {
	const tag, timeline, one = "interactions", apiRoot + "/contacts/{id}/interactions", apiRoot + "/interactions/{id}"
	return []*operation{
		{
			id: "listInteractions", method: http.MethodGet, path: timeline, tag: tag, summary: "List the interactions that a contact takes part in",
			query: []parameter{
				enumParam("type", "Interactions of this type.", crm.InteractionTypes()...),
				enumParam("order", "By time. Default desc.", crm.Ascending, crm.Descending),
				numberParam("pageSize", "How many items a page has.", 1, crm.MaxPageSize, crm.DefaultPageSize), cursorParam(),
			},
			run: (*Handler).listInteractions, answers: []answerDoc{okJSON[page[crm.InteractionRecord]]("A page of the timeline.")},
		},
		{
			id: "createInteraction", method: http.MethodPost, path: timeline, tag: tag, summary: "Add an interaction with a contact",
			notes: "The contact takes part, also where the participants do not name it. The same source and sourceId is a conflict.",
			body:  typeOf[newInteractionInput](), records: apiRoot + "/interactions", run: (*Handler).createInteraction, replay: (*Handler).replayInteraction,
			refusals: []int{http.StatusConflict}, answers: []answerDoc{createdRecord[crm.InteractionRecord]("The interaction.")},
		},
		{
			id: "getInteraction", method: http.MethodGet, path: one, tag: tag, summary: "Get an interaction",
			run: (*Handler).getInteraction, answers: []answerDoc{okRecord[crm.InteractionRecord]("The interaction."), notModified()},
		},
		{
			id: "updateInteraction", method: http.MethodPatch, path: one, tag: tag, summary: "Change an interaction by a merge patch (RFC 7396)",
			body: typeOf[interactionPatchInput](), matches: true, run: (*Handler).updateInteraction, refusals: []int{http.StatusConflict},
			answers: []answerDoc{okRecord[crm.InteractionRecord]("The interaction as it is now.")},
		},
		{
			id: "deleteInteraction", method: http.MethodDelete, path: one, tag: tag, summary: "Remove an interaction for good",
			matches: true, run: (*Handler).deleteInteraction, answers: []answerDoc{noContent("It is gone.")},
		},
		{
			id: "exportInteractions", method: http.MethodGet, path: apiRoot + "/exports/interactions", tag: tag,
			summary: "Export all interactions as JSON lines", notes: "Streamed; an error after the beginning cuts the connection.",
			run:     (*Handler).exportInteractions,
			answers: []answerDoc{{status: http.StatusOK, notes: "The file.", media: formatMedia([]crm.Format{crm.JSONLines{}})}},
		},
	}
}

func insightRoutes() []*operation {
	const tag, one = "insights", apiRoot + "/contacts/{id}/insights"
	return []*operation{
		{
			id: "getInsights", method: http.MethodGet, path: one, tag: tag, summary: "Judge the relationship with a contact",
			notes: "Score with its reasons, follow-up, trend and forecast, by the formulas of docs/insights.md, as it is now.",
			run:   (*Handler).getInsights, answers: []answerDoc{okJSON[insightRecord]("The judgment.")},
		},
		{
			id: "refreshInsights", method: http.MethodPost, path: one + "/refresh", tag: tag, summary: "Judge it and store the score at once",
			notes: "That happens by itself after every change and at night.",
			run:   (*Handler).refreshInsights, answers: []answerDoc{okJSON[insightRecord]("The judgment.")},
		},
		{
			id: "listFocus", method: http.MethodGet, path: apiRoot + "/focus", tag: tag, summary: "List whom to contact next, the most urgent first",
			notes: "Those whose follow-up is due. The total counts what is due now, the order is of the last computation.",
			query: []parameter{numberParam("limit", "How many items a page has.", 1, crm.MaxFocus, crm.DefaultFocus), cursorParam()},
			run:   (*Handler).listFocus, answers: []answerDoc{okJSON[page[focusRecord]]("A page of contacts with the reasons.")},
		},
	}
}

func notModified() answerDoc {
	return answerDoc{status: http.StatusNotModified, notes: "The version named by If-None-Match is still the current one.", etag: true}
}

func bulkRoutes() []*operation {
	const tag = "bulk actions"
	byFilter := acceptedJob[jobStarted]("By filter: the job.")
	return []*operation{
		{
			id: "bulkDelete", method: http.MethodPost, path: apiRoot + "/contacts/bulk-delete", tag: tag, summary: "Move many contacts to the trash",
			body: typeOf[bulkInput](), run: (*Handler).bulkDelete, refusals: []int{http.StatusConflict},
			answers: []answerDoc{okJSON[deletedCount]("By ids: the figure."), byFilter},
		},
		{
			id: "bulkRestore", method: http.MethodPost, path: apiRoot + "/contacts/bulk-restore", tag: tag, summary: "Take many contacts out of the trash",
			body: typeOf[bulkInput](), run: (*Handler).bulkRestore, refusals: []int{http.StatusConflict},
			answers: []answerDoc{okJSON[restoredCount]("By ids: the figure."), byFilter},
		},
		{
			id: "bulkTag", method: http.MethodPost, path: apiRoot + "/contacts/bulk-tag", tag: tag, summary: "Add and remove tags of many contacts",
			body: typeOf[bulkTagInput](), run: (*Handler).bulkTag, refusals: []int{http.StatusConflict},
			answers: []answerDoc{okJSON[updatedCount]("By ids: the figure."), byFilter},
		},
		{
			id: "bulkUpdate", method: http.MethodPost, path: apiRoot + "/contacts/bulk-update", tag: tag, summary: "Set the stage of many contacts",
			body: typeOf[bulkUpdateInput](), run: (*Handler).bulkUpdate, refusals: []int{http.StatusConflict},
			answers: []answerDoc{okJSON[updatedCount]("By ids: the figure."), byFilter},
		},
	}
}

func importRoutes(formats []crm.Format) []*operation {
	const tag, all, one = "imports", apiRoot + "/imports", apiRoot + "/imports/{id}"
	job := acceptedJob[jobRecord]("The job that does it.")
	pageSize := numberParam("pageSize", "How many items a page has.", 1, crm.MaxPageSize, crm.DefaultPageSize)
	return []*operation{
		{
			id: "listImports", method: http.MethodGet, path: all, tag: tag, summary: "List one's own imports, newest first; admins see all",
			query: []parameter{pageSize, cursorParam()}, run: (*Handler).listImports,
			answers: []answerDoc{okJSON[page[importRecord]]("A page of imports.")},
		},
		{
			id: "createImport", method: http.MethodPost, path: all, tag: tag, summary: "Upload a file and see what importing it would do",
			notes: "The file is the body, or the part \"file\" of a form whose other fields are the parameters below. Waits a while for the " +
				"dry run; when that takes longer the answer has the status previewing. With an Idempotency-Key the same file is the same request.",
			query: []parameter{
				enumParam("format", "Default: by the file's content.", formatNames(formats)...),
				textParam("fileName", "Shown to people.", maxFileName),
				enumParam("onDuplicate", "What to do with a row that matches a contact. Default update.", duplicatePolicies()...),
				textParam("mapping", "JSON [{column, target}]. Default: guessed.", maxQuery),
			},
			upload: true, run: (*Handler).createImport, replay: (*Handler).replayImport, refusals: []int{http.StatusConflict},
			answers: []answerDoc{createdRecord[importRecord]("The import with its guessed mapping and the figures of the dry run.")},
		},
		{
			id: "getImport", method: http.MethodGet, path: one, tag: tag, summary: "Get an import",
			run: (*Handler).getImport, answers: []answerDoc{okRecord[importRecord]("The import."), notModified()},
		},
		{
			id: "listImportRows", method: http.MethodGet, path: one + "/rows", tag: tag, summary: "List what became of each row",
			notes: "As CSV (format=csv, or an Accept header that prefers text/csv) all rows at once. kept are the rows whose contacts an undo left, wholly or in part.",
			query: []parameter{
				enumParam("outcome", "Rows with this outcome.", crm.RowOutcomes()...),
				enumParam("format", "Default json.", "json", "csv"), pageSize, cursorParam(),
			},
			run:     (*Handler).listImportRows,
			answers: []answerDoc{{status: http.StatusOK, notes: "A page of rows, or the report.", body: typeOf[page[importRowRecord]](), media: []string{mediaCSV}}},
		},
		{
			id: "commitImport", method: http.MethodPost, path: one + "/commit", tag: tag, summary: "Write an import's rows",
			body: typeOf[commitInput](), bodyOptional: true, matches: true, run: (*Handler).commitImport,
			refusals: []int{http.StatusConflict}, answers: []answerDoc{job},
		},
		{
			id: "undoImport", method: http.MethodPost, path: one + "/undo", tag: tag, summary: "Take an import back",
			notes: "Contacts that someone edited or used since keep those changes.", matches: true, run: (*Handler).undoImport,
			refusals: []int{http.StatusConflict}, answers: []answerDoc{job},
		},
	}
}

func jobRoutes() []*operation {
	const tag, one = "jobs", apiRoot + "/jobs/{id}"
	changed := okRecord[jobRecord]("The job as it is now.")
	return []*operation{
		{
			id: "listJobs", method: http.MethodGet, path: apiRoot + "/jobs", tag: tag, summary: "List one's own jobs, newest first; admins see all",
			query: []parameter{
				enumParam("status", "Jobs in this state.", crm.JobStatuses()...), textParam("kind", "Jobs of this kind; of one that there are none of, the list is empty.", maxKind),
				idParam("batchId", "Jobs of this batch."),
				numberParam("pageSize", "How many items a page has.", 1, crm.MaxPageSize, crm.DefaultPageSize), cursorParam(),
			},
			run: (*Handler).listJobs, answers: []answerDoc{okJSON[page[jobRecord]]("A page of jobs.")},
		},
		{
			id: "jobStats", method: http.MethodGet, path: apiRoot + "/jobs/stats", tag: tag, summary: "Count the jobs that one may see by kind and state",
			notes: "Admins also see when what runs periodically ran last.",
			run:   (*Handler).jobStats, answers: []answerDoc{okJSON[jobStatistics]("The counts.")},
		},
		{
			id: "getJob", method: http.MethodGet, path: one, tag: tag, summary: "Get a job",
			run: (*Handler).getJob, answers: []answerDoc{okRecord[jobRecord]("The job."), notModified()},
		},
		{
			id: "cancelJob", method: http.MethodPost, path: one + "/cancel", tag: tag, summary: "Ask a job to stop",
			matches: true, run: (*Handler).cancelJob, refusals: []int{http.StatusConflict}, answers: []answerDoc{changed},
		},
		{
			id: "retryJob", method: http.MethodPost, path: one + "/retry", tag: tag, summary: "Run a failed or cancelled job again",
			notes:   "409 where its undo waits, runs or has taken something back, or its import has gone on with another job.",
			matches: true, run: (*Handler).retryJob, refusals: []int{http.StatusConflict}, answers: []answerDoc{changed},
		},
		{
			id: "listKept", method: http.MethodGet, path: one + "/kept", tag: tag, summary: "List the contacts that an undo left",
			notes: "They were edited or used since, and stay wholly or in the fields that the problems name. The job is that of the undo.",
			query: []parameter{numberParam("pageSize", "How many items a page has.", 1, crm.MaxPageSize, crm.DefaultPageSize), cursorParam()},
			run:   (*Handler).listKept, answers: []answerDoc{okJSON[page[importRowRecord]]("A page of rows; those of a bulk action are numbered from 1.")},
		},
		{
			id: "undoJob", method: http.MethodPost, path: one + "/undo", tag: tag, summary: "Take back what a bulk action or import did",
			notes:   "Once: 409 where it is undone or being undone. An undo that failed or was cancelled goes on where it stopped.",
			matches: true, run: (*Handler).undoJob, refusals: []int{http.StatusConflict},
			answers: []answerDoc{acceptedJob[jobRecord]("The job that undoes it.")},
		},
	}
}

const maxKind = 64

func ownRoutes() []*operation {
	const tag = "server"
	return []*operation{
		{
			id: "getDashboard", method: http.MethodGet, path: apiRoot + "/dashboard", tag: "dashboard", summary: "Get the dashboard in one document",
			notes: "A block that failed is {error}; the others stand.",
			query: []parameter{textParam("tz", "The IANA time zone that days and weeks begin in. Default the workspace's.", maxZone)},
			run:   (*Handler).getDashboard, answers: []answerDoc{okRecord[dashboardRecord]("The dashboard."), notModified()},
		},
		{
			id: "me", method: http.MethodGet, path: apiRoot + "/me", tag: tag, summary: "Who is calling, where, and what they may do",
			run: (*Handler).me, answers: []answerDoc{okJSON[meRecord]("The caller.")},
		},
		{
			id: "openapi", method: http.MethodGet, path: apiRoot + "/openapi.json", tag: tag, summary: "This document", open: true,
			run: (*Handler).serveDocument, answers: []answerDoc{{status: http.StatusOK, notes: "OpenAPI 3.1.", body: typeOf[map[string]any]()}},
		},
		{
			id: "healthz", method: http.MethodGet, path: pathHealth, tag: tag, summary: "Whether the process is alive", open: true, unlimited: true,
			run: (*Handler).alive, answers: []answerDoc{okJSON[aliveDoc]("It is.")},
		},
		{
			id: "readyz", method: http.MethodGet, path: pathReady, tag: tag, summary: "Whether the server can do its work", open: true, unlimited: true,
			run: (*Handler).ready, answers: []answerDoc{
				okJSON[readiness]("The state of what it depends on."),
				{status: http.StatusServiceUnavailable, notes: "The database is down or has another schema.", body: typeOf[readiness]()},
			},
		},
	}
}

// metricsRoute is there where Options.Metrics is.
func metricsRoute() *operation {
	return &operation{
		id: "metrics", method: http.MethodGet, path: pathMetrics, tag: "server", summary: "What the server counts, for Prometheus",
		open: true, unlimited: true, run: (*Handler).metrics,
		answers: []answerDoc{{status: http.StatusOK, notes: "The text format of Prometheus.", media: []string{"text/plain"}}},
	}
}
