package meilisearch_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/omnicrm/omnicrm/adapters/meilisearch"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/internal/fakedata"
	"github.com/omnicrm/omnicrm/internal/testkit/meilitest"
)

// Nobody can tell the index from the built-in one: the same queries to both.
func TestAgreesWithTheBuiltInIndex(t *testing.T) {
	t.Parallel()
	agree(t, onStandIn(t, meilitest.Options{}), 400, 120)
}

func TestAgreesWithTheBuiltInIndexOnServer(t *testing.T) {
	needServer(t)
	agree(t, onServer(t, meilisearch.Options{}), 5_000, 1_000)
}

func agree(t *testing.T, x crm.SearchIndex, contacts, queries int) {
	t.Helper()
	own, ws, random := crm.NewMemoryIndex(), newWorkspace(), rand.New(rand.NewPCG(20, 26))
	people := somePeople(contacts)
	for chunk := range slices.Chunk(people, 1_000) {
		for _, index := range []crm.SearchIndex{own, x} {
			if err := index.PutDocuments(t.Context(), ws, chunk); err != nil {
				t.Fatal(err)
			}
		}
	}
	ranked := 0
	for n := range queries {
		q := someQuery(random, people, n)
		want, err := own.SearchContacts(t.Context(), ws, q)
		if err != nil {
			t.Fatal(err)
		}
		got, err := x.SearchContacts(t.Context(), ws, q)
		if err != nil {
			t.Fatalf("%q: %v", q.Text, err)
		}
		if want.Total > 200 {
			ranked++
		}
		if d := cmp.Diff(shown(want), shown(got)); d != "" {
			t.Errorf("query %q by %+v, %+v: (-built-in +here)\n%.2000s", q.Text, q.Order, q.Where, d)
		}
		pages(t, x, ws, q, want)
		wantIDs, err := own.MatchContacts(t.Context(), ws, q, crm.ID{}, 200)
		if err != nil {
			t.Fatal(err)
		}
		gotIDs, err := x.MatchContacts(t.Context(), ws, q, crm.ID{}, 200)
		if err != nil || !slices.Equal(gotIDs, wantIDs) {
			t.Errorf("query %q: MatchContacts: got %d ids and error %v, want %d", q.Text, len(gotIDs), err, len(wantIDs))
		}
	}
	if ranked < queries/50 {
		t.Errorf("%d of %d queries have more matches than are ranked here, want more of them", ranked, queries)
	}
}

// pages compares the hits behind the third one, and those from the fifth on.
func pages(t *testing.T, x crm.SearchIndex, ws crm.WorkspaceID, q crm.SearchQuery, want crm.SearchResult) {
	t.Helper()
	if len(want.Hits) < 6 {
		return
	}
	q.Facets = nil
	first, err := x.SearchContacts(t.Context(), ws, func() crm.SearchQuery { q := q; q.Limit = 3; return q }())
	if err != nil || len(first.Hits) != 3 {
		t.Fatalf("query %q: got %d hits and error %v", q.Text, len(first.Hits), err)
	}
	behind, from := q, q
	behind.After, behind.Limit = first.Hits[2].Position, len(want.Hits)-3
	from.Offset, from.Limit = 5, len(want.Hits)-5
	for name, page := range map[string]struct {
		q    crm.SearchQuery
		want []crm.SearchHit
	}{"behind the third": {behind, want.Hits[3:]}, "from the fifth": {from, want.Hits[5:]}} {
		got, err := x.SearchContacts(t.Context(), ws, page.q)
		if err != nil {
			t.Fatalf("query %q %s: %v", q.Text, name, err)
		}
		if d := cmp.Diff(shown(crm.SearchResult{Hits: page.want}).Hits, shown(got).Hits); d != "" || got.Total != want.Total {
			t.Errorf("query %q %s: got total %d, want %d (-built-in +here)\n%.1000s", q.Text, name, got.Total, want.Total, d)
		}
	}
}

