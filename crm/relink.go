package crm

import (
	"context"
	"fmt"
	"slices"
)

// relinkPage is how many interactions one transaction links.
const relinkPage = 200

// relink is the reader of the event log that links older interactions to the
// contacts whose addresses they have: somebody wrote before anybody kept them. It
// looks at the contacts as they are now, so that an event may come twice or late.
func (k *core) relink(ctx context.Context, events []WorkspaceEvent) error {
	gained := map[WorkspaceID][]ID{}
	for _, e := range events {
		if gainsAddress(e.Event) && !slices.Contains(gained[e.Workspace], e.Subject.ID) {
			gained[e.Workspace] = append(gained[e.Workspace], e.Subject.ID)
		}
	}
	for ws, contacts := range gained {
		for part := range slices.Chunk(contacts, MaxBatch) {
			if err := k.relinkTo(ctx, ws, part); err != nil {
				return fmt.Errorf("link interactions: %w", err)
			}
		}
	}
	return nil
}

// gainsAddress reports whether the contact of an event may be found by an
// address that it was not found by before. A phone is found by the name too.
func gainsAddress(e Event) bool {
	switch e.Type { //nolint:exhaustive // The others give no address.
	case EventContactCreated, EventContactRestored:
		return true
	case EventContactUpdated:
		return slices.ContainsFunc(e.Changed, func(name string) bool {
			return name == "emails" || name == "phones" || name == "displayName"
		})
	}
	return false
}

// relinkTo links the interactions in which one of the contacts is a stranger.
func (k *core) relinkTo(ctx context.Context, ws WorkspaceID, ids []ID) error {
	contacts, err := k.store.GetContacts(ctx, ws, ids)
	if err != nil {
		return fmt.Errorf("get contacts: %w", err)
	}
	var keys []ContactKey
	for _, c := range contacts {
		for _, key := range contactKeys(c) {
			if (key.Kind == KeyEmail || key.Kind == KeyPhone) && !c.InTrash() {
				keys = append(keys, key)
			}
		}
	}
	for part := range slices.Chunk(keys, feedPage) {
		known, err := k.store.StrangerKeys(ctx, ws, part)
		if err != nil {
			return err
		}
		for _, key := range known {
			if err := k.relinkBy(ctx, ws, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// relinkBy links the interactions in which a stranger has the key.
func (k *core) relinkBy(ctx context.Context, ws WorkspaceID, key ContactKey) error {
	var after ID
	for {
		ids, err := k.store.ListInteractionIDs(ctx, ws, InteractionCriteria{Stranger: key}, after, relinkPage)
		if err != nil || len(ids) == 0 {
			return err
		}
		err = k.inBackgroundTx(ctx, ws, func(tx Tx) error {
			found, err := tx.GetInteractions(ctx, ws, ids)
			if err != nil {
				return err
			}
			linked := make([]*Interaction, len(found))
			for n := range found {
				after := found[n]
				after.Participants = slices.Clone(after.Participants)
				linked[n] = &after
			}
			if err := linkParticipants(ctx, tx, ws, linked); err != nil {
				return err
			}
			set := k.newInteractionSet(systemActor(ws), ID{})
			for n, i := range linked {
				if !slices.Equal(i.Participants, found[n].Participants) {
					set.relink(found[n], *i)
				}
			}
			return set.write(ctx, tx, ws)
		})
		if err != nil {
			return err
		}
		after = ids[len(ids)-1]
	}
}
