package textindex

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// checkInvariants looks at everything that later changes and searches rely on.
func checkInvariants(t *testing.T, x *Index) {
	t.Helper()
	l := &x.lexicon
	bytes := 0
	words, runs := 0, 0
	for text, n := range l.numbers {
		w := l.at(n)
		if w.text != text || w.docs.len() == 0 {
			t.Fatalf("word %q: entry %q with %d documents", text, w.text, w.docs.len())
		}
		checkPostings(t, &w.docs)
		bytes += wordBytes + len(text) + partsOf(&w.docs)
		if isCJKWord(text) {
			runs++
		} else {
			words++
		}
	}
	if got, want := len(l.numbers)+len(l.free), int(l.used); got != want {
		t.Errorf("got %d words and free numbers, want %d", got, want)
	}
	for _, list := range l.grams {
		checkPostings(t, list)
		bytes += gramBytes + partsOf(list)
		for i := range list.count() {
			for _, e := range list.part(i) {
				if l.at(e>>entryShift).text == "" {
					t.Fatalf("a gram lists the free number %d", e>>entryShift)
				}
			}
		}
	}
	if bytes != l.bytes {
		t.Errorf("lexicon: got %d bytes, want %d", l.bytes, bytes)
	}
	if got := checkWordOrder(t, l); got != words {
		t.Errorf("got %d words in order, want %d beside %d runs", got, words, runs)
	}
	checkDocuments(t, x)
}

func checkWordOrder(t *testing.T, l *lexicon) int {
	t.Helper()
	count, before := 0, ""
	for _, b := range l.sorted.blocks {
		if b.first != l.at(b.words[0]).text || len(b.words) > blockLimit || len(b.shared) != len(b.words) || len(b.tails) != len(b.words) {
			t.Fatalf("block %q of %d words is inconsistent", b.first, len(b.words))
		}
		for i, n := range b.words {
			text := l.at(n).text
			if before >= text {
				t.Fatalf("%q stands before %q", before, text)
			}
			if b.shared[i] != sharedPrefix(before, text) || b.tails[i] != tail(text, b.shared[i]) || b.floor > b.shared[i] {
				t.Fatalf("%q after %q: shares %d, floor %d", text, before, b.shared[i], b.floor)
			}
			before = text
			count++
		}
	}
	return count
}

// checkDocuments compares the lists of words, terms and phones with those of
// the documents.
func checkDocuments(t *testing.T, x *Index) {
	t.Helper()
	entries, terms := 0, 0
	for id, slot := range x.slots {
		if x.id(slot) != id {
			t.Fatalf("slot %d: got %x, want %x", slot, x.id(slot), id)
		}
		entries += len(x.list(slot).words())
		terms += len(x.list(slot).terms())
	}
	if live := slices.Collect(setSlots(x.live)); len(live) != len(x.slots) || len(live)+len(x.free) != int(x.used) {
		t.Errorf("got %d live slots and %d free ones of %d, want %d live", len(live), len(x.free), x.used, len(x.slots))
	}
	for _, n := range x.lexicon.numbers {
		entries -= x.lexicon.at(n).docs.len()
	}
	for _, n := range x.terms.numbers {
		checkPostings(t, &x.terms.at(n).docs)
		terms -= x.terms.at(n).docs.len()
	}
	if entries != 0 || terms != 0 {
		t.Errorf("documents have %d words and %d terms more than the lists", entries, terms)
	}
}

func checkPostings(t *testing.T, p *postings) {
	t.Helper()
	n, last, entry := 0, -1, uint32(0)
	for i := range p.count() {
		part := p.part(i)
		if len(part) == 0 || len(part) > partLimit {
			t.Fatalf("a part has %d entries", len(part))
		}
		for _, e := range part {
			if int(e>>entryShift) <= last {
				t.Fatalf("key %d stands after %d", e>>entryShift, last)
			}
			last, entry = int(e>>entryShift), e
			n++
		}
	}
	if n != p.len() {
		t.Fatalf("got %d entries, want %d", n, p.len())
	}
	if n > 0 && p.one[0] != entry {
		t.Fatalf("got %x noted as the last entry, want %x", p.one[0], entry)
	}
}

func partsOf(p *postings) int {
	if p.more == nil {
		return 0
	}
	return p.more.bytes()
}

