package crm

import (
	"context"
	"strings"
	"time"
)

// EventType says what happened: noun, dot, verb in the past.
type EventType string

// Noun is what the type is about, "contact" of "contact.created". Who may see an
// event is decided by it, so the noun of a type is the kind of its subjects.
func (t EventType) Noun() string {
	noun, _, _ := strings.Cut(string(t), ".")
	return noun
}

// The events of this package; crm/identity adds its own.
const (
	EventContactCreated     EventType = "contact.created"
	EventContactUpdated     EventType = "contact.updated"
	EventContactDeleted     EventType = "contact.deleted"
	EventContactRestored    EventType = "contact.restored"
	EventContactErased      EventType = "contact.erased"
	EventInteractionCreated EventType = "interaction.created"
	EventInteractionUpdated EventType = "interaction.updated"
	EventInteractionDeleted EventType = "interaction.deleted"
	EventImportCreated      EventType = "import.created"
	EventImportCommitted    EventType = "import.committed"
	EventImportUndone       EventType = "import.undone"
	EventJobQueued          EventType = "job.queued"
	EventJobFinished        EventType = "job.finished"
	EventWorkspaceUpdated   EventType = "workspace.updated"
	// EventSearchInvalidated asks every process to make the workspace's search
	// index anew; its subject is the job that does so.
	EventSearchInvalidated EventType = "search.invalidated"
)

// Position is a place in the event log: events of a workspace are ordered by
// it. 0 is before the first. Positions may have gaps.
type Position int64

// EventActor names who caused an event.
type EventActor struct {
	Kind ActorKind
	ID   ID
}

// Subject names what an event is about.
type Subject struct {
	// Kind is contact, import, job, workspace, user, member, ...
	Kind string
	ID   ID
}

// The kinds of subjects that others look for.
const (
	SubjectContact     = "contact"
	SubjectInteraction = "interaction"
)

// Kinds of subjects that only this package has to name.
const (
	nounImport    = "import"
	nounJob       = "job"
	nounWorkspace = "workspace"
)

// Event is a fact the domain records. It holds ids and names of fields, never
// personal data.
type Event struct {
	// Position is given by the store, after or at the commit.
	Position Position
	ID       ID
	Type     EventType
	At       time.Time
	Actor    EventActor
	Subject  Subject
	// Changed are the names of the changed fields in the API's terms, sorted.
	Changed []string
	// Version is the subject's new version, 0 where it has none.
	Version int64
	// Batch is the import or bulk action the change was part of, or zero.
	Batch ID
	// Contacts are the contacts that the change is about beside the subject: of
	// an interaction those who take part, or did before the change. Sorted.
	Contacts []ID
	// Owner is whose work the event is about: of a job or an import the user who
	// asked for it, who may see it beside admins. Zero for other events.
	Owner ID
}

// Bulk reports whether the event is one of the many that a batch makes of
// records. The feed shows one entry for all of them; events of jobs and imports
// name their batch too, and stand for themselves.
func (e Event) Bulk() bool {
	if e.Batch.IsZero() {
		return false
	}
	switch e.Type.Noun() {
	case SubjectContact, SubjectInteraction:
		return true
	}
	return false
}

// EventStore is the event log.
type EventStore interface {
	// AppendEvents adds events. They appear in the log when, and only when,
	// the transaction commits, in the order given.
	AppendEvents(ctx context.Context, ws WorkspaceID, events []Event) error
	// ListEvents returns up to limit events of the workspace after the
	// position, oldest first. Once a reader has seen a position, no event with
	// a lower one ever appears.
	ListEvents(ctx context.Context, ws WorkspaceID, after Position, limit int) ([]Event, error)
	// EventHead returns the position of the workspace's newest event, 0 for none.
	EventHead(ctx context.Context, ws WorkspaceID) (Position, error)
}

// contactsOf returns the contacts that events are about, each once: an
// interaction moves those who take part in it, which decides between hits that
// match as well.
func contactsOf(events []Event) []ID {
	seen := map[ID]bool{}
	var ids []ID
	add := func(id ID) {
		if !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	for _, e := range events {
		if e.Subject.Kind == SubjectContact {
			add(e.Subject.ID)
		}
		for _, id := range e.Contacts {
			add(id)
		}
	}
	return ids
}
