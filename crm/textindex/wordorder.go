package textindex

import (
	"encoding/binary"
	"slices"
	"sort"
)

// wordOrder lists the numbers of all words but CJK runs by their text.
type wordOrder struct {
	blocks []wordBlock
}

// blockLimit is the number of words from which on a block is split.
const blockLimit = 512

// wordBlock is a part of the order. floor is at most the least of what its
// words share with the word before.
type wordBlock struct {
	first  string
	words  []uint32
	shared []uint8
	tails  []uint64
	floor  uint8
}

// Each word has, beside its number, how many bytes (at most 255) it shares with
// the word before it in the whole order, and the first eight bytes after those,
// padded with zeros, which no word contains: enough for most walks, without a
// look at the text, which lies elsewhere in memory. Fewer shared bytes than there
// are would not be wrong, only slower.
const tailBytes = 8

// tail returns up to eight bytes of a word from a place on.
func tail(text string, from uint8) uint64 {
	var b [tailBytes]byte
	copy(b[:], text[from:])
	return binary.BigEndian.Uint64(b[:])
}

// seek returns the place of the first word that is not before the text.
func (o *wordOrder) seek(l *lexicon, text string) (block, at int) {
	if len(o.blocks) == 0 {
		return 0, 0
	}
	block = max(sort.Search(len(o.blocks), func(i int) bool { return o.blocks[i].first > text })-1, 0)
	b := &o.blocks[block]
	return block, sort.Search(len(b.words), func(i int) bool { return l.at(b.words[i]).text >= text })
}

func (o *wordOrder) insert(l *lexicon, number uint32) {
	text := l.at(number).text
	if len(o.blocks) == 0 {
		o.blocks = []wordBlock{{first: text, words: []uint32{number}, shared: []uint8{0}, tails: []uint64{tail(text, 0)}}}
		return
	}
	i, at := o.seek(l, text)
	b := &o.blocks[i]
	b.words = slices.Insert(b.words, at, number)
	b.shared = slices.Insert(b.shared, at, 0)
	b.tails = slices.Insert(b.tails, at, 0)
	if at == 0 {
		b.first = text
	}
	o.share(l, i, at)
	o.share(l, i, at+1)
	if len(b.words) > blockLimit {
		o.split(l, i)
	}
}

// share computes anew what the word at the place has in common with the one
// before it. The place may be the end of the block.
func (o *wordOrder) share(l *lexicon, i, at int) {
	before := ""
	if at > 0 {
		before = l.at(o.blocks[i].words[at-1]).text
	} else if i > 0 {
		last := o.blocks[i-1].words
		before = l.at(last[len(last)-1]).text
	}
	if at == len(o.blocks[i].words) {
		i, at = i+1, 0
	}
	if i < len(o.blocks) {
		b := &o.blocks[i]
		text := l.at(b.words[at]).text
		b.shared[at] = sharedPrefix(before, text)
		b.tails[at] = tail(text, b.shared[at])
		b.floor = min(b.floor, b.shared[at])
	}
}

func (o *wordOrder) split(l *lexicon, i int) {
	b := o.blocks[i]
	half := len(b.words) / 2
	o.blocks[i] = b.cut(0, half)
	right := b.cut(half, len(b.words))
	o.blocks[i].first, right.first = b.first, l.at(right.words[0]).text
	o.blocks = slices.Insert(o.blocks, i+1, right)
}

// cut returns a copy of some of the block's words, without its first text.
func (b *wordBlock) cut(from, to int) wordBlock {
	return wordBlock{
		words:  slices.Clone(b.words[from:to]),
		shared: slices.Clone(b.shared[from:to]),
		tails:  slices.Clone(b.tails[from:to]),
		floor:  slices.Min(b.shared[from:to]),
	}
}

func (o *wordOrder) remove(l *lexicon, number uint32) {
	i, at := o.seek(l, l.at(number).text)
	b := &o.blocks[i]
	b.words = slices.Delete(b.words, at, at+1)
	b.shared = slices.Delete(b.shared, at, at+1)
	b.tails = slices.Delete(b.tails, at, at+1)
	if len(b.words) == 0 {
		o.blocks = slices.Delete(o.blocks, i, i+1)
		if i < len(o.blocks) {
			o.share(l, i, 0)
		}
		return
	}
	if at == 0 {
		b.first = l.at(b.words[0]).text
	}
	o.share(l, i, at)
	if i+1 < len(o.blocks) && len(b.words)+len(o.blocks[i+1].words) <= blockLimit/2 {
		next := o.blocks[i+1]
		b.words = append(b.words, next.words...)
		b.shared = append(b.shared, next.shared...)
		b.tails = append(b.tails, next.tails...)
		o.blocks = slices.Delete(o.blocks, i+1, i+2)
	}
	b.floor = slices.Min(b.shared)
}

// sharedPrefix returns how many bytes a and b have in common at the beginning,
// at most 255.
func sharedPrefix(a, b string) uint8 {
	n := min(len(a), len(b), 255)
	for i := range n {
		if a[i] != b[i] {
			return uint8(i)
		}
	}
	return uint8(n)
}
