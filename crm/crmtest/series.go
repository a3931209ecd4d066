package crmtest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func testSeries(t *testing.T, open func(testing.TB) crm.Store) {
	runTests(t, open, []storeTest{
		{"an empty series has no slots", func(f *fixture) { f.wantSeries(crm.SeriesContacts, -100, 1<<40) }},
		{"deltas add up by series and slot", func(f *fixture) {
			f.addSeries(delta(crm.SeriesContacts, 5, 2), delta(crm.SeriesContacts, 7, 1), delta(crm.SeriesInteractions, 5, 40))
			f.addSeries(delta(crm.SeriesContacts, 7, 3), delta(crm.SeriesContacts, 5, -1), delta(crm.SeriesInteractions, 6, 1<<33))
			f.wantSeries(crm.SeriesContacts, 0, 100, 5, 1, 7, 4)
			f.wantSeries(crm.SeriesInteractions, 0, 100, 5, 40, 6, 1<<33)
		}},
		{"a slot that comes to nothing is left out", func(f *fixture) {
			f.addSeries(delta(crm.SeriesContacts, 5, 2), delta(crm.SeriesContacts, 6, 1))
			f.addSeries(delta(crm.SeriesContacts, 5, -2))
			f.wantSeries(crm.SeriesContacts, 0, 100, 6, 1)
			f.addSeries(delta(crm.SeriesContacts, 5, 7))
			f.wantSeries(crm.SeriesContacts, 0, 100, 5, 7, 6, 1)
		}},
		{"a range holds its first slot and not its end", func(f *fixture) {
			for _, slot := range []int64{-300, -1, 0, 1, 2, 1 << 30} {
				f.addSeries(delta(crm.SeriesContacts, slot, 1))
			}
			f.wantSeries(crm.SeriesContacts, -300, 1, -300, 1, -1, 1, 0, 1)
			f.wantSeries(crm.SeriesContacts, -299, 2, -1, 1, 0, 1, 1, 1)
			f.wantSeries(crm.SeriesContacts, 3, 1<<30)
			f.wantSeries(crm.SeriesContacts, 2, 2)
		}},
		{"a transaction reads what it added, and a roll back takes it away", func(f *fixture) {
			f.addSeries(delta(crm.SeriesContacts, 5, 2), delta(crm.SeriesContacts, 9, 1))
			_ = f.s.InTx(f.Context(), func(tx crm.Tx) error {
				if err := tx.AddToSeries(f.Context(), f.ws, []crm.SeriesDelta{delta(crm.SeriesContacts, 5, 1), delta(crm.SeriesContacts, 7, 4), delta(crm.SeriesContacts, 9, -1)}); err != nil {
					return err
				}
				got, err := tx.ReadSeries(f.Context(), f.ws, crm.SeriesContacts, 0, 100)
				f.ok("ReadSeries", err)
				if want := seriesOf(5, 3, 7, 4); !slices.Equal(got, want) {
					f.Errorf("ReadSeries inside: got %v, want %v", got, want)
				}
				return errors.New("roll back")
			})
			f.wantSeries(crm.SeriesContacts, 0, 100, 5, 2, 9, 1)
		}},
		{"parallel writers of the same slots lose nothing", func(f *fixture) {
			f.inParallel(16, func(i int) error {
				for n := range 10 {
					deltas := []crm.SeriesDelta{delta(crm.SeriesContacts, 1, 1), delta(crm.SeriesContacts, int64(2+(i+n)%2), 2)}
					if i%2 == 0 {
						slices.Reverse(deltas) // The other order, so that locks would meet.
					}
					if err := f.s.AddToSeries(f.Context(), f.ws, deltas); err != nil {
						return err
					}
				}
				return nil
			})
			f.wantSeries(crm.SeriesContacts, 0, 100, 1, 160, 2, 160, 3, 160)
		}},
		{"a recount makes of the series what the rows say", testSeriesRecount},
	})
}

func delta(s crm.Series, slot int64, n int) crm.SeriesDelta {
	return crm.SeriesDelta{Series: s, Slot: slot, Delta: n}
}

func (f *fixture) addSeries(deltas ...crm.SeriesDelta) {
	f.Helper()
	f.ok("AddToSeries", f.s.AddToSeries(f.Context(), f.ws, deltas))
}

// seriesOf makes counts of pairs of a slot and its number.
func seriesOf(pairs ...int) []crm.SeriesCount {
	var counts []crm.SeriesCount
	for pair := range slices.Chunk(pairs, 2) {
		counts = append(counts, crm.SeriesCount{Slot: int64(pair[0]), Count: pair[1]})
	}
	return counts
}

func (f *fixture) wantSeries(s crm.Series, from, to int64, pairs ...int) {
	f.Helper()
	got, err := f.s.ReadSeries(f.Context(), f.ws, s, from, to)
	f.ok("ReadSeries", err)
	if want := seriesOf(pairs...); !slices.Equal(got, want) {
		f.Errorf("ReadSeries of %d from %d to %d: got %v, want %v", s, from, to, got, want)
	}
}

func testSeriesRecount(f *fixture) {
	other := f.in("other")
	at := func(quarter int) func(*crm.Contact) {
		return func(c *crm.Contact) { c.CreatedAt = day().Add(time.Duration(quarter) * crm.SeriesSlot) }
	}
	f.create(f.contact(1, at(0)), f.contact(2, at(0)), f.contact(3, at(1)), f.contact(4, at(2), trashed))
	early, late := f.interaction(1, 100), f.interaction(2)
	early.OccurredAt, late.OccurredAt = time.Date(1931, 2, 3, 4, 59, 59, 999_999_000, time.UTC), day()
	f.put(early, late)
	f.addSeries(delta(crm.SeriesContacts, 3, 9), delta(crm.SeriesInteractions, 4, 9))
	other.addSeries(delta(crm.SeriesContacts, 3, 9))
	for _, ws := range []*fixture{f, f.in("empty")} {
		f.ok("RecountSeries", f.s.RecountSeries(f.Context(), ws.ws))
	}
	slot := int(crm.SlotOf(day()))
	f.wantSeries(crm.SeriesContacts, -1<<40, 1<<40, slot, 2, slot+1, 1)
	f.wantSeries(crm.SeriesInteractions, -1<<40, 1<<40, int(crm.SlotOf(early.OccurredAt)), 1, slot, 1)
	if got := crm.SlotTime(crm.SlotOf(early.OccurredAt)); !got.Equal(time.Date(1931, 2, 3, 4, 45, 0, 0, time.UTC)) {
		f.Errorf("the slot of %s begins at %s", early.OccurredAt, got)
	}
	other.wantSeries(crm.SeriesContacts, -1<<40, 1<<40, 3, 9)
	f.ok("RecountSeries", f.s.RecountSeries(f.Context(), f.ws))
	f.wantSeries(crm.SeriesContacts, -1<<40, 1<<40, slot, 2, slot+1, 1)
	f.addSeries(delta(crm.SeriesContacts, int64(slot), 1))
	f.wantSeries(crm.SeriesContacts, int64(slot), int64(slot)+1, slot, 3)
}
