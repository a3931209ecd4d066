package crm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Activity is something that happened, as people are told: an event of the log
// with the names that its ids have now, or all that a batch did to records.
type Activity struct {
	// ID is the event's, or for a batch the batch's.
	ID ID
	// Position is where it stands in the log: a batch in a feed at its first event,
	// in a stream at the newest that it tells of.
	Position Position
	Type     EventType
	At       time.Time
	Actor    ActivityActor
	Subject  ActivitySubject
	// Changes are the names of the changed fields in the API's terms, sorted.
	Changes []string
	// Batch is set when the activity stands for many events. Then the subject has
	// no id and no name, and there are no changes.
	Batch *ActivityBatch

	owner ID
}

// ActivityActor is who caused an activity. The name is empty when nobody knows
// one (any more).
type ActivityActor struct {
	Kind ActorKind
	ID   ID
	Name string
}

// ActivitySubject is what an activity is about. The name is empty for what has
// none and for what was erased.
type ActivitySubject struct {
	Kind string
	ID   ID
	Name string
}

// ActivityBatch is an import or bulk action whose events are told of at once.
type ActivityBatch struct {
	ID ID
	// Counts are the events so far, by type.
	Counts map[EventType]int64
}

// Namer knows the names of what this package does not keep: users, members and
// API keys, which package crm/identity or the embedding program has.
type Namer interface {
	// Names returns the names that ids of a kind of subject have ("user",
	// "member", "api_key", ...), as far as they have any. A kind or an id that is
	// not known is no error. The ids stand in events of the workspace.
	Names(ctx context.Context, ws WorkspaceID, kind string, ids []ID) (map[ID]string, error)
}

// eventRule says who may see the events of a noun: whoever has the permission
// all, and where own is set, who has that and is the event's owner.
type eventRule struct{ all, own Permission }

// ruleOf is the one table of who may see which events. What it does not name is
// the audit: sign-in, members, keys, settings.
func ruleOf(noun string) eventRule {
	switch noun {
	case SubjectContact, SubjectInteraction:
		return eventRule{all: PermContactsRead}
	case nounImport:
		return eventRule{all: PermImportsAll, own: PermImport}
	case nounJob:
		return eventRule{all: PermJobsAll, own: PermJobsOwn}
	}
	return eventRule{all: PermAudit}
}

// seesAll and seesOwn tell whether the actor may see the events of a type: all,
// or those of the actor's own work.
func (a Actor) seesAll(t EventType) bool { return a.May(ruleOf(t.Noun()).all) }

func (a Actor) seesOwn(t EventType) bool {
	own := ruleOf(t.Noun()).own
	return own != "" && !a.User.IsZero() && a.May(own)
}

func (a Actor) sees(t EventType, owner ID) bool {
	return a.seesAll(t) || (a.User == owner && a.seesOwn(t))
}

// authorizeActivity refuses who could not see anything.
func (a Actor) authorizeActivity() error {
	if slices.ContainsFunc([]Permission{PermImport, PermJobsOwn, PermAudit}, a.May) {
		return nil
	}
	return a.Authorize(PermContactsRead)
}

// namer finds the names of subjects of one kind.
type namer func(ctx context.Context, ws WorkspaceID, ids []ID) (map[ID]string, error)

// namerOf is the one place that knows how the subjects of a kind are named.
func (k *core) namerOf(kind string) namer {
	switch kind {
	case SubjectContact:
		return k.contactNames
	case SubjectInteraction:
		return k.interactionNames
	case nounImport:
		return namesOne(func(ctx context.Context, ws WorkspaceID, id ID) (string, error) {
			i, err := k.store.GetImport(ctx, ws, id)
			return i.FileName, err
		})
	case nounJob:
		return namesOne(func(ctx context.Context, ws WorkspaceID, id ID) (string, error) {
			j, err := k.store.GetJob(ctx, ws, id)
			return string(j.Kind), err
		})
	case nounWorkspace:
		return namesOne(func(ctx context.Context, ws WorkspaceID, _ ID) (string, error) {
			w, err := k.store.GetWorkspace(ctx, ws)
			return w.Name, err
		})
	}
	if k.names == nil {
		return nil
	}
	return func(ctx context.Context, ws WorkspaceID, ids []ID) (map[ID]string, error) {
		return k.names.Names(ctx, ws, kind, ids)
	}
}

