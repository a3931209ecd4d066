package csv

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/omnicrm/omnicrm/adapters/internal/contactfile"
	"github.com/omnicrm/omnicrm/crm"
)

// reader yields the rows of a file as records.
type reader struct {
	s       *splitter
	layout  layout
	columns []crm.ImportColumn
	row     *rowBuilder
	enc     contactfile.Encoding
	// pending says that the splitter's record is a row not given out yet: the
	// first of the file.
	pending bool
}

var _ crm.ContactReader = (*reader)(nil)

// newReader reads the header and settles the columns; head is the beginning of
// the text, for samples.
func newReader(src io.Reader, head []byte, enc contactfile.Encoding, d dialect, o crm.ReadOptions) (*reader, error) {
	r := &reader{s: newSplitter(src, d, o.MaxRecord), enc: enc}
	names, err := r.header()
	if err != nil {
		return nil, err
	}
	r.layout = detectLayout(names)
	var targets []string
	if !anyKnown(names, r.layout) && anyData(names) {
		r.pending = true
		first := names
		names = make([]string, len(first))
		for i := range names {
			names[i] = columnName(i)
		}
		targets = guessByValues(first)
	} else {
		for i, n := range names {
			if n == "" {
				names[i] = columnName(i)
			}
		}
		targets = guessTargets(names, r.layout)
	}
	samples := r.samples(head, d, len(names))
	r.columns = make([]crm.ImportColumn, len(names))
	for i, n := range names {
		r.columns[i] = crm.ImportColumn{Column: n, Target: targets[i], Sample: samples[i]}
	}
	if err := applyMapping(r.columns, o.Mapping); err != nil {
		return nil, err
	}
	r.s.width = len(names)
	r.row = newRowBuilder(r.columns, r.layout)
	return r, r.firstRow()
}

// firstRow finds the first row with a value in it: a file without any is not
// worth an import.
func (r *reader) firstRow() error {
	for !r.pending {
		err := r.s.next()
		switch {
		case errors.Is(err, io.EOF):
			return crm.Invalid("file", crm.CodeRequired, "has a header row and no contact below it; add a row for each contact")
		case err != nil:
			return fmt.Errorf("read csv: %w", err)
		}
		r.pending = r.s.fault != faultNone || len(bytes.TrimSpace(r.s.text)) > 0
	}
	return nil
}

// header reads the names of the columns.
func (r *reader) header() ([]string, error) {
	err := r.s.next()
	if err == nil && r.s.hint {
		err = r.s.next()
	}
	switch {
	case errors.Is(err, io.EOF):
		return nil, crm.Invalid("file", crm.CodeRequired, "is empty; it needs a header row and a row for each contact")
	case err != nil:
		return nil, fmt.Errorf("read csv header: %w", err)
	case r.s.fault == faultTooLong:
		return nil, crm.Invalid("file", crm.CodeTooLong, "has a first line beyond the limit of a record; it needs a header row of column names")
	case r.s.fault != faultNone:
		return nil, crm.Invalid("file", crm.CodeInvalid, fmt.Sprintf("has a quote in line %d, in the header row, that is not closed; close it", r.s.open))
	case len(r.s.ends) > maxColumns:
		return nil, crm.Invalid("file", crm.CodeTooMany, fmt.Sprintf("has %d columns; at most %d can be read", len(r.s.ends), maxColumns))
	}
	names := r.s.cells()
	for i, n := range names {
		names[i] = strings.TrimSpace(headerSigns.Replace(contactfile.Text([]byte(n))))
	}
	return names, nil
}

// headerSigns replaces what no name of a column can hold.
var headerSigns = strings.NewReplacer("\x00", "\ufffd", string(contactfile.BadUnit), "\ufffd")

// cells returns the cells of the record.
func (s *splitter) cells() []string {
	text := string(s.text)
	cells := make([]string, len(s.ends))
	from := 0
	for i, to := range s.ends {
		cells[i], from = text[from:to], to
	}
	return cells
}

// samples returns for each column a value from the first rows.
func (r *reader) samples(head []byte, d dialect, columns int) []string {
	const rows = 10
	samples := make([]string, columns)
	d.width = columns
	s := newSplitter(bytes.NewReader(head), d, len(head)+1)
	skip := 1
	if r.pending {
		skip = 0
	}
	if d.hint {
		skip++
	}
	for i := range rows + skip {
		if s.next() != nil {
			break
		}
		if i < skip || s.fault != faultNone || s.start == s.end && i > skip && len(head) >= contactfile.HeadSize {
			continue
		}
		for c, cell := range s.cells() {
			if cell = strings.TrimSpace(cell); c < columns && samples[c] == "" && cell != "" {
				if r.layout == ownLayout {
					cell = unprotect(cell)
				}
				samples[c] = cut(cell, maxSample)
			}
		}
	}
	return samples
}

