package crm

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// WriteReport writes a CSV with a line for every record of the query, whose
// Limit is not looked at.
func (s *ImportService) WriteReport(ctx context.Context, actor Actor, id ID, q ImportRowQuery, w io.Writer) error {
	report := NewImportReport(w)
	q.Limit = MaxBatch
	for {
		rows, err := s.Rows(ctx, actor, id, q)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if err := report.Write(r); err != nil {
				return fmt.Errorf("write report: %w", err)
			}
		}
		if len(rows) < q.Limit {
			return report.Close()
		}
		q.After = rows[len(rows)-1].Row
	}
}

// ImportReport writes the report of an import as CSV: row, outcome, contactId,
// candidates, problems, kept.
type ImportReport struct {
	csv *csv.Writer
	err error
}

// NewImportReport begins a report.
func NewImportReport(w io.Writer) *ImportReport {
	r := &ImportReport{csv: csv.NewWriter(w)}
	r.err = r.csv.Write([]string{"row", "outcome", "contactId", "candidates", "problems", "kept"})
	return r
}

// Write adds a row.
func (r *ImportReport) Write(row ImportRow) error {
	if r.err != nil {
		return r.err
	}
	contact := ""
	if !row.Contact.IsZero() {
		contact = row.Contact.String()
	}
	candidates := make([]string, len(row.Candidates))
	for i, c := range row.Candidates {
		candidates[i] = c.String()
	}
	found := make([]string, len(row.Problems))
	for i, p := range row.Problems {
		found[i] = strings.TrimSpace(p.Field + " " + p.Message)
	}
	r.err = r.csv.Write([]string{
		strconv.FormatInt(row.Row, 10), string(row.Outcome), contact, strings.Join(candidates, " "), harmless(strings.Join(found, "; ")),
		harmless(strings.Join(row.Kept, "; ")),
	})
	return r.err
}

// harmless keeps a spreadsheet from taking text for a formula: the names of
// columns come from the file.
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@'\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

// Close writes what is buffered.
func (r *ImportReport) Close() error {
	r.csv.Flush()
	return errors.Join(r.err, r.csv.Error())
}
