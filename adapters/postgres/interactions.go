package postgres

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
	return r.getInteractions(ctx, ws, ids, "")
}

// GetInteractions implements [crm.InteractionReader]. The interactions, and with
// them their links, stay as they are until the end of the transaction.
func (t *tx) GetInteractions(ctx context.Context, ws crm.WorkspaceID, ids []crm.ID) ([]crm.Interaction, error) {
	return t.getInteractions(ctx, ws, ids, lockInteractions)
}

// lockInteractions ends a statement that locks what it reads, in the order of
// ids, so that two that want the same wait for each other at the first.
const lockInteractions = " ORDER BY i.id FOR NO KEY UPDATE"

func (r reads) getInteractions(ctx context.Context, ws crm.WorkspaceID, ids []crm.ID, lock string) ([]crm.Interaction, error) {
	found := make(map[crm.ID]crm.Interaction, len(ids))
	err := each(ctx, r, func(rows *sqlx.Rows) error {
		i, err := scanInteraction(rows)
		found[i.ID] = i
		return err
	}, fixed("SELECT "+interactionColumns+" FROM crm.interactions i WHERE i.workspace = ? AND i.id = ANY(?)"+lock), uuidOf(ws), uuidsOf(ids))
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

// timeline is the predicate that leads into the index that a contact's
// interactions, of one type or of all, are walked in.
func timeline(ws crm.WorkspaceID, contact crm.ID, of crm.InteractionType) (where string, args []any) {
	args = []any{uuidOf(ws), uuidOf(contact)}
	if of == "" {
		return "l.workspace = ? AND l.contact = ?", args
	}
	return "l.workspace = ? AND l.contact = ? AND l.type = ?", append(args, string(of))
}

// ListInteractions implements [crm.InteractionReader].
func (r reads) ListInteractions(ctx context.Context, ws crm.WorkspaceID, q crm.InteractionQuery) ([]crm.Interaction, error) {
	order := sqlkit.Keyset{Columns: []string{"l.occurred_at", "l.interaction"}, Desc: q.Desc}
	where, args := timeline(ws, q.Contact, q.Type)
	if q.After != nil {
		where += " AND " + order.After()
		args = append(args, crm.Micros(q.After.OccurredAt), uuidOf(q.After.ID))
	}
	// The page is cut in the links, so that the planner cannot begin with the
	// interactions: each link has one.
	text := "SELECT " + interactionColumns + " FROM (SELECT l.workspace, l.occurred_at, l.interaction FROM crm.interaction_links l" +
		" WHERE " + where + " ORDER BY " + order.OrderBy() + " LIMIT ?) l" +
		" JOIN crm.interactions i ON i.workspace = l.workspace AND i.id = l.interaction ORDER BY " + order.OrderBy()
	list, err := list(ctx, r, scanInteraction, fixed(text), append(args, q.Limit)...)
	if err != nil {
		return nil, fmt.Errorf("list interactions: %w", err)
	}
	return list, nil
}

// ListInteractions implements [crm.InteractionReader]. What it returns stays as
// it is until the end of the transaction.
func (t *tx) ListInteractions(ctx context.Context, ws crm.WorkspaceID, q crm.InteractionQuery) ([]crm.Interaction, error) {
	return lockedPage(ctx, t, ws, func(i crm.Interaction) crm.ID { return i.ID }, func() ([]crm.Interaction, error) {
		return t.reads.ListInteractions(ctx, ws, q)
	})
}

// lockedPage lists until all that comes is locked: whoever changed something of
// it meanwhile may have moved it elsewhere.
func lockedPage[T any](
	ctx context.Context, t *tx, ws crm.WorkspaceID, idOf func(T) crm.ID, list func() ([]T, error),
) ([]T, error) {
	locked := map[crm.ID]bool{}
	for {
		page, err := list()
		if err != nil {
			return nil, err
		}
		var free []crm.ID
		for _, one := range page {
			if id := idOf(one); !locked[id] {
				locked[id] = true
				free = append(free, id)
			}
		}
		if len(free) == 0 {
			return page, nil
		}
		_, err = t.exec(ctx, fixed("SELECT 1 FROM crm.interactions i WHERE i.workspace = ? AND i.id = ANY(?)"+lockInteractions), uuidOf(ws), uuidsOf(free))
		if err != nil {
			return nil, fmt.Errorf("lock interactions: %w", err)
		}
	}
}

// CountInteractions implements [crm.InteractionReader].
func (r reads) CountInteractions(ctx context.Context, ws crm.WorkspaceID, contact crm.ID, of crm.InteractionType, atMost int) (int, error) {
	where, args := timeline(ws, contact, of)
	n, _, err := one(ctx, r, number, fixed("SELECT count(*) FROM (SELECT 1 FROM crm.interaction_links l WHERE "+where+" LIMIT ?) AS counted"),
		append(args, atMost)...)
	if err != nil {
		return 0, fmt.Errorf("count interactions: %w", err)
	}
	return int(n), nil
}

// ListInteractionIDs implements [crm.InteractionReader].
func (r reads) ListInteractionIDs(
	ctx context.Context, ws crm.WorkspaceID, where crm.InteractionCriteria, after crm.ID, limit int,
) ([]crm.ID, error) {
	text := "SELECT i.id FROM crm.interactions i WHERE i.workspace = ?"
	order, args := "i.id", []any{uuidOf(ws)}
	ofBatch := " AND i.batch = ? AND i.batch <> " + noID
	switch stranger := where.Stranger; {
	case stranger.Value != "":
		text, order = "SELECT s.interaction FROM crm.interaction_strangers s WHERE s.workspace = ? AND s.kind = ? AND s.value = ?", "s.interaction"
		args = append(args, int64(stranger.Kind), keyValue(stranger.Value))
		ofBatch = " AND EXISTS (SELECT 1 FROM crm.interactions i WHERE i.workspace = s.workspace AND i.id = s.interaction AND i.batch = ?)"
	}
	if !where.Batch.IsZero() {
		text += ofBatch
		args = append(args, uuidOf(where.Batch))
	}
	text += " AND " + order + " > ? ORDER BY " + order + " LIMIT ?"
	ids, err := list(ctx, r, scanOneID, fixed(text), append(args, uuidOf(after), limit)...)
	if err != nil {
		return nil, fmt.Errorf("list interaction ids: %w", err)
	}
	return ids, nil
}

// ListInteractionIDs implements [crm.InteractionReader]. Those with a stranger
// have it until the end of the transaction.
func (t *tx) ListInteractionIDs(
	ctx context.Context, ws crm.WorkspaceID, where crm.InteractionCriteria, after crm.ID, limit int,
) ([]crm.ID, error) {
	list := func() ([]crm.ID, error) { return t.reads.ListInteractionIDs(ctx, ws, where, after, limit) }
	if where.Stranger.Value == "" {
		return list()
	}
	return lockedPage(ctx, t, ws, func(id crm.ID) crm.ID { return id }, list)
}

// StrangerKeys implements [crm.InteractionReader].
func (r reads) StrangerKeys(ctx context.Context, ws crm.WorkspaceID, keys []crm.ContactKey) ([]crm.ContactKey, error) {
	byKind := map[crm.KeyKind][]string{}
	for _, k := range keys {
		byKind[k.Kind] = append(byKind[k.Kind], k.Value)
	}
	found := map[crm.ContactKey]bool{}
	for kind, values := range byKind {
		// One look for each key: an address of one's own is in every email. Without
		// an order the planner reads the table until it finds one.
		err := each(ctx, r, func(rows *sqlx.Rows) error {
			var n int
			err := rows.Scan(&n)
			if err == nil {
				found[crm.ContactKey{Kind: kind, Value: values[n-1]}] = true
			}
			return err
		}, fixed(`SELECT w.n FROM unnest(CAST(? AS bytea[])) WITH ORDINALITY AS w (value, n) CROSS JOIN LATERAL (
			SELECT 1 FROM crm.interaction_strangers s WHERE s.workspace = ? AND s.kind = ? AND s.value = w.value
			ORDER BY s.interaction LIMIT 1) AS found`),
			keyValues(values), uuidOf(ws), int64(kind))
		if err != nil {
			return nil, fmt.Errorf("find strangers: %w", err)
		}
	}
	return slices.Collect(maps.Keys(found)), nil
}

// FindInteractions implements [crm.InteractionReader].
func (r reads) FindInteractions(ctx context.Context, ws crm.WorkspaceID, refs []crm.SourceRef) (map[crm.SourceRef]crm.ID, error) {
	asked := make(map[crm.SourceRef]bool, len(refs))
	var ids []string
	for _, ref := range refs {
		if ref.SourceID != "" && !asked[ref] {
			asked[ref] = true
			ids = append(ids, ref.SourceID)
		}
	}
	found := map[crm.SourceRef]crm.ID{}
	if len(ids) == 0 {
		return found, nil
	}
	err := each(ctx, r, func(rows *sqlx.Rows) error {
		var ref crm.SourceRef
		var id crm.ID
		err := rows.Scan(&ref.Source, &ref.SourceID, scanID(&id))
		if asked[ref] {
			found[ref] = id
		}
		return err
	}, fixed(`SELECT source, source_id, id FROM crm.interactions WHERE source_key <> '' AND workspace = ? AND source_key = ANY(?)`), uuidOf(ws), keyValues(ids))
	if err != nil {
		return nil, fmt.Errorf("find interactions: %w", err)
	}
	return found, nil
}
