package textindex_test

import (
	"context"
	"reflect"
	"slices"
	"testing"

	"github.com/omnicrm/omnicrm/crm/textindex"
)

// checkQuery compares the index with the brute-force matcher: order, total,
// facets, MatchIDs.
func checkQuery(t *testing.T, x *textindex.Index, b *brute, q textindex.Query) (hits int, ok bool) {
	t.Helper()
	want, wantFacets := b.search(q)
	got, err := x.Search(context.Background(), q)
	if err != nil {
		t.Errorf("search %+q: %v", q.Text, err)
		return len(want), false
	}
	var ids []textindex.ID
	for _, h := range got.Hits {
		ids = append(ids, h.ID)
	}
	if got.Total != len(want) || !slices.Equal(ids, want) {
		t.Errorf("query %+q (%+v): got %d hits, want %d%s", q.Text, q, got.Total, len(want), firstDifference(b, ids, want))
		return len(want), false
	}
	if !reflect.DeepEqual(got.Facets, wantFacets) {
		t.Errorf("query %+q: got facets %v, want %v", q.Text, got.Facets, wantFacets)
		return len(want), false
	}
	byID := slices.SortedFunc(slices.Values(want), compareIDs)
	all, err := x.MatchIDs(context.Background(), q, textindex.ID{}, 0)
	if err != nil || !slices.Equal(all, byID) {
		t.Errorf("query %+q: got %d ids (%v), want %d", q.Text, len(all), err, len(byID))
		return len(want), false
	}
	return len(want), true
}

func firstDifference(b *brute, got, want []textindex.ID) string {
	describe := func(ids []textindex.ID, i int) string {
		if i >= len(ids) {
			return "nothing"
		}
		var text string
		for _, f := range b.docs[ids[i]].Fields {
			text += "|" + f.Text
		}
		return text
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			return "\n first different got: " + describe(got, i) + "\n want: " + describe(want, i)
		}
	}
	return ""
}

func compareIDs(a, b textindex.ID) int { return slices.Compare(a[:], b[:]) }

func TestIndexAnswersLikeTheBruteForceMatcher(t *testing.T) {
	const documents, rounds, queries = 2000, 6, 500
	p := newPeople(7)
	x, b := textindex.New(options()), &brute{docs: map[textindex.ID]bruteDoc{}}
	var docs []textindex.Document
	for n := range documents {
		p.wide = n%2 == 0
		docs = append(docs, p.document(n))
	}
	x.Put(docs...)
	b.put(docs...)
	matched, failed := 0, 0
	for round := range rounds {
		for range queries {
			q := p.query(docs[p.random.IntN(len(docs))])
			hits, ok := checkQuery(t, x, b, q)
			if hits > 0 {
				matched++
			}
			if !ok {
				if failed++; failed > 10 {
					t.FailNow()
				}
			}
		}
		for range 200 * (round + 1) { // updates, deletes, and some put again
			n := p.random.IntN(len(docs))
			switch p.random.IntN(3) {
			case 0:
				x.Delete(docs[n].ID)
				b.delete(docs[n].ID)
			default:
				docs[n] = p.document(n)
				x.Put(docs[n])
				b.put(docs[n])
			}
		}
		if got, want := x.Len(), len(b.docs); got != want {
			t.Fatalf("got %d documents, want %d", got, want)
		}
	}
	if matched < rounds*queries/2 {
		t.Errorf("only %d of %d queries found something: the queries test too little", matched, rounds*queries)
	}
}
