package crm_test

import (
	"path/filepath"
	"runtime"
	"testing"

	"github.com/omnicrm/omnicrm/adapters/phone"
	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/internal/fakedata"
)

// BenchmarkSearchLoad loads the search index of 100,000 contacts from a file of
// SQLite, as the first search of a process does.
func BenchmarkSearchLoad(b *testing.B) {
	store, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "people.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := store.Close(); err != nil {
			b.Errorf("close store: %v", err)
		}
	})
	owner := actorOf("acme", "olga", crm.RoleOwner)
	open := func() *crm.CRM {
		app, err := crm.New(crm.Config{Store: store, Phones: phone.New()})
		if err != nil {
			b.Fatal(err)
		}
		return app
	}
	addPeople(b, open(), owner, 100_000)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		runtime.GC() // The index before is gone.
		b.StartTimer()
		app := open()
		for loaded := false; !loaded; { // With facets, which the store does not answer meanwhile.
			l, err := app.Contacts.List(b.Context(), owner, crm.ContactListQuery{PageSize: 1, Facets: []crm.Facet{crm.FacetStage}})
			if err != nil {
				b.Fatal(err)
			}
			loaded = !l.Degraded
		}
		if err := app.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// addPeople adds n made-up people, with what a search looks in, and closes the
// CRM.
func addPeople(b *testing.B, app *crm.CRM, owner crm.Actor, n int) {
	b.Helper()
	g := fakedata.New(1)
	for done := 0; done < n; done += crm.MaxBatch {
		var in crm.BatchInput
		for range min(crm.MaxBatch, n-done) {
			p := g.Person()
			c := crm.NewContact{
				DisplayName: p.DisplayName, GivenName: p.GivenName, FamilyName: p.FamilyName, Company: p.Company,
				Stage: crm.Stage(p.Stage), Tags: p.Tags, Notes: p.Notes, Source: p.Source,
			}
			for _, e := range p.Emails {
				c.Emails = append(c.Emails, crm.Email{Address: e.Address, Label: e.Label})
			}
			for _, t := range p.Phones {
				c.Phones = append(c.Phones, crm.Phone{Number: t.Number, Label: t.Label})
			}
			in.Contacts = append(in.Contacts, c)
		}
		if _, err := app.Contacts.Batch(b.Context(), owner, in); err != nil {
			b.Fatal(err)
		}
	}
	if err := app.Close(); err != nil {
		b.Fatal(err)
	}
}
