package crm

import (
	"context"
	"fmt"
	"slices"
)

// Matching: which stored contact an incoming one is. This is the one place of
// the rule; creates that upsert, imports and sync ask it.
//
//  1. The same source and source id. Two different ids of one source are never
//     one contact, whatever else they share.
//  2. An email in common.
//  3. An E.164 phone in common and display names that agree: the same folded
//     words in any order. The store's key holds both, see [PhoneKey].
//
// At each step live contacts come before trashed ones. One candidate is the
// match; several are ambiguous and never guessed.

// match is the answer for one incoming contact: none, one, or several.
type match struct {
	contact    *Contact
	candidates []ID
}

func (m match) ambiguous() bool { return len(m.candidates) > 1 }

// matchTx is what matching reads.
type matchTx interface {
	FindContacts(ctx context.Context, ws WorkspaceID, keys []ContactKey) ([]ContactKeyHit, error)
	GetContacts(ctx context.Context, ws WorkspaceID, ids []ID) ([]Contact, error)
}

// matcher answers for a group of incoming contacts with a few queries, and
// sees what the group itself has written so far.
type matcher struct {
	holders  map[ContactKey][]ID
	contacts map[ID]*Contact
}

// newMatcher loads every stored contact that any of the incoming ones could be.
func newMatcher(ctx context.Context, tx matchTx, ws WorkspaceID, incoming []*derived) (*matcher, error) {
	m := &matcher{holders: map[ContactKey][]ID{}, contacts: map[ID]*Contact{}}
	var keys []ContactKey
	for _, d := range incoming {
		for _, k := range d.match {
			if _, ok := m.holders[k]; !ok {
				m.holders[k] = nil
				keys = append(keys, k)
			}
		}
	}
	var ids []ID
	for part := range slices.Chunk(keys, 5_000) {
		hits, err := tx.FindContacts(ctx, ws, part)
		if err != nil {
			return nil, fmt.Errorf("find contacts: %w", err)
		}
		for _, h := range hits {
			m.holders[h.Key] = append(m.holders[h.Key], h.Contact)
			if m.contacts[h.Contact] == nil {
				m.contacts[h.Contact] = &Contact{}
				ids = append(ids, h.Contact)
			}
		}
	}
	return m, m.load(ctx, tx, ws, ids)
}

// load reads contacts that are matched by other means than their keys.
func (m *matcher) load(ctx context.Context, tx matchTx, ws WorkspaceID, ids []ID) error {
	for part := range slices.Chunk(ids, MaxBatch) {
		found, err := tx.GetContacts(ctx, ws, part)
		if err != nil {
			return fmt.Errorf("get contacts: %w", err)
		}
		for i := range found {
			m.contacts[found[i].ID] = &found[i]
		}
	}
	return nil
}

// wrote tells the matcher about a contact that was created or changed.
func (m *matcher) wrote(c Contact, d *derived) {
	m.contacts[c.ID] = &c
	for _, k := range d.match {
		if !slices.Contains(m.holders[k], c.ID) {
			m.holders[k] = append(m.holders[k], c.ID)
		}
	}
}

// find applies the rule.
func (m *matcher) find(in *Contact, d *derived) match {
	for _, kind := range []KeyKind{KeySource, KeyEmail, KeyPhone} {
		var live, trashed []ID
		for _, k := range d.match {
			if k.Kind != kind {
				continue
			}
			for _, id := range m.holders[k] {
				c := m.contacts[id]
				switch {
				case c == nil || c.ID.IsZero(), kind != KeySource && otherOfSameSource(in, c), !holdsKey(c, k):
				case c.InTrash():
					trashed = append(trashed, id)
				default:
					live = append(live, id)
				}
			}
		}
		if found := firstOf(live, trashed); len(found) > 0 {
			return m.answer(found)
		}
	}
	return match{}
}

// holdsKey reports whether a contact still has the key it was found by: it may
// have been changed since by an earlier one of the group.
func holdsKey(c *Contact, k ContactKey) bool {
	switch k.Kind {
	case KeySource:
		return k == SourceKey(c.Source, c.SourceID)
	case KeyEmail:
		return slices.ContainsFunc(c.Emails, func(e Email) bool { return k == EmailKey(e.Address) })
	}
	return slices.ContainsFunc(c.Phones, func(p Phone) bool { return k == PhoneKey(p.E164, c.DisplayName) })
}

func firstOf(lists ...[]ID) []ID {
	for _, l := range lists {
		if len(l) > 0 {
			return l
		}
	}
	return nil
}

func (m *matcher) answer(ids []ID) match {
	slices.SortFunc(ids, compareIDs)
	ids = slices.Compact(ids)
	if len(ids) > 1 {
		return match{candidates: ids}
	}
	return match{contact: m.contacts[ids[0]], candidates: ids}
}

// otherOfSameSource reports whether the source itself says that the two are
// different.
func otherOfSameSource(a, b *Contact) bool {
	return a.SourceID != "" && b.SourceID != "" && a.Source == b.Source && a.SourceID != b.SourceID
}

func compareIDs(a, b ID) int { return slices.Compare(a[:], b[:]) }
