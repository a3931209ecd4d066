package textindex

import (
	"slices"
	"strings"
)

// ID names a document. The byte order is the order of ids; the zero id cannot
// be paged to and should not be used.
type ID = [16]byte

// Kind tells how the text of a field is read.
type Kind uint8

// The kinds of fields.
const (
	KindText  Kind = iota // words
	KindEmail             // words, and the whole address
	KindPhone             // a number: its digits are one word; other words count too
)

// Field is one text of a document.
type Field struct {
	Name string // for the caller; the index does not read it
	Text string // any text; invalid UTF-8 separates words
	Kind Kind
	// Rank orders matches of one class: 0 for names, 1 for email addresses, 2
	// for the rest; larger values count as 2.
	Rank uint8
	// Infix fields are also found by runs of at least 4 characters inside their
	// words.
	Infix bool
}

// Document is what the index keeps of one thing that can be found.
type Document struct {
	ID      ID
	Version int64 // returned with the hits
	Fields  []Field
	// Terms are exact attributes for filters and facets, such as
	// "stage\x00lead". A repeated one counts once.
	Terms []string
	// Numbers has a value for each of Options.Columns. What is missing is 0,
	// what is too much is ignored.
	Numbers []int64
	SortKey string // for OrderSortKey, compared by bytes
}

// maxRank is the rank of all fields that are neither name nor email.
const maxRank = 2

// notInfix is the infix rank of a word that occurs in no Infix field.
const notInfix = 3

// wordEntry is a word of a document: its number, the best rank of the fields
// it occurs in and the best rank of those that are Infix fields, or notInfix.
type wordEntry uint32

func newWordEntry(word uint32, flags uint8) wordEntry {
	return wordEntry(word<<entryShift | uint32(flags))
}

func wordFlags(f *Field) uint8 {
	rank := min(f.Rank, maxRank)
	if f.Infix {
		return rank<<2 | rank
	}
	return notInfix<<2 | rank
}

func (e wordEntry) word() uint32     { return uint32(e) >> entryShift }
func (e wordEntry) flags() uint32    { return uint32(e) & entryMask }
func (e wordEntry) rank() uint8      { return uint8(e) & 3 }
func (e wordEntry) infixRank() uint8 { return uint8(e) >> 2 & 3 }

// mergeWords sorts the entries and joins those of one word.
func mergeWords(entries []wordEntry) []wordEntry {
	slices.Sort(entries)
	out := entries[:0]
	for _, e := range entries {
		if n := len(out); n > 0 && out[n-1].word() == e.word() {
			flags := min(out[n-1].infixRank(), e.infixRank())<<2 | min(out[n-1].rank(), e.rank())
			out[n-1] = newWordEntry(e.word(), flags)
			continue
		}
		out = append(out, e)
	}
	return out
}

// wholeBytes is what appendWhole adds to a value.
const wholeBytes = 3

// appendWhole appends a value that is compared as a whole: its kind and rank,
// a byte each, the value and a NUL. Empty values are left out.
func appendWhole(dst []byte, kind Kind, rank uint8, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(dst, byte(kind), min(rank, maxRank))
	dst = append(dst, value...)
	return append(dst, 0)
}

// cutWhole returns the first of the values joined by appendWhole and the rest.
func cutWhole(wholes string) (kind Kind, rank uint8, value, rest string) {
	end := 2 + strings.IndexByte(wholes[2:], 0)
	return Kind(wholes[0]), wholes[1], wholes[2:end], wholes[end+1:]
}

// foldAddress returns the form in which email addresses are compared as a
// whole: folded, without spaces and NULs and what people put around them.
func foldAddress(s string) string {
	if isBareAddress(s) {
		return s
	}
	s = strings.Map(func(r rune) rune {
		if r == 0 || r == ' ' || r == '\t' || r == '\n' || r == '\r' {
			return -1
		}
		return r
	}, Fold(s))
	return strings.Trim(s, `<>()[]{},;:"'`)
}

// isBareAddress reports whether foldAddress leaves the text as it is, as it does
// with nearly all addresses of a store.
func isBareAddress(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
		case c == '.' || c == '-' || c == '_' || c == '+' || c == '@':
		default:
			return false
		}
	}
	return true
}
