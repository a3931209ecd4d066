package crm

import (
	"context"
	"fmt"
)

// wholeContact is the field of what stays wholly.
const wholeContact = "contact"

// CodeKeptEdited is the code of a field that an undo left because somebody
// changed it since.
const CodeKeptEdited = "kept_edited"

// keptContact is a contact that an undo leaves, wholly or in part.
type keptContact struct {
	contact ID
	images  []Image
	// stays names the fields, wholeContact for all of them.
	stays []string
}

func (c keptContact) problems() []FieldError {
	list := make([]FieldError, len(c.stays))
	for i, field := range c.stays {
		list[i] = FieldError{Field: field, Code: CodeKeptEdited, Message: "was changed since, and stays as it is"}
		if field == wholeContact {
			list[i].Message = "was edited or used since it was made, and stays"
		}
	}
	return list
}

// noteKeptRows marks the rows of an import whose contacts its undo leaves.
func (s *ImportService) noteKeptRows(ctx context.Context, tx Tx, ws WorkspaceID, id ID, kept []keptContact) error {
	var rows []ImportRow
	noted := map[int64]bool{}
	for _, c := range kept {
		for _, image := range c.images {
			if image.Row == 0 || noted[image.Row] {
				continue
			}
			noted[image.Row] = true
			row := ImportRow{Row: image.Row}
			found, err := tx.ListImportRows(ctx, ws, id, ImportRowQuery{
				Outcomes: []RowOutcome{RowCreated, RowUpdated, RowKept}, After: image.Row - 1, Limit: 1,
			})
			if err != nil {
				return fmt.Errorf("get row %d: %w", image.Row, err)
			}
			if len(found) == 1 && found[0].Row == image.Row {
				row = found[0]
			}
			row.Outcome, row.Contact, row.Problems = RowKept, c.contact, c.problems()
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return tx.PutImportRows(ctx, ws, id, rows)
}

// noteKept lists the contacts that the undo of a bulk action leaves as the rows
// of the undo's job, or of that behind which it goes on, numbered from 1 on.
func noteKept(ctx context.Context, tx Tx, j Job, kept []keptContact, before int64) error {
	rows := make([]ImportRow, len(kept))
	for i, c := range kept {
		rows[i] = ImportRow{Row: before + int64(i) + 1, Outcome: RowKept, Contact: c.contact, Problems: c.problems()}
	}
	return tx.PutImportRows(ctx, j.Workspace, j.keptUnder(), rows)
}

// Kept returns the contacts that an undo left, wholly or in part, because
// somebody edited or used them since, each with the fields that stay: up to
// limit, 1 to 1,000, with a number above after. The job is that of the undo, or
// for an import any job of it; of other jobs there are none. Numbers rise: of an
// import they are its rows.
func (s *JobService) Kept(ctx context.Context, actor Actor, id ID, after int64, limit int) ([]ImportRow, error) {
	j, err := s.visible(ctx, actor, id, s.core.store)
	if err == nil && (limit < 1 || limit > MaxBatch) {
		err = Invalid("limit", CodeInvalid, "must be 1 to 1000")
	}
	if err == nil && after < 0 {
		err = Invalid("cursor", CodeInvalid, "must be a nextCursor of an earlier answer")
	}
	if err != nil {
		return nil, fmt.Errorf("list what job %s kept: %w", id, err)
	}
	of := j.keptUnder()
	if j.Kind == JobContactImport {
		of = j.Subject
	}
	rows, err := s.core.store.ListImportRows(ctx, actor.Workspace, of, ImportRowQuery{Outcomes: []RowOutcome{RowKept}, After: after, Limit: limit})
	if err != nil {
		return nil, fmt.Errorf("list what job %s kept: %w", id, err)
	}
	return rows, nil
}
