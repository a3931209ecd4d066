package vcard

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"

	"github.com/omnicrm/omnicrm/adapters/internal/contactfile"
	"github.com/omnicrm/omnicrm/crm"
)

// reader yields the cards of a file.
type reader struct {
	lines *lineReader
	enc   contactfile.Encoding
	max   int
	// begun says that the BEGIN of the next card has been read: it ended a
	// card without END.
	begun bool
	ended bool
}

var _ crm.ContactReader = (*reader)(nil)

func newReader(r *bufio.Reader, enc contactfile.Encoding, crOnly bool, maxRecord int) *reader {
	return &reader{lines: newLineReader(r, crOnly, maxRecord), enc: enc, max: maxRecord}
}

// Columns returns nil: the format has none.
func (r *reader) Columns() []crm.ImportColumn { return nil }

// Encoding returns the name of the file's encoding; properties may have another.
func (r *reader) Encoding() string { return r.enc.String() }

// Next returns the next card.
func (r *reader) Next() (crm.ImportRecord, error) {
	if stray, err := r.skipToCard(); err != nil || stray != nil {
		return crm.ImportRecord{Problems: stray.problems(), Raw: stray.sum()}, err
	}
	c := &card{first: r.lines.at, max: r.max, enc: r.enc}
	r.lines.keepBlank = false
	for {
		err := r.lines.next()
		switch {
		case errors.Is(err, io.EOF):
			r.ended = true
			return c.unended("at the end of the file"), nil
		case err != nil:
			return crm.ImportRecord{}, err
		}
		switch {
		case isMark(r.lines.text, "END"):
			return c.record(), nil
		case !isMark(r.lines.text, "BEGIN"):
			c.add(r.lines)
			r.lines.keepBlank = c.v21
		case c.wantsAgent():
			if err := c.agent(r.lines); err != nil {
				return crm.ImportRecord{}, err
			}
		default:
			r.begun = true
			return c.unended("where the next one begins"), nil
		}
	}
}

// stray are lines outside cards.
type stray struct {
	first, last int64
	hash        hash.Hash
}

func (s *stray) problems() []crm.FieldError {
	if s == nil {
		return nil
	}
	return []crm.FieldError{{
		Field: "BEGIN", Code: crm.CodeRequired,
		Message: fmt.Sprintf("is missing: lines %d to %d stand outside of any card; each card begins with BEGIN:VCARD and ends with END:VCARD", s.first, s.last),
	}}
}

func (s *stray) sum() []byte {
	if s == nil {
		return nil
	}
	return s.hash.Sum([]byte{'!'})
}

// skipToCard reads up to the BEGIN of the next card and returns what stood
// before it, nil for nothing.
func (r *reader) skipToCard() (*stray, error) {
	if r.begun {
		r.begun = false
		return nil, nil
	}
	var s *stray
	for !r.ended {
		err := r.lines.next()
		switch {
		case errors.Is(err, io.EOF):
			r.ended = true
		case err != nil:
			return nil, err
		case isMark(r.lines.text, "BEGIN"):
			r.begun = s != nil // it is read when the stray lines have been told
			return s, nil
		case len(bytes.TrimSpace(r.lines.text)) > 0 || r.lines.hash != nil:
			if s == nil {
				s = &stray{first: r.lines.at, hash: sha256.New()}
			}
			s.last = r.lines.number - 1
			s.hash.Write(r.lines.text)
			s.hash.Write([]byte{'\n'})
		}
	}
	if s != nil {
		return s, nil
	}
	return nil, io.EOF
}

// isMark reports whether the line is BEGIN:VCARD or END:VCARD.
func isMark(line []byte, mark string) bool {
	line = bytes.TrimPrefix(line, []byte("\ufeff"))
	if len(line) > 100 || !isNamed(line, mark) {
		return false
	}
	_, value, _ := bytes.Cut(line, []byte(":"))
	return bytes.EqualFold(bytes.TrimSpace(value), []byte("VCARD"))
}

