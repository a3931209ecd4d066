package httpapi

import (
	"net/http"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// activityRecord is an activity in JSON, in lists and in streams.
type activityRecord struct {
	ID      crm.ID                `json:"id" doc:"Of the event, or for all that a batch did, of the batch: then it stays the same while the figures grow."`
	Type    string                `json:"type" doc:"What happened: noun, dot, verb. Of a batch, in a list what it did first and in a stream what it did last."`
	At      time.Time             `json:"at"`
	Actor   activityActor         `json:"actor"`
	Subject activitySubject       `json:"subject"`
	Changes []string              `json:"changes" doc:"The names of the changed fields, sorted."`
	Batch   orNull[activityBatch] `json:"batch" doc:"Set when the activity stands for all that an import or a bulk action did to records."`
}

type activityActor struct {
	Kind string  `json:"kind" enum:"user,api_key,system"`
	ID   *crm.ID `json:"id" nullable:"true" doc:"The user; of an API key its maker."`
	Name *string `json:"name" doc:"Null when nobody knows one (any more)."`
}

type activitySubject struct {
	Kind string  `json:"kind" doc:"contact, interaction, import, job, workspace, user, member, ..."`
	ID   *crm.ID `json:"id" nullable:"true" doc:"Null for a batch."`
	Name *string `json:"name" doc:"As it is now; null for what has none and for what was erased."`
}

type activityBatch struct {
	ID     crm.ID           `json:"id" doc:"Of the import, or of the job of a bulk action or an undo."`
	Counts map[string]int64 `json:"counts" doc:"How many events there were so far, by type."`
}

func activityRecordOf(a crm.Activity) activityRecord {
	r := activityRecord{
		ID: a.ID, Type: string(a.Type), At: a.At, Changes: a.Changes,
		Actor:   activityActor{Kind: string(a.Actor.Kind), ID: idOrNull(a.Actor.ID), Name: textOrNull(a.Actor.Name)},
		Subject: activitySubject{Kind: a.Subject.Kind, ID: idOrNull(a.Subject.ID), Name: textOrNull(a.Subject.Name)},
	}
	if r.Changes == nil {
		r.Changes = []string{}
	}
	if a.Batch != nil {
		counts := make(map[string]int64, len(a.Batch.Counts))
		for name, n := range a.Batch.Counts {
			counts[string(name)] = n
		}
		r.Batch.value = &activityBatch{ID: a.Batch.ID, Counts: counts}
	}
	return r
}

func activityRoutes() []*operation {
	const tag = "activity"
	return []*operation{
		{
			id: "listActivity", method: http.MethodGet, path: apiRoot + "/activity", tag: tag, summary: "List what happened, newest first",
			notes: "Everybody sees what was done to contacts and interactions, members their own jobs and imports, admins everything: for " +
				"them it is the audit log too. All that an import or a bulk action did to records is one item, with figures by type, at " +
				"the place of its first event; with contactId each event of that contact and of interactions it took part in is an item.",
			query: []parameter{
				numberParam("limit", "How many items a page has.", 1, crm.MaxActivityLimit, crm.DefaultActivityLimit), cursorParam(),
				idParam("contactId", "What happened to this contact and its interactions, also after an erase."), textParam("type", "Events of this type, such as contact.created.", maxKind),
			},
			run: (*Handler).listActivity, answers: []answerDoc{okJSON[page[activityRecord]]("A page of activity.")},
		},
		{
			id: "streamActivity", method: http.MethodGet, path: apiRoot + "/events", tag: tag, summary: "Hear what happens as it happens",
			notes: "Server-sent events: the name is the type of the activity, the data the same JSON as an item of GET /activity. With the " +
				"header Last-Event-ID the stream goes on behind that event, also after a restart; without it, it begins now. An id that it " +
				"cannot go on from gets one event named reset, whose data is {\"reason\": unknown, epoch, future or purged}, and the stream " +
				"begins now: read again what you show. A batch is told of about once a second, with the figures so far. A comment " +
				"comes every 15 seconds, when the rights are looked at again: without them the stream ends. A client that does not keep up " +
				"is cut off, and goes on where it was.",
			run:     (*Handler).streamActivity,
			answers: []answerDoc{{status: http.StatusOK, notes: "The stream.", media: []string{mediaEvents}}},
		},
	}
}

func (h *Handler) listActivity(c *call) error {
	q := crm.ActivityQuery{Type: crm.EventType(c.query.Get("type")), Cursor: c.query.Get("cursor"), Limit: c.number("limit", crm.DefaultActivityLimit)}
	if contact := c.query.Get("contactId"); contact != "" {
		id, err := crm.ParseID(contact)
		if err != nil { // The schema lets nothing else pass.
			return &placeError{code: codeInvalidQuery, err: err}
		}
		q.Contact = id
	}
	list, err := h.app.Activity.List(c.r.Context(), c.actor, q)
	if err != nil {
		return err
	}
	items := make([]activityRecord, len(list.Items))
	for i, a := range list.Items {
		items[i] = activityRecordOf(a)
	}
	return c.writeJSON(http.StatusOK, pageOf(c, items, list.NextCursor))
}

func textOrNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
