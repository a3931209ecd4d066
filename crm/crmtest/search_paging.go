package crmtest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func searchPagingTests() []searchTest {
	tests := []searchTest{
		{"a limit of nothing still counts", func(f *searchFixture) {
			f.put(f.contact(1, named("Ann")), f.contact(2, named("Ann")))
			got := f.search(crm.SearchQuery{Text: "ann"})
			if len(got.Hits) != 0 {
				f.Errorf("SearchContacts: got %d hits, want none", len(got.Hits))
			}
			f.wantTotal("SearchContacts", got, 2)
		}},
		{"a forged position is refused", testForgedPosition},
		{"hits beyond the window are refused", func(f *searchFixture) {
			f.put(f.contact(1))
			for _, q := range []crm.SearchQuery{{Offset: crm.MaxSearchWindow, Limit: 1}, {Offset: crm.MaxSearchWindow - 4, Limit: 5}} {
				q.MatchAll = true
				_, err := f.x.SearchContacts(f.Context(), f.ws, q)
				if !errors.Is(err, crm.ErrTooLarge) {
					f.Errorf("SearchContacts at %d: got error %v, want crm.ErrTooLarge", q.Offset, err)
				}
			}
			got := f.search(crm.SearchQuery{MatchAll: true, Offset: crm.MaxSearchWindow - 5, Limit: 5})
			if len(got.Hits) != 0 {
				f.Errorf("SearchContacts at the end of the window: got %d hits, want none", len(got.Hits))
			}
		}},
		{"all matches are listed by id, beyond the window", testMatchAllIDs},
	}
	for _, order := range searchOrders() {
		name := "relevance"
		if order.By != "" {
			name = fmt.Sprintf("%s, descending %t", order.By, order.Desc)
		}
		tests = append(tests,
			searchTest{"pages by " + name + " hold every hit once, in order", func(f *searchFixture) { testSearchPages(f, order) }},
			searchTest{"pages by " + name + " survive deletes and inserts between them", func(f *searchFixture) { testMovingHits(f, order) }},
		)
	}
	return tests
}

func searchOrders() []crm.SearchOrder {
	orders := []crm.SearchOrder{{}}
	for _, by := range crm.ContactSorts() {
		orders = append(orders, crm.SearchOrder{By: by}, crm.SearchOrder{By: by, Desc: true})
	}
	return orders
}

// pagePeople indexes 23 people whom "carter" finds in several ways, with ties,
// and one whom it does not.
func (f *searchFixture) pagePeople() {
	f.Helper()
	for n := range 23 {
		f.put(f.pagePerson((n*7)%23*10+10, n))
	}
	f.put(f.contact(900, named("Nobody")))
}

func (f *searchFixture) pagePerson(n, kind int) crm.Contact {
	return f.contact(n, named([]string{"Carter", "Ann Carter", "Carterfield", "Cartar", "McCarter"}[kind%5]), func(c *crm.Contact) {
		c.CreatedAt = day().Add(time.Duration(kind%3) * time.Hour)
		c.UpdatedAt = c.CreatedAt
		if kind%2 == 0 {
			score := kind % 4
			c.LastInteractionAt, c.Score = c.CreatedAt, &score
		}
	})
}

func testSearchPages(f *searchFixture, order crm.SearchOrder) {
	f.pagePeople()
	all := f.search(crm.SearchQuery{Text: "carter", Order: order, Limit: 100})
	want := hitIDs(all.Hits)
	if len(want) != 23 {
		f.Fatalf("SearchContacts: got %d hits, want 23", len(want))
	}
	for _, limit := range []int{1, 4, 22, 23, 24} {
		var byOffset []crm.ID
		for offset := 0; offset < 30; offset += limit {
			got := f.search(crm.SearchQuery{Text: "carter", Order: order, Offset: offset, Limit: limit})
			if len(got.Hits) > limit {
				f.Fatalf("SearchContacts: got %d hits, want at most %d", len(got.Hits), limit)
			}
			f.wantTotal("a page by offset", got, 23)
			byOffset = append(byOffset, hitIDs(got.Hits)...)
		}
		wantIDs(f.T, fmt.Sprintf("pages of %d by offset", limit), byOffset, want)
		wantIDs(f.T, fmt.Sprintf("pages of %d by position", limit), f.walk(order, limit, nil), want)
	}
}

