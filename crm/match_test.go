package crm_test

import (
	"context"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

func TestTheMatchingRule(t *testing.T) {
	t.Parallel()
	mail := func(a ...string) []crm.Email {
		var list []crm.Email
		for _, x := range a {
			list = append(list, crm.Email{Address: x})
		}
		return list
	}
	call := func(n string) []crm.Phone { return []crm.Phone{{Number: n}} }
	type c = crm.NewContact
	const phone, other = "202-224-3441", "202-224-0000"
	cases := []struct {
		name   string
		stored []c
		in     c
		want   crm.RowOutcome
		// match is the stored contact that is meant, where one is.
		match int
	}{
		{"source and id come first, whatever the email says", []c{{DisplayName: "A", Source: "s", SourceID: "1"}, {DisplayName: "B", Emails: mail("b@x.com")}}, c{DisplayName: "C", Source: "s", SourceID: "1", Emails: mail("b@x.com")}, crm.RowUpdated, 0},
		{"source names are compared exactly", []c{{DisplayName: "A", Source: "s", SourceID: "1"}}, c{DisplayName: "A", Source: "S", SourceID: "1"}, crm.RowCreated, 0},
		{"two ids of one source are never one contact, by email", []c{{DisplayName: "A", Source: "s", SourceID: "1", Emails: mail("a@x.com")}}, c{DisplayName: "A", Source: "s", SourceID: "2", Emails: mail("a@x.com")}, crm.RowCreated, 0},
		{"two ids of one source are never one contact, by phone", []c{{DisplayName: "A", Source: "s", SourceID: "1", Phones: call(phone)}}, c{DisplayName: "A", Source: "s", SourceID: "2", Phones: call(phone)}, crm.RowCreated, 0},
		{"ids of two sources may be one contact", []c{{DisplayName: "A", Source: "s", SourceID: "1", Emails: mail("a@x.com")}}, c{DisplayName: "A2", Source: "z", SourceID: "2", Emails: mail("a@x.com")}, crm.RowUpdated, 0},
		{"an email in common, without case", []c{{DisplayName: "A", Emails: mail("Ana@X.com")}}, c{DisplayName: "B", Emails: mail("z@x.com", "aNA@x.COM")}, crm.RowUpdated, 0},
		{"emails of two contacts are ambiguous", []c{{DisplayName: "A", Emails: mail("a@x.com")}, {DisplayName: "B", Emails: mail("b@x.com")}}, c{DisplayName: "A", Emails: mail("a@x.com", "b@x.com")}, crm.RowAmbiguous, 0},
		{"one email of two contacts is ambiguous", []c{{DisplayName: "A", Emails: mail("a@x.com")}, {DisplayName: "B", Emails: mail("a@x.com")}}, c{DisplayName: "A", Emails: mail("a@x.com")}, crm.RowAmbiguous, 0},
		{"a source id decides what emails leave open", []c{{DisplayName: "A", Emails: mail("a@x.com"), Source: "s", SourceID: "1"}, {DisplayName: "B", Emails: mail("a@x.com")}}, c{DisplayName: "A9", Emails: mail("a@x.com"), Source: "s", SourceID: "1"}, crm.RowUpdated, 0},
		{"another id of the source leaves the other candidate", []c{{DisplayName: "A", Emails: mail("a@x.com"), Source: "s", SourceID: "1"}, {DisplayName: "B", Emails: mail("a@x.com")}}, c{DisplayName: "A9", Emails: mail("a@x.com"), Source: "s", SourceID: "2"}, crm.RowUpdated, 1},
		{"a phone and the same name", []c{{DisplayName: "Zoë Łukasz", Phones: call(phone)}}, c{DisplayName: "lukasz, ZOE", Phones: call("+1 (202) 224 3441"), Company: "X"}, crm.RowUpdated, 0},
		{"a phone and another name: an office", []c{{DisplayName: "Ana", Phones: call(phone)}}, c{DisplayName: "Bo", Phones: call(phone)}, crm.RowCreated, 0},
		{"a phone and half the name", []c{{DisplayName: "Ana Pérez", Phones: call(phone)}}, c{DisplayName: "Ana", Phones: call(phone)}, crm.RowCreated, 0},
		{"a phone that does not parse", []c{{DisplayName: "Ana", Phones: call("x1")}}, c{DisplayName: "Ana", Phones: call("x1")}, crm.RowCreated, 0},
		{"the same name and another phone", []c{{DisplayName: "Ana", Phones: call(phone)}}, c{DisplayName: "Ana", Phones: call(other)}, crm.RowCreated, 0},
		{"two of the same name and phone are ambiguous", []c{{DisplayName: "Ana", Phones: call(phone)}, {DisplayName: "ANA", Phones: call(phone)}}, c{DisplayName: "Ana", Phones: call(phone)}, crm.RowAmbiguous, 0},
		{"an email comes before a phone", []c{{DisplayName: "Ana", Phones: call(phone)}, {DisplayName: "B", Emails: mail("a@x.com")}}, c{DisplayName: "Ana", Phones: call(phone), Emails: mail("a@x.com")}, crm.RowUpdated, 1},
		{"names alone are nothing", []c{{DisplayName: "Ana"}}, c{DisplayName: "Ana"}, crm.RowCreated, 0},
		{"nothing new is unchanged", []c{{DisplayName: "Ana", Phones: call(phone), Company: "ACME"}}, c{DisplayName: "Ana", Phones: call("+1 202 224 3441")}, crm.RowUnchanged, 0},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			e := setup(t)
			var stored []crm.Contact
			for _, s := range test.stored {
				stored = append(stored, e.create(s))
			}
			got, err := e.Contacts.Batch(context.Background(), e.owner, crm.BatchInput{Mode: crm.BatchUpsert, Contacts: []crm.NewContact{test.in}})
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "outcome", got[0].Outcome, test.want)
			switch test.want {
			case crm.RowUpdated, crm.RowUnchanged:
				equal(t, "match", got[0].Contact.ID, stored[test.match].ID)
			case crm.RowAmbiguous:
				equalList(t, "candidates", got[0].Candidates, idsOf(stored))
			}
			e.sound()
		})
	}
}

