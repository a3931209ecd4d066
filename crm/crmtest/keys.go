package crmtest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

func testKeys(t *testing.T, open func(testing.TB) crm.Store) {
	runTests(t, open, []storeTest{
		{"a contact is found by each of its keys", func(f *fixture) {
			c := fullContact(f.ws, 1)
			f.create(c, f.contact(2))
			keys := crm.NewContactWrite(c, 0).Keys
			for _, key := range keys {
				f.wantHolders([]crm.ContactKey{key}, hit(key, c.ID))
			}
			f.wantHolders(keys, hitsOf(c)...)
		}},
		{"a key that several contacts hold finds each of them", func(f *fixture) {
			share := func(c *crm.Contact) { c.Emails = []crm.Email{{Address: "office@example.com", Primary: true}} }
			f.create(f.contact(1, share), f.contact(2, share, trashed), f.contact(3))
			key := crm.EmailKey("OFFICE@example.com")
			f.wantHolders([]crm.ContactKey{key}, hit(key, f.id(1)), hit(key, f.id(2)))
		}},
		{"a key is compared whole and with its kind", func(f *fixture) {
			f.create(f.contact(1, func(c *crm.Contact) { c.Tags = []string{"alpha"} }))
			for _, key := range []crm.ContactKey{
				{Kind: crm.KeyTag, Value: "alph"},
				{Kind: crm.KeyTag, Value: "alphab"},
				{Kind: crm.KeyTag, Value: "Alpha"},
				{Kind: crm.KeyEmail, Value: "alpha"},
				{Kind: crm.KeyTag, Value: ""},
				{Kind: crm.KeyTag, Value: "%"},
			} {
				f.wantHolders([]crm.ContactKey{key})
			}
			f.wantHolders(nil)
		}},
		{"an update replaces the keys", func(f *fixture) {
			before := fullContact(f.ws, 1)
			f.create(before)
			after := f.contact(1, func(c *crm.Contact) {
				c.Tags, c.Version, c.PeakVersion = []string{"VIP", "new"}, 9, 9
			})
			f.change(after, before.Version)
			keys := append(crm.NewContactWrite(before, 0).Keys, crm.NewContactWrite(after, 0).Keys...)
			f.wantHolders(keys, hitsOf(after)...)
		}},
		{"an erase removes the keys", func(f *fixture) {
			c := fullContact(f.ws, 1)
			f.create(c)
			f.erase(c.ID)
			f.wantHolders(crm.NewContactWrite(c, 0).Keys)
		}},
		{"five thousand keys are looked up in one call", testManyKeys},
	})
}

func testManyKeys(f *fixture) {
	contacts := f.contacts(10)
	keys := make([]crm.ContactKey, 5_000)
	var want []crm.ContactKeyHit
	for i := range keys {
		keys[i] = crm.EmailKey(fmt.Sprintf("person%d@example.com", i))
		if i%500 == 7 {
			c := &contacts[i/500]
			c.Emails = []crm.Email{{Address: keys[i].Value, Primary: true}}
			want = append(want, hit(keys[i], c.ID))
		}
	}
	f.create(contacts...)
	f.wantHolders(keys, want...)
}

func hit(key crm.ContactKey, id crm.ID) crm.ContactKeyHit {
	return crm.ContactKeyHit{Key: key, Contact: id}
}

func hitsOf(c crm.Contact) []crm.ContactKeyHit {
	var hits []crm.ContactKeyHit
	for _, key := range crm.NewContactWrite(c, 0).Keys {
		hits = append(hits, hit(key, c.ID))
	}
	return hits
}

// wantHolders checks who holds the keys, in any order.
func (f *fixture) wantHolders(keys []crm.ContactKey, want ...crm.ContactKeyHit) {
	f.Helper()
	got := f.holders(keys...)
	slices.SortFunc(want, compareHits)
	if !slices.Equal(got, want) {
		f.Errorf("FindContacts(%q):\n got %v\nwant %v", keys, got, want)
	}
}
