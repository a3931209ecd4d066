package crmtest_test

import (
	"context"
	"slices"

	"github.com/omnicrm/omnicrm/crm"
)

type (
	seriesReplaced  struct{ memTx }
	seriesMixed     struct{ memTx }
	seriesZeros     struct{ memTx }
	seriesInclusive struct{ memTx }
	forgetSeries    struct{ memTx }
	forgetSlots     struct{ memTx }
	seriesOfTrash   struct{ system }
	seriesOfAll     struct{ system }
	seriesAgain     struct{ system }
)

func (t seriesReplaced) AddToSeries(ctx context.Context, ws crm.WorkspaceID, deltas []crm.SeriesDelta) error {
	return t.write(ctx, func(s *state) error {
		for _, d := range deltas {
			s.series[of[slot]{ws, slot{d.Series, d.Slot}}] = d.Delta
		}
		return nil
	})
}

func (t seriesMixed) AddToSeries(ctx context.Context, ws crm.WorkspaceID, deltas []crm.SeriesDelta) error {
	deltas = slices.Clone(deltas)
	for i := range deltas {
		deltas[i].Series = crm.SeriesContacts
	}
	return t.memTx.AddToSeries(ctx, ws, deltas)
}

func (t seriesZeros) ReadSeries(ctx context.Context, ws crm.WorkspaceID, series crm.Series, from, to int64) ([]crm.SeriesCount, error) {
	counts, err := t.memTx.ReadSeries(ctx, ws, series, from, to)
	s, _ := t.read()
	for key, n := range s.series {
		if key.ws == ws && key.id.series == series && n == 0 {
			counts = append(counts, crm.SeriesCount{Slot: key.id.slot})
		}
	}
	return counts, err
}

func (t seriesInclusive) ReadSeries(ctx context.Context, ws crm.WorkspaceID, series crm.Series, from, to int64) ([]crm.SeriesCount, error) {
	return t.memTx.ReadSeries(ctx, ws, series, from, to+1)
}

func (t forgetSeries) ReadSeries(ctx context.Context, ws crm.WorkspaceID, series crm.Series, from, to int64) ([]crm.SeriesCount, error) {
	return everywhere(t.memTx, ws, func(ws crm.WorkspaceID) ([]crm.SeriesCount, error) {
		return t.memTx.ReadSeries(ctx, ws, series, from, to)
	})
}

func (t forgetSlots) AddToSeries(ctx context.Context, ws crm.WorkspaceID, deltas []crm.SeriesDelta) error {
	for _, space := range spaces(t.memTx, ws) {
		if err := t.memTx.AddToSeries(ctx, space, deltas); err != nil {
			return err
		}
	}
	return nil
}

func (y seriesOfTrash) RecountSeries(ctx context.Context, ws crm.WorkspaceID) error {
	if err := y.system.RecountSeries(ctx, ws); err != nil {
		return err
	}
	return y.m.write(ctx, func(s *state) error {
		for _, w := range mine(s.contacts, ws) {
			if !w.Contact.DeletedAt.IsZero() {
				s.series[of[slot]{ws, slot{crm.SeriesContacts, crm.SlotOf(w.Contact.CreatedAt)}}]++
			}
		}
		return nil
	})
}

func (y seriesOfAll) RecountSeries(ctx context.Context, ws crm.WorkspaceID) error {
	err := y.m.write(ctx, func(s *state) error {
		clear(s.series)
		return nil
	})
	if err != nil {
		return err
	}
	return y.system.RecountSeries(ctx, ws)
}

func (y seriesAgain) RecountSeries(ctx context.Context, ws crm.WorkspaceID) error {
	return y.m.write(ctx, func(s *state) error {
		for _, w := range mine(s.touches, ws) {
			s.series[of[slot]{ws, slot{crm.SeriesInteractions, crm.SlotOf(w.Interaction.OccurredAt)}}]++
		}
		return nil
	})
}

func seriesFaults() []fault {
	rows := func(name, red string, wrap func(t memTx) crm.Tx) fault {
		return fault{name: name, part: "series", red: red, store: breakTx(wrap)}
	}
	recount := func(name string, wrap func(y system) crm.SystemStore) fault {
		return fault{name: name, part: "series", red: "a_recount", store: breakParts(func(m *memStore, p *parts) { p.SystemStore = wrap(system{m}) })}
	}
	return []fault{
		rows("a slot takes the last delta", "add_up", func(t memTx) crm.Tx { return seriesReplaced{t} }),
		rows("all series are one", "add_up", func(t memTx) crm.Tx { return seriesMixed{t} }),
		rows("empty slots are read", "comes_to_nothing", func(t memTx) crm.Tx { return seriesZeros{t} }),
		rows("a range holds its end", "not_its_end", func(t memTx) crm.Tx { return seriesInclusive{t} }),
		recount("a recount of series counts the trash", func(y system) crm.SystemStore { return seriesOfTrash{y} }),
		recount("a recount of series clears other workspaces", func(y system) crm.SystemStore { return seriesOfAll{y} }),
		recount("a recount of series adds", func(y system) crm.SystemStore { return seriesAgain{y} }),
		{name: "ReadSeries forgets the workspace", part: "tenancy", red: "ReadSeries_from_", store: breakTx(func(t memTx) crm.Tx { return forgetSeries{t} })},
		{name: "AddToSeries forgets the workspace", part: "tenancy", red: "AddToSeries_from_", store: breakTx(func(t memTx) crm.Tx { return forgetSlots{t} })},
	}
}
