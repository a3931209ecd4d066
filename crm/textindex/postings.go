package textindex

import "slices"

// An entry of a postings list is a 28-bit key (the slot of a document or the
// number of a word) with 4 bits that tell how it occurs.
const (
	entryShift = 4
	entryMask  = 1<<entryShift - 1
)

// partLimit is the number of entries from which on a part of a list is split:
// what one insertion may have to move.
const partLimit = 512

// postings is a list of entries in the order of their keys, each key once. One
// entry costs no memory of its own; long lists are kept in parts, so that a
// change in the middle of a million entries moves a few hundred.
type postings struct {
	// one is the only entry. Of several it is the last, so that adding to the
	// end, as nearly all additions do, need not look for it: in a large index
	// every list looked at is a wait for memory.
	one  [1]uint32
	n    uint32
	more *entryParts // nil while there is at most one entry
}

// entryParts has room for the head of its first part beside it, which is all
// that most lists need.
type entryParts struct {
	parts [][]uint32 // none empty
	first [1][]uint32
}

func newEntryParts(part []uint32) *entryParts {
	e := &entryParts{first: [1][]uint32{part}}
	e.parts = e.first[:]
	return e
}

// len returns the number of entries.
func (p *postings) len() int { return int(p.n) }

// count returns the number of parts to read by part.
func (p *postings) count() int {
	switch {
	case p.more != nil:
		return len(p.more.parts)
	case p.n == 1:
		return 1
	}
	return 0
}

// part returns one part of the list, to be read before the next change.
func (p *postings) part(i int) []uint32 {
	if p.more != nil {
		return p.more.parts[i]
	}
	return p.one[:p.n]
}

// set adds the entry or puts it in the place of the one with the same key. It
// returns the heap bytes it took.
func (p *postings) set(entry uint32) int {
	if p.more == nil {
		if p.n == 0 || p.one[0]>>entryShift == entry>>entryShift {
			p.one[0], p.n = entry, 1
			return 0
		}
		pair := []uint32{min(p.one[0], entry), max(p.one[0], entry)}
		p.one[0], p.n, p.more = pair[1], 2, newEntryParts(pair)
		return partsBytes + partBytes + 8
	}
	if p.one[0]>>entryShift < entry>>entryShift { // most documents come in the order of their slots
		p.n++
		p.one[0] = entry
		return p.more.append(entry)
	}
	i, at, found := p.more.find(entry >> entryShift)
	if found {
		p.more.parts[i][at] = entry
		p.one[0] = p.more.last()
		return 0
	}
	p.n++
	return p.more.insert(i, at, entry)
}

// remove takes out the entry of the key, if there is one, and returns the heap
// bytes it gave back.
func (p *postings) remove(key uint32) int {
	if p.more == nil {
		if p.n == 1 && p.one[0]>>entryShift == key {
			p.n = 0
		}
		return 0
	}
	i, at, found := p.more.find(key)
	if !found {
		return 0
	}
	if p.n--; p.n == 1 {
		rest := p.more.other(i, at)
		freed := p.more.bytes()
		p.one[0], p.more = rest, nil
		return freed
	}
	freed := p.more.delete(i, at)
	p.one[0] = p.more.last()
	return freed
}

// The heap cost of the containers, for Index.Bytes.
const (
	partsBytes = 24
	partBytes  = 24
)

func (e *entryParts) bytes() int {
	n := partsBytes
	for _, part := range e.parts {
		n += partBytes + 4*cap(part)
	}
	return n
}

// last returns the last entry.
func (e *entryParts) last() uint32 {
	part := e.parts[len(e.parts)-1]
	return part[len(part)-1]
}

// find returns the place of the key or where it belongs.
func (e *entryParts) find(key uint32) (part, at int, found bool) {
	lo, hi := 0, len(e.parts)-1 // the first part whose last key is not before the key, or the last part
	for lo < hi {
		mid := (lo + hi) / 2
		if list := e.parts[mid]; list[len(list)-1]>>entryShift < key {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	list := e.parts[lo]
	at, found = slices.BinarySearchFunc(list, key, func(entry, key uint32) int {
		return int(entry>>entryShift) - int(key)
	})
	return lo, at, found
}

// append puts an entry at the end and returns the heap bytes it took.
func (e *entryParts) append(entry uint32) int {
	last := &e.parts[len(e.parts)-1]
	if len(*last) < partLimit {
		before := cap(*last)
		*last = append(*last, entry)
		return 4 * (cap(*last) - before)
	}
	return e.insert(len(e.parts)-1, len(*last), entry)
}

// insert puts an entry at a place given by find.
func (e *entryParts) insert(i, at int, entry uint32) int {
	list := e.parts[i]
	if len(list) < partLimit {
		before := cap(list)
		e.parts[i] = slices.Insert(list, at, entry)
		return 4 * (cap(e.parts[i]) - before)
	}
	if i == len(e.parts)-1 && at == len(list) { // growing at the end keeps parts full
		e.addPart(i+1, append(make([]uint32, 0, 16), entry))
		return partBytes + 4*16
	}
	half := len(list) / 2
	right := append(make([]uint32, 0, partLimit/2+partLimit/8), list[half:]...)
	left := append(make([]uint32, 0, partLimit/2+partLimit/8), list[:half]...)
	grown := partBytes + 4*(cap(left)+cap(right)-cap(list))
	e.parts[i] = left
	e.addPart(i+1, right)
	if at <= half {
		return grown + e.insert(i, at, entry)
	}
	return grown + e.insert(i+1, at-half, entry)
}

// addPart puts in a part. The list of parts then lies elsewhere than in first,
// which must not keep what becomes of the part it named.
func (e *entryParts) addPart(i int, part []uint32) {
	e.parts = slices.Insert(e.parts, i, part)
	e.first[0] = nil
}

// delete takes out one entry and joins parts that have become small.
func (e *entryParts) delete(i, at int) int {
	e.parts[i] = slices.Delete(e.parts[i], at, at+1)
	if len(e.parts[i]) == 0 {
		freed := partBytes + 4*cap(e.parts[i])
		e.parts = slices.Delete(e.parts, i, i+1)
		return freed
	}
	if i > 0 && len(e.parts[i-1])+len(e.parts[i]) <= partLimit/2 {
		i--
	} else if i+1 >= len(e.parts) || len(e.parts[i])+len(e.parts[i+1]) > partLimit/2 {
		return 0
	}
	before := cap(e.parts[i]) + cap(e.parts[i+1])
	e.parts[i] = append(e.parts[i], e.parts[i+1]...)
	e.parts = slices.Delete(e.parts, i+1, i+2)
	return partBytes + 4*(before-cap(e.parts[i]))
}

// other returns the entry beside the one at the place, in a list of two.
func (e *entryParts) other(i, at int) uint32 {
	for j, part := range e.parts {
		for k, entry := range part {
			if j != i || k != at {
				return entry
			}
		}
	}
	return 0
}