func TestMatchingAndTheTrash(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	upsert := func(in crm.NewContact) crm.BatchResult {
		t.Helper()
		got, err := e.Contacts.Batch(ctx, e.owner, crm.BatchInput{Mode: crm.BatchUpsert, Contacts: []crm.NewContact{in}})
		if err != nil {
			t.Fatal(err)
		}
		return got[0]
	}
	in := crm.NewContact{DisplayName: "Ana", Emails: []crm.Email{{Address: "a@x.com"}}, Company: "ACME"}
	gone := e.create(in)
	if _, err := e.Contacts.Delete(ctx, e.owner, gone.ID, 0); err != nil {
		t.Fatal(err)
	}
	in.Company = "Other"
	r := upsert(in)
	equal(t, "outcome for a match in the trash", r.Outcome, crm.RowUnchanged)
	equal(t, "match", r.Contact.ID, gone.ID)
	equal(t, "company", e.get(gone.ID).Company, "ACME")

	live := e.create(in)
	in.Company = "Third"
	r = upsert(in)
	equal(t, "outcome where a live one matches too", r.Outcome, crm.RowUpdated)
	equal(t, "match", r.Contact.ID, live.ID)
	if err := e.Contacts.Erase(ctx, e.owner, live.ID, 0); err != nil {
		t.Fatal(err)
	}
	if err := e.Contacts.Erase(ctx, e.owner, gone.ID, 0); err != nil {
		t.Fatal(err)
	}
	equal(t, "outcome after the erase", upsert(in).Outcome, crm.RowCreated)
}

func TestRowsOfOneBatchAreMatchedAmongEachOther(t *testing.T) {
	t.Parallel()
	e := setup(t)
	const office = "202-224-3441"
	got, err := e.Contacts.Batch(context.Background(), e.owner, crm.BatchInput{Mode: crm.BatchUpsert, Contacts: []crm.NewContact{
		{DisplayName: "Ana", Phones: []crm.Phone{{Number: office}}, Emails: []crm.Email{{Address: "a@x.com"}}},
		{DisplayName: "Bo", Phones: []crm.Phone{{Number: office}}},
		{DisplayName: "ana", Phones: []crm.Phone{{Number: office}}, Company: "ACME"},
		{DisplayName: "Anita", Emails: []crm.Email{{Address: "a@x.com"}}},             // renames Ana
		{DisplayName: "Ana", Phones: []crm.Phone{{Number: office}}, JobTitle: "none"}, // nobody of that name is left
		{DisplayName: "Anita", Phones: []crm.Phone{{Number: office}}, Notes: "x"},
		{DisplayName: "C", Source: "s", SourceID: "1", Emails: []crm.Email{{Address: "c@x.com"}}},
		{DisplayName: "C", Source: "s", SourceID: "2", Emails: []crm.Email{{Address: "c@x.com"}}},
		{DisplayName: "C", Emails: []crm.Email{{Address: "c@x.com"}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := []crm.RowOutcome{
		crm.RowCreated, crm.RowCreated, crm.RowUpdated, crm.RowUpdated, crm.RowCreated, crm.RowUpdated, crm.RowCreated, crm.RowCreated, crm.RowAmbiguous,
	}
	equalList(t, "outcomes", outcomes(got), want)
	equal(t, "contacts", e.list(crm.ContactListQuery{}).Total, 5)
	equal(t, "who was renamed", got[5].Contact.ID, got[0].Contact.ID)
	e.sound()
}
