package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/adapters/internal/sqlkit"
	"github.com/omnicrm/omnicrm/crm"
)

const interactionColumns = `i.id, i.version, i.type, i.direction, i.occurred_at, i.created_at, i.updated_at,
	i.source, i.source_id, i.thread, i.batch, i.edited, i.participants, i.subject, i.body`

// participantDoc is a participant in its column.
type participantDoc struct {
	Role    crm.ParticipantRole `json:"r"`
	Name    string              `json:"n,omitempty"`
	Address string              `json:"a,omitempty"`
	E164    string              `json:"p,omitempty"`
	Contact crm.ID              `json:"c,omitzero"`
}

func participantsText(list []crm.Participant) (string, error) {
	docs := make([]participantDoc, len(list))
	for i, p := range list {
		docs[i] = participantDoc(p)
	}
	text, err := json.Marshal(docs)
	return string(text), err
}

func participantsOf(text string) ([]crm.Participant, error) {
	var docs []participantDoc
	if err := json.Unmarshal([]byte(text), &docs); err != nil || len(docs) == 0 {
		return nil, err
	}
	list := make([]crm.Participant, len(docs))
	for i, d := range docs {
		list[i] = crm.Participant(d)
	}
	return list, nil
}

func scanInteraction(rows *sqlx.Rows) (i crm.Interaction, err error) {
	var participants string
	err = rows.Scan(scanID(&i.ID), &i.Version, &i.Type, &i.Direction, scanTime(&i.OccurredAt), scanTime(&i.CreatedAt), scanTime(&i.UpdatedAt),
		&i.Source, &i.SourceID, &i.ThreadID, scanID(&i.Batch), &i.Edited, &participants, &i.Subject, &i.Body)
	if err == nil {
		i.Participants, err = participantsOf(participants)
	}
	return i, err
}

// GetInteractions implements [crm.InteractionReader].
func (r reads) GetInteractions(ctx context.Context, ws crm.WorkspaceID, ids []crm.ID) ([]crm.Interaction, error) {
	found := make(map[crm.ID]crm.Interaction, len(ids))
	err := sqlkit.Lists(blobs(ids), func(padded []any) error {
		text := "SELECT " + interactionColumns + " FROM interactions i INDEXED BY interactions_by_id WHERE i.ws = ? AND i.id IN " +
			sqlkit.Placeholders(len(padded))
		return each(ctx, r, func(rows *sqlx.Rows) error {
			i, err := scanInteraction(rows)
			found[i.ID] = i
			return err
		}, fixed(text), append([]any{numbered(ws)}, padded...)...)
	})
	if err != nil {
		return nil, fmt.Errorf("get interactions: %w", err)
	}
	ordered := make([]crm.Interaction, 0, len(found))
	for _, id := range ids {
		if i, ok := found[id]; ok {
			ordered = append(ordered, i)
			delete(found, id)
		}
	}
	return ordered, nil
}

// timeline is the tree that a contact's interactions, of one type or of all,
// are walked in, and the predicate that leads into it.
func timeline(ws crm.WorkspaceID, contact crm.ID, of crm.InteractionType) (from, where string, args []any) {
	args = []any{numbered(ws), blob(contact)}
	if of == "" { // The table itself lies in the order of time.
		return "interaction_links l", "l.ws = ? AND l.contact = ?", args
	}
	return "interaction_links l INDEXED BY interaction_links_by_type", "l.ws = ? AND l.contact = ? AND l.type = ?", append(args, string(of))
}

// ListInteractions implements [crm.InteractionReader].
func (r reads) ListInteractions(ctx context.Context, ws crm.WorkspaceID, q crm.InteractionQuery) ([]crm.Interaction, error) {
	order := sqlkit.Keyset{Columns: []string{"l.occurred_at", "l.interaction"}, Desc: q.Desc}
	from, where, args := timeline(ws, q.Contact, q.Type)
	if q.After != nil {
		where += " AND " + order.After()
		args = append(args, crm.Micros(q.After.OccurredAt), blob(q.After.ID))
	}
	// A cross join keeps the planner from beginning with the interactions.
	text := "SELECT " + interactionColumns + " FROM " + from +
		" CROSS JOIN interactions i INDEXED BY interactions_by_id ON i.ws = l.ws AND i.id = l.interaction" +
		" WHERE " + where + " ORDER BY " + order.OrderBy() + " LIMIT ?"
	list, err := list(ctx, r, scanInteraction, fixed(text), append(args, q.Limit)...)
	if err != nil {
		return nil, fmt.Errorf("list interactions: %w", err)
	}
	return list, nil
}

