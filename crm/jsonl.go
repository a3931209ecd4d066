package crm

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
)

// JSONLines is the format of JSON lines: one [ContactRecord], or one
// [InteractionRecord], in each line, in UTF-8. A line with the key occurredAt is
// an interaction. It is always there, whatever [Config.Formats] adds.
//
// Reading takes lists and scalars as the API has them. What is derived (score,
// times, version, e164) is not read; primaryEmail and primaryPhone only where
// the lists do not have them. Unknown keys are extra values, arrays and
// objects among them as compact JSON. A line that is no JSON object, has a key
// twice, a wrong type, half a surrogate pair, bytes that are not UTF-8, an
// integer beyond 2^53 or more than 100 levels is a problem row that names the
// field. Blank lines are skipped. The zero value is ready to use and safe for
// parallel use.
type JSONLines struct{}

var _ Format = JSONLines{}

// defaultMaxRecord bounds a record where [ReadOptions] do not, in bytes.
const defaultMaxRecord = 1 << 20

// FormatName returns "jsonl".
func (JSONLines) FormatName() string { return "jsonl" }

// MediaType is that of newline-delimited JSON, in UTF-8.
func (JSONLines) MediaType() string { return "application/x-ndjson; charset=utf-8" }

// Extension returns ".jsonl".
func (JSONLines) Extension() string { return ".jsonl" }

// LooksLike reports whether the first sign is a brace.
func (JSONLines) LooksLike(head []byte) bool {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n")
	return len(head) > 0 && head[0] == '{'
}

// NewReader looks at the first sign of the file: anything but a brace is a
// *ValidationError of field "file". An empty file has no records.
func (f JSONLines) NewReader(r io.Reader, o ReadOptions) (ContactReader, error) {
	if o.MaxRecord <= 0 {
		o.MaxRecord = defaultMaxRecord
	}
	const window = 64 << 10
	br := bufio.NewReaderSize(r, window)
	head, err := br.Peek(window)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read json lines: %w", err)
	}
	if bytes.HasPrefix(head, []byte("\ufeff")) {
		head = head[3:]
		if _, err := br.Discard(3); err != nil {
			return nil, fmt.Errorf("read json lines: %w", err)
		}
	}
	switch text := bytes.TrimLeft(head, " \t\r\n"); {
	case f.LooksLike(text) || len(text) == 0:
	case text[0] == '[':
		return nil, Invalid("file", CodeInvalid, "is one JSON array; write each contact as an object on a line of its own, without commas between them")
	default:
		return nil, Invalid("file", CodeInvalid, "is not JSON lines; it needs a JSON object for each contact, each on a line of its own, in UTF-8")
	}
	return &jsonlReader{r: br, max: o.MaxRecord}, nil
}

// NewWriter starts to write; nothing stands before the first contact.
func (JSONLines) NewWriter(w io.Writer) (ContactWriter, error) {
	jw := &jsonlWriter{w: bufio.NewWriterSize(w, 64<<10)}
	jw.enc = json.NewEncoder(jw.w)
	jw.enc.SetEscapeHTML(false)
	return jw, nil
}

type jsonlWriter struct {
	w   *bufio.Writer
	enc *json.Encoder
}

// WriteContact appends a line.
func (w *jsonlWriter) WriteContact(c Contact) error {
	if err := w.enc.Encode(jsonlRecord(c)); err != nil {
		return fmt.Errorf("write contact %s: %w", c.ID, err)
	}
	return nil
}

// jsonlRecord is the record, but with integers beyond 2^53 as 1e+17: they are
// floating-point numbers here, and a reader takes them for nothing else.
func jsonlRecord(c Contact) ContactRecord {
	r := c.Record()
	copied := false
	for k, v := range c.Fields {
		f, ok := v.(float64)
		if !ok || math.Abs(f) <= maxExactInteger {
			continue
		}
		if !copied {
			r.Fields, copied = make(map[string]any, len(c.Fields)), true
			maps.Copy(r.Fields, c.Fields)
		}
		r.Fields[k] = json.Number(fmt.Sprintf("%.17e", f))
	}
	return r
}

// Close flushes the last lines.
func (w *jsonlWriter) Close() error {
	if err := w.w.Flush(); err != nil {
		return fmt.Errorf("write json lines: %w", err)
	}
	return nil
}

type jsonlReader struct {
	r    *bufio.Reader
	max  int
	line []byte
}

// Columns returns nil: the format has none.
func (r *jsonlReader) Columns() []ImportColumn { return nil }

// Encoding is UTF-8, which JSON is defined in.
func (*jsonlReader) Encoding() string { return "utf-8" }

// Next returns the next line that is not blank.
func (r *jsonlReader) Next() (ImportRecord, error) {
	for {
		tooLong, err := r.readLine()
		if err != nil {
			return ImportRecord{}, err
		}
		line := bytes.TrimSpace(r.line)
		if len(line) == 0 && !tooLong {
			continue
		}
		raw := bytes.Clone(line)
		if tooLong {
			return ImportRecord{Raw: raw, Problems: []FieldError{{
				Field: "record", Code: CodeTooLong,
				Message: fmt.Sprintf("is longer than the limit of %d bytes; shorten it", r.max),
			}}}, nil
		}
		rec := readContactJSON(string(raw))
		rec.Raw = raw
		return rec, nil
	}
}

// readLine reads the next line, at most max bytes of it; the rest is skipped.
func (r *jsonlReader) readLine() (tooLong bool, err error) {
	r.line = r.line[:0]
	got := false
	for {
		part, err := r.r.ReadSlice('\n')
		got = got || len(part) > 0
		switch content := bytes.TrimRight(part, "\r\n"); {
		case tooLong:
		case len(r.line)+len(content) > r.max:
			tooLong = true
		default:
			r.line = append(r.line, part...)
		}
		switch {
		case err == nil:
			return tooLong, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && got:
			return tooLong, nil
		case errors.Is(err, io.EOF):
			return false, io.EOF
		default:
			return false, fmt.Errorf("read json lines: %w", err)
		}
	}
}
