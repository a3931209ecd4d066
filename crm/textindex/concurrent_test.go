package textindex_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/omnicrm/omnicrm/crm/textindex"
)

func TestSearchesBesideWritersSeeWholePuts(t *testing.T) {
	const rounds, searchers, pairs = 150, 4, 5
	x := textindex.New(options())
	p := newPeople(21)
	for n := range 300 {
		x.Put(p.document(1000 + n))
	}
	// Two documents of a pair are always put together: in the same words, with
	// the same version. Between rounds they also go together.
	put := func(pair int, version int64) {
		a := named(2*pair, fmt.Sprintf("pairword%d common", pair), notes(fmt.Sprintf("round%d", version)))
		b := named(2*pair+1, a.Fields[0].Text, a.Fields[1])
		a.Version, b.Version = version, version
		a.Terms, b.Terms = []string{"pair\x00x"}, []string{"pair\x00x"}
		x.Put(a, b)
	}
	ended := make(chan struct{})
	var writers, readers sync.WaitGroup
	for pair := range pairs {
		put(pair, 0)
		random := newPeople(uint64(30 + pair))
		writers.Go(func() {
			for i := range rounds {
				put(pair, int64(i))
				x.Put(random.document(1000 + random.random.IntN(300)))
				if i%10 == 9 {
					x.Delete(id(2*pair), id(2*pair+1))
					put(pair, int64(i))
				}
			}
		})
	}
	for s := range searchers {
		random := newPeople(uint64(40 + s))
		readers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-ended:
					return
				default:
				}
				text := fmt.Sprintf("pairword%d", i%pairs)
				r, err := x.Search(context.Background(), textindex.Query{Text: text + " comm", Limit: 10, FacetPrefixes: []string{"pair\x00"}})
				if err != nil || r.Total != len(r.Hits) || r.Total%2 != 0 {
					t.Errorf("search %q: got %d of %d hits (%v)", text, len(r.Hits), r.Total, err)
				} else if r.Total == 2 && (r.Hits[0].Version != r.Hits[1].Version || r.Facets["pair\x00"][0].Count != 2) {
					t.Errorf("search %q: got versions %d and %d, facets %v", text, r.Hits[0].Version, r.Hits[1].Version, r.Facets)
				}
				q := random.query(random.document(1))
				if _, err := x.MatchIDs(context.Background(), q, textindex.ID{}, 5); err != nil {
					t.Errorf("match %q: %v", q.Text, err)
				}
				x.Versions(textindex.ID{}, 3)
				_, _, _ = x.Len(), x.Bytes(), i
			}
		})
	}
	writers.Wait()
	close(ended)
	readers.Wait()
}

func TestWaitingSearchesEndWithTheirContext(t *testing.T) {
	x := textindex.New(options())
	p := newPeople(22)
	for n := range 500 {
		x.Put(p.document(n))
	}
	var group sync.WaitGroup
	for i := range 8 * runtime.GOMAXPROCS(0) {
		ctx, cancel := context.WithCancel(context.Background())
		group.Go(func() {
			_, err := x.Search(ctx, textindex.Query{Text: "maria christopherso", Limit: 5})
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want an answer or %v", err, context.Canceled)
			}
		})
		if i%2 == 0 {
			cancel()
		} else {
			group.Go(func() { cancel() })
		}
	}
	group.Wait()
	if got := search(t, x, textindex.Query{MatchAll: true}).Total; got != 500 {
		t.Errorf("afterwards got %d documents, want 500", got)
	}
}

func TestBytesEstimatesTheHeap(t *testing.T) {
	all := batches(20_000)
	before := heap()
	x := textindex.New(options())
	for _, docs := range all {
		x.Put(docs...)
	}
	got, want := float64(x.Bytes()), float64(int64(heap())-int64(before))
	if got < 0.75*want || got > 1.25*want {
		t.Errorf("got an estimate of %.1f MB, want %.1f MB within a quarter", got/1e6, want/1e6)
	}
	runtime.KeepAlive(all)
	runtime.KeepAlive(x)
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestUpdatesDoNotLetTheIndexGrow(t *testing.T) {
	const documents = 2000
	p := newPeople(23)
	p.wide = true
	x := textindex.New(options())
	docs := make([]textindex.Document, documents)
	for n := range docs {
		docs[n] = p.document(n)
	}
	x.Put(docs...)
	first := x.Bytes()
	for round := range 10 {
		for n := range docs {
			if n%3 == 0 {
				x.Delete(docs[n].ID)
			}
			x.Put(p.document(n + documents*(round%2)*(n%3/2)))
			if n%3 == 2 {
				x.Delete(id(n + documents*((round+1)%2)))
			}
		}
	}
	if got := x.Bytes(); x.Len() != documents || got > first*13/10 {
		t.Errorf("got %d bytes for %d documents, want at most 1.3 times %d for %d", got, x.Len(), first, documents)
	}
}

func FuzzSearch(f *testing.F) {
	p := newPeople(24)
	var docs []textindex.Document
	for n := range 200 {
		docs = append(docs, p.document(n))
	}
	for _, text := range []string{"maria cantwel", "(202) 224-3441", "m@x.org", "田", "\xff", "a' 12 34 @", "x²½ ١٢ ٣٤", "１２−３４"} {
		f.Add(text, "some Text 12-34", "m.c@x.org", "+1 (202) 224")
	}
	f.Fuzz(func(t *testing.T, query, text, address, number string) {
		x, b := textindex.New(options()), &brute{docs: map[textindex.ID]bruteDoc{}}
		all := append([]textindex.Document{
			named(9001, text), named(9002, query, email(address), phone(number)), named(9003, "", notes(text)),
			named(9004, "", email(query), phone(query), phone(text)),
		}, docs...)
		x.Put(all...)
		b.put(all...)
		checkQuery(t, x, b, textindex.Query{Text: query, Limit: 1000})
		m := textindex.NewMatcher(query)
		for _, field := range []textindex.Field{{Text: text, Infix: true}, email(address), phone(number), notes(query)} {
			end := 0
			for _, s := range m.Spans(field) {
				if s.Start < end || s.End <= s.Start || s.End > len(field.Text) {
					t.Errorf("spans of %+q in %+q: got %+v", query, field.Text, m.Spans(field))
				}
				end = s.End
			}
		}
	})
}
