package crmtest_test

import (
	"context"
	"slices"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// copiedInteraction returns an interaction that shares nothing with i, its
// times as stored.
func copiedInteraction(i crm.Interaction) crm.Interaction {
	i.Participants = slices.Clone(i.Participants)
	i.OccurredAt, i.CreatedAt, i.UpdatedAt = micros(i.OccurredAt), micros(i.CreatedAt), micros(i.UpdatedAt)
	return i
}

func (t memTx) GetInteractions(_ context.Context, ws crm.WorkspaceID, ids []crm.ID) ([]crm.Interaction, error) {
	s, err := t.read()
	if err != nil {
		return nil, err
	}
	var found []crm.Interaction
	for n, id := range ids {
		if w, ok := s.touches[of[crm.ID]{ws, id}]; ok && slices.Index(ids, id) == n {
			found = append(found, copiedInteraction(w.Interaction))
		}
	}
	return found, nil
}

// inTimeline returns the interactions of a contact, oldest first.
func (s *state) inTimeline(ws crm.WorkspaceID, contact crm.ID, kind crm.InteractionType) []crm.Interaction {
	var found []crm.Interaction
	for _, w := range mine(s.touches, ws) {
		if slices.Contains(w.Contacts, contact) && (kind == "" || w.Interaction.Type == kind) {
			found = append(found, copiedInteraction(w.Interaction))
		}
	}
	slices.SortFunc(found, func(a, b crm.Interaction) int { return compareMoments(a.OccurredAt, a.ID, b.OccurredAt, b.ID) })
	return found
}

func compareMoments(at time.Time, id crm.ID, otherAt time.Time, other crm.ID) int {
	if order := at.Compare(otherAt); order != 0 {
		return order
	}
	return compareIDs(id, other)
}

func (t memTx) ListInteractions(_ context.Context, ws crm.WorkspaceID, q crm.InteractionQuery) ([]crm.Interaction, error) {
	s, err := t.read()
	if err != nil {
		return nil, err
	}
	found := s.inTimeline(ws, q.Contact, q.Type)
	sign := 1
	if q.Desc {
		slices.Reverse(found)
		sign = -1
	}
	found = slices.DeleteFunc(found, func(i crm.Interaction) bool {
		return q.After != nil && sign*compareMoments(i.OccurredAt, i.ID, q.After.OccurredAt, q.After.ID) <= 0
	})
	return firstOf(found, q.Limit), nil
}

func (t memTx) CountInteractions(_ context.Context, ws crm.WorkspaceID, contact crm.ID, kind crm.InteractionType, atMost int) (int, error) {
	s, err := t.read()
	if err != nil {
		return 0, err
	}
	return min(len(s.inTimeline(ws, contact, kind)), atMost), nil
}

func (t memTx) ListInteractionIDs(_ context.Context, ws crm.WorkspaceID, where crm.InteractionCriteria, after crm.ID, limit int) ([]crm.ID, error) {
	s, err := t.read()
	if err != nil {
		return nil, err
	}
	var ids []crm.ID
	for _, w := range mine(s.touches, ws) {
		i := w.Interaction
		if compareIDs(i.ID, after) > 0 && (where.Batch.IsZero() || i.Batch == where.Batch) &&
			(where.Stranger.Value == "" || slices.Contains(w.Strangers, where.Stranger)) {
			ids = append(ids, i.ID)
		}
	}
	slices.SortFunc(ids, compareIDs)
	return firstOf(ids, limit), nil
}

func (t memTx) StrangerKeys(_ context.Context, ws crm.WorkspaceID, keys []crm.ContactKey) ([]crm.ContactKey, error) {
	s, err := t.read()
	if err != nil {
		return nil, err
	}
	var found []crm.ContactKey
	for _, key := range keys {
		if slices.ContainsFunc(mine(s.touches, ws), func(w crm.InteractionWrite) bool { return slices.Contains(w.Strangers, key) }) {
			found = append(found, key)
		}
	}
	return found, nil
}

func (t memTx) FindInteractions(_ context.Context, ws crm.WorkspaceID, refs []crm.SourceRef) (map[crm.SourceRef]crm.ID, error) {
	s, err := t.read()
	if err != nil {
		return nil, err
	}
	found := map[crm.SourceRef]crm.ID{}
	for _, ref := range refs {
		if id, ok := s.holderOf(ws, ref); ok {
			found[ref] = id
		}
	}
	return found, nil
}

func (s *state) holderOf(ws crm.WorkspaceID, ref crm.SourceRef) (crm.ID, bool) {
	for _, w := range mine(s.touches, ws) {
		if ref.SourceID != "" && w.Interaction.Source == ref.Source && w.Interaction.SourceID == ref.SourceID {
			return w.Interaction.ID, true
		}
	}
	return crm.ID{}, false
}

func (t memTx) PutInteractions(ctx context.Context, ws crm.WorkspaceID, writes []crm.InteractionWrite) error {
	return t.write(ctx, func(s *state) error {
		next := s.copied()
		for _, w := range writes {
			key := of[crm.ID]{ws, w.Interaction.ID}
			old, there := next.touches[key]
			if err := versionAgrees(there, old.Interaction.Version, w.Expect, w.Interaction.ID); err != nil {
				return err
			}
			delete(next.touches, key)
		}
		for _, w := range writes {
			if holder, taken := next.holderOf(ws, crm.SourceRef{Source: w.Interaction.Source, SourceID: w.Interaction.SourceID}); taken {
				return conflict(crm.ConflictExists, holder)
			}
			w.Interaction = copiedInteraction(w.Interaction)
			next.touches[of[crm.ID]{ws, w.Interaction.ID}] = w
		}
		s.touches = next.touches
		return nil
	})
}

func (t memTx) DeleteInteractions(ctx context.Context, ws crm.WorkspaceID, ids []crm.ID) (int, error) {
	n := 0
	err := t.write(ctx, func(s *state) error {
		for _, id := range ids {
			if _, there := s.touches[of[crm.ID]{ws, id}]; there {
				delete(s.touches, of[crm.ID]{ws, id})
				n++
			}
		}
		return nil
	})
	return n, err
}

func (t memTx) RefreshLastInteractions(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) error {
	return t.write(ctx, func(s *state) error {
		for _, id := range contacts {
			w, there := s.contacts[of[crm.ID]{ws, id}]
			if !there {
				continue
			}
			w.Contact.LastInteractionAt = time.Time{}
			if line := s.inTimeline(ws, id, ""); len(line) > 0 {
				w.Contact.LastInteractionAt = line[len(line)-1].OccurredAt
			}
			s.contacts[of[crm.ID]{ws, id}] = w
		}
		return nil
	})
}
