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

// WriteReport writes a CSV with a line for every record that the query asks for;
// its Limit counts for nothing.
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

// ImportReport writes the report of an import as CSV: row, outcome, contactId
// (of an interaction its own id), candidates, problems, kept, dropped.
type ImportReport struct {
	csv *csv.Writer
	err error
}

// NewImportReport begins a report.
func NewImportReport(w io.Writer) *ImportReport {
	r := &ImportReport{csv: csv.NewWriter(w)}
	r.err = r.csv.Write([]string{"row", "outcome", "contactId", "candidates", "problems", "kept", "dropped"})
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
	if !row.Interaction.IsZero() {
		contact = row.Interaction.String()
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
		strconv.FormatInt(row.Row, 10), string(row.Outcome), contact, strings.Join(candidates, " "), joinNames(found), joinNames(row.Kept), joinNames(row.Dropped),
	})
	return r.err
}

// joinNames lists what may begin with the name of a column: that comes from the
// file, and no spreadsheet shall take it for a formula.
func joinNames(list []string) string {
	text := strings.Join(list, "; ")
	if text != "" && strings.ContainsRune("=+-@'\t\r", rune(text[0])) {
		text = "'" + text
	}
	return text
}

// Close writes what is buffered.
func (r *ImportReport) Close() error {
	r.csv.Flush()
	return errors.Join(r.err, r.csv.Error())
}
