package crm_test

import (
	"errors"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
)

// FuzzParseDateFilter: any text is a filter or a *ValidationError, and a
// filter resolves to a range that is not backwards, in any zone.
func FuzzParseDateFilter(f *testing.F) {
	for _, seed := range []string{
		`{"mode":"any"}`, `{"mode":"today"}`, `{"mode":"range","from":"2026-02-28","to":"2026-02-29"}`, `{"mode":"range","from":"2026-01-02","to":"2026-01-01"}`,
		`{"mode":"week","from":"x"}`, `{"mode":"range","to":"9999-12-31"}`, `{"mode":"range","from":"0001-01-01"}`, `[]`, `{"mode":1}`, `{`, "",
	} {
		f.Add(seed, "Europe/Berlin", int64(1_795_000_000))
	}
	f.Fuzz(func(t *testing.T, text, zone string, now int64) {
		filter, err := crm.ParseDateFilter("createdAtFilter", text)
		if err != nil {
			if !errors.Is(err, crm.ErrInvalid) {
				t.Fatalf("%q: got %v, want a validation error", text, err)
			}
			return
		}
		location, err := crm.LoadZone(zone)
		if err != nil {
			location = time.UTC
		}
		r, err := filter.Range("createdAtFilter", location, time.Unix(now%(1<<37), 0))
		if err != nil {
			t.Fatalf("%q was accepted, then refused: %v", text, err)
		}
		if !r.From.IsZero() && !r.To.IsZero() && r.To.Before(r.From) {
			t.Fatalf("%q: backwards range %v", text, r)
		}
	})
}

// FuzzListQuery: whatever a search box, a cursor or a custom field filter
// holds, the list answers, or says which parameter is wrong.
func FuzzListQuery(f *testing.F) {
	store, err := sqlite.Open(f.Context(), ":memory:")
	if err != nil {
		f.Fatal(err)
	}
	app, err := crm.New(crm.Config{Store: store})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = errors.Join(app.Close(), store.Close()) })
	actor := crm.Actor{Workspace: crm.WorkspaceID(crm.NamedID("fuzz")), Role: crm.RoleOwner}
	for _, name := range []string{"Zoë Łukasz", "山田 太郎", "O'Brien-Smith", "مريم", "😀"} {
		if _, err := app.Contacts.Create(f.Context(), actor, crm.NewContact{
			DisplayName: name, Emails: []crm.Email{{Address: "x@example.com"}}, Phones: []crm.Phone{{Number: "202-224-3441"}}, Tags: []string{name},
		}); err != nil {
			f.Fatal(err)
		}
	}
	list, err := app.Contacts.List(f.Context(), actor, crm.ContactListQuery{PageSize: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("zoe", list.NextCursor, "createdAt", "tag")
	f.Add("224-34", "", "displayName", "x")
	f.Add("ł ø '’-@.", "e30", "", "日本")
	f.Add("x@example.com", "!", "score", "\x00")
	f.Fuzz(func(t *testing.T, search, cursor, sort, tag string) {
		q := crm.ContactListQuery{
			Filter: crm.ContactFilter{Search: search, Tags: []string{tag}, Fields: map[string]string{"k": tag}}, Sort: crm.ContactSort(sort), Cursor: cursor,
			PageSize: 2, Facets: crm.Facets(),
		}
		for range 2 { // Once with the filters, once with the search alone.
			got, err := app.Contacts.List(t.Context(), actor, q)
			if err != nil && !errors.Is(err, crm.ErrInvalid) {
				t.Fatalf("%+v: %v", q, err)
			}
			for _, highlights := range got.Highlights {
				for _, h := range highlights {
					for _, p := range h.Parts {
						if !utf8.ValidString(p.Text) {
							t.Fatalf("%+v: highlight cuts a character: %q", q, p.Text)
						}
					}
				}
			}
			q.Filter = crm.ContactFilter{Search: search}
		}
	})
}
