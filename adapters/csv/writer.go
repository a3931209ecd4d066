package csv

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/omnicrm/omnicrm/crm"
)

// writer writes our own layout.
type writer struct {
	w       *bufio.Writer
	columns []ownColumn
}

var _ crm.ContactWriter = (*writer)(nil)

func newWriter(w io.Writer) (*writer, error) {
	cw := &writer{w: bufio.NewWriterSize(w, 64<<10), columns: ownColumns()}
	for i, c := range cw.columns {
		cw.cell(i, c.name)
	}
	if err := cw.endRow(); err != nil {
		return nil, err
	}
	return cw, nil
}

// WriteContact appends a row.
func (w *writer) WriteContact(c crm.Contact) error {
	row, err := newOwnRow(c)
	if err != nil {
		return fmt.Errorf("write csv row of contact %s: %w", c.ID, err)
	}
	for i, col := range w.columns {
		w.cell(i, protect(col.value(&row), col.phone))
	}
	return w.endRow()
}

// Close flushes the last rows.
func (w *writer) Close() error {
	if err := w.w.Flush(); err != nil {
		return fmt.Errorf("write csv: %w", err)
	}
	return nil
}

// cell writes a cell, in quotes where it needs them. The writer keeps its
// first error, so that endRow finds it.
func (w *writer) cell(i int, value string) {
	if i > 0 {
		_ = w.w.WriteByte(',')
	}
	if !needsQuotes(value) {
		_, _ = w.w.WriteString(value)
		return
	}
	_ = w.w.WriteByte('"')
	for {
		before, after, found := strings.Cut(value, `"`)
		_, _ = w.w.WriteString(before)
		if !found {
			break
		}
		_, _ = w.w.WriteString(`""`)
		value = after
	}
	_ = w.w.WriteByte('"')
}

func needsQuotes(value string) bool {
	return value != "" && (value[0] == ' ' || value[len(value)-1] == ' ' || strings.ContainsAny(value, ",;\t|\"\r\n"))
}

func (w *writer) endRow() error {
	if _, err := w.w.WriteString("\r\n"); err != nil {
		return fmt.Errorf("write csv: %w", err)
	}
	return nil
}
