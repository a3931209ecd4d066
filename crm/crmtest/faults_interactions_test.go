package crmtest_test

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

type (
	touchesCut        struct{ memTx }
	touchesTied       struct{ memTx }
	touchesUntyped    struct{ memTx }
	touchesAscending  struct{ memTx }
	touchesByOffset   struct{ memTx }
	touchesCounted    struct{ memTx }
	touchesStale      struct{ memTx }
	touchesTaken      struct{ memTx }
	touchesHalf       struct{ memTx }
	touchesLinked     struct{ memTx }
	touchesGone       struct{ memTx }
	touchesBatched    struct{ memTx }
	touchesUnfolded   struct{ memTx }
	touchesPlain      struct{ memTx }
	lastOnlyGrows     struct{ memTx }
	lastIsAChange     struct{ memTx }
	lastOfAnyKind     struct{ memTx }
	derivedReplaced   struct{ memTx }
	forgetTimeline    struct{ memTx }
	forgetTouches     struct{ memTx }
	forgetTouchCount  struct{ memTx }
	forgetTouchIDs    struct{ memTx }
	forgetTouchRefs   struct{ memTx }
	forgetStrangers   struct{ memTx }
	strangersKnown    struct{ memTx }
	editsForgotten    struct{ memTx }
	forgetTouchDelete struct{ memTx }
	forgetLast        struct{ memTx }
	eventsAlone       struct{ memTx }
)

func (t touchesCut) PutInteractions(ctx context.Context, ws crm.WorkspaceID, writes []crm.InteractionWrite) error {
	writes = slices.Clone(writes)
	for n := range writes {
		if body := writes[n].Interaction.Body; len(body) > 65_535 {
			writes[n].Interaction.Body = body[:65_535]
		}
	}
	return t.memTx.PutInteractions(ctx, ws, writes)
}

// touchesTied skips the tie-breaker: a page starts behind the time alone.
func (t touchesTied) ListInteractions(ctx context.Context, ws crm.WorkspaceID, q crm.InteractionQuery) ([]crm.Interaction, error) {
	if q.After != nil {
		after := *q.After
		after.ID = crm.ID{0: 255}
		if q.Desc {
			after.ID = crm.ID{}
		}
		q.After = &after
	}
	return t.memTx.ListInteractions(ctx, ws, q)
}

func (t touchesUntyped) ListInteractions(ctx context.Context, ws crm.WorkspaceID, q crm.InteractionQuery) ([]crm.Interaction, error) {
	q.Type = ""
	return t.memTx.ListInteractions(ctx, ws, q)
}

func (t touchesAscending) ListInteractions(ctx context.Context, ws crm.WorkspaceID, q crm.InteractionQuery) ([]crm.Interaction, error) {
	q.Desc = false
	return t.memTx.ListInteractions(ctx, ws, q)
}

// touchesByOffset goes on behind a number of rows instead of a place.
func (t touchesByOffset) ListInteractions(ctx context.Context, ws crm.WorkspaceID, q crm.InteractionQuery) ([]crm.Interaction, error) {
	at := q.After
	q.After = nil
	limit := q.Limit
	q.Limit = 1 << 30
	all, err := t.memTx.ListInteractions(ctx, ws, q)
	if at != nil {
		found := slices.IndexFunc(all, func(i crm.Interaction) bool { return i.ID == at.ID })
		all = all[found+1:]
	}
	return firstOf(all, limit), err
}

func (t touchesCounted) CountInteractions(ctx context.Context, ws crm.WorkspaceID, contact crm.ID, kind crm.InteractionType, _ int) (int, error) {
	return t.memTx.CountInteractions(ctx, ws, contact, kind, 1<<30)
}

func (t touchesStale) PutInteractions(ctx context.Context, ws crm.WorkspaceID, writes []crm.InteractionWrite) error {
	s, err := t.read()
	if err != nil {
		return err
	}
	writes = slices.Clone(writes)
	for n, w := range writes {
		if old, ok := s.touches[of[crm.ID]{ws, w.Interaction.ID}]; ok && w.Expect != 0 {
			writes[n].Expect = old.Interaction.Version
		}
	}
	return t.memTx.PutInteractions(ctx, ws, writes)
}

