package crmtest_test

import (
	"cmp"
	"context"
	"slices"

	"github.com/omnicrm/omnicrm/crm"
)

// slot names a slot of a series.
type slot struct {
	series crm.Series
	slot   int64
}

func (t memTx) AddToSeries(ctx context.Context, ws crm.WorkspaceID, deltas []crm.SeriesDelta) error {
	return t.write(ctx, func(s *state) error {
		for _, d := range deltas {
			s.series[of[slot]{ws, slot{d.Series, d.Slot}}] += d.Delta
		}
		return nil
	})
}

func (t memTx) ReadSeries(_ context.Context, ws crm.WorkspaceID, series crm.Series, from, to int64) ([]crm.SeriesCount, error) {
	s, err := t.read()
	if err != nil {
		return nil, err
	}
	var counts []crm.SeriesCount
	for key, n := range s.series {
		if key.ws == ws && key.id.series == series && key.id.slot >= from && key.id.slot < to && n != 0 {
			counts = append(counts, crm.SeriesCount{Slot: key.id.slot, Count: n})
		}
	}
	slices.SortFunc(counts, func(a, b crm.SeriesCount) int { return cmp.Compare(a.Slot, b.Slot) })
	return counts, nil
}

func (y system) RecountSeries(ctx context.Context, ws crm.WorkspaceID) error {
	return y.m.write(ctx, func(s *state) error {
		for key := range s.series {
			if key.ws == ws {
				delete(s.series, key)
			}
		}
		for _, w := range mine(s.contacts, ws) {
			if w.Contact.DeletedAt.IsZero() {
				s.series[of[slot]{ws, slot{crm.SeriesContacts, crm.SlotOf(w.Contact.CreatedAt)}}]++
			}
		}
		for _, w := range mine(s.touches, ws) {
			s.series[of[slot]{ws, slot{crm.SeriesInteractions, crm.SlotOf(w.Interaction.OccurredAt)}}]++
		}
		return nil
	})
}
