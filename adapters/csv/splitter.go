package csv

import (
	"bytes"
	"io"
)

// fault is why a record could not be cut into cells.
type fault uint8

const (
	faultNone fault = iota
	// faultTooLong: the record is longer than the limit; it was skipped whole.
	faultTooLong
	// faultQuote: a quote is not closed; only the lines up to the end of the
	// one with the quote were taken.
	faultQuote
	// faultQuoteToEnd: a quote is not closed, and nothing after it looks like
	// a row: everything to the end of the file was taken.
	faultQuoteToEnd
)

// splitter cuts UTF-8 text into records of cells. It holds at most one record
// of up to max bytes. encoding/csv is not used because it holds a record of
// any size, so that one lost quote reads the whole file into memory.
type splitter struct {
	src io.Reader
	dialect
	max int

	buf        []byte
	start, end int // what has been read and not yet given out
	atEOF      bool
	err        error
	line       int64 // 1-based number of the line at start

	// Where the scan of the current record stands; at and quote count from start.
	state scanState
	at    int
	quote int // the quote that opened the cell, in state inQuotes
	tries int // how often the record was looked at for a lost quote

	// The last record: its cells lie in text one after the other, ends[i] is
	// where cell i ends. All of it is overwritten by the next record.
	text  []byte
	ends  []int
	fault fault
	raw   []byte // the record as it stands in the file; of one beyond the limit a digest
	from  int64  // the line where it began
	open  int64  // the line of the quote that is not closed
	cell  int    // the cell that the fault is in
}

type scanState uint8

const (
	cellStart scanState = iota
	inPlain
	inQuotes
	afterQuote
)

// outcome says how a scan goes on.
type outcome uint8

const (
	scanOn   outcome = iota // with what is in the buffer
	scanMore                // with more of the file
	scanDone                // the record is complete
)

const firstBuffer = 64 << 10

func newSplitter(src io.Reader, d dialect, maxRecord int) *splitter {
	return &splitter{src: src, dialect: d, max: maxRecord, line: 1, buf: make([]byte, min(firstBuffer, maxRecord+1024))}
}

// next cuts the next record that is not an empty line. It returns io.EOF at
// the end, or the error of the source.
func (s *splitter) next() error {
	for {
		if err := s.record(); err != nil || s.fault != faultNone || len(s.text) > 0 || len(s.ends) > 1 {
			return err
		}
	}
}

func (s *splitter) record() error {
	s.text, s.ends, s.from, s.fault = s.text[:0], s.ends[:0], s.line, faultNone
	s.state, s.at, s.quote, s.tries = cellStart, 0, 0, 0
	for !s.scan() {
		got, err := s.more()
		switch {
		case err != nil:
			return err
		case got == gotBytes || s.at < s.end-s.start: // the end itself may answer what the scan wanted to know
		case got == gotFull:
			return s.overflow()
		default:
			return s.last()
		}
	}
	return nil
}

// scan goes through the buffer; true when the record is complete.
func (s *splitter) scan() bool {
	b := s.buf[s.start:s.end]
	for s.at < len(b) {
		out := scanOn
		switch s.state {
		case cellStart:
			out = s.scanStart(b)
		case inPlain:
			out = s.scanPlain(b)
		case inQuotes:
			s.scanQuoted(b)
		case afterQuote:
			out = s.scanAfterQuote(b)
		}
		if out != scanOn {
			return out == scanDone
		}
	}
	return false
}

// scanStart finds out whether the cell is quoted; blanks before a quote do not count.
func (s *splitter) scanStart(b []byte) outcome {
	for j := s.at; j < len(b); j++ {
		switch b[j] {
		case ' ':
			continue
		case '"':
			s.state, s.quote, s.at = inQuotes, j, j+1
		default:
			s.state = inPlain
		}
		return scanOn
	}
	if s.atEOF || s.full() {
		s.state = inPlain
		return scanOn
	}
	return scanMore
}

