package textindex_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/omnicrm/omnicrm/crm/textindex"
)

var allOrders = []textindex.Order{
	{},
	{By: textindex.OrderColumn, Column: 0},
	{By: textindex.OrderColumn, Column: 1, Desc: true},
	{By: textindex.OrderSortKey},
	{By: textindex.OrderSortKey, Desc: true},
}

func TestPagesNeitherSkipNorRepeatWhenDocumentsComeAndGo(t *testing.T) {
	const documents = 600
	for _, order := range allOrders {
		p := newPeople(11)
		x := textindex.New(options())
		fresh := documents
		for n := range documents {
			x.Put(p.document(n))
		}
		for _, q := range []textindex.Query{{Text: "ma"}, {MatchAll: true}, {Text: "com"}} {
			q.Order, q.Limit = order, 7
			stays := map[textindex.ID]bool{} // matched before, and never touched
			for _, h := range search(t, x, textindex.Query{Text: q.Text, MatchAll: q.MatchAll, Limit: documents * 2}).Hits {
				stays[h.ID] = true
			}
			seen := map[textindex.ID]bool{}
			for {
				r := search(t, x, q)
				for _, h := range r.Hits {
					if seen[h.ID] {
						t.Fatalf("order %+v, query %q: %x twice", order, q.Text, h.ID)
					}
					seen[h.ID] = true
					q.After = h.Position
				}
				if len(r.Hits) == 0 {
					break
				}
				gone := r.Hits[p.random.IntN(len(r.Hits))].ID // also the one that the position names
				delete(stays, gone)
				x.Delete(gone)
				n := p.random.IntN(documents)
				if !seen[id(n)] {
					delete(stays, id(n))
					x.Delete(id(n))
				}
				x.Put(p.document(fresh)) // an old one would move to another place
				fresh++
			}
			for want := range stays {
				if !seen[want] {
					t.Errorf("order %+v, query %q: %x skipped", order, q.Text, want)
				}
			}
		}
	}
}

func search(t *testing.T, x *textindex.Index, q textindex.Query) textindex.Result {
	t.Helper()
	r, err := x.Search(context.Background(), q)
	if err != nil {
		t.Fatalf("search %+v: %v", q, err)
	}
	return r
}

func TestPagesAndOffsetsGiveTheSameOrderAsOnePage(t *testing.T) {
	p := newPeople(12)
	x := textindex.New(options())
	for n := range 500 {
		x.Put(p.document(n))
	}
	for _, order := range allOrders {
		q := textindex.Query{Text: "a", Order: order, Limit: 1000}
		want := search(t, x, q)
		var got []textindex.Hit
		for q.Limit = 9; ; {
			r := search(t, x, q)
			if r.Total != want.Total {
				t.Errorf("order %+v: got a total of %d, want %d", order, r.Total, want.Total)
			}
			if len(r.Hits) == 0 {
				break
			}
			got = append(got, r.Hits...)
			q.After = r.Hits[len(r.Hits)-1].Position
		}
		if !slices.Equal(got, want.Hits) {
			t.Errorf("order %+v: pages give another order", order)
		}
		q = textindex.Query{Text: "a", Order: order, Offset: 5, Limit: 10, After: want.Hits[2].Position}
		if got := search(t, x, q).Hits; !slices.Equal(got, want.Hits[8:18]) {
			t.Errorf("order %+v: got %d other hits after a position and an offset", order, len(got))
		}
	}
}

func TestMatchIDsAndVersionsPageInTheOrderOfIDs(t *testing.T) {
	p := newPeople(13)
	x := textindex.New(options())
	versions := map[textindex.ID]int64{}
	for n := range 300 {
		d := p.document(n)
		versions[d.ID] = d.Version
		x.Put(d)
	}
	q := textindex.Query{Text: "com", Order: textindex.Order{By: textindex.OrderSortKey}, Limit: 1, After: "ignored"}
	all, err := x.MatchIDs(context.Background(), q, textindex.ID{}, 0)
	if err != nil || len(all) < 50 || !slices.IsSortedFunc(all, compareIDs) {
		t.Fatalf("got %d ids (%v)", len(all), err)
	}
	var got []textindex.ID
	for after := (textindex.ID{}); ; after = got[len(got)-1] {
		ids, err := x.MatchIDs(context.Background(), q, after, 7)
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, ids...); len(ids) == 0 {
			break
		}
	}
	if !slices.Equal(got, all) {
		t.Errorf("got %d ids by pages, want %d", len(got), len(all))
	}
	count := 0
	for after := (textindex.ID{}); ; {
		page := x.Versions(after, 11)
		if len(page) == 0 {
			break
		}
		for _, v := range page {
			if compareIDs(after, v.ID) >= 0 || versions[v.ID] != v.Version {
				t.Errorf("got version %d of %x after %x, want %d", v.Version, v.ID, after, versions[v.ID])
			}
			if got, ok := x.Version(v.ID); !ok || got != v.Version {
				t.Errorf("got version %d, %v, want %d", got, ok, v.Version)
			}
			after = v.ID
			count++
		}
	}
	if count != len(versions) || len(x.Versions(textindex.ID{}, 0)) != count {
		t.Errorf("got %d versions, want %d", count, len(versions))
	}
}

