package crmtest

import (
	"slices"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func testViews(t *testing.T, open func(testing.TB) crm.Store) {
	runTests(t, open, []storeTest{
		{"views come newest first, each contact once, with its count", func(f *fixture) {
			f.create(f.contacts(3)...)
			for n, contact := range []int{1, 2, 3, 1} {
				f.look(50, contact, n, 9)
			}
			f.wantViews(50, 9, view{1, 3, 2}, view{3, 2, 1}, view{2, 1, 1})
			f.wantViews(50, 2, view{1, 3, 2}, view{3, 2, 1})
		}},
		{"views of one time come by contact", func(f *fixture) {
			f.create(f.contacts(3)...)
			for _, contact := range []int{2, 1, 3} {
				f.look(50, contact, 0, 9)
			}
			f.wantViews(50, 9, view{3, 0, 1}, view{2, 0, 1}, view{1, 0, 1})
		}},
		{"only so many are kept, counts stay", func(f *fixture) {
			f.create(f.contacts(6)...)
			for n := range 6 {
				f.look(50, n+1, n, 3)
			}
			f.wantViews(50, 9, view{6, 5, 1}, view{5, 4, 1}, view{4, 3, 1})
			f.look(50, 1, 9, 3)
			f.wantViews(50, 9, view{1, 9, 2}, view{6, 5, 1}, view{5, 4, 1})
		}},
		{"a view from before counts and moves nothing", func(f *fixture) {
			f.create(f.contacts(2)...)
			f.look(50, 1, 5, 9)
			f.look(50, 2, 4, 9)
			f.look(50, 1, 3, 9)
			f.wantViews(50, 9, view{1, 5, 2}, view{2, 4, 1})
		}},
		{"an absent contact counts as nothing, a trashed one is there", func(f *fixture) {
			f.create(f.contact(1, trashed))
			f.look(50, 1, 0, 9)
			f.look(50, 2, 1, 9)
			f.wantViews(50, 9, view{1, 0, 1})
			f.wantViewCounts(map[int]int64{1: 1})
		}},
		{"users have lists of their own and share the counts", func(f *fixture) {
			f.create(f.contacts(2)...)
			f.look(50, 1, 0, 1)
			f.look(51, 1, 1, 1)
			f.look(51, 2, 2, 1)
			f.wantViews(50, 9, view{1, 0, 2})
			f.wantViews(51, 9, view{2, 2, 1})
			f.wantViews(52, 9)
			f.wantViewCounts(map[int]int64{1: 2, 2: 1})
		}},
		{"deleted views are forgotten by everybody", func(f *fixture) {
			f.create(f.contacts(2)...)
			f.look(50, 1, 0, 9)
			f.look(51, 1, 1, 9)
			f.look(51, 2, 1, 9)
			f.ok("DeleteViews", f.s.DeleteViews(f.Context(), f.ws, f.ids(1, 9)))
			f.wantViews(50, 9)
			f.wantViews(51, 9, view{2, 1, 1})
			f.wantViewCounts(map[int]int64{2: 1})
			f.look(50, 1, 2, 9)
			f.wantViews(50, 9, view{1, 2, 1})
		}},
		{"parallel views are all counted", func(f *fixture) {
			f.create(f.contact(1))
			f.inParallel(8, func(worker int) error {
				for n := range 5 {
					if err := f.s.PutView(f.Context(), f.ws, f.id(50+worker%4), f.id(1), day().Add(time.Duration(n)*time.Hour), 9); err != nil {
						return err
					}
				}
				return nil
			})
			f.wantViewCounts(map[int]int64{1: 40})
		}},
	})
}

// look lets a user look at a contact, some hours after [day].
func (f *fixture) look(user, contact, hours, keep int) {
	f.Helper()
	f.ok("PutView", f.s.PutView(f.Context(), f.ws, f.id(user), f.id(contact), day().Add(time.Duration(hours)*time.Hour), keep))
}

// view is a contact, the hours after [day] and the count.
type view struct{ contact, hours, count int }

func (f *fixture) wantViews(user, limit int, want ...view) {
	f.Helper()
	got, err := f.s.ListViews(f.Context(), f.ws, f.id(user), limit)
	f.ok("ListViews", err)
	var views []crm.ContactView
	for _, v := range want {
		views = append(views, crm.ContactView{Contact: f.id(v.contact), ViewedAt: day().Add(time.Duration(v.hours) * time.Hour), Count: int64(v.count)})
	}
	if g, w := lines(got), lines(views); !slices.Equal(g, w) {
		f.Errorf("views of %d:\n got %s\nwant %s", user, g, w)
	}
}

// wantViewCounts checks the counts of the first nine contacts.
func (f *fixture) wantViewCounts(want map[int]int64) {
	f.Helper()
	got, err := f.s.CountViews(f.Context(), f.ws, f.ids(1, 2, 3, 4, 5, 6, 7, 8, 9))
	f.ok("CountViews", err)
	if len(got) != len(want) {
		f.Errorf("counts: got %d, want %d", len(got), len(want))
	}
	for n, count := range want {
		if got[f.id(n)] != count {
			f.Errorf("count of %d: got %d, want %d", n, got[f.id(n)], count)
		}
	}
}
