package csv

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/omnicrm/omnicrm/adapters/internal/contactfile"
	"github.com/omnicrm/omnicrm/crm"
)

// Format is the CSV format. The zero value is ready to use. It is safe for
// parallel use.
type Format struct{}

var _ crm.Format = Format{}

// New returns the CSV format.
func New() Format { return Format{} }

const (
	defaultMaxRecord = 1 << 20
	maxColumns       = 1_000
	maxSample        = 100 // characters
)

// FormatName returns "csv".
func (Format) FormatName() string { return "csv" }

// MediaType is CSV's, in UTF-8.
func (Format) MediaType() string { return "text/csv; charset=utf-8" }

// Extension returns ".csv".
func (Format) Extension() string { return ".csv" }

// LooksLike reports whether head is text whose first records have the same
// number of cells, at least two. A table of one column cannot be told from any
// other text and is not recognised.
func (Format) LooksLike(head []byte) bool {
	text, _, err := decodeHead(head)
	if err != nil || bytes.HasPrefix(text, []byte("{")) || bytes.HasPrefix(text, []byte("From ")) ||
		len(text) >= 11 && bytes.EqualFold(text[:11], []byte("BEGIN:VCARD")) {
		return false
	}
	d := detectDialect(text, defaultMaxRecord)
	return d.width > 1
}

// NewReader reads the first 64 KB, finds out how the file is written, and
// guesses the targets of its columns, or takes those of the options. A file
// that is empty, binary, without a readable header or with more than 1,000
// columns is a *crm.ValidationError of field "file".
func (Format) NewReader(r io.Reader, o crm.ReadOptions) (crm.ContactReader, error) {
	if o.MaxRecord <= 0 {
		o.MaxRecord = defaultMaxRecord
	}
	head := make([]byte, contactfile.HeadSize)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("read csv: %w", err)
	}
	head = head[:n]
	text, f, err := decodeHead(head)
	if err != nil {
		return nil, err
	}
	d := detectDialect(text, o.MaxRecord)
	src := io.MultiReader(bytes.NewReader(head[f.mark:]), r)
	if f.encoding.Wide() { // The others are decoded cell by cell, so that a reader can say where they are not what they seem.
		src = contactfile.NewTextReader(src, f.encoding)
	}
	return newReader(src, text, f.encoding, d, o)
}

// NewWriter writes the header of our own layout at once.
func (Format) NewWriter(w io.Writer) (crm.ContactWriter, error) { return newWriter(w) }

// headFacts are what the first bytes say about the whole file.
type headFacts struct {
	encoding contactfile.Encoding
	mark     int
}

// decodeHead returns the first bytes as text.
func decodeHead(head []byte) ([]byte, headFacts, error) {
	var f headFacts
	if what, binary := contactfile.DescribeBinary(head); binary {
		return nil, f, crm.Invalid("file", crm.CodeInvalid, "is "+what+", not CSV; save the table as CSV (comma-separated values) and import that")
	}
	f.encoding, f.mark = contactfile.DetectEncoding(head)
	text, err := io.ReadAll(contactfile.NewTextReader(bytes.NewReader(head[f.mark:]), f.encoding))
	if err != nil {
		return nil, f, fmt.Errorf("read csv: %w", err)
	}
	if len(bytes.TrimSpace(text)) == 0 && len(head) < contactfile.HeadSize {
		return nil, f, crm.Invalid("file", crm.CodeRequired, "is empty; it needs a header row and a row for each contact")
	}
	return bytes.ReplaceAll(text, []byte(string(contactfile.BadUnit)), []byte("\ufffd")), f, nil
}

// cut shortens s to at most n characters.
func cut(s string, n int) string {
	if len(s) <= n || utf8.RuneCountInString(s) <= n {
		return s
	}
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
