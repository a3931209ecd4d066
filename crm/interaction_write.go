package crm

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// interactionChange is one interaction's way from one content to the next.
type interactionChange struct {
	// before is nil when the interaction is new, after nil when it goes.
	before, after *Interaction
}

// interactionSet is the one way interactions are written: it numbers versions
// and turns a list of changes into rows, links, last interactions and events. An
// interaction stands in it at most once.
type interactionSet struct {
	actor   EventActor
	batch   ID
	at      time.Time
	newID   func() ID
	changes []interactionChange
}

func (k *core) newInteractionSet(actor Actor, batch ID) *interactionSet {
	return &interactionSet{actor: actor.ref(), batch: batch, at: k.now(), newID: k.newID}
}

// create adds a new interaction and returns it as it will be stored.
func (s *interactionSet) create(i Interaction) Interaction {
	i.ID, i.Batch, i.CreatedAt, i.UpdatedAt, i.Version = s.newID(), s.batch, s.at, s.at, 1
	s.changes = append(s.changes, interactionChange{after: &i})
	return i
}

// update adds a change of a stored interaction and returns it as it will be
// stored.
func (s *interactionSet) update(before, after Interaction) Interaction {
	after.ID, after.Batch, after.CreatedAt = before.ID, before.Batch, before.CreatedAt
	after.UpdatedAt, after.Version, after.Edited = s.at, before.Version+1, true
	s.changes = append(s.changes, interactionChange{before: &before, after: &after})
	return after
}

// relink adds new links of a stored interaction.
func (s *interactionSet) relink(before, after Interaction) {
	s.update(before, after)
	s.changes[len(s.changes)-1].after.Edited = before.Edited
}

// remove adds the end of a stored interaction.
func (s *interactionSet) remove(before Interaction) {
	s.changes = append(s.changes, interactionChange{before: &before})
}

// interactionTx is what writing interactions needs of a transaction.
type interactionTx interface {
	InteractionWriter
	seriesTx
	DeleteFingerprints(ctx context.Context, ws WorkspaceID, records []ID, batch ID) error
	AppendEvents(ctx context.Context, ws WorkspaceID, events []Event) error
}

// write stores everything.
func (s *interactionSet) write(ctx context.Context, tx interactionTx, ws WorkspaceID) error {
	if len(s.changes) == 0 {
		return nil
	}
	var (
		writes  []InteractionWrite
		removed []ID
		events  = make([]Event, 0, len(s.changes))
		moved   []ID
		series  = seriesCounter{}
	)
	for _, c := range s.changes {
		events = append(events, s.eventOf(c))
		moved = append(moved, c.moved()...)
		series.interaction(c.before, -1)
		series.interaction(c.after, 1)
		switch {
		case c.after == nil:
			removed = append(removed, c.before.ID)
		case c.before == nil:
			writes = append(writes, NewInteractionWrite(*c.after, 0))
		default:
			writes = append(writes, NewInteractionWrite(*c.after, c.before.Version))
		}
	}
	if len(writes) > 0 {
		if err := tx.PutInteractions(ctx, ws, writes); err != nil {
			return fmt.Errorf("put interactions: %w", err)
		}
	}
	if err := removeInteractions(ctx, tx, ws, removed); err != nil {
		return err
	}
	if err := refreshLast(ctx, tx, ws, moved); err != nil {
		return err
	}
	if err := series.write(ctx, tx, ws); err != nil {
		return err
	}
	if err := tx.AppendEvents(ctx, ws, events); err != nil {
		return fmt.Errorf("append events: %w", err)
	}
	return nil
}

func removeInteractions(ctx context.Context, tx interactionTx, ws WorkspaceID, ids []ID) error {
	for part := range slices.Chunk(ids, MaxBatch) {
		if _, err := tx.DeleteInteractions(ctx, ws, part); err != nil {
			return fmt.Errorf("delete interactions: %w", err)
		}
		if err := tx.DeleteFingerprints(ctx, ws, part, ID{}); err != nil {
			return fmt.Errorf("delete fingerprints: %w", err)
		}
	}
	return nil
}

func refreshLast(ctx context.Context, tx interactionTx, ws WorkspaceID, contacts []ID) error {
	slices.SortFunc(contacts, compareIDs)
	for part := range slices.Chunk(slices.Compact(contacts), MaxBatch) {
		if err := tx.RefreshLastInteractions(ctx, ws, part); err != nil {
			return fmt.Errorf("refresh last interactions: %w", err)
		}
	}
	return nil
}

// moved returns the contacts whose last interaction the change may move.
func (c interactionChange) moved() []ID {
	if c.before != nil && c.after != nil && c.before.OccurredAt.Equal(c.after.OccurredAt) &&
		slices.Equal(c.before.Contacts(), c.after.Contacts()) {
		return nil
	}
	return c.contacts()
}

// contacts returns who took part before the change or does so after it.
func (c interactionChange) contacts() []ID {
	var ids []ID
	for _, i := range []*Interaction{c.before, c.after} {
		if i != nil {
			ids = append(ids, i.Contacts()...)
		}
	}
	slices.SortFunc(ids, compareIDs)
	return slices.Compact(ids)
}

func (s *interactionSet) eventOf(c interactionChange) Event {
	e := Event{
		ID: s.newID(), At: s.at, Actor: s.actor, Subject: Subject{Kind: SubjectInteraction}, Batch: s.batch, Contacts: c.contacts(),
	}
	switch {
	case c.after == nil:
		e.Type, e.Subject.ID = EventInteractionDeleted, c.before.ID
	case c.before == nil:
		e.Type, e.Subject.ID, e.Version = EventInteractionCreated, c.after.ID, c.after.Version
	default:
		e.Type, e.Subject.ID, e.Version = EventInteractionUpdated, c.after.ID, c.after.Version
		e.Changed = changedInteraction(*c.before, *c.after)
	}
	return e
}

// linkParticipants finds the contacts of those participants who are linked to
// nobody, by the matching rule. Several candidates are none.
func linkParticipants(ctx context.Context, tx matchTx, ws WorkspaceID, list []*Interaction) error {
	var wanted []*derived
	of := map[ContactKey]*derived{}
	for _, i := range list {
		for _, key := range i.strangers() {
			if of[key] == nil {
				of[key] = &derived{match: []ContactKey{key}}
				wanted = append(wanted, of[key])
			}
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	m, err := newMatcher(ctx, tx, ws, wanted)
	if err != nil {
		return err
	}
	for _, i := range list {
		for n := range i.Participants {
			p := &i.Participants[n]
			key, ok := p.key()
			if !ok || !p.Contact.IsZero() {
				continue
			}
			if found := m.find(&Contact{DisplayName: p.Name}, of[key]); found.contact != nil {
				p.Contact = found.contact.ID
			}
		}
	}
	return nil
}
