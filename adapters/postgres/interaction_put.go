package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/adapters/internal/sqlkit"
	"github.com/omnicrm/omnicrm/crm"
)

// PutInteractions implements [crm.InteractionWriter]. Everything that can be
// refused is looked at before anything is written; rows that are replaced are
// locked, and a new one that somebody else writes meanwhile is found by the
// unique keys. Whoever waits for a row finds it in its place afterwards, with
// those of its links that stay.
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
		err = t.removeTies(ctx, ws, goneTies(old, writes))
	}
	if err == nil {
		err = t.changeInteractions(ctx, ws, writes, old)
	}
	if err == nil {
		err = t.insertInteractions(ctx, ws, writes)
	}
	if err == nil {
		err = t.insertTies(ctx, ws, freshTies(old, writes))
	}
	if err != nil {
		return fmt.Errorf("put interactions: %w", err)
	}
	return nil
}

// storedInteractions locks the rows and reads what they have in other tables.
func (t *tx) storedInteractions(ctx context.Context, ws crm.WorkspaceID, ids []crm.ID) (map[crm.ID]crm.Interaction, error) {
	found := make(map[crm.ID]crm.Interaction, len(ids))
	err := each(ctx, t, func(rows *sqlx.Rows) error {
		var i crm.Interaction
		var participants string
		err := rows.Scan(scanID(&i.ID), &i.Version, &i.Type, &i.Direction, scanTime(&i.OccurredAt), &i.Source, &i.SourceID, &participants)
		if err == nil {
			i.Participants, err = participantsOf(participants)
		}
		found[i.ID] = i
		return err
	}, fixed(`SELECT i.id, i.version, i.type, i.direction, i.occurred_at, i.source, i.source_id, i.participants
		FROM crm.interactions i WHERE i.workspace = ? AND i.id = ANY(?)`+lockInteractions), uuidOf(ws), uuidsOf(ids))
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

// interactionColumnsPut are the columns of a row behind its workspace and id,
// with their types.
var interactionColumnsPut = [][2]string{
	{"version", "bigint"},
	{"edited", "boolean"},
	{"type", "text"},
	{"direction", "text"},
	{"occurred_at", "bigint"},
	{"created_at", "bigint"},
	{"updated_at", "bigint"},
	{"source", "text"},
	{"source_id", "text"},
	{"source_key", "bytea"},
	{"thread", "text"},
	{"batch", "uuid"},
	{"participants", "text"},
	{"subject", "text"},
	{"body", "text"},
}

func appendInteraction(args []any, i crm.Interaction) ([]any, error) {
	participants, err := participantsText(i.Participants)
	return append(args, i.Version, i.Edited, string(i.Type), string(i.Direction), crm.Micros(i.OccurredAt), crm.Micros(i.CreatedAt),
		crm.Micros(i.UpdatedAt), i.Source, i.SourceID, keyValue(i.SourceID), i.ThreadID, uuidOf(i.Batch), participants, i.Subject, i.Body), err
}

// changeInteractionsText replaces so many rows.
func changeInteractionsText(rows int) string {
	names, set, first := "id", "", "CAST(? AS uuid)"
	for i, column := range interactionColumnsPut {
		if i > 0 {
			set += ", "
		}
		set += column[0] + " = v." + column[0]
		names += ", " + column[0]
		first += ", CAST(? AS " + column[1] + ")"
	}
	values := "(" + first + ")"
	if rows > 1 {
		values += ", " + sqlkit.Values(1+len(interactionColumnsPut), rows-1)
	}
	return "UPDATE crm.interactions i SET " + set + " FROM (VALUES " + values + ") AS v (" + names + ") WHERE i.workspace = ? AND i.id = v.id"
}

// changeInteractions replaces those rows that are there.
func (t *tx) changeInteractions(ctx context.Context, ws crm.WorkspaceID, writes []crm.InteractionWrite, old map[crm.ID]crm.Interaction) error {
	if len(old) == 0 {
		return nil
	}
	var changed []crm.Interaction
	var passed []crm.ID // They give up a source id that another of the call may take.
	for _, w := range writes {
		if w.Expect == 0 {
			continue
		}
		changed = append(changed, w.Interaction)
		if was := old[w.Interaction.ID]; was.SourceID != "" && (was.SourceID != w.Interaction.SourceID || was.Source != w.Interaction.Source) {
			passed = append(passed, was.ID)
		}
	}
	if len(passed) > 0 {
		_, err := t.exec(ctx, fixed("UPDATE crm.interactions SET source_key = '' WHERE workspace = ? AND id = ANY(?)"), uuidOf(ws), uuidsOf(passed))
		if err != nil {
			return err
		}
	}
	return sqlkit.Batches(len(changed), func(from, to int) error {
		args := make([]any, 0, 1+(to-from)*(1+len(interactionColumnsPut)))
		for _, i := range changed[from:to] {
			var err error
			if args, err = appendInteraction(append(args, uuidOf(i.ID)), i); err != nil {
				return err
			}
		}
		_, err := t.exec(ctx, fixed(changeInteractionsText(to-from)), append(args, uuidOf(ws))...)
		return err
	})
}

func (t *tx) insertInteractions(ctx context.Context, ws crm.WorkspaceID, writes []crm.InteractionWrite) error {
	fresh := make([]crm.Interaction, 0, len(writes))
	for _, w := range writes {
		if w.Expect == 0 {
			fresh = append(fresh, w.Interaction)
		}
	}
	into := bulk{table: "interactions", columns: []string{"workspace", "id"}}
	for _, column := range interactionColumnsPut {
		into.columns = append(into.columns, column[0])
	}
	return t.insert(ctx, into, len(fresh), func(args []any, n int) ([]any, error) {
		return appendInteraction(append(args, uuidOf(ws), uuidOf(fresh[n].ID)), fresh[n])
	})
}

// PutInteractions implements [crm.InteractionWriter].
func (s *Store) PutInteractions(ctx context.Context, ws crm.WorkspaceID, writes []crm.InteractionWrite) error {
	return s.inTx(ctx, func(t *tx) error { return t.PutInteractions(ctx, ws, writes) })
}

// DeleteInteractions implements [crm.InteractionWriter].
func (t *tx) DeleteInteractions(ctx context.Context, ws crm.WorkspaceID, ids []crm.ID) (int, error) {
	n, err := t.deleteInteractions(ctx, ws, ids)
	if err != nil {
		return 0, fmt.Errorf("delete interactions: %w", err)
	}
	return int(n), nil
}

func (t *tx) deleteInteractions(ctx context.Context, ws crm.WorkspaceID, ids []crm.ID) (int64, error) {
	old, err := t.storedInteractions(ctx, ws, ids)
	if err != nil || len(old) == 0 {
		return 0, err
	}
	if err := t.removeTies(ctx, ws, goneTies(old, nil)); err != nil {
		return 0, err
	}
	return t.change(ctx, fixed("DELETE FROM crm.interactions WHERE workspace = ? AND id = ANY(?)"), uuidOf(ws), uuidsOf(ids))
}

// DeleteInteractions implements [crm.InteractionWriter].
func (s *Store) DeleteInteractions(ctx context.Context, ws crm.WorkspaceID, ids []crm.ID) (int, error) {
	return inTxValue(ctx, s, func(t *tx) (int, error) { return t.DeleteInteractions(ctx, ws, ids) })
}

// lockContacts locks contacts in the order of ids.
const lockContacts = "SELECT c.id FROM crm.contacts c WHERE c.workspace = ? AND c.id = ANY(?) ORDER BY c.id FOR NO KEY UPDATE"

// refreshLast leaves the row and its index alone where the time is the same.
// OFFSET keeps the time from being looked for twice.
var refreshLast = fmt.Sprintf(`UPDATE crm.contacts c SET last_interaction_at = n.at FROM (
	SELECT asked.contact, coalesce((SELECT max(l.occurred_at) FROM crm.interaction_links l WHERE l.workspace = $1 AND l.contact = asked.contact), %d) AS at
	FROM unnest(CAST($2 AS uuid[])) AS asked (contact) OFFSET 0) n
	WHERE c.workspace = $1 AND c.id = ANY($2) AND c.id = n.contact AND c.last_interaction_at <> n.at`, crm.Micros(time.Time{}))

// RefreshLastInteractions implements [crm.InteractionWriter]. With the contacts
// locked the second statement sees the links of everybody who has set this time,
// and who comes later sees ours.
func (t *tx) RefreshLastInteractions(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) error {
	_, err := t.exec(ctx, fixed(lockContacts), uuidOf(ws), uuidsOf(contacts))
	if err == nil {
		_, err = t.exec(ctx, fixed(refreshLast), uuidOf(ws), uuidsOf(contacts))
	}
	if err != nil {
		return fmt.Errorf("refresh last interactions: %w", err)
	}
	return nil
}

// RefreshLastInteractions implements [crm.InteractionWriter].
func (s *Store) RefreshLastInteractions(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) error {
	return s.inTx(ctx, func(t *tx) error { return t.RefreshLastInteractions(ctx, ws, contacts) })
}
