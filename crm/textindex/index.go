package textindex

import (
	"runtime"
	"sync"
)

// Options describe the documents of an index.
type Options struct {
	// Columns is how many numbers each document has; default 0.
	Columns int
	// RecencyColumn is the column of which the larger value comes first among
	// documents of equal relevance; default 0. A column that does not exist
	// leaves those documents in the order of their ids, largest first.
	RecencyColumn int
}

// Index finds documents by their texts. All methods may be called from many
// goroutines; searches run beside each other, changes alone. About one search
// per processor runs at a time, others wait for its working memory.
type Index struct {
	options Options

	mu      sync.RWMutex
	slots   map[ID]uint32 // where each document is
	pages   []*docPage
	used    uint32   // slots ever given out
	free    []uint32 // slots of deleted documents
	live    []uint64 // the set of the slots in use
	lexicon lexicon
	phones  phoneIndex
	terms   termTable
	bytes   int // heap of texts and lists of documents

	scratches chan *scratch // what searches work in; nil ones are made on first use
}

// docPage holds the documents of pageSize slots.
type docPage struct {
	ids      [pageSize]ID
	versions [pageSize]int64
	keys     [pageSize]uint64 // the first eight bytes of the sort keys
	texts    [pageSize]docText
	lists    [pageSize][]uint32 // see docList; nil if the slot is free
	numbers  []int64            // column by column
}

// docText is the sort key of a document followed by its wholes.
type docText struct {
	text   string
	keyLen uint32
}

func (t docText) wholes() string { return t.text[t.keyLen:] }

// Heap bytes of a document besides its texts and lists: its part of the page
// and its place in the map.
const docBytes = 16 + 8 + 8 + 24 + 24 + 32

// New returns an empty index. A negative number of columns counts as none.
func New(o Options) *Index {
	o.Columns = max(o.Columns, 0)
	x := &Index{
		options:   o,
		slots:     map[ID]uint32{},
		lexicon:   newLexicon(),
		terms:     termTable{numbers: map[string]uint32{}},
		scratches: make(chan *scratch, max(2, runtime.GOMAXPROCS(0))),
	}
	for range cap(x.scratches) {
		x.scratches <- nil
	}
	return x
}

// Put adds the documents, each in the place of one with the same id; of
// several with one id the last stays. A search sees all of them or none. The
// documents may be changed or reused when Put returns. Many documents are best
// put a thousand at a time, because Put holds their words twice and searches
// wait for it.
func (x *Index) Put(docs ...Document) {
	readings, used := readAll(docs)
	x.mu.Lock()
	var lists listBuilder
	for i := range readings {
		x.put(&readings[i], &lists)
	}
	x.mu.Unlock()
	for _, r := range used {
		r.release()
	}
}

// Delete removes the documents; ids that are not there are ignored. A search
// sees all of them removed or none.
func (x *Index) Delete(ids ...ID) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, id := range ids {
		if slot, ok := x.slots[id]; ok {
			x.remove(id, slot)
		}
	}
}

// Len returns the number of documents.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.slots)
}

// Bytes returns an estimate of the heap the index takes, without the working
// memory of searches, which is about 16 bytes per document and processor.
func (x *Index) Bytes() int64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	perDoc := docBytes + 8*x.options.Columns
	return int64(len(x.pages)*pageSize*perDoc + x.bytes + x.lexicon.bytes + x.terms.bytes + x.phones.bytes)
}

// Version returns the version of the document as it was put last, and false
// if there is no such document.
func (x *Index) Version(id ID) (int64, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	slot, ok := x.slots[id]
	if !ok {
		return 0, false
	}
	p, i := x.page(slot)
	return p.versions[i], true
}

// IDVersion is a document in the listing of Versions.
type IDVersion struct {
	ID      ID
	Version int64
}

// Versions returns up to limit documents with ids larger than after, in the
// order of their ids; a limit below 1 returns all. It serves to compare the
// index with the store. Each call reads the ids of all documents.
func (x *Index) Versions(after ID, limit int) []IDVersion {
	x.mu.RLock()
	defer x.mu.RUnlock()
	best := newSelection(x, Order{By: orderID}, limit, len(x.slots))
	best.startAfterID(after)
	for slot := range setSlots(x.live) {
		best.add(slot, 0)
	}
	ranked := best.sorted()
	out := make([]IDVersion, len(ranked))
	for i, r := range ranked {
		p, at := x.page(r.slot)
		out[i] = IDVersion{ID: p.ids[at], Version: p.versions[at]}
	}
	return out
}

func (x *Index) page(slot uint32) (*docPage, int) {
	return x.pages[slot>>pageBits], int(slot & (pageSize - 1))
}

func (x *Index) list(slot uint32) docList {
	p, i := x.page(slot)
	return p.lists[i]
}

func (x *Index) id(slot uint32) ID {
	p, i := x.page(slot)
	return p.ids[i]
}

func (x *Index) sortKey(slot uint32) string {
	p, i := x.page(slot)
	return p.texts[i].text[:p.texts[i].keyLen]
}

// wholes returns the addresses and numbers of a document, see appendWhole.
func (x *Index) wholes(slot uint32) string {
	p, i := x.page(slot)
	return p.texts[i].wholes()
}

// number returns a value of a column that exists.
func (x *Index) number(slot uint32, column int) int64 {
	p, i := x.page(slot)
	return p.numbers[column<<pageBits+i]
}

// take returns a slot for a new document.
func (x *Index) take() uint32 {
	if last := len(x.free) - 1; last >= 0 {
		slot := x.free[last]
		x.free = x.free[:last]
		x.live[slot>>6] |= 1 << (slot & 63)
		return slot
	}
	if int(x.used>>pageBits) == len(x.pages) {
		x.pages = append(x.pages, &docPage{numbers: make([]int64, pageSize*x.options.Columns)})
	}
	slot := x.used
	if slot&63 == 0 {
		x.live = append(x.live, 0)
	}
	x.live[slot>>6] |= 1 << (slot & 63)
	x.used++
	return slot
}
