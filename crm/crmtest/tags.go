package crmtest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

func testTags(t *testing.T, open func(testing.TB) crm.Store) {
	runTests(t, open, []storeTest{
		{"a workspace without tags lists none", func(f *fixture) { f.wantTags() }},
		{"tags are listed by key with their counts", func(f *fixture) {
			f.addTags(crm.TagDelta{Key: "vip", Name: "VIP", Delta: 2}, crm.TagDelta{Key: "b", Name: "B", Delta: 1})
			f.addTags(crm.TagDelta{Key: "a b", Name: "Ä b", Delta: 3}, crm.TagDelta{Key: "東京", Name: "東京", Delta: 4})
			f.wantTags(tag("a b", "Ä b", 3), tag("b", "B", 1), tag("vip", "VIP", 2), tag("東京", "東京", 4))
		}},
		{"a known tag keeps its spelling and adds up", func(f *fixture) {
			f.addTags(crm.TagDelta{Key: "vip", Name: "VIP", Delta: 2})
			f.addTags(crm.TagDelta{Key: "vip", Name: "vip", Delta: 3}, crm.TagDelta{Key: "a", Name: "A", Delta: 1})
			f.addTags(crm.TagDelta{Key: "vip", Name: "Vip", Delta: -1})
			f.wantTags(tag("a", "A", 1), tag("vip", "VIP", 4))
		}},
		{"a tag that nobody carries is not listed", func(f *fixture) {
			f.addTags(crm.TagDelta{Key: "gone", Name: "Gone", Delta: 2}, crm.TagDelta{Key: "here", Name: "Here", Delta: 1})
			f.addTags(crm.TagDelta{Key: "gone", Name: "Gone", Delta: -2})
			f.wantTags(tag("here", "Here", 1))
			f.addTags(crm.TagDelta{Key: "gone", Name: "Gone", Delta: 1})
			f.wantTags(tag("gone", "Gone", 1), tag("here", "Here", 1))
		}},
		{"a tag that nobody carries is forgotten, name and all", func(f *fixture) {
			f.addTags(crm.TagDelta{Key: "gone", Name: "Gone", Delta: 2}, crm.TagDelta{Key: "here", Name: "Here", Delta: 1})
			f.addTags(crm.TagDelta{Key: "gone", Name: "Gone", Delta: -2})
			f.addTags(crm.TagDelta{Key: "never", Name: "Never", Delta: 1}, crm.TagDelta{Key: "never", Name: "Never", Delta: -1})
			f.addTags(crm.TagDelta{Key: "gone", Name: "GONE", Delta: 1}, crm.TagDelta{Key: "here", Name: "HERE", Delta: 1}, crm.TagDelta{Key: "never", Name: "NEVER", Delta: 1})
			f.wantTags(tag("gone", "GONE", 1), tag("here", "Here", 2), tag("never", "NEVER", 1))
		}},
		{"keys are compared byte by byte", func(f *fixture) {
			f.addTags(crm.TagDelta{Key: "a", Name: "1", Delta: 1}, crm.TagDelta{Key: "A", Name: "2", Delta: 2}, crm.TagDelta{Key: "ä", Name: "3", Delta: 3})
			f.wantTags(tag("A", "2", 2), tag("a", "1", 1), tag("ä", "3", 3))
		}},
		{"counts of a rolled back transaction are gone", func(f *fixture) {
			f.addTags(crm.TagDelta{Key: "vip", Name: "VIP", Delta: 2})
			_ = f.s.InTx(f.Context(), func(tx crm.Tx) error {
				deltas := []crm.TagDelta{{Key: "vip", Name: "VIP", Delta: 5}, {Key: "new", Name: "New", Delta: 1}}
				if err := tx.AddTagCounts(f.Context(), f.ws, deltas); err != nil {
					return err
				}
				return errors.New("roll back")
			})
			f.wantTags(tag("vip", "VIP", 2))
		}},
		{"parallel writers of the same tags lose no count", func(f *fixture) {
			f.inParallel(16, func(i int) error {
				for n := range 10 {
					deltas := []crm.TagDelta{{Key: "all", Name: "All", Delta: 1}, {Key: fmt.Sprintf("t%d", (i+n)%4), Name: "T", Delta: 2}}
					if i%2 == 0 {
						slices.Reverse(deltas) // The other order, so that locks would meet.
					}
					if err := f.s.AddTagCounts(f.Context(), f.ws, deltas); err != nil {
						return err
					}
				}
				return nil
			})
			f.wantTags(tag("all", "All", 160), tag("t0", "T", 80), tag("t1", "T", 80), tag("t2", "T", 80), tag("t3", "T", 80))
		}},
	})
}

func tag(key, name string, count int) crm.Tag { return crm.Tag{Key: key, Name: name, Count: count} }

func (f *fixture) addTags(deltas ...crm.TagDelta) {
	f.Helper()
	f.ok("AddTagCounts", f.s.AddTagCounts(f.Context(), f.ws, deltas))
}

func (f *fixture) wantTags(want ...crm.Tag) {
	f.Helper()
	got, err := f.s.ListTags(f.Context(), f.ws)
	f.ok("ListTags", err)
	if !slices.Equal(got, want) {
		f.Errorf("ListTags: got %v, want %v", got, want)
	}
}
