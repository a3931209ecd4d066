package crmtest

import (
	"errors"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

func testFigures(t *testing.T, open func(testing.TB) crm.Store) {
	runTests(t, open, []storeTest{
		{"an empty workspace counts zero", func(f *fixture) { f.wantFigures(0, 0) }},
		{"figures follow create, trash, restore, update and erase", testFigureSteps},
		{"a refused or rolled back write leaves the figures", testFigureRollback},
		{"a transaction counts its own writes", func(f *fixture) {
			f.create(f.contacts(3)...)
			f.inTx(func(tx crm.Tx) error {
				if err := tx.PutContacts(f.Context(), f.ws, newWrites([]crm.Contact{f.contact(4), f.contact(5, trashed)})); err != nil {
					return err
				}
				live, err := tx.CountContacts(f.Context(), f.ws, crm.ContactCriteria{}, 0)
				if err != nil {
					return err
				}
				trash, err := tx.CountContacts(f.Context(), f.ws, crm.ContactCriteria{Trash: true}, 0)
				if live != 4 || trash != 1 {
					f.Errorf("CountContacts inside: got %d live and %d trashed, want 4 and 1", live, trash)
				}
				return err
			})
			f.wantFigures(4, 1)
		}},
		{"a recount leaves right figures right, here and elsewhere", func(f *fixture) {
			other := f.in("other")
			f.create(append(f.contacts(3), f.contact(4, trashed))...)
			other.create(other.contact(1), other.contact(2, trashed))
			for _, ws := range []*fixture{f, other, f.in("empty")} {
				f.ok("RecountContacts", f.s.RecountContacts(f.Context(), ws.ws))
				f.wantFigures(3, 1)
				other.wantFigures(1, 1)
			}
			f.in("empty").wantFigures(0, 0)
		}},
		{"figures of many parallel writers add up", func(f *fixture) {
			f.inParallel(16, func(i int) error {
				for n := range 10 {
					c := f.contact(i*10 + n)
					if err := f.s.PutContacts(f.Context(), f.ws, newWrites([]crm.Contact{c})); err != nil {
						return err
					}
					if n%5 == 0 {
						if _, err := f.s.EraseContacts(f.Context(), f.ws, []crm.ID{c.ID}); err != nil {
							return err
						}
					}
				}
				return nil
			})
			f.wantFigures(16*8, 0)
		}},
	})
}

// wantFigures checks the totals and that they are what the lists hold.
func (f *fixture) wantFigures(live, trash int) {
	f.Helper()
	for _, test := range []struct {
		where crm.ContactCriteria
		want  int
	}{{crm.ContactCriteria{}, live}, {crm.ContactCriteria{Trash: true}, trash}} {
		if got := f.count(test.where); got != test.want {
			f.Errorf("CountContacts(trash %t): got %d, want %d", test.where.Trash, got, test.want)
		}
		if got := len(f.listIDs(test.where, crm.ID{}, 1_000)); got != test.want {
			f.Errorf("ListContactIDs(trash %t): got %d ids, want %d", test.where.Trash, got, test.want)
		}
	}
}

func testFigureSteps(f *fixture) {
	f.create(f.contacts(10)...)
	f.wantFigures(10, 0)
	f.create(f.contact(11, trashed))
	f.wantFigures(10, 1)
	versioned := func(version int64) func(*crm.Contact) {
		return func(c *crm.Contact) { c.Version, c.PeakVersion = version, version }
	}
	var writes []crm.ContactWrite
	for _, n := range []int{1, 2, 3} {
		writes = append(writes, crm.NewContactWrite(f.contact(n, trashed, versioned(2)), 1))
	}
	writes = append(writes, crm.NewContactWrite(f.contact(12), 0), crm.NewContactWrite(f.contact(11, versioned(2)), 1))
	f.ok("PutContacts", f.s.PutContacts(f.Context(), f.ws, writes))
	f.wantFigures(9, 3)
	f.change(f.contact(1, versioned(3)), 2)          // Restored.
	f.change(f.contact(4, versioned(2)), 1)          // Changed.
	f.change(f.contact(2, trashed, versioned(3)), 2) // Changed in the trash.
	f.wantFigures(10, 2)
	f.erase(f.ids(1, 2, 4, 99)...)
	f.wantFigures(8, 1)
	f.erase(f.ids(1, 2, 4)...)
	f.wantFigures(8, 1)
}

func testFigureRollback(f *fixture) {
	f.create(f.contact(1), f.contact(2), f.contact(3, trashed))
	stop := errors.New("stop")
	err := f.s.InTx(f.Context(), func(tx crm.Tx) error {
		if err := tx.PutContacts(f.Context(), f.ws, newWrites([]crm.Contact{f.contact(4), f.contact(5), f.contact(6, trashed), f.contact(7, trashed)})); err != nil {
			return err
		}
		if _, err := tx.EraseContacts(f.Context(), f.ws, f.ids(2, 3)); err != nil {
			return err
		}
		return stop
	})
	if !errors.Is(err, stop) {
		f.Errorf("InTx: got error %v, want the one of the function", err)
	}
	f.wantFigures(2, 1)
	writes := append(newWrites([]crm.Contact{f.contact(8)}), crm.NewContactWrite(f.contact(1), 7))
	if err := f.s.PutContacts(f.Context(), f.ws, writes); !errors.Is(err, crm.ErrConflict) {
		f.Errorf("PutContacts of a stale version: got error %v, want crm.ErrConflict", err)
	}
	f.wantFigures(2, 1)
}
