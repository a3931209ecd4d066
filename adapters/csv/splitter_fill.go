package csv

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
)

// got is what asking for more of the file gave.
type got uint8

const (
	gotBytes got = iota
	gotFull      // the record is beyond the limit
	gotEOF
)

// full reports whether the buffer holds a record beyond the limit.
func (s *splitter) full() bool { return s.start == 0 && s.end == len(s.buf) && len(s.buf) > s.max }

// more reads more of the file behind what is in the buffer.
func (s *splitter) more() (got, error) {
	if s.atEOF {
		return gotEOF, s.err
	}
	if s.start > 0 {
		s.end = copy(s.buf, s.buf[s.start:s.end])
		s.start = 0
	}
	if s.end == len(s.buf) {
		if s.full() {
			return gotFull, nil
		}
		grown := make([]byte, min(2*len(s.buf), s.max+1024))
		copy(grown, s.buf)
		s.buf = grown
	}
	return s.read()
}

// read reads behind end until there is a byte, the end or an error. The error
// is kept until the bytes before it are used up.
func (s *splitter) read() (got, error) {
	for range 100 {
		n, err := s.src.Read(s.buf[s.end:])
		s.end += n
		if err != nil {
			s.atEOF = true
			if !errors.Is(err, io.EOF) {
				s.err = err
			}
		}
		switch {
		case n > 0:
			return gotBytes, nil
		case err != nil:
			return gotEOF, s.err
		}
	}
	s.atEOF, s.err = true, io.ErrNoProgress
	return gotEOF, s.err
}

// overflow deals with a record beyond the limit: an open quote in front of
// lines that look like rows is given up, anything else skipped to its end.
func (s *splitter) overflow() error {
	b := s.buf[s.start:s.end]
	quoted := s.state == inQuotes || s.state == afterQuote
	if quoted {
		s.open = s.line + s.countLines(b[:s.quote])
	}
	if quoted && s.looksLikeRows(b[s.quote:]) {
		s.giveUpQuote(b)
		return nil
	}
	digest := sha256.New()
	digest.Write(b)
	s.line += s.countLines(b)
	s.start, s.end = 0, 0
	s.fault, s.cell = faultTooLong, len(s.ends)
	for {
		g, err := s.more()
		if err != nil {
			return err
		}
		if g == gotEOF {
			if s.state == inQuotes {
				s.fault = faultQuoteToEnd
			}
			break
		}
		b := s.buf[s.start:s.end]
		n, done := s.skip(b)
		digest.Write(b[:n])
		s.line += s.countLines(b[:n])
		s.start += n
		if done {
			break
		}
	}
	s.raw = digest.Sum(nil)
	return nil
}

// skip goes on through b without keeping anything, and returns where the
// record ends.
func (s *splitter) skip(b []byte) (n int, done bool) {
	for i, c := range b {
		eol := c == '\n' || c == '\r' && s.crOnly
		switch {
		case s.state == inQuotes && c == '"':
			s.state = afterQuote
		case s.state == inQuotes:
		case eol:
			return i + 1, true
		case c == s.comma:
			s.state = cellStart
		case c == '"' && s.state == cellStart, s.state == afterQuote && c != ' ' && c != '\r':
			s.state = inQuotes
		case s.state == cellStart && c != ' ':
			s.state = inPlain
		}
	}
	return len(b), false
}

// maxTries bounds how often one record is searched for a lost quote, which
// takes as long as the record is.
const maxTries = 16

// beginsCell reports whether the quote at i looks as if it began a cell of a
// later row, so that the quote of the current cell was never closed.
func (s *splitter) beginsCell(b []byte, i int) bool {
	if s.width < 2 || i-1 <= s.quote {
		return false
	}
	before := b[i-1]
	if before != s.comma && before != '\n' || s.tries == maxTries {
		return false
	}
	s.tries++
	return bytes.IndexByte(b[s.quote:i], '\n') >= 0 && s.looksLikeRows(b[s.quote:])
}

// looksLikeRows reports whether most of the lines after the first have as many
// cells as the header.
func (s *splitter) looksLikeRows(b []byte) bool {
	const enough = 20
	rows, lines := 0, 0
	for n := s.lineEnd(b); n < len(b) && lines < enough; {
		b = b[n:]
		n = s.lineEnd(b)
		line := bytes.TrimSpace(b[:n])
		if len(line) == 0 {
			continue
		}
		lines++
		if s.countCells(line) == s.width {
			rows++
		}
	}
	return rows*2 > lines
}

// countCells counts the cells of one line, which has no line breaks in quotes.
func (s *splitter) countCells(line []byte) int {
	n, quoted := 1, false
	for _, c := range line {
		switch {
		case c == '"':
			quoted = !quoted
		case c == s.comma && !quoted:
			n++
		}
	}
	return n
}

// lineEnd returns the length of the first line with its end.
func (s *splitter) lineEnd(b []byte) int {
	for i, c := range b {
		if c == '\n' || c == '\r' && s.crOnly {
			return i + 1
		}
	}
	return len(b)
}

func (s *splitter) countLines(b []byte) int64 {
	n := bytes.Count(b, []byte{'\n'})
	if s.crOnly {
		n += bytes.Count(b, []byte{'\r'})
	}
	return int64(n)
}