func (s *splitter) scanPlain(b []byte) outcome {
	j, comma, crOnly := s.at, s.comma, s.crOnly
	for ; j < len(b); j++ {
		if c := b[j]; c == comma || c == '\n' || c == '\r' && crOnly {
			break
		}
	}
	s.text = append(s.text, b[s.at:j]...)
	s.at = j
	switch {
	case j == len(b):
		return scanMore
	case b[j] == comma:
		s.endCell()
		s.state, s.at = cellStart, j+1
		return scanOn
	}
	s.trimCR()
	s.endCell()
	s.take(j + 1)
	return scanDone
}

func (s *splitter) scanQuoted(b []byte) {
	j := bytes.IndexByte(b[s.at:], '"')
	if j < 0 {
		s.text = append(s.text, b[s.at:]...)
		s.at = len(b)
		return
	}
	s.text = append(s.text, b[s.at:s.at+j]...)
	s.state, s.at = afterQuote, s.at+j+1
}

// scanAfterQuote decides what the quote before at is: the end of its cell, one
// half of a doubled quote, the beginning of a later cell (then an earlier one
// was never closed), or a quote that should have been doubled and was not.
func (s *splitter) scanAfterQuote(b []byte) outcome {
	n := s.at
	for n < len(b) && (b[n] == ' ' || b[n] == '\r' && !s.crOnly) {
		n++
	}
	switch {
	case n == len(b) && !s.atEOF && !s.full():
		return scanMore
	case n == len(b):
		s.at = n
		return scanMore
	case b[n] == s.comma:
		s.endCell()
		s.state, s.at = cellStart, n+1
	case b[n] == '\n' || b[n] == '\r' && s.crOnly:
		s.endCell()
		s.take(n + 1)
		return scanDone
	case b[s.at] == '"':
		s.text = append(s.text, '"')
		s.state, s.at = inQuotes, s.at+1
	case s.beginsCell(b, s.at-1):
		s.giveUpQuote(b)
		return scanDone
	default:
		s.text = append(s.text, '"')
		s.state = inQuotes
	}
	return scanOn
}

// last ends the record that the end of the file ends, or reports io.EOF.
func (s *splitter) last() error {
	n := s.end - s.start
	if n == 0 {
		return io.EOF
	}
	b := s.buf[s.start:s.end]
	if s.state == inQuotes {
		if s.looksLikeRows(b[s.quote:]) {
			s.giveUpQuote(b)
			return nil
		}
		s.open, s.cell = s.line+s.countLines(b[:s.quote]), len(s.ends)
		s.endCell()
		s.take(n)
		s.fault = faultQuoteToEnd
		return nil
	}
	if s.state == inPlain {
		s.trimCR()
	}
	s.endCell()
	s.take(n)
	return nil
}

func (s *splitter) endCell() { s.ends = append(s.ends, len(s.text)) }

// trimCR takes the CR of a CRLF off the last cell, which is not quoted.
func (s *splitter) trimCR() {
	if n := len(s.text); n > 0 && s.text[n-1] == '\r' && (len(s.ends) == 0 || s.ends[len(s.ends)-1] < n) {
		s.text = s.text[:n-1]
	}
}

// take gives out the first n bytes of the buffer as the record.
func (s *splitter) take(n int) {
	s.raw = s.buf[s.start : s.start+n]
	s.line += s.countLines(s.raw)
	s.start += n
	if n > s.max+2 { // the end of the line does not count
		s.fault, s.cell = faultTooLong, s.longest()
	}
}

// longest returns the cell that has most bytes.
func (s *splitter) longest() int {
	cell, most, from := 0, 0, 0
	for i, to := range s.ends {
		if to-from > most {
			cell, most = i, to-from
		}
		from = to
	}
	return cell
}

// giveUpQuote takes the lines up to the end of the one with the open quote, so
// that the rows after it are read as rows.
func (s *splitter) giveUpQuote(b []byte) {
	s.open = s.line + s.countLines(b[:s.quote])
	s.take(s.quote + s.lineEnd(b[s.quote:]))
	s.fault, s.cell = faultQuote, len(s.ends)
}