func TestIndexStaysConsistentUnderRandomChanges(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	x := New(Options{Columns: 1})
	document := func(n int) Document {
		var text []string
		for range random.IntN(6) {
			text = append(text, fmt.Sprintf("w%dф%d", random.IntN(40), random.IntN(60)), strings.Repeat("東京", random.IntN(3))+string(rune('一'+random.IntN(50))))
		}
		return Document{
			ID:    ID{byte(n >> 8), byte(n)},
			Terms: []string{fmt.Sprint("t", random.IntN(9)), fmt.Sprint("u", random.IntN(300))},
			Fields: []Field{
				{Text: strings.Join(text, " "), Infix: random.IntN(2) == 0, Rank: uint8(random.IntN(4))},
				{Text: fmt.Sprint(random.IntN(1e6)), Kind: KindPhone, Rank: uint8(random.IntN(4))},
				{Text: "common ending" + fmt.Sprint(n%3), Rank: 2},
			},
		}
	}
	for round := range 6 {
		for range 3000 {
			if d := document(random.IntN(1500)); random.IntN(3) == 0 {
				x.Delete(d.ID)
			} else {
				x.Put(d)
			}
		}
		checkInvariants(t, x)
		if round == 3 { // nearly all go, and many come back
			for n := range 1490 {
				x.Delete(ID{byte(n >> 8), byte(n)})
			}
			checkInvariants(t, x)
		}
	}
	for n := range 1500 {
		x.Delete(ID{byte(n >> 8), byte(n)})
	}
	checkInvariants(t, x)
	for key := range phoneKey(phoneKeys) {
		if list := x.phones.at(key); list != nil {
			t.Fatalf("an empty index lists %d numbers under %d", list.len(), key)
		}
	}
	if len(x.lexicon.numbers)+len(x.lexicon.grams)+len(x.lexicon.sorted.blocks)+len(x.terms.numbers)+x.Len() != 0 || x.lexicon.bytes != 0 || x.terms.bytes != 0 || x.bytes != 0 {
		t.Errorf("an empty index keeps %d words, %d grams, %d terms; bytes %d, %d, %d", len(x.lexicon.numbers), len(x.lexicon.grams), len(x.terms.numbers),
			x.lexicon.bytes, x.terms.bytes, x.bytes)
	}
}

func TestPostingsKeepTheirOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(6, 6))
	var p postings
	want := map[uint32]uint32{}
	bytes := 0
	for step := range 60_000 {
		key := uint32(random.IntN(5000))
		grow := step/15_000%2 == 0 // the list grows and shrinks by turns
		if grow == (random.IntN(4) > 0) {
			e := key<<entryShift | uint32(random.IntN(16))
			bytes += p.set(e)
			want[key] = e
		} else {
			bytes -= p.remove(key)
			delete(want, key)
		}
		if step%1000 == 0 || p.len() < 5 {
			checkPostings(t, &p)
			if p.len() != len(want) || bytes != partsOf(&p) {
				t.Fatalf("step %d: got %d entries in %d bytes, want %d in %d", step, p.len(), bytes, len(want), partsOf(&p))
			}
		}
	}
	for i := range p.count() {
		for _, e := range p.part(i) {
			if want[e>>entryShift] != e {
				t.Errorf("got entry %x, want %x", e, want[e>>entryShift])
			}
		}
	}
}

func TestANumberInTwoSpellingsIsKeptOnce(t *testing.T) {
	x := New(Options{})
	number := func(text string) Field { return Field{Text: text, Kind: KindPhone, Rank: 2} }
	// The address holds the bytes that a number would be kept as.
	address := Field{Text: "x\x02\x02123", Kind: KindEmail, Rank: 2}
	x.Put(Document{ID: ID{1}, Fields: []Field{address, number("123"), number("+1 202 224-3441"), number("+12022243441"), number("123 ext 9")}})
	const want = "\x01\x02x\x02\x02123\x00" + "\x02\x02123\x00" + "\x02\x0212022243441\x00" + "\x02\x021239\x00"
	if got := x.wholes(0); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, key := range []string{"123", "120", "1202", "3441", "1239"} {
		if list := x.phones.at(newPhoneKey(key)); list == nil || list.len() != 1 {
			t.Errorf("the number is not listed once under %s", key)
		}
	}
	checkInvariants(t, x)
	x.Put(Document{ID: ID{1}})
	for key := range phoneKey(phoneKeys) {
		if x.phones.at(key) != nil {
			t.Errorf("a number that is gone is listed under %d", key)
		}
	}
}