func (t touchesTaken) PutInteractions(ctx context.Context, ws crm.WorkspaceID, writes []crm.InteractionWrite) error {
	return t.write(ctx, func(s *state) error {
		for _, w := range writes {
			key := of[crm.ID]{ws, w.Interaction.ID}
			old, there := s.touches[key]
			if err := versionAgrees(there, old.Interaction.Version, w.Expect, w.Interaction.ID); err != nil {
				return err
			}
			w.Interaction = copiedInteraction(w.Interaction)
			s.touches[key] = w
		}
		return nil
	})
}

// touchesHalf keeps what it wrote before the row that is refused.
func (t touchesHalf) PutInteractions(ctx context.Context, ws crm.WorkspaceID, writes []crm.InteractionWrite) error {
	for _, w := range writes {
		if err := t.memTx.PutInteractions(ctx, ws, []crm.InteractionWrite{w}); err != nil {
			return err
		}
	}
	return nil
}

func (t touchesLinked) PutInteractions(ctx context.Context, ws crm.WorkspaceID, writes []crm.InteractionWrite) error {
	s, err := t.read()
	if err != nil {
		return err
	}
	writes = slices.Clone(writes)
	for n, w := range writes {
		old := s.touches[of[crm.ID]{ws, w.Interaction.ID}]
		writes[n].Contacts = append(slices.Clone(w.Contacts), old.Contacts...)
	}
	return t.memTx.PutInteractions(ctx, ws, writes)
}

func (t touchesGone) DeleteInteractions(ctx context.Context, ws crm.WorkspaceID, ids []crm.ID) (int, error) {
	_, err := t.memTx.DeleteInteractions(ctx, ws, ids)
	return len(ids), err
}

func (t touchesBatched) ListInteractionIDs(ctx context.Context, ws crm.WorkspaceID, where crm.InteractionCriteria, after crm.ID, limit int) ([]crm.ID, error) {
	if where.Stranger.Value != "" {
		where.Batch = crm.ID{}
	}
	return t.memTx.ListInteractionIDs(ctx, ws, where, after, limit)
}

func (t touchesUnfolded) ListInteractionIDs(ctx context.Context, ws crm.WorkspaceID, where crm.InteractionCriteria, after crm.ID, limit int) ([]crm.ID, error) {
	if where.Stranger.Kind == crm.KeyPhone {
		return nil, nil
	}
	return t.memTx.ListInteractionIDs(ctx, ws, where, after, limit)
}

func (t touchesPlain) FindInteractions(ctx context.Context, ws crm.WorkspaceID, refs []crm.SourceRef) (map[crm.SourceRef]crm.ID, error) {
	found, err := t.memTx.FindInteractions(ctx, ws, refs)
	for ref := range found {
		for _, other := range refs {
			if other.SourceID == ref.SourceID {
				found[other] = found[ref]
			}
		}
	}
	delete(found, crm.SourceRef{Source: "other", SourceID: "<a@example.com>"})
	return found, err
}

func (t lastOnlyGrows) RefreshLastInteractions(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) error {
	return t.changeLast(ctx, ws, contacts, func(before, after *crm.Contact) {
		if before.LastInteractionAt.After(after.LastInteractionAt) {
			after.LastInteractionAt = before.LastInteractionAt
		}
	})
}

func (t lastIsAChange) RefreshLastInteractions(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) error {
	return t.changeLast(ctx, ws, contacts, func(_, after *crm.Contact) { after.Version++ })
}

func (t lastOfAnyKind) RefreshLastInteractions(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) error {
	return t.changeLast(ctx, ws, contacts, func(before, after *crm.Contact) {
		if !before.DeletedAt.IsZero() {
			after.LastInteractionAt = time.Time{}
		}
	})
}

// changeLast refreshes and then spoils the outcome.
func (t memTx) changeLast(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID, spoil func(before, after *crm.Contact)) error {
	return t.write(ctx, func(s *state) error {
		before := s.copied()
		inner := memTx{read: func() (*state, error) { return s, nil }, write: func(_ context.Context, fn func(*state) error) error { return fn(s) }}
		if err := inner.RefreshLastInteractions(ctx, ws, contacts); err != nil {
			return err
		}
		for _, id := range contacts {
			key := of[crm.ID]{ws, id}
			if w, there := s.contacts[key]; there {
				old := before.contacts[key].Contact
				spoil(&old, &w.Contact)
				s.contacts[key] = w
			}
		}
		return nil
	})
}

