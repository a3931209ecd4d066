package textindex_test

import (
	"context"
	"slices"
	"testing"

	"github.com/omnicrm/omnicrm/crm/textindex"
)

// A plan has to find what the index finds, and to rank it alike.
func TestPlanAgreesWithTheIndex(t *testing.T) {
	p := newPeople(11)
	x := textindex.New(options())
	contents := map[textindex.ID]textindex.Contents{}
	var docs []textindex.Document
	for n := range 400 {
		d := p.document(n)
		docs = append(docs, d)
		contents[d.ID] = textindex.Read(&d)
	}
	x.Put(docs...)
	for range 1_500 {
		text := p.text(p.document(p.random.IntN(400)))
		got, err := x.Search(context.Background(), textindex.Query{Text: text, Limit: 400})
		if err != nil {
			t.Fatal(err)
		}
		plan := textindex.NewPlan(text)
		var last textindex.Relevance
		for _, h := range got.Hits {
			r, ok := plan.Relevance(contents[h.ID])
			if !ok {
				t.Errorf("%q: the index finds %x, the plan does not", text, h.ID)
			}
			if r < last {
				t.Errorf("%q: relevance %x after %x: another order than the index has", text, r, last)
			}
			last = r
		}
		found := 0
		for _, c := range contents {
			if _, ok := plan.Relevance(c); ok {
				found++
			}
		}
		if found != got.Total {
			t.Errorf("%q: the plan finds %d, the index %d", text, found, got.Total)
		}
	}
}

func TestReadMergesWordsOfSeveralFields(t *testing.T) {
	got := textindex.Read(&textindex.Document{Fields: []textindex.Field{
		{Text: "Ann Carter", Rank: 0, Infix: true},
		{Text: "ann@Example.com", Kind: textindex.KindEmail, Rank: 1, Infix: true},
		{Text: "+1 (202) 555-0123 ext home", Kind: textindex.KindPhone, Rank: 2},
		{Text: "home ann", Rank: 2},
	}})
	want := []textindex.ContentWord{
		{Text: "ann", Infix: true},
		{Text: "carter", Infix: true},
		{Text: "com", Rank: 1, InfixRank: 1, Infix: true},
		{Text: "example", Rank: 1, InfixRank: 1, Infix: true},
		{Text: "ext", Rank: 2},
		{Text: "home", Rank: 2},
	}
	if !slices.Equal(got.Words, want) {
		t.Errorf("words: got %v, want %v", got.Words, want)
	}
	if want := []textindex.ContentWhole{{"ann@example.com", 1}}; !slices.Equal(got.Emails, want) {
		t.Errorf("emails: got %v, want %v", got.Emails, want)
	}
	if want := []textindex.ContentWhole{{"12025550123", 2}}; !slices.Equal(got.Phones, want) {
		t.Errorf("phones: got %v, want %v", got.Phones, want)
	}
}
