package crm

import (
	"context"
	"fmt"
	"slices"
)

// erasePage is how many interactions of an erased contact are read at once.
const erasePage = 200

// historyTx is what forgetting a person's history needs of a transaction.
type historyTx interface {
	interactionTx
	InteractionReader
	FindContacts(ctx context.Context, ws WorkspaceID, keys []ContactKey) ([]ContactKeyHit, error)
}

// forgetHistory takes a person out of all interactions. One that was with this
// contact alone goes. One that others took part in stays in their timelines as
// the fact that it took place, with whom and when; its text, which may speak of
// the person, goes, and with it the source's ids, which are often made of
// addresses. That includes those where the person is a stranger, by an address
// that no other contact has.
func (s *changeSet) forgetHistory(ctx context.Context, tx historyTx, ws WorkspaceID, c Contact) error {
	own, err := ownKeys(ctx, tx, ws, c)
	if err != nil {
		return err
	}
	person := func(p Participant) bool {
		key, ok := p.key()
		return p.Contact == c.ID || ok && p.Contact.IsZero() && slices.Contains(own, key)
	}
	for {
		page, err := tx.ListInteractions(ctx, ws, InteractionQuery{Contact: c.ID, Limit: erasePage})
		if err != nil {
			return fmt.Errorf("list interactions: %w", err)
		}
		if len(page) == 0 {
			break
		}
		if err := s.forgetIn(ctx, tx, ws, page, person); err != nil {
			return err
		}
	}
	for _, key := range own {
		for {
			ids, err := tx.ListInteractionIDs(ctx, ws, InteractionCriteria{Stranger: key}, ID{}, erasePage)
			if err != nil {
				return fmt.Errorf("list interactions: %w", err)
			}
			if len(ids) == 0 {
				break
			}
			page, err := tx.GetInteractions(ctx, ws, ids)
			if err != nil {
				return fmt.Errorf("get interactions: %w", err)
			}
			if err := s.forgetIn(ctx, tx, ws, page, person); err != nil {
				return err
			}
		}
	}
	return nil
}

// ownKeys returns the contact's addresses that no other contact has.
func ownKeys(ctx context.Context, tx historyTx, ws WorkspaceID, c Contact) ([]ContactKey, error) {
	own := slices.DeleteFunc(contactKeys(c), func(k ContactKey) bool { return k.Kind != KeyEmail && k.Kind != KeyPhone })
	if len(own) == 0 {
		return nil, nil
	}
	hits, err := tx.FindContacts(ctx, ws, own)
	if err != nil {
		return nil, fmt.Errorf("find contacts: %w", err)
	}
	return slices.DeleteFunc(own, func(k ContactKey) bool {
		return slices.ContainsFunc(hits, func(h ContactKeyHit) bool { return h.Key == k && h.Contact != c.ID })
	}), nil
}

// forgetIn takes a person out of some interactions.
func (s *changeSet) forgetIn(ctx context.Context, tx historyTx, ws WorkspaceID, page []Interaction, person func(Participant) bool) error {
	set := &interactionSet{actor: s.actor, batch: s.batch, at: s.at, newID: s.newID}
	for _, i := range page {
		after := i
		after.Participants = slices.DeleteFunc(slices.Clone(i.Participants), person)
		if len(after.Contacts()) == 0 {
			set.remove(i)
			continue
		}
		after.Subject, after.Body, after.ThreadID, after.SourceID = "", "", "", ""
		set.update(i, after)
	}
	return set.write(ctx, tx, ws)
}
