package crmtest

import (
	"errors"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

func testVersions(t *testing.T, open func(testing.TB) crm.Store) {
	runTests(t, open, []storeTest{
		{"an update of another version is stale and writes nothing", func(f *fixture) {
			stored := f.contact(1, func(c *crm.Contact) { c.Version, c.PeakVersion = 5, 5 })
			f.create(stored)
			for _, expect := range []int64{1, 4, 6} {
				change := f.contact(1, func(c *crm.Contact) { c.DisplayName, c.Version = "Stale", expect+1 })
				err := f.s.PutContacts(f.Context(), f.ws, []crm.ContactWrite{crm.NewContactWrite(change, expect)})
				conflict := conflictOf(f.T, "PutContacts of a stale version", err, crm.ConflictStale)
				if conflict.ID != stored.ID {
					f.Errorf("the conflict names %s, want %s", conflict.ID, stored.ID)
				}
				if !crm.IsStale(err) {
					f.Errorf("crm.IsStale(%v): got false, want true", err)
				}
			}
			f.wantContacts(stored)
		}},
		{"an update of a contact that is gone is stale", func(f *fixture) {
			f.create(f.contact(1))
			f.erase(f.id(1))
			for _, n := range []int{1, 2} {
				err := f.s.PutContacts(f.Context(), f.ws, []crm.ContactWrite{crm.NewContactWrite(f.contact(n), 1)})
				conflict := conflictOf(f.T, "PutContacts of a contact that is gone", err, crm.ConflictStale)
				if conflict.ID != f.id(n) {
					f.Errorf("the conflict names %s, want %s", conflict.ID, f.id(n))
				}
			}
			f.wantContacts()
		}},
		{"an insert of an id that is there is refused", func(f *fixture) {
			live, gone := f.contact(1), f.contact(2, trashed)
			f.create(live, gone)
			for _, n := range []int{1, 2} {
				change := f.contact(n, func(c *crm.Contact) { c.DisplayName = "Twice" })
				err := f.s.PutContacts(f.Context(), f.ws, newWrites([]crm.Contact{f.contact(3), change}))
				conflict := conflictOf(f.T, "PutContacts of an id that is there", err, crm.ConflictExists)
				if conflict.ID != f.id(n) {
					f.Errorf("the conflict names %s, want %s", conflict.ID, f.id(n))
				}
			}
			f.wantContacts(live, gone)
		}},
		{"the version that was written is the one to expect, also a lower one", func(f *fixture) {
			c := f.contact(1, func(c *crm.Contact) { c.Version, c.PeakVersion = 8, 8 })
			f.create(c)
			c.Version, c.PeakVersion = 3, 9 // An undo brings an old number back.
			f.change(c, 8)
			f.wantContacts(c)
			c.Version, c.PeakVersion = 10, 10
			f.change(c, 3)
			f.wantContacts(c)
		}},
		{"one refused row refuses the whole call", testAllOrNone},
		{"a source's id is unique in the workspace, also against the trash", testSourceUnique},
		{"a source's id is free again after an update or an erase", testSourceFreed},
		{"two rows of one call cannot share a source's id", func(f *fixture) {
			err := f.s.PutContacts(f.Context(), f.ws, newWrites([]crm.Contact{f.contact(1, fromCard), f.contact(2, fromCard)}))
			wantConflict(f.T, "PutContacts of two contacts with one source id", err, crm.ConflictExists)
			f.wantContacts()
		}},
		{"emails, phones, tags and fields may be shared", func(f *fixture) {
			share := func(c *crm.Contact) {
				full := fullContact(f.ws, 1)
				c.Emails, c.Phones, c.Tags, c.Fields = full.Emails, full.Phones, full.Tags, full.Fields
			}
			one, two := f.contact(1, share), f.contact(2, share)
			f.create(one, two)
			f.wantContacts(one, two)
		}},
	})
}

func testAllOrNone(f *fixture) {
	stored := f.contact(1, fromCard)
	f.create(stored)
	fine := crm.NewContactWrite(f.contact(2), 0)
	for name, bad := range map[string]crm.ContactWrite{
		"a stale row":              crm.NewContactWrite(f.contact(1), 2),
		"a row that is gone":       crm.NewContactWrite(f.contact(9), 1),
		"an id that is there":      crm.NewContactWrite(f.contact(1), 0),
		"a source id that is held": crm.NewContactWrite(f.contact(3, fromCard), 0),
	} {
		for _, writes := range [][]crm.ContactWrite{{fine, bad}, {bad, fine}} {
			if err := f.s.PutContacts(f.Context(), f.ws, writes); !errors.Is(err, crm.ErrConflict) {
				f.Errorf("PutContacts with %s: got error %v, want crm.ErrConflict", name, err)
			}
		}
	}
	f.wantContacts(stored)
	f.wantHolders(fine.Keys)
}

// fromCard gives a contact a source id.
func fromCard(c *crm.Contact) { c.Source, c.SourceID = "vcard:x", "uid-1" }

func testSourceUnique(f *fixture) {
	holder := f.contact(1, fromCard)
	f.create(holder)
	key := []crm.ContactKey{crm.SourceKey("vcard:x", "uid-1")}
	refuse := func(what string, write crm.ContactWrite) {
		f.Helper()
		conflict := conflictOf(f.T, what, f.s.PutContacts(f.Context(), f.ws, []crm.ContactWrite{write}), crm.ConflictExists)
		if conflict.ID != holder.ID {
			f.Errorf("%s: the conflict names %s, want %s", what, conflict.ID, holder.ID)
		}
	}
	refuse("an insert with a source id that a live contact holds", crm.NewContactWrite(f.contact(2, fromCard), 0))
	f.create(f.contact(3))
	refuse("an update to a source id that a live contact holds", crm.NewContactWrite(f.contact(3, fromCard), 1))
	trashed(&holder)
	holder.Version = 2
	f.change(holder, 1) // A contact does not collide with itself.
	refuse("an insert with a source id that a trashed contact holds", crm.NewContactWrite(f.contact(2, fromCard), 0))
	f.wantHolders(key, hit(key[0], holder.ID))
	f.create(f.contact(4, func(c *crm.Contact) { c.Source, c.SourceID = "vcard:y", "uid-1" }),
		f.contact(5, func(c *crm.Contact) { c.Source, c.SourceID = "vcard:x", "UID-1" }))
	f.wantHolders(key, hit(key[0], holder.ID))
}

func testSourceFreed(f *fixture) {
	holder := f.contact(1, fromCard)
	f.create(holder)
	holder.SourceID, holder.Version = "uid-2", 2
	f.change(holder, 1)
	f.create(f.contact(2, fromCard))
	f.erase(f.id(2))
	next := f.contact(3, fromCard)
	f.create(next)
	f.wantContacts(holder, next)
}

// wantContacts checks that the workspace holds exactly these contacts, in the
// order of their ids, live and trashed ones together.
func (f *fixture) wantContacts(want ...crm.Contact) {
	f.Helper()
	ids := append(f.listIDs(crm.ContactCriteria{}, crm.ID{}, 1_000), f.listIDs(crm.ContactCriteria{Trash: true}, crm.ID{}, 1_000)...)
	got := f.get(ids...)
	if len(got) != len(want) {
		f.Errorf("the workspace holds %d contacts, want %d", len(got), len(want))
		return
	}
	for _, w := range want {
		if d := diffContact(f.one(w.ID), w); d != "" {
			f.Errorf("contact %s: %s", w.ID, d)
		}
	}
}
