package textindex

import (
	"bytes"
	"runtime"
	"strings"
	"sync"
)

// reading is what a document says, in the form the index stores it, but with
// words not yet numbered. It is made before the index is locked.
type reading struct {
	doc    *Document
	reader *reader // which has its words and phone numbers
	words  stretch
	phones stretch
	text   docText
}

// stretch is a part of a list, from one place to before another.
type stretch struct{ from, to int }

// reader reads documents one after the other. What they say lies in lists that
// they share, one allocation for many documents.
type reader struct {
	words  wordBuffer
	flags  []uint8 // one per word
	phones []phoneEntry
	text   []byte // the sort key and the wholes of one document
	number int    // where in text its last phone number begins
}

// readers are those that wait for the next Put.
var readers = sync.Pool{New: func() any { return new(reader) }}

// readerKept is how many bytes of words a reader may hold while it waits. Half a
// page of 1,000 made-up contacts takes 40 KB, ten times that has long notes.
const readerKept = 400 << 10

// release gives the reader back; the readings made with it end.
func (r *reader) release() {
	if cap(r.words.text) > readerKept {
		return
	}
	r.words.text, r.words.ends = r.words.text[:0], r.words.ends[:0]
	r.flags, r.phones = r.flags[:0], r.phones[:0]
	readers.Put(r)
}

// readTogether is how many documents one goroutine reads at least.
const readTogether = 250

// readAll reads the documents, many of them on all processors. The readers are
// to be released.
func readAll(docs []Document) ([]reading, []*reader) {
	readings := make([]reading, len(docs))
	var used []*reader
	share := max(readTogether, (len(docs)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	var group sync.WaitGroup
	for from := 0; from < len(docs); from += share {
		r := readers.Get().(*reader) //nolint:forcetypeassert // The pool holds nothing else.
		used = append(used, r)
		some := func() {
			for i := from; i < min(from+share, len(docs)); i++ {
				readings[i] = r.read(&docs[i])
			}
		}
		if from+share >= len(docs) { // the caller reads the last ones
			some()
			continue
		}
		group.Go(some)
	}
	group.Wait()
	return readings, used
}

func (r *reader) read(d *Document) reading {
	out := reading{doc: d, reader: r, words: stretch{from: len(r.words.ends)}, phones: stretch{from: len(r.phones)}}
	r.text = append(r.text[:0], d.SortKey...)
	r.number = len(r.text)
	for i := range d.Fields {
		f := &d.Fields[i]
		switch f.Kind {
		case KindPhone:
			r.readPhone(f)
		case KindEmail:
			r.text = appendWhole(r.text, KindEmail, f.Rank, foldAddress(f.Text))
			r.words.add(f.Text)
		default:
			r.words.add(f.Text)
		}
		flags := wordFlags(f)
		for len(r.flags) < len(r.words.ends) {
			r.flags = append(r.flags, flags)
		}
	}
	out.text = docText{text: string(r.text), keyLen: uint32(len(d.SortKey))}
	r.phones = appendPhones(r.phones, out.text.wholes())
	out.words.to, out.phones.to = len(r.words.ends), len(r.phones)
	return out
}

// readPhone reads the number and the words beside its digits. A number that is
// the one before in another spelling is not kept twice: many are there as typed
// and as dialled.
func (r *reader) readPhone(f *Field) {
	begin := len(r.text)
	r.text = append(r.text, byte(KindPhone), min(f.Rank, maxRank))
	r.text = append(appendDigits(r.text, f.Text), 0)
	if whole := r.text[begin:]; len(whole) == wholeBytes || bytes.Equal(whole, r.text[r.number:begin]) {
		r.text = r.text[:begin]
	} else {
		r.number = begin
	}
	if !isASCII(f.Text) || strings.ContainsFunc(f.Text, isASCIILetter) {
		first := len(r.words.ends)
		r.words.add(f.Text)
		r.words.dropDigits(first)
	}
}

func isASCIILetter(r rune) bool { return 'a' <= r|0x20 && r|0x20 <= 'z' }
