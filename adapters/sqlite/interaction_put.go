package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/adapters/internal/sqlkit"
	"github.com/omnicrm/omnicrm/crm"
)

// PutInteractions implements [crm.InteractionWriter]. Everything that can be
// refused is looked at before anything is written; nobody else can write
// meanwhile.
func (t *tx) PutInteractions(ctx context.Context, ws crm.WorkspaceID, writes []crm.InteractionWrite) error {
	ids := make([]crm.ID, len(writes))
	for i, w := range writes {
		ids[i] = w.Interaction.ID
	}
	old, err := t.storedInteractions(ctx, ws, ids)
	if err == nil {
		err = checkInteractionVersions(writes, old)
	}
	if err == nil {
		err = t.checkInteractionSources(ctx, ws, writes, old)
	}
	if err == nil {
		err = t.removeInteractions(ctx, ws, old) // Nothing refers to the place of a row.
	}
	if err == nil {
		err = t.insertInteractions(ctx, ws, writes)
	}
	if err != nil {
		return fmt.Errorf("put interactions: %w", err)
	}
	return nil
}

// storedInteractions reads what the rows have in other trees.
func (t *tx) storedInteractions(ctx context.Context, ws crm.WorkspaceID, ids []crm.ID) (map[crm.ID]crm.Interaction, error) {
	found := make(map[crm.ID]crm.Interaction, len(ids))
	err := sqlkit.Lists(blobs(ids), func(padded []any) error {
		text := `SELECT id, version, occurred_at, source, source_id, participants
			FROM interactions INDEXED BY interactions_by_id WHERE ws = ? AND id IN ` + sqlkit.Placeholders(len(padded))
		return each(ctx, t, func(rows *sqlx.Rows) error {
			var i crm.Interaction
			var participants string
			err := rows.Scan(scanID(&i.ID), &i.Version, scanTime(&i.OccurredAt), &i.Source, &i.SourceID, &participants)
			if err == nil {
				i.Participants, err = participantsOf(participants)
			}
			found[i.ID] = i
			return err
		}, fixed(text), append([]any{numbered(ws)}, padded...)...)
	})
	return found, err
}

func checkInteractionVersions(writes []crm.InteractionWrite, old map[crm.ID]crm.Interaction) error {
	for _, w := range writes {
		stored, there := old[w.Interaction.ID]
		switch {
		case w.Expect == 0 && there:
			return existsConflict(stored.ID, "an interaction with this id exists already")
		case w.Expect != 0 && stored.Version != w.Expect:
			return staleConflict(w.Interaction.ID, stored.Version)
		}
	}
	return nil
}

// checkInteractionSources refuses a source id that another interaction holds
// and keeps, or that stands twice in the call.
func (t *tx) checkInteractionSources(ctx context.Context, ws crm.WorkspaceID, writes []crm.InteractionWrite, old map[crm.ID]crm.Interaction) error {
	const taken = "another interaction has this source and source id"
	holders := map[crm.SourceRef]crm.ID{}
	var wanted []crm.SourceRef
	for _, w := range writes {
		ref := crm.SourceRef{Source: w.Interaction.Source, SourceID: w.Interaction.SourceID}
		if ref.SourceID == "" {
			continue
		}
		if earlier, ok := holders[ref]; ok {
			return existsConflict(earlier, taken)
		}
		holders[ref] = w.Interaction.ID
		wanted = append(wanted, ref)
	}
	if len(wanted) == 0 {
		return nil
	}
	found, err := t.FindInteractions(ctx, ws, wanted)
	if err != nil {
		return err
	}
	for _, id := range found {
		if _, changes := old[id]; !changes { // One that is written has its place in holders.
			return existsConflict(id, taken)
		}
	}
	return nil
}

