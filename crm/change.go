package crm

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// contactChange is one contact's way from one content to the next.
type contactChange struct {
	event EventType
	// before is nil when the contact is new, after nil when it is erased.
	before, after *Contact
	// forget says that the person is to be forgotten, with all history; a contact
	// that an undo takes away has none.
	forget bool
	// exact says that after is an earlier content with its own version number,
	// brought back by an undo.
	exact bool
	// derived is of after, where somebody has made it already.
	derived *derived
	// row is the record of an import that made the change, 0 for none.
	row int64
}

// changeSet is the one way contacts are written: it numbers versions and turns
// a list of changes into rows, tag counts, images and events. A contact stands
// in it at most once.
type changeSet struct {
	actor EventActor
	batch ID
	at    time.Time
	newID func() ID
	// keepAfter stores what a change wrote beside what was there before, so
	// that an undo can tell later edits apart.
	keepAfter bool
	// row is the record of an import that is being worked on, 0 for none.
	row     int64
	changes []contactChange
}

func (k *core) newChangeSet(actor Actor, batch ID) *changeSet {
	return &changeSet{actor: actor.ref(), batch: batch, at: k.now(), newID: k.newID, keepAfter: !batch.IsZero()}
}

// create adds a new contact and returns it as it will be stored.
func (s *changeSet) create(c Contact) Contact {
	c.ID, c.CreatedAt, c.UpdatedAt, c.Version, c.PeakVersion = s.newID(), s.at, s.at, 1, 1
	s.changes = append(s.changes, contactChange{event: EventContactCreated, after: &c, row: s.row})
	return c
}

// update adds a change of a stored contact and returns it as it will be stored.
func (s *changeSet) update(event EventType, before, after Contact) Contact {
	after.UpdatedAt, after.PeakVersion = s.at, before.PeakVersion+1
	after.Version = after.PeakVersion
	s.changes = append(s.changes, contactChange{event: event, before: &before, after: &after, row: s.row})
	return after
}

// revert brings an earlier content back, with its version and time.
func (s *changeSet) revert(event EventType, before, after Contact) Contact {
	after.PeakVersion = before.PeakVersion
	s.changes = append(s.changes, contactChange{event: event, before: &before, after: &after, exact: true})
	return after
}

// erase adds the removal of a contact for good.
func (s *changeSet) erase(before Contact) {
	s.changes = append(s.changes, contactChange{event: EventContactErased, before: &before})
}

// forget adds the removal of a contact and of what is known about the person.
func (s *changeSet) forget(before Contact) {
	s.changes = append(s.changes, contactChange{event: EventContactErased, before: &before, forget: true})
}

// contactTx is what writing contacts needs of a transaction.
type contactTx interface {
	historyTx
	PutContacts(ctx context.Context, ws WorkspaceID, writes []ContactWrite) error
	EraseContacts(ctx context.Context, ws WorkspaceID, ids []ID) (int, error)
	AddTagCounts(ctx context.Context, ws WorkspaceID, deltas []TagDelta) error
	PutImages(ctx context.Context, ws WorkspaceID, images []Image) error
	DeleteImages(ctx context.Context, ws WorkspaceID, contacts []ID) error
	DeleteInsights(ctx context.Context, ws WorkspaceID, contacts []ID) error
	DeleteViews(ctx context.Context, ws WorkspaceID, contacts []ID) error
}

// write stores everything.
func (s *changeSet) write(ctx context.Context, tx contactTx, ws WorkspaceID) error {
	if len(s.changes) == 0 {
		return nil
	}
	var (
		writes = make([]ContactWrite, 0, len(s.changes))
		erased []ID
		images []Image
		events = make([]Event, 0, len(s.changes))
		tags   = tagCounter{}
		series = seriesCounter{}
	)
	for _, c := range s.changes {
		tags.add(c.before, -1)
		tags.add(c.after, 1)
		series.contact(c.before, -1)
		series.contact(c.after, 1)
		events = append(events, s.eventOf(c))
		if c.after == nil {
			erased = append(erased, c.before.ID)
			if c.forget {
				if err := s.forgetHistory(ctx, tx, ws, *c.before); err != nil {
					return err
				}
			}
			continue
		}
		var expect int64
		if c.before != nil {
			expect = c.before.Version
		}
		if c.derived == nil {
			c.derived = derive(*c.after)
		}
		writes = append(writes, c.derived.write(*c.after, expect))
		if image, ok := s.imageOf(c); ok {
			images = append(images, image)
		}
	}
	if err := s.writeRows(ctx, tx, ws, writes, erased); err != nil {
		return err
	}
	if err := forgetDerived(ctx, tx, ws, writes, erased); err != nil {
		return err
	}
	if deltas := tags.deltas(); len(deltas) > 0 {
		if err := tx.AddTagCounts(ctx, ws, deltas); err != nil {
			return fmt.Errorf("count tags: %w", err)
		}
	}
	if err := series.write(ctx, tx, ws); err != nil {
		return err
	}
	if len(images) > 0 {
		if err := tx.PutImages(ctx, ws, images); err != nil {
			return fmt.Errorf("put images: %w", err)
		}
	}
	if err := tx.AppendEvents(ctx, ws, events); err != nil {
		return fmt.Errorf("append events: %w", err)
	}
	return nil
}

