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
)

// maxBinary is how much of a picture, sound or key is held: enough for a link.
const maxBinary = 8 << 10

// lineReader reads content lines: unfolded, soft breaks of quoted-printable
// joined, the length of what is held bounded.
type lineReader struct {
	r   *bufio.Reader
	end byte // what ends a line
	max int
	// keepBlank says that unfolding keeps the blank, as vCard 2.1 has it.
	keepBlank bool
	number    int64 // of the next physical line, from 1

	// The last line. text is its beginning where it is longer than the limit;
	// it is overwritten by the next line.
	text  []byte
	size  int64 // of the whole line
	at    int64 // the number of its first physical line
	limit int
	hash  hash.Hash // of a line longer than the limit, else nil
}

func newLineReader(r *bufio.Reader, crOnly bool, maxRecord int) *lineReader {
	l := &lineReader{r: r, end: '\n', max: maxRecord, number: 1}
	if crOnly {
		l.end = '\r'
	}
	return l
}

// next reads the next content line, or returns io.EOF.
func (l *lineReader) next() error {
	l.text, l.size, l.at, l.limit, l.hash = l.text[:0], 0, l.number, l.max, nil
	if err := l.physical(true); err != nil {
		return err
	}
	quoted := isQuotedPrintable(l.text)
	for {
		soft := quoted && l.hash == nil && bytes.HasSuffix(l.text, []byte("="))
		peek, _ := l.r.Peek(1) // the end, or a failure, the next call tells
		switch {
		case len(peek) == 0:
			return nil
		case soft && !l.startsProperty():
			l.text = l.text[:len(l.text)-1]
			l.size--
		case len(l.text) == 0:
			return nil // folding has nothing to continue
		case peek[0] == ' ' || peek[0] == '\t':
			if !l.keepBlank {
				if _, err := l.r.Discard(1); err != nil {
					return fmt.Errorf("read vcard: %w", err)
				}
			}
		default:
			return nil
		}
		if err := l.physical(false); err != nil {
			return err
		}
	}
}

// startsProperty reports whether the next physical line ends the card: a value
// that ends with a lone "=" must not swallow it.
func (l *lineReader) startsProperty() bool {
	peek, _ := l.r.Peek(len("END:VCARD"))
	return bytes.EqualFold(peek, []byte("END:VCARD"))
}

// physical appends one line of the file, without its end.
func (l *lineReader) physical(first bool) error {
	got, long := false, false
	for {
		part, err := l.r.ReadSlice(l.end)
		full := errors.Is(err, bufio.ErrBufferFull)
		got, long = got || len(part) > 0, long || full
		if !full {
			part = bytes.TrimRight(part, "\r\n")
		}
		if first && len(l.text) == 0 && l.hash == nil && isBinaryName(part) {
			l.limit = min(maxBinary, l.max)
		}
		l.add(part)
		switch {
		case full:
			continue
		case err == nil:
		case !errors.Is(err, io.EOF):
			return fmt.Errorf("read vcard near line %d: %w", l.number, err)
		case !got:
			return io.EOF
		}
		l.number++
		if long && l.hash == nil { // the CR of a CRLF that two slices share
			l.text = bytes.TrimRight(l.text, "\r")
		}
		return nil
	}
}

func (l *lineReader) add(part []byte) {
	l.size += int64(len(part))
	if l.hash == nil {
		if len(l.text)+len(part) <= l.limit {
			l.text = append(l.text, part...)
			return
		}
		l.hash = sha256.New()
		l.hash.Write(l.text)
		if room := l.limit - len(l.text); room > 0 {
			l.text = append(l.text, part[:room]...)
		}
	}
	l.hash.Write(part)
}

// nameBytes returns the name of the property that a line holds, as it stands
// but without its group; nil where there is none.
func nameBytes(line []byte) []byte {
	end := bytes.IndexAny(line[:min(len(line), 200)], ":;")
	if end < 0 {
		return nil
	}
	name := line[:end]
	if dot := bytes.IndexByte(name, '.'); dot >= 0 {
		name = name[dot+1:]
	}
	return bytes.TrimSpace(name)
}

// isNamed reports whether the line holds the property.
func isNamed(line []byte, name string) bool {
	got := nameBytes(line)
	return len(got) == len(name) && strings.EqualFold(string(got), name)
}

// isBinaryName reports whether the property holds pictures and the like.
func isBinaryName(line []byte) bool {
	return isNamed(line, "PHOTO") || isNamed(line, "LOGO") || isNamed(line, "SOUND") || isNamed(line, "KEY")
}

func isQuotedPrintable(line []byte) bool {
	head, _, found := bytes.Cut(line, []byte(":"))
	return found && len(head) > len("QUOTED-PRINTABLE") && containsFold(head, "QUOTED-PRINTABLE")
}
