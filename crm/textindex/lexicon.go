package textindex

import "strings"

// pageBits sets how many words or documents are stored together. Storage grows
// by pages, so that no addition ever copies what is there.
const (
	pageBits = 8
	pageSize = 1 << pageBits
)

// word is an entry of the lexicon.
type word struct {
	text  string
	docs  postings // slots with the best rank: see wordEntry
	grams bool     // its 4-grams are listed
}

// lexicon holds the words of all documents. Numbers of words that no document
// has any more are given to new words.
type lexicon struct {
	numbers map[string]uint32
	pages   [][]word
	used    uint32
	free    []uint32
	sorted  wordOrder
	grams   gramIndex
	keys    []uint64 // for addGrams
	bytes   int
}

func newLexicon() lexicon {
	return lexicon{numbers: map[string]uint32{}, grams: gramIndex{}}
}

// Heap bytes of a word besides its text and postings: its entry, its place in
// the map and in the order.
const wordBytes = 40 + 36 + 20

func (l *lexicon) at(number uint32) *word {
	return &l.pages[number>>pageBits][number&(pageSize-1)]
}

// intern returns the number of the word, new if need be. A new word has to get
// a document before the next removal.
func (l *lexicon) intern(text []byte) uint32 {
	if n, ok := l.numbers[string(text)]; ok {
		return n
	}
	n := l.used
	if last := len(l.free) - 1; last >= 0 {
		n, l.free = l.free[last], l.free[:last]
	} else {
		if int(n>>pageBits) == len(l.pages) {
			l.pages = append(l.pages, make([]word, pageSize))
		}
		l.used++
	}
	s := string(text)
	*l.at(n) = word{text: s}
	l.numbers[s] = n
	l.bytes += wordBytes + len(s)
	if isCJKWord(s) {
		l.addGrams(cjkGrams, s, n)
	} else {
		l.sorted.insert(l, n)
	}
	return n
}

// post notes that the document in the slot has the word, or has it differently
// than before.
func (l *lexicon) post(entry wordEntry, slot uint32) {
	w := l.at(entry.word())
	l.bytes += w.docs.set(slot<<entryShift | entry.flags())
	if entry.infixRank() != notInfix && !w.grams && !isCJKWord(w.text) {
		w.grams = true
		l.addGrams(insideGrams, w.text, entry.word())
	}
}

// addGrams lists the word under its keys.
func (l *lexicon) addGrams(keys func([]uint64, string) []uint64, text string, number uint32) {
	l.keys = keys(l.keys[:0], text)
	l.bytes += l.grams.add(l.keys, number)
}

// drop notes that the document in the slot no longer has the word.
func (l *lexicon) drop(number, slot uint32) {
	w := l.at(number)
	l.bytes -= w.docs.remove(slot)
	if w.docs.len() > 0 {
		return
	}
	switch {
	case isCJKWord(w.text):
		l.bytes -= l.grams.remove(cjkGrams(nil, w.text), number)
	case w.grams:
		l.bytes -= l.grams.remove(insideGrams(nil, w.text), number)
	}
	if !isCJKWord(w.text) {
		l.sorted.remove(l, number)
	}
	delete(l.numbers, w.text)
	l.bytes -= wordBytes + len(w.text)
	*w = word{}
	l.free = append(l.free, number)
}

// startsWith reports whether the word begins with the text.
func (l *lexicon) startsWith(number uint32, text string) bool {
	return strings.HasPrefix(l.at(number).text, text)
}