// derivedReplaced writes what is derived as if it were content.
func (t derivedReplaced) PutContacts(ctx context.Context, ws crm.WorkspaceID, writes []crm.ContactWrite) error {
	return t.write(ctx, func(s *state) error {
		inner := memTx{read: func() (*state, error) { return s, nil }, write: func(_ context.Context, fn func(*state) error) error { return fn(s) }}
		if err := inner.PutContacts(ctx, ws, writes); err != nil {
			return err
		}
		for _, w := range writes {
			key := of[crm.ID]{ws, w.Contact.ID}
			stored := s.contacts[key]
			stored.Contact.LastInteractionAt = w.Contact.LastInteractionAt
			s.contacts[key] = stored
		}
		return nil
	})
}

func (t forgetTimeline) ListInteractions(ctx context.Context, ws crm.WorkspaceID, q crm.InteractionQuery) ([]crm.Interaction, error) {
	return everywhere(t.memTx, ws, func(ws crm.WorkspaceID) ([]crm.Interaction, error) { return t.memTx.ListInteractions(ctx, ws, q) })
}

func (t forgetTouches) GetInteractions(ctx context.Context, ws crm.WorkspaceID, ids []crm.ID) ([]crm.Interaction, error) {
	return everywhere(t.memTx, ws, func(ws crm.WorkspaceID) ([]crm.Interaction, error) { return t.memTx.GetInteractions(ctx, ws, ids) })
}

func (t forgetTouchCount) CountInteractions(ctx context.Context, ws crm.WorkspaceID, contact crm.ID, kind crm.InteractionType, atMost int) (int, error) {
	all, err := everywhere(t.memTx, ws, func(ws crm.WorkspaceID) ([]int, error) {
		n, err := t.memTx.CountInteractions(ctx, ws, contact, kind, atMost)
		return make([]int, n), err
	})
	return len(all), err
}

func (t forgetTouchIDs) ListInteractionIDs(ctx context.Context, ws crm.WorkspaceID, where crm.InteractionCriteria, after crm.ID, limit int) ([]crm.ID, error) {
	return everywhere(t.memTx, ws, func(ws crm.WorkspaceID) ([]crm.ID, error) {
		return t.memTx.ListInteractionIDs(ctx, ws, where, after, limit)
	})
}

func (t forgetTouchRefs) FindInteractions(ctx context.Context, ws crm.WorkspaceID, refs []crm.SourceRef) (map[crm.SourceRef]crm.ID, error) {
	found := map[crm.SourceRef]crm.ID{}
	for _, space := range spaces(t.memTx, ws) {
		more, err := t.memTx.FindInteractions(ctx, space, refs)
		if err != nil {
			return nil, err
		}
		maps.Copy(found, more)
	}
	return found, nil
}

func (t forgetStrangers) StrangerKeys(ctx context.Context, ws crm.WorkspaceID, keys []crm.ContactKey) ([]crm.ContactKey, error) {
	return everywhere(t.memTx, ws, func(ws crm.WorkspaceID) ([]crm.ContactKey, error) { return t.memTx.StrangerKeys(ctx, ws, keys) })
}

// strangersKnown takes those who are linked for strangers.
func (t strangersKnown) PutInteractions(ctx context.Context, ws crm.WorkspaceID, writes []crm.InteractionWrite) error {
	writes = slices.Clone(writes)
	for n := range writes {
		for _, p := range writes[n].Interaction.Participants {
			if p.Address != "" {
				writes[n].Strangers = append(writes[n].Strangers, crm.EmailKey(p.Address))
			}
		}
	}
	return t.memTx.PutInteractions(ctx, ws, writes)
}

func (t editsForgotten) PutInteractions(ctx context.Context, ws crm.WorkspaceID, writes []crm.InteractionWrite) error {
	writes = slices.Clone(writes)
	for n := range writes {
		writes[n].Interaction.Edited = false
	}
	return t.memTx.PutInteractions(ctx, ws, writes)
}

func (t forgetTouchDelete) DeleteInteractions(ctx context.Context, ws crm.WorkspaceID, ids []crm.ID) (int, error) {
	sum := 0
	for _, space := range spaces(t.memTx, ws) {
		n, err := t.memTx.DeleteInteractions(ctx, space, ids)
		if err != nil {
			return sum, err
		}
		sum += n
	}
	return sum, nil
}

func (t forgetLast) RefreshLastInteractions(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) error {
	for _, space := range spaces(t.memTx, ws) {
		if err := t.memTx.RefreshLastInteractions(ctx, space, contacts); err != nil {
			return err
		}
	}
	return nil
}

