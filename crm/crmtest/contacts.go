package crmtest

import (
	"slices"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func testContacts(t *testing.T, open func(testing.TB) crm.Store) {
	runTests(t, open, []storeTest{
		{"every field comes back exactly", func(f *fixture) {
			want := fullContact(f.ws, 1)
			f.create(want)
			if d := diffContact(f.one(want.ID), want); d != "" {
				f.Errorf("GetContacts: %s", d)
			}
			got, err := f.s.ListContacts(f.Context(), f.ws, crm.ContactQuery{Sort: crm.SortCreatedAt, Limit: 10, Where: crm.ContactCriteria{Trash: true}})
			f.ok("ListContacts", err)
			if d := diff(got, []crm.Contact{want}, true); d != "" {
				f.Errorf("ListContacts: %s", d)
			}
		}},
		{"absent values come back absent", func(f *fixture) {
			want := crm.Contact{ID: f.id(1), DisplayName: "x", Stage: crm.StageNone, Source: "manual", CreatedAt: day(), UpdatedAt: day(), Version: 1, PeakVersion: 1}
			f.create(want)
			if d := diffContact(f.one(want.ID), want); d != "" {
				f.Errorf("GetContacts: %s", d)
			}
		}},
		{"an update replaces every field", testContactReplace},
		{"a row that was read is the caller's own", func(f *fixture) {
			want := fullContact(f.ws, 1)
			f.create(want)
			got := f.one(want.ID)
			got.Tags[0], got.Emails[0].Address, got.Fields["text"] = "changed", "changed", "changed"
			if d := diffContact(f.one(want.ID), fullContact(f.ws, 1)); d != "" {
				f.Errorf("GetContacts after a change of what was read before: %s", d)
			}
		}},
		{"get answers in the order of the ids, each once, trashed ones too", func(f *fixture) {
			f.create(f.contact(1), f.contact(2, trashed), f.contact(3))
			got := contactIDs(f.get(f.ids(3, 9, 2, 1, 3, 2, 8)...))
			wantIDs(f.T, "GetContacts", got, f.ids(3, 2, 1))
			wantIDs(f.T, "GetContacts of no ids", contactIDs(f.get()), nil)
		}},
		{"a thousand contacts are written and read in one call", func(f *fixture) {
			contacts := f.contacts(crm.MaxBatch)
			f.ok("PutContacts", f.s.PutContacts(f.Context(), f.ws, newWrites(contacts)))
			ids := contactIDs(contacts)
			slices.Reverse(ids)
			wantIDs(f.T, "GetContacts", contactIDs(f.get(ids...)), ids)
		}},
		{"no rows is nothing", func(f *fixture) {
			f.ok("PutContacts", f.s.PutContacts(f.Context(), f.ws, nil))
			n, err := f.s.EraseContacts(f.Context(), f.ws, nil)
			f.ok("EraseContacts", err)
			if n != 0 {
				f.Errorf("EraseContacts of no ids: got %d, want 0", n)
			}
		}},
		{"erase removes the rows for good and counts them", testContactErase},
	})
}

func testContactReplace(f *fixture) {
	f.create(fullContact(f.ws, 1))
	want := f.contact(1)
	want.Version, want.PeakVersion = 5, 9
	f.change(want, fullContact(f.ws, 1).Version)
	want.Score, want.LastInteractionAt = fullContact(f.ws, 1).Score, fullContact(f.ws, 1).LastInteractionAt // They are not replaced.
	if d := diffContact(f.one(want.ID), want); d != "" {
		f.Errorf("GetContacts after the update: %s", d)
	}
	full := fullContact(f.ws, 1)
	full.Version, full.PeakVersion = 10, 10
	f.change(full, 5)
	if d := diffContact(f.one(full.ID), full); d != "" {
		f.Errorf("GetContacts after the second update: %s", d)
	}
}

func testContactErase(f *fixture) {
	f.create(f.contact(1), f.contact(2, trashed), f.contact(3), f.contact(4))
	n, err := f.s.EraseContacts(f.Context(), f.ws, f.ids(1, 2, 9))
	f.ok("EraseContacts", err)
	if n != 2 {
		f.Errorf("EraseContacts of two contacts and an absent one: got %d, want 2", n)
	}
	wantIDs(f.T, "GetContacts", contactIDs(f.get(f.ids(1, 2, 3, 4)...)), f.ids(3, 4))
	wantIDs(f.T, "ListContactIDs", f.listIDs(crm.ContactCriteria{}, crm.ID{}, 10), f.ids(3, 4))
	wantIDs(f.T, "ListContactIDs of the trash", f.listIDs(crm.ContactCriteria{Trash: true}, crm.ID{}, 10), nil)
	n, err = f.s.EraseContacts(f.Context(), f.ws, f.ids(1, 2))
	f.ok("EraseContacts", err)
	if n != 0 {
		f.Errorf("EraseContacts of erased contacts: got %d, want 0", n)
	}
	f.create(f.contact(1))
	wantIDs(f.T, "GetContacts after a new insert of an erased id", contactIDs(f.get(f.ids(1)...)), f.ids(1))
}

// fullContact returns a contact with a value in every field.
func fullContact(ws crm.WorkspaceID, n int) crm.Contact {
	score := 87
	return crm.Contact{
		ID: recordID(ws, n), DisplayName: "Zoë Łukasz-O’Brien", GivenName: "Zoë", FamilyName: "Łukasz-O’Brien",
		Emails: []crm.Email{
			{Address: "Zoe.Lukasz@Example.com", Label: "Arbeit", Primary: true},
			{Address: "zoe@other.example", Label: "", Primary: false},
		},
		Phones: []crm.Phone{
			{Number: "(202) 555-0123", E164: "+12025550123", Label: "mobile", Primary: true},
			{Number: "ext. 12", E164: "", Label: "desk", Primary: false},
		},
		Company: "Müller & Søn", JobTitle: "Œuvre lead",
		Addresses: []crm.Address{
			{Label: "home", Street: "Hauptstr. 1\nHinterhaus", City: "Köln", Region: "NRW", PostalCode: "50667", Country: "Germany"},
			{City: "Paris"},
		},
		Websites: []string{"https://example.com/?q=a&b=%20", "example.org"},
		Birthday: "--10-13", Stage: crm.StageAdvocate, Tags: []string{"VIP", "Größe XL", "a"},
		Notes: "First line\nsecond line\r\n\ttabbed \"quoted\" 'and' \\ back", Source: "api", SourceID: "crm-42/ä",
		Fields: map[string]any{"text": "Ärger", "number": 12.5, "big": 9007199254740991.0, "yes": true, "no": false, "Key With Space": "v"},
		Score:  &score, LastInteractionAt: day().Add(-time.Hour), CreatedAt: day().Add(-48 * time.Hour),
		UpdatedAt: day(), DeletedAt: day().Add(time.Second), Version: 3, PeakVersion: 4,
	}
}
