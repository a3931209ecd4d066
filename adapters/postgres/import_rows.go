package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

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
	return t.insert(ctx, bulk{table: "import_rows", columns: []string{"workspace", "import", "outcome", "row", "flagged", "contact", "detail"}}, len(importRows),
		func(args []any, i int) ([]any, error) {
			r := importRows[i]
			detail, err := detailText(r)
			return append(args, uuidOf(ws), uuidOf(id), string(r.Outcome), r.Row, r.NotAsItStood(), uuidOf(r.Contact), detail), err
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
	highest, _, err := one(ctx, t, number, fixed(highestRow), textsOf(crm.RowOutcomes()), uuidOf(ws), uuidOf(id))
	if err != nil {
		return err
	}
	var there pq.Int64Array
	for _, r := range importRows {
		if r.Row <= highest {
			there = append(there, r.Row)
		}
	}
	if len(there) == 0 {
		return nil
	}
	_, err = t.exec(ctx, fixed("DELETE FROM crm.import_rows WHERE workspace = ? AND import = ? AND outcome = ANY(?) AND row = ANY(?)"),
		uuidOf(ws), uuidOf(id), textsOf(crm.RowOutcomes()), there)
	return err
}

// highestRow looks at the end of each outcome, a step of the index each.
const highestRow = `SELECT coalesce(max(r.row), 0) FROM unnest(CAST(? AS text[])) AS o (outcome) CROSS JOIN LATERAL (
	SELECT i.row FROM crm.import_rows i WHERE i.workspace = ? AND i.import = ? AND i.outcome = o.outcome ORDER BY i.row DESC LIMIT 1) r`

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
	flagged := ""
	if q.NotAsItStood {
		flagged = " AND i.flagged"
	}
	outcomes := slices.Clone(q.Outcomes)
	if len(outcomes) == 0 {
		outcomes = crm.RowOutcomes()
	}
	slices.Sort(outcomes)
	limit := max(q.Limit, 0)
	return list(ctx, r, scanImportRow, fixed(`SELECT r.row, r.outcome, r.contact, r.detail FROM unnest(CAST(? AS text[])) AS o (outcome) CROSS JOIN LATERAL (
		SELECT i.row, i.outcome, i.contact, i.detail FROM crm.import_rows i
		WHERE i.workspace = ? AND i.import = ? AND i.outcome = o.outcome AND i.row > ?`+flagged+` ORDER BY i.row LIMIT ?) r
		ORDER BY r.row LIMIT ?`), textsOf(slices.Compact(outcomes)), uuidOf(ws), uuidOf(id), q.After, limit, limit)
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
	if _, err := t.exec(ctx, fixed("DELETE FROM crm.import_rows WHERE workspace = ? AND import = ?"), uuidOf(ws), uuidOf(id)); err != nil {
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