// shown is a result without what is an index's own.
func shown(r crm.SearchResult) crm.SearchResult {
	r.Hits = slices.Clone(r.Hits)
	for i := range r.Hits {
		r.Hits[i].Position = ""
	}
	if len(r.Hits) == 0 {
		r.Hits = nil
	}
	return r
}

func somePeople(n int) []crm.SearchDocument {
	g := fakedata.New(20)
	begin := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	docs := make([]crm.SearchDocument, n)
	for i := range docs {
		p := g.Person()
		c := crm.Contact{
			ID: crm.NamedID(fmt.Sprintf("person %d", i)), Version: int64(i + 1), DisplayName: p.DisplayName, GivenName: p.GivenName, FamilyName: p.FamilyName,
			Company: p.Company, Tags: p.Tags, Notes: p.Notes, Stage: crm.Stages()[i%5], Source: []string{"manual", "import", "gmail"}[i%3],
			CreatedAt: begin.Add(time.Duration(i*7919%100_000) * time.Minute), UpdatedAt: begin.Add(time.Duration(i) * time.Hour),
		}
		if i%3 == 0 {
			c.LastInteractionAt = begin.Add(time.Duration(i*104_729%500_000) * time.Minute)
			score := i % 101
			c.Score = &score
		}
		for _, e := range p.Emails {
			c.Emails = append(c.Emails, crm.Email{Address: e.Address})
		}
		for _, ph := range p.Phones {
			c.Phones = append(c.Phones, crm.Phone{Number: ph.Number})
		}
		docs[i].Contact = c
	}
	return docs
}

// someQuery cuts a query out of a contact: words, beginnings, pieces, typos.
func someQuery(random *rand.Rand, people []crm.SearchDocument, n int) crm.SearchQuery {
	c := people[random.IntN(len(people))].Contact
	texts := []string{c.DisplayName, c.DisplayName, c.Company}
	for _, e := range c.Emails {
		texts = append(texts, e.Address)
	}
	for _, p := range c.Phones {
		texts = append(texts, p.Number)
	}
	var words []string
	for range 1 + random.IntN(3) {
		some := strings.FieldsFunc(texts[random.IntN(len(texts))], func(r rune) bool { return r == ' ' && random.IntN(3) > 0 })
		if len(some) > 0 {
			words = append(words, mistyped(random, some[random.IntN(len(some))]))
		}
	}
	q := crm.SearchQuery{Text: strings.Join(words, " "), Limit: 60, Facets: crm.Facets()}
	if n%9 == 0 { // Short beginnings find many.
		r := []rune(c.DisplayName)
		q.Text = string(r[:min(len(r), 1+random.IntN(2))])
	}
	switch n % 6 {
	case 1:
		q.Where.Stages = []crm.Stage{c.Stage, crm.StageLead}
	case 2:
		q.Where.CreatedAt = crm.TimeRange{From: c.CreatedAt.Add(-time.Hour)}
		q.Where.Sources = []string{c.Source}
	case 3:
		sorts := crm.ContactSorts()
		q.Order = crm.SearchOrder{By: sorts[random.IntN(len(sorts))], Desc: random.IntN(2) == 0}
		q.MatchAll = random.IntN(3) == 0
	}
	return q
}

func mistyped(random *rand.Rand, word string) string {
	r := []rune(word)
	at := random.IntN(len(r))
	switch random.IntN(8) {
	case 0:
		return string(r[:at]) + string(r[min(at+1, len(r)):])
	case 1:
		return string(r[:at]) + "e" + string(r[at:])
	case 2:
		if at+1 < len(r) {
			r[at], r[at+1] = r[at+1], r[at]
		}
	case 3:
		return string(r[:at+1])
	case 4:
		return string(r[at:])
	case 5:
		return strings.ToUpper(word)
	}
	return string(r)
}
