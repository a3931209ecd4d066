package textindex

import "strings"

// term is an exact attribute.
type term struct {
	text string
	docs postings // slots
}

// termTable holds the terms of all documents. Numbers of terms that no
// document has any more are given to new ones.
type termTable struct {
	numbers map[string]uint32
	pages   [][]term
	used    uint32
	free    []uint32
	bytes   int
}

// termBytes is the heap cost of a term besides its text and list.
const termBytes = 32 + 36

func (t *termTable) at(number uint32) *term {
	return &t.pages[number>>pageBits][number&(pageSize-1)]
}

// intern returns the number of the term, new if need be. A new term has to get
// a document before the next removal.
func (t *termTable) intern(text string) uint32 {
	if n, ok := t.numbers[text]; ok {
		return n
	}
	n := t.used
	if last := len(t.free) - 1; last >= 0 {
		n, t.free = t.free[last], t.free[:last]
	} else {
		if int(n>>pageBits) == len(t.pages) {
			t.pages = append(t.pages, make([]term, pageSize))
		}
		t.used++
	}
	text = strings.Clone(text) // a substring would keep the caller's whole text alive
	*t.at(n) = term{text: text}
	t.numbers[text] = n
	t.bytes += termBytes + len(text)
	return n
}

func (t *termTable) post(number, slot uint32) {
	t.bytes += t.at(number).docs.set(slot << entryShift)
}

func (t *termTable) drop(number, slot uint32) {
	e := t.at(number)
	t.bytes -= e.docs.remove(slot)
	if e.docs.len() > 0 {
		return
	}
	delete(t.numbers, e.text)
	t.bytes -= termBytes + len(e.text)
	*e = term{}
	t.free = append(t.free, number)
}