// Columns returns the columns with their targets.
func (r *reader) Columns() []crm.ImportColumn { return append([]crm.ImportColumn(nil), r.columns...) }

// Encoding returns the name of the file's encoding.
func (r *reader) Encoding() string { return r.enc.String() }

// Next returns the next row that has a value.
func (r *reader) Next() (crm.ImportRecord, error) {
	for {
		if !r.pending {
			if err := r.s.next(); errors.Is(err, io.EOF) {
				return crm.ImportRecord{}, io.EOF
			} else if err != nil {
				return crm.ImportRecord{}, fmt.Errorf("read csv near line %d: %w", r.s.line, err)
			}
		}
		r.pending = false
		if r.s.fault != faultNone {
			return r.faulty(), nil
		}
		if bytes.IndexByte(r.s.text, 0) >= 0 {
			return r.withNUL(), nil
		}
		remarks, broken := r.decode()
		if len(broken) > 0 {
			return crm.ImportRecord{Raw: append([]byte{'!'}, r.s.raw...), Problems: broken}, nil
		}
		if rec, ok := r.row.build(r.s); ok {
			rec.Remarks = remarks
			return rec, nil
		}
	}
}

// decode turns the cells of the record into UTF-8, and tells of those that are
// not in the file's encoding: remarks where they were read all the same, broken
// where they could not be.
func (r *reader) decode() (remarks, broken []crm.FieldError) {
	s := r.s
	cut := r.enc.Wide() && bytes.ContainsRune(s.text, contactfile.BadUnit)
	if !cut && utf8.Valid(s.text) && r.enc.Odd(s.text) == "" {
		return nil, nil
	}
	out := make([]byte, 0, len(s.text)*2)
	from := 0
	for i, to := range s.ends {
		cell := s.text[from:to]
		if text := r.enc.Odd(cell); text != "" {
			remarks = append(remarks, crm.FieldError{Field: r.row.name(i), Code: contactfile.CodeEncoding, Message: text})
		}
		if cut && bytes.ContainsRune(cell, contactfile.BadUnit) {
			broken = append(broken, crm.FieldError{Field: r.row.name(i), Code: contactfile.CodeEncoding, Message: contactfile.BadUTF16})
		}
		out = append(out, contactfile.Text(cell)...)
		from, s.ends[i] = to, len(out)
	}
	s.text = out
	return remarks, broken
}

// faulty returns the problem row of a record that could not be cut.
func (r *reader) faulty() crm.ImportRecord {
	s := r.s
	field := "row"
	if s.cell < len(r.columns) {
		field = r.columns[s.cell].Column
	}
	p := crm.FieldError{Field: field, Code: crm.CodeInvalid}
	switch s.fault {
	case faultTooLong:
		p.Code = crm.CodeTooLong
		p.Message = fmt.Sprintf("is in a record (line %d) beyond the limit of %d bytes; shorten it", s.from, s.max)
	case faultQuote:
		p.Message = fmt.Sprintf(`has a quote in line %d that is not closed; close it, and write "" for a quote inside a text`, s.open)
	default:
		p.Message = fmt.Sprintf(`has a quote in line %d that is not closed up to the end of the file; close it, and write "" for a quote inside a text`, s.open)
	}
	return crm.ImportRecord{Problems: []crm.FieldError{p}, Raw: append([]byte{'!'}, s.raw...)}
}

// withNUL returns the problem row of a record with NUL characters.
func (r *reader) withNUL() crm.ImportRecord {
	rec := crm.ImportRecord{Raw: append([]byte{'!'}, r.s.raw...)}
	for i, cell := range r.s.cells() {
		if strings.IndexByte(cell, 0) >= 0 {
			rec.Problems = append(rec.Problems, crm.FieldError{
				Field: r.row.name(i), Code: crm.CodeInvalid,
				Message: "holds a NUL character; remove it, or save the file as UTF-8 text again",
			})
		}
	}
	return rec
}

func columnName(i int) string { return fmt.Sprintf("Column %d", i+1) }