func (s *changeSet) writeRows(ctx context.Context, tx contactTx, ws WorkspaceID, writes []ContactWrite, erased []ID) error {
	if len(writes) > 0 {
		if err := tx.PutContacts(ctx, ws, writes); err != nil {
			return fmt.Errorf("put contacts: %w", err)
		}
	}
	if len(erased) == 0 {
		return nil
	}
	if _, err := tx.EraseContacts(ctx, ws, erased); err != nil {
		return fmt.Errorf("erase contacts: %w", err)
	}
	if err := tx.DeleteImages(ctx, ws, erased); err != nil {
		return fmt.Errorf("delete images: %w", err)
	}
	if err := tx.DeleteFingerprints(ctx, ws, erased, ID{}); err != nil {
		return fmt.Errorf("delete fingerprints: %w", err)
	}
	return nil
}

// forgetDerived takes those who leave the lists out of what is derived: nobody
// follows up on the trash, and of the erased nothing stays.
func forgetDerived(ctx context.Context, tx contactTx, ws WorkspaceID, writes []ContactWrite, erased []ID) error {
	gone := slices.Clone(erased)
	for _, w := range writes {
		if w.Expect != 0 && w.Contact.InTrash() {
			gone = append(gone, w.Contact.ID)
		}
	}
	for part := range slices.Chunk(gone, MaxBatch) {
		if err := tx.DeleteInsights(ctx, ws, part); err != nil {
			return fmt.Errorf("delete insights: %w", err)
		}
	}
	for part := range slices.Chunk(erased, MaxBatch) {
		if err := tx.DeleteViews(ctx, ws, part); err != nil {
			return fmt.Errorf("delete views: %w", err)
		}
	}
	return nil
}

func (s *changeSet) eventOf(c contactChange) Event {
	e := Event{ID: s.newID(), Type: c.event, At: s.at, Actor: s.actor, Subject: Subject{Kind: SubjectContact}, Batch: s.batch}
	switch {
	case c.after == nil:
		e.Subject.ID = c.before.ID
	case c.before == nil:
		e.Subject.ID, e.Version = c.after.ID, c.after.Version
	default:
		e.Subject.ID, e.Version = c.after.ID, c.after.Version
		e.Changed = changedFields(c.before, c.after)
	}
	return e
}

// imageOf keeps what undo and audit need. A create outside of a batch needs
// nothing: there is nothing to go back to.
func (s *changeSet) imageOf(c contactChange) (Image, bool) {
	if c.exact || (c.before == nil && s.batch.IsZero()) {
		return Image{}, false
	}
	i := Image{Contact: c.after.ID, Version: c.after.Version, Batch: s.batch, Row: c.row, At: s.at, Before: c.before}
	if c.before != nil && s.keepAfter {
		i.After = c.after
	}
	return i, true
}

// tagCounter sums what a transaction does to the number of live contacts by tag.
type tagCounter map[string]*TagDelta

func (t tagCounter) add(c *Contact, sign int) {
	if c == nil || c.InTrash() {
		return
	}
	for _, name := range c.Tags {
		key := FoldKey(name)
		if t[key] == nil {
			t[key] = &TagDelta{Key: key, Name: name}
		}
		t[key].Delta += sign
	}
}

// deltas returns what does not cancel out, in a fixed order, so that two
// transactions never lock the same tags in different orders.
func (t tagCounter) deltas() []TagDelta {
	var out []TagDelta
	for _, d := range t {
		if d.Delta != 0 {
			out = append(out, *d)
		}
	}
	slices.SortFunc(out, func(a, b TagDelta) int {
		if a.Key < b.Key {
			return -1
		}
		return 1
	})
	return out
}
