package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
)

const seriesText = "SELECT slot, count FROM series WHERE ws = ? AND series = ? AND slot >= ? AND slot < ? AND count <> 0 ORDER BY slot"

// ReadSeries implements [crm.SeriesStore].
func (r reads) ReadSeries(ctx context.Context, ws crm.WorkspaceID, s crm.Series, from, to int64) ([]crm.SeriesCount, error) {
	counts, err := list(ctx, r, func(rows *sqlx.Rows) (c crm.SeriesCount, err error) {
		err = rows.Scan(&c.Slot, &c.Count)
		return c, err
	}, fixed(seriesText), numbered(ws), int64(s), from, to)
	if err != nil {
		return nil, fmt.Errorf("read series: %w", err)
	}
	return counts, nil
}

// ReadSeries implements [crm.SeriesStore], with what the transaction and the
// group before it have added.
func (t *tx) ReadSeries(ctx context.Context, ws crm.WorkspaceID, s crm.Series, from, to int64) ([]crm.SeriesCount, error) {
	stored, err := t.reads.ReadSeries(ctx, ws, s, from, to)
	if err != nil {
		return nil, err
	}
	bySlot := map[int64]int{}
	for _, c := range stored {
		bySlot[c.Slot] = c.Count
	}
	for _, added := range []*deltas{&t.conn.added, &t.added} {
		for at, n := range added.series {
			if at.ws == ws && at.series == s && at.slot >= from && at.slot < to {
				bySlot[at.slot] += int(n)
			}
		}
	}
	var counts []crm.SeriesCount
	for slot, n := range bySlot {
		if n != 0 {
			counts = append(counts, crm.SeriesCount{Slot: slot, Count: n})
		}
	}
	slices.SortFunc(counts, func(a, b crm.SeriesCount) int { return cmp.Compare(a.Slot, b.Slot) })
	return counts, nil
}

// AddToSeries implements [crm.SeriesStore].
func (t *tx) AddToSeries(ctx context.Context, ws crm.WorkspaceID, changes []crm.SeriesDelta) error {
	if err := t.ready(ctx); err != nil {
		return fmt.Errorf("add to series: %w", err)
	}
	for _, d := range changes {
		t.added.series[slotOf{ws, d.Series, d.Slot}] += int64(d.Delta)
	}
	return nil
}

// AddToSeries implements [crm.SeriesStore].
func (s *Store) AddToSeries(ctx context.Context, ws crm.WorkspaceID, changes []crm.SeriesDelta) error {
	return s.inTx(ctx, func(t *tx) error { return t.AddToSeries(ctx, ws, changes) })
}

// RecountSeries implements [crm.FigureKeeper]. It holds the writer while it reads
// every row of the workspace.
func (s *Store) RecountSeries(ctx context.Context, ws crm.WorkspaceID) error {
	texts := map[crm.Series]string{
		crm.SeriesContacts:     "SELECT created_at FROM contacts INDEXED BY contacts_by_created WHERE ws = ? AND trashed = 0",
		crm.SeriesInteractions: "SELECT occurred_at FROM interactions INDEXED BY interactions_by_id WHERE ws = ?",
	}
	err := s.inTx(ctx, func(t *tx) error {
		for _, series := range crm.AllSeries() {
			counted := map[int64]int{}
			err := each(ctx, t, func(rows *sqlx.Rows) error {
				var at time.Time
				err := rows.Scan(scanTime(&at))
				counted[crm.SlotOf(at)]++
				return err
			}, fixed(texts[series]), numbered(ws))
			if err != nil {
				return err
			}
			if err := t.setSeries(ctx, ws, series, counted); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("recount series of %s: %w", ws, err)
	}
	return nil
}

// setSeries adds what a series lacks of what was counted.
func (t *tx) setSeries(ctx context.Context, ws crm.WorkspaceID, series crm.Series, counted map[int64]int) error {
	const ever = int64(1) << 62
	stored, err := t.ReadSeries(ctx, ws, series, -ever, ever)
	if err != nil {
		return err
	}
	for _, c := range stored {
		counted[c.Slot] -= c.Count
	}
	for slot, lacks := range counted {
		if lacks != 0 {
			t.added.series[slotOf{ws, series, slot}] += int64(lacks)
		}
	}
	return nil
}
