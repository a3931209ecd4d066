package csv

import (
	"bytes"
	"errors"
	"io"
)

// dialect is how a file is written.
type dialect struct {
	comma byte
	// crOnly says that a lone CR ends a line, as old Macintosh files have it.
	crOnly bool
	// width is the number of cells of the header.
	width int
	// hint says that the first line is "sep=;", as Excel writes it.
	hint bool
}

// judged is how many records the delimiter is judged by.
const judged = 30

// detectDialect finds out the delimiter and the line ends by the first text of
// a file: the delimiter that cuts most records into the same number of cells
// as the first, and of those the one that gives most cells. Without any the
// file has one column, separated by commas.
func detectDialect(head []byte, maxRecord int) dialect {
	d := dialect{comma: ',', width: 1, crOnly: bytes.IndexByte(head, '\r') >= 0 && bytes.IndexByte(head, '\n') < 0}
	line, _, _ := bytes.Cut(head, []byte("\n"))
	line = bytes.TrimRight(line, "\r")
	if len(line) == 5 && bytes.EqualFold(line[:4], []byte("sep=")) && bytes.IndexByte([]byte(",;\t|"), line[4]) >= 0 {
		d.comma, d.hint = line[4], true
		rest := head[min(len(head), bytes.IndexByte(head, '\n')+1):]
		d.width, _ = measure(rest, d, maxRecord)
		return d
	}
	best := 0.0
	for _, comma := range []byte(",;\t|") {
		try := d
		try.comma = comma
		width, share := measure(head, try, maxRecord)
		if width < 2 {
			continue
		}
		// Many cells speak for a delimiter, but less than agreement does.
		score := share*share*1000 + float64(min(width, 50))
		if score > best {
			best, d.comma, d.width = score, comma, width
		}
	}
	return d
}

// measure returns the number of cells of the first record and the share of
// the first records that have as many.
func measure(head []byte, d dialect, maxRecord int) (width int, share float64) {
	s := newSplitter(bytes.NewReader(head), d, min(maxRecord, len(head)+1))
	same, all := 0, 0
	for all < judged {
		err := s.next()
		// A record that the end of the head cuts off says nothing.
		if errors.Is(err, io.EOF) || s.start == s.end && s.atEOF && all > 1 {
			break
		}
		if all == 0 {
			width = len(s.ends)
			s.width = width
		}
		all++
		if len(s.ends) == width && s.fault == faultNone {
			same++
		}
	}
	if all == 0 {
		return 0, 0
	}
	return width, float64(same) / float64(all)
}