// CountInteractions implements [crm.InteractionReader].
func (r reads) CountInteractions(ctx context.Context, ws crm.WorkspaceID, contact crm.ID, of crm.InteractionType, atMost int) (int, error) {
	from, where, args := timeline(ws, contact, of)
	n, _, err := one(ctx, r, number, fixed("SELECT count(*) FROM (SELECT 1 FROM "+from+" WHERE "+where+" LIMIT ?)"), append(args, atMost)...)
	if err != nil {
		return 0, fmt.Errorf("count interactions: %w", err)
	}
	return int(n), nil
}

// ListInteractionIDs implements [crm.InteractionReader].
func (r reads) ListInteractionIDs(
	ctx context.Context, ws crm.WorkspaceID, where crm.InteractionCriteria, after crm.ID, limit int,
) ([]crm.ID, error) {
	text := "SELECT i.id FROM interactions i INDEXED BY interactions_by_id WHERE i.ws = ?"
	order, args := "i.id", []any{numbered(ws)}
	ofBatch := " AND i.batch = ? AND i.batch <> x''"
	switch stranger := where.Stranger; {
	case stranger.Value != "":
		text, order = "SELECT s.interaction FROM interaction_strangers s WHERE s.ws = ? AND s.kind = ? AND s.value = ?", "s.interaction"
		args = append(args, int64(stranger.Kind), stranger.Value)
		ofBatch = " AND EXISTS (SELECT 1 FROM interactions i WHERE i.ws = s.ws AND i.id = s.interaction AND i.batch = ?)"
	case !where.Batch.IsZero():
		text = "SELECT i.id FROM interactions i INDEXED BY interactions_by_batch WHERE i.ws = ?"
	}
	if !where.Batch.IsZero() {
		text += ofBatch
		args = append(args, blob(where.Batch))
	}
	text += " AND " + order + " > ? ORDER BY " + order + " LIMIT ?"
	ids, err := list(ctx, r, scanOneID, fixed(text), append(args, blob(after), limit)...)
	if err != nil {
		return nil, fmt.Errorf("list interaction ids: %w", err)
	}
	return ids, nil
}

// StrangerKeys implements [crm.InteractionReader].
func (r reads) StrangerKeys(ctx context.Context, ws crm.WorkspaceID, keys []crm.ContactKey) ([]crm.ContactKey, error) {
	byKind := map[crm.KeyKind][]any{}
	for _, k := range keys {
		byKind[k.Kind] = append(byKind[k.Kind], k.Value)
	}
	found := map[crm.ContactKey]bool{}
	for kind, values := range byKind {
		err := sqlkit.Lists(values, func(padded []any) error {
			// One look for each key: an address of one's own is in every email.
			text := "SELECT w.column1 FROM (VALUES " + sqlkit.Values(1, len(padded)) + `) AS w WHERE EXISTS
				(SELECT 1 FROM interaction_strangers s WHERE s.ws = ? AND s.kind = ? AND s.value = w.column1)`
			return each(ctx, r, func(rows *sqlx.Rows) error {
				key := crm.ContactKey{Kind: kind}
				err := rows.Scan(&key.Value)
				found[key] = true
				return err
			}, fixed(text), append(slices.Clone(padded), numbered(ws), int64(kind))...)
		})
		if err != nil {
			return nil, fmt.Errorf("find strangers: %w", err)
		}
	}
	return slices.Collect(maps.Keys(found)), nil
}

// FindInteractions implements [crm.InteractionReader].
func (r reads) FindInteractions(ctx context.Context, ws crm.WorkspaceID, refs []crm.SourceRef) (map[crm.SourceRef]crm.ID, error) {
	asked := make(map[crm.SourceRef]bool, len(refs))
	var ids []any
	for _, ref := range refs {
		if ref.SourceID != "" && !asked[ref] {
			asked[ref] = true
			ids = append(ids, ref.SourceID)
		}
	}
	found := map[crm.SourceRef]crm.ID{}
	err := sqlkit.Lists(ids, func(padded []any) error {
		text := `SELECT source, source_id, id FROM interactions INDEXED BY interactions_by_source
			WHERE source_id <> '' AND ws = ? AND source_id IN ` + sqlkit.Placeholders(len(padded))
		return each(ctx, r, func(rows *sqlx.Rows) error {
			var ref crm.SourceRef
			var id crm.ID
			err := rows.Scan(&ref.Source, &ref.SourceID, scanID(&id))
			if asked[ref] {
				found[ref] = id
			}
			return err
		}, fixed(text), append([]any{numbered(ws)}, padded...)...)
	})
	if err != nil {
		return nil, fmt.Errorf("find interactions: %w", err)
	}
	return found, nil
}