// walk reads page by page, each behind the last hit of the one before, and
// calls between after each page.
func (f *searchFixture) walk(order crm.SearchOrder, limit int, between func(page int)) []crm.ID {
	f.Helper()
	var seen []crm.ID
	q := crm.SearchQuery{Text: "carter", Order: order, Limit: limit}
	for page := range 60 {
		got := f.search(q)
		seen = append(seen, hitIDs(got.Hits)...)
		if len(got.Hits) < limit {
			return seen
		}
		q.After = got.Hits[len(got.Hits)-1].Position
		if q.After == "" {
			f.Fatal("SearchContacts: a hit has no position")
		}
		if between != nil {
			between(page)
		}
	}
	f.Fatal("the pages do not end")
	return nil
}

func testMovingHits(f *searchFixture, order crm.SearchOrder) {
	f.pagePeople()
	all := hitIDs(f.search(crm.SearchQuery{Text: "carter", Order: order, Limit: 100}).Hits)
	if len(all) != 23 {
		f.Fatalf("SearchContacts: got %d hits, want 23", len(all))
	}
	stays := slices.DeleteFunc(slices.Clone(all), func(id crm.ID) bool { return id == all[0] || id == all[3] || id == all[9] })
	seen := f.walk(order, 4, func(page int) {
		switch page {
		case 0:
			f.remove(all[0], all[3]) // The first hit, and the one the position names.
		case 1:
			f.remove(all[9])
		}
		if page < 4 {
			f.put(f.pagePerson(1+page*61, page))
		}
	})
	got := slices.DeleteFunc(slices.Clone(seen), func(id crm.ID) bool { return !slices.Contains(stays, id) })
	wantIDs(f.T, "the hits that stayed", got, stays)
	slices.SortFunc(seen, compareIDs)
	if len(slices.Compact(seen)) != len(seen) {
		f.Errorf("a hit came twice: %v", numbersOf(seen))
	}
}

func testForgedPosition(f *searchFixture) {
	f.put(f.contact(1, named("Ann")), f.contact(2, named("Ann")))
	real := f.search(crm.SearchQuery{Text: "ann", Limit: 1}).Hits[0].Position
	for _, forged := range []string{
		"forged", "!", "0", "\x00", "-1", real + "x", real[:len(real)/2], base64.StdEncoding.EncodeToString([]byte("forged")),
	} {
		_, err := f.x.SearchContacts(f.Context(), f.ws, crm.SearchQuery{Text: "ann", After: forged, Limit: 5})
		var invalid *crm.ValidationError
		if !errors.As(err, &invalid) || !errors.Is(err, crm.ErrInvalid) || len(invalid.Fields) != 1 || invalid.Fields[0].Field != "cursor" {
			f.Errorf("SearchContacts after %q: got error %v, want a *crm.ValidationError of the field cursor", forged, err)
		}
	}
}

// testMatchAllIDs indexes more contacts than the window of ranked hits holds.
func testMatchAllIDs(f *searchFixture) {
	const n = crm.MaxSearchWindow + 50
	contacts := make([]crm.Contact, n)
	for i := range contacts {
		contacts[i] = f.contact((i*7919)%n+1, named("Ann"))
	}
	f.put(contacts...)
	for _, q := range []crm.SearchQuery{
		{MatchAll: true},
		{Text: "ann", Order: crm.SearchOrder{By: crm.SortCreatedAt, Desc: true}, After: "ignored", Offset: 20_000, Limit: 3, Facets: crm.Facets()},
	} {
		var after crm.ID
		seen := 0
		for {
			page, err := f.x.MatchContacts(f.Context(), f.ws, q, after, 4_000)
			f.ok("MatchContacts", err)
			for i, id := range page {
				if id != f.id(seen+i+1) {
					f.Fatalf("MatchContacts: got %v at place %d, want %d", numbersOf([]crm.ID{id}), seen+i, seen+i+1)
				}
			}
			seen += len(page)
			if len(page) < 4_000 {
				break
			}
			after = page[len(page)-1]
		}
		if seen != n {
			f.Errorf("MatchContacts: got %d ids in all, want %d", seen, n)
		}
	}
}