func (t eventsAlone) AppendEvents(ctx context.Context, ws crm.WorkspaceID, events []crm.Event) error {
	events = slices.Clone(events)
	for n := range events {
		events[n].Contacts = nil
	}
	return t.memTx.AppendEvents(ctx, ws, events)
}

func interactionFaults() []fault {
	timeline := func(name, red string, wrap func(t memTx) crm.Tx) fault {
		return fault{name: name, part: "timelines", red: red, store: breakTx(wrap)}
	}
	rows := func(name, red string, wrap func(t memTx) crm.Tx) fault {
		return fault{name: name, part: "interactions", red: red, store: breakTx(wrap)}
	}
	forgets := func(method string, wrap func(t memTx) crm.Tx) fault {
		return fault{name: method + " forgets the workspace", part: "tenancy", red: method + "_from_", store: breakTx(wrap)}
	}
	return []fault{
		rows("long bodies are cut", "comes_back_as", func(t memTx) crm.Tx { return touchesCut{t} }),
		rows("a stale interaction is accepted", "another_version", func(t memTx) crm.Tx { return touchesStale{t} }),
		rows("a source id may be taken twice", "one_interaction_at_a_time", func(t memTx) crm.Tx { return touchesTaken{t} }),
		rows("a refused call of interactions leaves half", "an_id_that_is_there", func(t memTx) crm.Tx { return touchesHalf{t} }),
		rows("absent interactions are counted as deleted", "deleted_interactions", func(t memTx) crm.Tx { return touchesGone{t} }),
		rows("a batch is ignored beside a stranger", "by_batch_and_stranger", func(t memTx) crm.Tx { return touchesBatched{t} }),
		rows("strangers with phones are not found", "by_batch_and_stranger", func(t memTx) crm.Tx { return touchesUnfolded{t} }),
		rows("a source id is found under any source", "found_by_source", func(t memTx) crm.Tx { return touchesPlain{t} }),
		timeline("a timeline skips ties", "in_order", func(t memTx) crm.Tx { return touchesTied{t} }),
		timeline("a timeline ignores the type", "in_order", func(t memTx) crm.Tx { return touchesUntyped{t} }),
		timeline("a timeline is always oldest first", "newest_first_holds", func(t memTx) crm.Tx { return touchesAscending{t} }),
		timeline("a timeline begins again when its place is gone", "place_that_is_gone", func(t memTx) crm.Tx { return touchesByOffset{t} }),
		timeline("interactions are counted beyond the limit", "up_to_a_limit", func(t memTx) crm.Tx { return touchesCounted{t} }),
		timeline("a changed interaction stays in old timelines", "leaves_and_enters", func(t memTx) crm.Tx { return touchesLinked{t} }),
		timeline("the last interaction only grows", "the_newest_one", func(t memTx) crm.Tx { return lastOnlyGrows{t} }),
		timeline("trashed contacts have no last interaction", "the_newest_one", func(t memTx) crm.Tx { return lastOfAnyKind{t} }),
		timeline("the last interaction raises the version", "changes_nothing_else", func(t memTx) crm.Tx { return lastIsAChange{t} }),
		timeline("a write of a contact overwrites what is derived", "leaves_what_is_derived", func(t memTx) crm.Tx { return derivedReplaced{t} }),
		forgets("ListInteractions", func(t memTx) crm.Tx { return forgetTimeline{t} }),
		forgets("GetInteractions", func(t memTx) crm.Tx { return forgetTouches{t} }),
		forgets("CountInteractions", func(t memTx) crm.Tx { return forgetTouchCount{t} }),
		forgets("ListInteractionIDs", func(t memTx) crm.Tx { return forgetTouchIDs{t} }),
		forgets("StrangerKeys", func(t memTx) crm.Tx { return forgetStrangers{t} }),
		rows("contacts are found as strangers", "by_many_keys", func(t memTx) crm.Tx { return strangersKnown{t} }),
		rows("an interaction forgets that it was edited", "comes_back_as", func(t memTx) crm.Tx { return editsForgotten{t} }),
		forgets("FindInteractions", func(t memTx) crm.Tx { return forgetTouchRefs{t} }),
		forgets("DeleteInteractions", func(t memTx) crm.Tx { return forgetTouchDelete{t} }),
		forgets("RefreshLastInteractions", func(t memTx) crm.Tx { return forgetLast{t} }),
		{name: "events forget their contacts", part: "events", red: "comes_back_as", store: breakTx(func(t memTx) crm.Tx { return eventsAlone{t} })},
	}
}