// namesOne asks for one after the other; what is not found has no name.
func namesOne(find func(ctx context.Context, ws WorkspaceID, id ID) (string, error)) namer {
	return func(ctx context.Context, ws WorkspaceID, ids []ID) (map[ID]string, error) {
		names := make(map[ID]string, len(ids))
		for _, id := range ids {
			name, err := find(ctx, ws, id)
			if err != nil && !errors.Is(err, ErrNotFound) {
				return nil, err
			}
			names[id] = name
		}
		return names, nil
	}
}

func (k *core) contactNames(ctx context.Context, ws WorkspaceID, ids []ID) (map[ID]string, error) {
	contacts, err := k.store.GetContacts(ctx, ws, ids)
	names := make(map[ID]string, len(contacts))
	for _, c := range contacts {
		names[c.ID] = c.DisplayName
	}
	return names, err
}

// interactionNames are their subjects, which calls and notes often lack.
func (k *core) interactionNames(ctx context.Context, ws WorkspaceID, ids []ID) (map[ID]string, error) {
	interactions, err := k.store.GetInteractions(ctx, ws, ids)
	names := make(map[ID]string, len(interactions))
	for _, i := range interactions {
		names[i.ID] = i.Subject
	}
	return names, err
}

// activities tells of events with names and figures. With whole set each stands
// for itself, else those of a batch for all of the batch.
func (k *core) activities(ctx context.Context, ws WorkspaceID, events []Event, whole bool) ([]Activity, error) {
	all := make([]Activity, len(events))
	ids := map[string][]ID{}
	var batches []ID
	for i, e := range events {
		a := Activity{
			ID: e.ID, Position: e.Position, Type: e.Type, At: e.At, Actor: ActivityActor{Kind: e.Actor.Kind, ID: e.Actor.ID},
			Subject: ActivitySubject{Kind: e.Subject.Kind, ID: e.Subject.ID}, Changes: e.Changed, owner: e.Owner,
		}
		if !e.Actor.ID.IsZero() { // A key acts for its maker: the id is the user's.
			ids[kindUser] = append(ids[kindUser], e.Actor.ID)
		}
		switch {
		case e.Bulk() && !whole:
			a.ID, a.Subject.ID, a.Changes, a.Batch = e.Batch, ID{}, nil, &ActivityBatch{ID: e.Batch, Counts: map[EventType]int64{}}
			batches = append(batches, e.Batch)
		case !e.Subject.ID.IsZero():
			ids[e.Subject.Kind] = append(ids[e.Subject.Kind], e.Subject.ID)
		}
		all[i] = a
	}
	if err := k.nameAll(ctx, ws, all, ids); err != nil {
		return nil, err
	}
	return all, k.countAll(ctx, ws, all, batches)
}

// kindUser is the kind of subject that actors are.
const kindUser = "user"

func (k *core) nameAll(ctx context.Context, ws WorkspaceID, all []Activity, ids map[string][]ID) error {
	names := map[string]map[ID]string{}
	for kind, list := range ids {
		find := k.namerOf(kind)
		if find == nil {
			continue
		}
		slices.SortFunc(list, func(a, b ID) int { return slices.Compare(a[:], b[:]) })
		found, err := find(ctx, ws, slices.Compact(list))
		if err != nil {
			return fmt.Errorf("names of kind %s: %w", kind, err)
		}
		names[kind] = found
	}
	for i := range all {
		all[i].Actor.Name = names[kindUser][all[i].Actor.ID]
		all[i].Subject.Name = names[all[i].Subject.Kind][all[i].Subject.ID]
	}
	return nil
}

func (k *core) countAll(ctx context.Context, ws WorkspaceID, all []Activity, batches []ID) error {
	if len(batches) == 0 {
		return nil
	}
	counts, err := k.store.CountBatches(ctx, ws, batches)
	if err != nil {
		return fmt.Errorf("count batches: %w", err)
	}
	for _, a := range all {
		if a.Batch == nil {
			continue
		}
		for _, c := range counts {
			if c.Batch == a.Batch.ID {
				a.Batch.Counts[c.Type] = c.Count
			}
		}
	}
	return nil
}
