package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// aTime is where the tests' clock stands.
func aTime() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 123_456_000, time.UTC) }

// workspace returns a workspace of its own for every name.
func workspace(name string) crm.WorkspaceID { return crm.WorkspaceID(crm.NamedID(name)) }

// person returns the n-th made-up contact, with an email, a phone and two tags.
func person(n int) crm.Contact {
	given := []string{"Maria", "Zoë", "Łukasz", "Ahmed", "Chen", "Olga", "Priya", "João"}[n%8]
	family := fmt.Sprintf("%s%d", []string{"Cantwell", "Nowak", "Haddad", "Li", "Petrova", "Rao", "Silva"}[n%7], n)
	at := aTime().Add(time.Duration(n) * time.Millisecond)
	return crm.Contact{
		ID: crm.NewID(), DisplayName: given + " " + family, GivenName: given, FamilyName: family,
		Emails:  []crm.Email{{Address: fmt.Sprintf("%s.%d@example.com", given, n), Label: "work", Primary: true}},
		Phones:  []crm.Phone{{Number: fmt.Sprintf("(202) 555-%04d", n%10_000), E164: fmt.Sprintf("+1202%07d", n), Primary: true}},
		Company: fmt.Sprintf("Company %d", n%997), JobTitle: "Engineer", Stage: crm.Stages()[n%5],
		Tags: []string{[]string{"vip", "press", "donor"}[n%3], []string{"2024", "2025"}[n%2]}, Notes: "met at the fair in spring",
		Addresses: []crm.Address{{Street: fmt.Sprintf("%d Main Street", n), City: "Springfield", Region: "IL", PostalCode: "62701", Country: "US"}},
		Source:    "import", CreatedAt: at, UpdatedAt: at, Version: 1, PeakVersion: 1,
	}
}

// people returns writes of n new contacts.
func people(n int) []crm.ContactWrite {
	writes := make([]crm.ContactWrite, n)
	for i := range writes {
		writes[i] = crm.NewContactWrite(person(i), 0)
	}
	return writes
}

// put writes contacts in batches.
func put(tb testing.TB, s crm.Store, ws crm.WorkspaceID, writes []crm.ContactWrite) {
	tb.Helper()
	for len(writes) > 0 {
		n := min(len(writes), 1000)
		if err := s.PutContacts(tb.Context(), ws, writes[:n]); err != nil {
			tb.Fatal(err)
		}
		writes = writes[n:]
	}
}

// created is the event of a new contact.
func created(c crm.Contact) crm.Event {
	return crm.Event{
		ID: crm.NewID(), Type: crm.EventContactCreated, At: c.CreatedAt, Actor: crm.EventActor{Kind: crm.ActorUser, ID: crm.NamedID("me")},
		Subject: crm.Subject{Kind: crm.SubjectContact, ID: c.ID}, Version: c.Version,
	}
}