func TestSearchRefusesWhatItCannotDo(t *testing.T) {
	x := textindex.New(options())
	p := newPeople(14)
	for n := range 50 {
		x.Put(p.document(n))
	}
	position := search(t, x, textindex.Query{MatchAll: true, Limit: 1}).Hits[0].Position
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		about string
		ctx   context.Context
		q     textindex.Query
		want  error
	}{
		{"a forged position", context.Background(), textindex.Query{After: "x!"}, textindex.ErrBadPosition},
		{"a short position", context.Background(), textindex.Query{After: position[:20], Limit: 1}, textindex.ErrBadPosition},
		{"a long position", context.Background(), textindex.Query{After: position + position[:4], Limit: 1}, textindex.ErrBadPosition},
		{"a position of another order", context.Background(), textindex.Query{After: position, Limit: 1, Order: textindex.Order{By: textindex.OrderSortKey}}, textindex.ErrBadPosition},
		{"a range over no column", context.Background(), textindex.Query{Ranges: []textindex.Range{{Column: 3}}}, textindex.ErrNoColumn},
		{"a negative column", context.Background(), textindex.Query{Ranges: []textindex.Range{{Column: -1}}}, textindex.ErrNoColumn},
		{"an order by no column", context.Background(), textindex.Query{Order: textindex.Order{By: textindex.OrderColumn, Column: 9}}, textindex.ErrNoColumn},
		{"an ended context", ended, textindex.Query{MatchAll: true}, context.Canceled},
	} {
		t.Run(c.about, func(t *testing.T) {
			if _, got := x.Search(c.ctx, c.q); !errors.Is(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestSearchBounds(t *testing.T) {
	x := textindex.New(options())
	p := newPeople(15)
	for n := range 50 {
		x.Put(p.document(n))
	}
	for _, c := range []struct {
		about       string
		q           textindex.Query
		hits, total int
	}{
		{"no limit gives no hits", textindex.Query{MatchAll: true}, 0, 50},
		{"negative ones are none", textindex.Query{MatchAll: true, Limit: -1, Offset: -5}, 0, 50},
		{"an offset past the end", textindex.Query{MatchAll: true, Limit: 5, Offset: 1000}, 0, 50},
		{"the largest numbers", textindex.Query{MatchAll: true, Limit: math.MaxInt, Offset: math.MaxInt}, 0, 50},
		{"the largest limit", textindex.Query{MatchAll: true, Limit: math.MaxInt}, 50, 50},
		{"an empty group of terms", textindex.Query{MatchAll: true, Limit: 5, Terms: [][]string{{}}}, 0, 0},
		{"an unknown term", textindex.Query{MatchAll: true, Limit: 5, Terms: [][]string{{"stage\x00none of them"}}}, 0, 0},
		{"the whole range", textindex.Query{MatchAll: true, Limit: 5, Ranges: []textindex.Range{{From: math.MinInt64, To: math.MaxInt64}}}, 5, 50},
		{"an empty range", textindex.Query{MatchAll: true, Limit: 5, Ranges: []textindex.Range{{From: 9, To: 9}}}, 0, 0},
		{"a text beside MatchAll", textindex.Query{Text: "zzzz", MatchAll: true, Limit: 5}, 5, 50},
	} {
		t.Run(c.about, func(t *testing.T) {
			r := search(t, x, c.q)
			if len(r.Hits) != c.hits || r.Total != c.total {
				t.Errorf("got %d hits of %d, want %d of %d", len(r.Hits), r.Total, c.hits, c.total)
			}
		})
	}
}