// card is a card in the making.
type card struct {
	first int64
	max   int
	enc   contactfile.Encoding
	v21   bool
	// raw holds the unfolded lines; the properties lie in it.
	raw   []byte
	spans []span
	// problems make the card a problem row; after the first nothing is held.
	problems []crm.FieldError
	hash     hash.Hash
}

// span is a content line in raw.
type span struct {
	from, to int
	size     int64 // of the whole line
	cut      bool
}

// add takes a content line.
func (c *card) add(l *lineReader) {
	if len(bytes.TrimSpace(l.text)) == 0 && l.hash == nil {
		return
	}
	binary := l.hash != nil && isBinaryName(l.text)
	switch {
	case c.hash != nil:
		c.hash.Write(l.text)
		return
	case l.hash != nil && !binary:
		c.tooLong(strings.ToUpper(string(nameBytes(l.text))), l)
		return
	case len(c.raw)+len(l.text) > c.max:
		c.tooLong("card", l)
		return
	}
	from := len(c.raw)
	c.raw = append(c.raw, l.text...)
	c.spans = append(c.spans, span{from: from, to: len(c.raw), size: l.size, cut: l.hash != nil})
	if l.hash != nil {
		c.raw = l.hash.Sum(c.raw)
	}
	c.raw = append(c.raw, '\n')
	if isNamed(l.text, "VERSION") {
		c.v21 = bytes.Contains(l.text, []byte("2.1"))
	}
}

func (c *card) tooLong(name string, l *lineReader) {
	if name == "" {
		name = "card"
	}
	c.problems = append(c.problems, crm.FieldError{
		Field: name, Code: crm.CodeTooLong,
		Message: fmt.Sprintf("goes beyond the limit of %d bytes of a card (line %d); shorten it", c.max, l.at),
	})
	c.hash = sha256.New()
	c.hash.Write(c.raw)
	c.hash.Write(l.text)
	c.raw, c.spans = nil, nil
}

// unended returns the problem row of a card without END.
func (c *card) unended(where string) crm.ImportRecord {
	c.problems = append(c.problems, crm.FieldError{
		Field: "END", Code: crm.CodeRequired,
		Message: fmt.Sprintf("is missing %s: the card that begins in line %d may have been cut off; end it with END:VCARD", where, c.first),
	})
	return c.record()
}

// wantsAgent reports whether the last line is an AGENT that a card must follow.
func (c *card) wantsAgent() bool {
	if len(c.spans) == 0 {
		return false
	}
	last := c.spans[len(c.spans)-1]
	line := c.raw[last.from:last.to]
	colon := bytes.IndexByte(line, ':')
	return isNamed(line, "AGENT") && colon >= 0 && len(bytes.TrimSpace(line[colon+1:])) == 0
}

// agent takes the card inside the AGENT property as its text.
func (c *card) agent(l *lineReader) error {
	text := []byte("AGENT:BEGIN:VCARD")
	for depth := 1; depth > 0; {
		if err := l.next(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		switch {
		case isMark(l.text, "BEGIN"):
			depth++
		case isMark(l.text, "END"):
			depth--
		}
		if len(c.raw)+len(text)+len(l.text) > c.max {
			if c.hash == nil {
				c.tooLong("AGENT", l)
			}
			continue
		}
		text = append(append(text, '\n'), escapeText(string(l.text))...)
	}
	if c.hash == nil {
		from := len(c.raw)
		c.raw = append(c.raw, text...)
		c.spans = append(c.spans, span{from: from, to: len(c.raw), size: int64(len(text))})
		c.raw = append(c.raw, '\n')
	}
	return nil
}

// record makes the record of the card.
func (c *card) record() crm.ImportRecord {
	if c.hash != nil {
		return crm.ImportRecord{Problems: c.problems, Raw: c.hash.Sum([]byte{'!'})}
	}
	rec := c.contact()
	rec.Problems = append(c.problems, rec.Problems...)
	rec.Raw = c.raw
	return rec
}