// removeInteractions deletes rows with what they have in other trees.
func (t *tx) removeInteractions(ctx context.Context, ws crm.WorkspaceID, old map[crm.ID]crm.Interaction) error {
	for id, i := range old {
		w := crm.NewInteractionWrite(i, 0)
		for _, contact := range w.Contacts {
			_, err := t.exec(ctx, fixed("DELETE FROM interaction_links WHERE ws = ? AND contact = ? AND occurred_at = ? AND interaction = ?"),
				numbered(ws), blob(contact), crm.Micros(i.OccurredAt), blob(id))
			if err != nil {
				return err
			}
		}
		for _, key := range w.Strangers {
			_, err := t.exec(ctx, fixed("DELETE FROM interaction_strangers WHERE ws = ? AND kind = ? AND value = ? AND interaction = ?"),
				numbered(ws), int64(key.Kind), key.Value, blob(id))
			if err != nil {
				return err
			}
		}
		_, err := t.exec(ctx, fixed("DELETE FROM interactions INDEXED BY interactions_by_id WHERE ws = ? AND id = ?"), numbered(ws), blob(id))
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) insertInteractions(ctx context.Context, ws crm.WorkspaceID, writes []crm.InteractionWrite) error {
	into := bulk{into: `interactions (ws, version, source, batch, created_at, updated_at, edited, type, direction, id,
		occurred_at, source_id, thread, participants, subject, body)`, columns: 16, alike: 7}
	err := t.insert(ctx, into, len(writes), func(args []any, n int) ([]any, error) {
		i := writes[n].Interaction
		participants, err := participantsText(i.Participants)
		return append(args, numbered(ws), i.Version, i.Source, optionalBlob(i.Batch), crm.Micros(i.CreatedAt), crm.Micros(i.UpdatedAt),
			flag(i.Edited), string(i.Type), string(i.Direction), blob(i.ID), crm.Micros(i.OccurredAt), i.SourceID, i.ThreadID, participants, i.Subject, i.Body), err
	})
	if err != nil {
		return err
	}
	if err := t.insertLinks(ctx, ws, writes); err != nil {
		return err
	}
	return t.insertStrangers(ctx, ws, writes)
}

func (t *tx) insertLinks(ctx context.Context, ws crm.WorkspaceID, writes []crm.InteractionWrite) error {
	type link struct {
		contact crm.ID
		of      *crm.Interaction
	}
	var links []link
	for n := range writes {
		for _, c := range writes[n].Contacts {
			links = append(links, link{c, &writes[n].Interaction})
		}
	}
	into := bulk{into: "interaction_links (ws, type, direction, contact, occurred_at, interaction)", columns: 6, alike: 1}
	return t.insert(ctx, into, len(links), func(args []any, n int) ([]any, error) {
		l := links[n]
		return append(args, numbered(ws), string(l.of.Type), string(l.of.Direction), blob(l.contact), crm.Micros(l.of.OccurredAt), blob(l.of.ID)), nil
	})
}

func (t *tx) insertStrangers(ctx context.Context, ws crm.WorkspaceID, writes []crm.InteractionWrite) error {
	type stranger struct {
		key         crm.ContactKey
		interaction crm.ID
	}
	var strangers []stranger
	for _, w := range writes {
		for _, key := range w.Strangers {
			strangers = append(strangers, stranger{key, w.Interaction.ID})
		}
	}
	into := bulk{into: "interaction_strangers (ws, kind, value, interaction)", columns: 4, alike: 1}
	return t.insert(ctx, into, len(strangers), func(args []any, n int) ([]any, error) {
		s := strangers[n]
		return append(args, numbered(ws), int64(s.key.Kind), s.key.Value, blob(s.interaction)), nil
	})
}

// PutInteractions implements [crm.InteractionWriter].
func (s *Store) PutInteractions(ctx context.Context, ws crm.WorkspaceID, writes []crm.InteractionWrite) error {
	return s.inTx(ctx, func(t *tx) error { return t.PutInteractions(ctx, ws, writes) })
}

// DeleteInteractions implements [crm.InteractionWriter].
func (t *tx) DeleteInteractions(ctx context.Context, ws crm.WorkspaceID, ids []crm.ID) (int, error) {
	old, err := t.storedInteractions(ctx, ws, ids)
	if err == nil {
		err = t.removeInteractions(ctx, ws, old)
	}
	if err != nil {
		return 0, fmt.Errorf("delete interactions: %w", err)
	}
	t.erased = t.erased || len(old) > 0
	return len(old), nil
}

// DeleteInteractions implements [crm.InteractionWriter]. Afterwards the text
// stands neither in the file nor, as soon as no reader needs it, in its log.
func (s *Store) DeleteInteractions(ctx context.Context, ws crm.WorkspaceID, ids []crm.ID) (int, error) {
	return inTxValue(ctx, s, func(t *tx) (int, error) { return t.DeleteInteractions(ctx, ws, ids) })
}

// newestInteraction is the time of a contact's newest interaction.
var newestInteraction = fmt.Sprintf(`coalesce((SELECT max(l.occurred_at) FROM interaction_links l
	WHERE l.ws = contacts.ws AND l.contact = contacts.id), %d)`, crm.Micros(time.Time{}))

// RefreshLastInteractions implements [crm.InteractionWriter].
func (t *tx) RefreshLastInteractions(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) error {
	_, err := t.forEach(ctx, "UPDATE contacts INDEXED BY contacts_by_id SET last_interaction_at = "+newestInteraction+
		" WHERE ws = ? AND id IN %s AND last_interaction_at <> "+newestInteraction, ws, blobs(contacts))
	if err != nil {
		return fmt.Errorf("refresh last interactions: %w", err)
	}
	return nil
}

// RefreshLastInteractions implements [crm.InteractionWriter].
func (s *Store) RefreshLastInteractions(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) error {
	return s.inTx(ctx, func(t *tx) error { return t.RefreshLastInteractions(ctx, ws, contacts) })
}
