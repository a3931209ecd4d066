package textindex

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestExpandFindsWhatMatchesOneByOne compares the walks over a large lexicon,
// whose words share long beginnings, with a look at each word.
func TestExpandFindsWhatMatchesOneByOne(t *testing.T) {
	const words = 20_000
	random := rand.New(rand.NewPCG(8, 8))
	word := func() string {
		letters := []rune("aabcяж")
		r := make([]rune, 1+random.IntN(14))
		for i := range r {
			r[i] = letters[random.IntN(len(letters))]
		}
		if random.IntN(3) == 0 { // whole blocks with a common beginning, longer than a tail
			return "commonbeginning" + string(r)
		}
		return string(r)
	}
	l := newLexicon()
	for i := range words {
		text := word()
		n := l.intern([]byte(text))
		l.post(newWordEntry(n, 0), uint32(i))
		if i%4 == 3 { // some go again, so that blocks shrink and join
			l.drop(l.intern([]byte(text)), uint32(i))
		}
	}
	for i := range 240 {
		text := word()
		if i%3 == 0 {
			text = text[:1+random.IntN(len(text))]
			text = string([]rune(text)[:len([]rune(text))-1]) + "bc"
		}
		w := newQueryWord(text, i%2 == 0)
		found, err := l.expand(context.Background(), nil, &w)
		if err != nil {
			t.Fatal(err)
		}
		var got, want []string
		for _, f := range found {
			got = append(got, fmt.Sprint(l.at(f.number).text, f.match))
		}
		for other := range l.numbers {
			if m, ok := w.match(other); ok {
				want = append(want, fmt.Sprint(other, m))
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("%q (last %v): got %d words, want %d", text, w.last, len(got), len(want))
		}
	}
	checkWordOrder(t, &l)
}

func TestExpandBeginsAtTheNextBlock(t *testing.T) {
	l := newLexicon()
	slot := uint32(0)
	for _, first := range []string{"а", "ж"} { // their encodings share a byte
		for i := range blockLimit/2 + len(first)/2 - 1 {
			l.post(newWordEntry(l.intern(fmt.Appendf(nil, "%sлово%03d", first, i)), 0), slot)
			slot++
		}
	}
	l.post(newWordEntry(l.intern([]byte("жлово999")), 0), slot)
	if got, want := l.at(l.sorted.blocks[1].words[0]).text, "жлово000"; got != want {
		t.Fatalf("the second block begins with %q, want %q", got, want)
	}
	w := newQueryWord("жловоо", true)
	found, err := l.expand(context.Background(), nil, &w)
	if want := blockLimit/2 + 1; err != nil || len(found) != want {
		t.Errorf("got %d words (%v), want %d", len(found), err, want)
	}
}
