package sqlite

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/adapters/internal/sqlkit"
	"github.com/omnicrm/omnicrm/crm"
)

// rowDetail is what few rows of an import have.
type rowDetail struct {
	Interaction crm.ID           `json:"i,omitzero"`
	Candidates  []crm.ID         `json:"c,omitempty"`
	Problems    []crm.FieldError `json:"p,omitempty"`
	Kept        []string         `json:"k,omitempty"`
	Dropped     []string         `json:"d,omitempty"`
}

// PutImportRows implements [crm.ImportStore].
func (t *tx) PutImportRows(ctx context.Context, ws crm.WorkspaceID, id crm.ID, importRows []crm.ImportRow) error {
	if err := t.putImportRows(ctx, ws, id, lastOfEach(importRows)); err != nil {
		return fmt.Errorf("put rows of import %s: %w", id, err)
	}
	return nil
}

func (t *tx) putImportRows(ctx context.Context, ws crm.WorkspaceID, id crm.ID, importRows []crm.ImportRow) error {
	if err := t.removeOutcomes(ctx, ws, id, importRows); err != nil {
		return err
	}
	return t.insert(ctx, bulk{into: "import_rows (ws, import, outcome, row, flagged, contact, detail)", columns: 7, alike: 3}, len(importRows),
		func(args []any, i int) ([]any, error) {
			r := importRows[i]
			detail, err := detailText(r)
			return append(args, numbered(ws), blob(id), string(r.Outcome), r.Row, flag(r.NotAsItStood()), optionalBlob(r.Contact), detail), err
		})
}

// lastOfEach leaves of rows with the same number the last, which replaces the
// others.
func lastOfEach(importRows []crm.ImportRow) []crm.ImportRow {
	rising := slices.IsSortedFunc(importRows, func(later, earlier crm.ImportRow) int {
		return cmp.Or(cmp.Compare(later.Row, earlier.Row), -1) // The same number does not rise.
	})
	if rising || len(importRows) < 2 {
		return importRows
	}
	byRow := make(map[int64]crm.ImportRow, len(importRows))
	for _, r := range importRows {
		byRow[r.Row] = r
	}
	return slices.Collect(maps.Values(byRow))
}

// removeOutcomes removes what rows with these numbers had become before. An
// import writes rising numbers, above all that are there.
func (t *tx) removeOutcomes(ctx context.Context, ws crm.WorkspaceID, id crm.ID, importRows []crm.ImportRow) error {
	var highest int64
	for _, outcome := range crm.RowOutcomes() {
		row, _, err := one(ctx, t, number, fixed("SELECT row FROM import_rows WHERE ws = ? AND import = ? AND outcome = ? ORDER BY row DESC LIMIT 1"),
			numbered(ws), blob(id), string(outcome))
		if err != nil {
			return err
		}
		highest = max(highest, row)
	}
	var there []any
	for _, r := range importRows {
		if r.Row <= highest {
			there = append(there, r.Row)
		}
	}
	outcomes := texts(crm.RowOutcomes())
	text := "DELETE FROM import_rows WHERE ws = ? AND row IN %s AND import = ? AND outcome IN " + sqlkit.Placeholders(len(outcomes))
	_, err := t.forEach(ctx, text, ws, there, append([]any{blob(id)}, outcomes...)...)
	return err
}

func detailText(r crm.ImportRow) (string, error) {
	if len(r.Candidates)+len(r.Problems)+len(r.Kept)+len(r.Dropped) == 0 && r.Interaction.IsZero() {
		return "", nil
	}
	b, err := json.Marshal(rowDetail{Interaction: r.Interaction, Candidates: r.Candidates, Problems: r.Problems, Kept: r.Kept, Dropped: r.Dropped})
	return string(b), err
}

// ListImportRows implements [crm.ImportStore].
func (r reads) ListImportRows(ctx context.Context, ws crm.WorkspaceID, id crm.ID, q crm.ImportRowQuery) ([]crm.ImportRow, error) {
	all, err := r.listImportRows(ctx, ws, id, q)
	if err != nil {
		return nil, fmt.Errorf("list rows of import %s: %w", id, err)
	}
	return all, nil
}

// listImportRows walks each outcome and merges what it finds, because the rows
// lie in the order of outcomes.
func (r reads) listImportRows(ctx context.Context, ws crm.WorkspaceID, id crm.ID, q crm.ImportRowQuery) ([]crm.ImportRow, error) {
	text := "SELECT row, outcome, contact, detail FROM import_rows "
	if q.NotAsItStood {
		text += "INDEXED BY import_rows_flagged "
	}
	text += "WHERE ws = ? AND import = ? AND outcome = ? AND row > ? "
	if q.NotAsItStood {
		text += "AND flagged = 1 "
	}
	outcomes := slices.Clone(q.Outcomes)
	if len(outcomes) == 0 {
		outcomes = crm.RowOutcomes()
	}
	slices.Sort(outcomes)
	var all []crm.ImportRow
	for _, outcome := range slices.Compact(outcomes) {
		some, err := list(ctx, r, scanImportRow, fixed(text+"ORDER BY row LIMIT ?"), numbered(ws), blob(id), string(outcome), q.After, q.Limit)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, func(a, b crm.ImportRow) int { return cmp.Compare(a.Row, b.Row) })
	return all[:min(len(all), max(q.Limit, 0))], nil
}

func scanImportRow(rows *sqlx.Rows) (r crm.ImportRow, err error) {
	var detail string
	if err = rows.Scan(&r.Row, &r.Outcome, scanID(&r.Contact), &detail); err != nil || detail == "" {
		return r, err
	}
	var d rowDetail
	err = json.Unmarshal([]byte(detail), &d)
	r.Interaction = d.Interaction
	r.Candidates, r.Problems, r.Kept, r.Dropped = d.Candidates, d.Problems, d.Kept, d.Dropped
	return r, err
}

// DeleteImportRows implements [crm.ImportStore].
func (t *tx) DeleteImportRows(ctx context.Context, ws crm.WorkspaceID, id crm.ID) error {
	if _, err := t.exec(ctx, fixed("DELETE FROM import_rows WHERE ws = ? AND import = ?"), numbered(ws), blob(id)); err != nil {
		return fmt.Errorf("delete rows of import %s: %w", id, err)
	}
	return nil
}

// PutImportRows implements [crm.ImportStore].
func (s *Store) PutImportRows(ctx context.Context, ws crm.WorkspaceID, id crm.ID, importRows []crm.ImportRow) error {
	return s.inTx(ctx, func(t *tx) error { return t.PutImportRows(ctx, ws, id, importRows) })
}

// DeleteImportRows implements [crm.ImportStore].
func (s *Store) DeleteImportRows(ctx context.Context, ws crm.WorkspaceID, id crm.ID) error {
	return s.inTx(ctx, func(t *tx) error { return t.DeleteImportRows(ctx, ws, id) })
}
