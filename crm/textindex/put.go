package textindex

import (
	"encoding/binary"
	"slices"
)

// put stores one document, changing only the lists in which it differs from
// the one with its id.
func (x *Index) put(r *reading, lists *listBuilder) {
	slot, exists := x.slots[r.doc.ID]
	if !exists {
		slot = x.take()
		x.slots[r.doc.ID] = slot
	}
	p, i := x.page(slot)
	old, oldText := docList(p.lists[i]), p.texts[i]
	list := lists.build(x, r)
	x.postWords(slot, old.words(), list.words())
	x.postTerms(slot, old.terms(), list.terms())
	if wholes := oldText.wholes(); wholes != r.text.wholes() {
		phones := r.reader.phones[r.phones.from:r.phones.to]
		x.phones.add(phones, slot)
		x.dropPhones(slot, wholes, phones)
	}
	x.bytes += 4*(cap(list)-cap(old)) + len(r.text.text) - len(oldText.text)
	p.ids[i], p.versions[i], p.lists[i], p.texts[i] = r.doc.ID, r.doc.Version, list, r.text
	p.keys[i] = keyPrefix(r.doc.SortKey)
	for c := range x.options.Columns {
		n := int64(0)
		if c < len(r.doc.Numbers) {
			n = r.doc.Numbers[c]
		}
		p.numbers[c<<pageBits+i] = n
	}
}

func (x *Index) remove(id ID, slot uint32) {
	p, i := x.page(slot)
	list := docList(p.lists[i])
	x.postWords(slot, list.words(), nil)
	x.postTerms(slot, list.terms(), nil)
	x.dropPhones(slot, x.wholes(slot), nil)
	x.bytes -= 4*cap(list) + len(p.texts[i].text)
	p.lists[i], p.texts[i] = nil, docText{}
	delete(x.slots, id)
	x.live[slot>>6] &^= 1 << (slot & 63)
	x.free = append(x.free, slot)
}

// postWords changes the lists of words for a document that had the entries of
// one list and now has those of the other. New words come first, so that none
// is forgotten and learnt again.
func (x *Index) postWords(slot uint32, before, after []uint32) {
	i := 0
	for _, e := range after {
		for i < len(before) && wordEntry(before[i]).word() < wordEntry(e).word() {
			i++
		}
		if i == len(before) || before[i] != e {
			x.lexicon.post(wordEntry(e), slot)
		}
	}
	i = 0
	for _, e := range before {
		number := wordEntry(e).word()
		for i < len(after) && wordEntry(after[i]).word() < number {
			i++
		}
		if i == len(after) || wordEntry(after[i]).word() != number {
			x.lexicon.drop(number, slot)
		}
	}
}

// postTerms does the same for terms.
func (x *Index) postTerms(slot uint32, before, after []uint32) {
	for _, t := range after {
		if _, found := slices.BinarySearch(before, t); !found {
			x.terms.post(t, slot)
		}
	}
	for _, t := range before {
		if _, found := slices.BinarySearch(after, t); !found {
			x.terms.drop(t, slot)
		}
	}
}

// dropPhones takes the document out of the lists of the numbers in wholes,
// except those it still has.
func (x *Index) dropPhones(slot uint32, wholes string, kept []phoneEntry) {
	if wholes == "" {
		return
	}
	entries := slices.DeleteFunc(appendPhones(nil, wholes), func(e phoneEntry) bool {
		_, found := slices.BinarySearchFunc(kept, e.key(), func(k phoneEntry, key phoneKey) int {
			return int(k.key()) - int(key)
		})
		return found
	})
	x.phones.remove(entries, slot)
}

// docList holds the numbers of the terms and the word entries of a document:
// how many terms there are, the terms, the words, each in their order.
type docList []uint32

func (d docList) terms() []uint32 {
	if d == nil {
		return nil
	}
	return d[1 : 1+d[0]]
}

func (d docList) words() []uint32 {
	if d == nil {
		return nil
	}
	return d[1+d[0]:]
}

// listBuilder makes lists of documents.
type listBuilder struct {
	entries []wordEntry
	terms   []uint32
}

func (b *listBuilder) build(x *Index, r *reading) docList {
	b.entries, b.terms = b.entries[:0], b.terms[:0]
	for i := r.words.from; i < r.words.to; i++ {
		number := x.lexicon.intern(r.reader.words.word(i))
		b.entries = append(b.entries, newWordEntry(number, r.reader.flags[i]))
	}
	for _, t := range r.doc.Terms {
		b.terms = append(b.terms, x.terms.intern(t))
	}
	slices.Sort(b.terms)
	terms := slices.Compact(b.terms)
	entries := mergeWords(b.entries)
	list := make(docList, 0, 1+len(terms)+len(entries))
	list = append(append(list, uint32(len(terms))), terms...)
	for _, e := range entries {
		list = append(list, uint32(e))
	}
	return list
}

// keyPrefix returns the first eight bytes of a sort key as a number of the
// same order.
func keyPrefix(key string) uint64 {
	var b [8]byte
	copy(b[:], key)
	return binary.BigEndian.Uint64(b[:])
}
