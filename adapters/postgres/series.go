package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
)

// seriesText adds up what is folded and what is pending.
const seriesText = `SELECT slot, CAST(sum(n) AS bigint) FROM (
		SELECT slot, count AS n FROM crm.series WHERE workspace = $1 AND series = $2 AND slot >= $3 AND slot < $4
		UNION ALL
		SELECT slot, n FROM crm.pending_counts WHERE workspace = $1 AND what = 3 AND series = $2 AND slot >= $3 AND slot < $4) AS parts
	GROUP BY slot HAVING sum(n) <> 0 ORDER BY slot`

// ReadSeries implements [crm.SeriesStore].
func (r reads) ReadSeries(ctx context.Context, ws crm.WorkspaceID, s crm.Series, from, to int64) ([]crm.SeriesCount, error) {
	counts, err := list(ctx, r, func(rows *sqlx.Rows) (c crm.SeriesCount, err error) {
		err = rows.Scan(&c.Slot, &c.Count)
		return c, err
	}, fixed(seriesText), uuidOf(ws), int64(s), from, to)
	if err != nil {
		return nil, fmt.Errorf("read series: %w", err)
	}
	return counts, nil
}

// ReadSeries implements [crm.SeriesStore], with what the transaction has added.
func (t *tx) ReadSeries(ctx context.Context, ws crm.WorkspaceID, s crm.Series, from, to int64) ([]crm.SeriesCount, error) {
	stored, err := t.reads.ReadSeries(ctx, ws, s, from, to)
	if err != nil {
		return nil, err
	}
	bySlot := map[int64]int{}
	for _, c := range stored {
		bySlot[c.Slot] = c.Count
	}
	for at, n := range t.added.counts {
		if at.ws == ws && at.what == countSeries && at.series == s && at.slot >= from && at.slot < to {
			bySlot[at.slot] += int(n)
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
		t.added.addSeries(ws, d.Series, d.Slot, int64(d.Delta))
	}
	return nil
}

// AddToSeries implements [crm.SeriesStore].
func (s *Store) AddToSeries(ctx context.Context, ws crm.WorkspaceID, changes []crm.SeriesDelta) error {
	return s.inTx(ctx, func(t *tx) error { return t.AddToSeries(ctx, ws, changes) })
}

// slotText is [crm.SlotOf] of a column.
func slotText(column string) string {
	return fmt.Sprintf("floor(CAST(%s AS numeric) / %d)", column, crm.SeriesSlot/time.Microsecond)
}

// lacking tells by slot what a series lacks of what is counted in the rows.
// Writers commit a row and what it adds together, and who folds moves from one
// table to the other, so that in one statement all of it agrees.
func lacking(rows, at string) string {
	return `SELECT CAST(slot AS bigint), CAST(sum(n) AS bigint) FROM (
		SELECT ` + slotText(at) + ` AS slot, count(*) AS n FROM ` + rows + ` WHERE workspace = $1 GROUP BY 1
		UNION ALL
		SELECT slot, -count FROM crm.series WHERE workspace = $1 AND series = $2
		UNION ALL
		SELECT slot, -n FROM crm.pending_counts WHERE workspace = $1 AND what = 3 AND series = $2) AS parts
	GROUP BY slot HAVING sum(n) <> 0`
}

var lackingText = map[crm.Series]string{
	crm.SeriesContacts:     lacking("(SELECT workspace, created_at FROM crm.contacts WHERE NOT trashed) AS live", "created_at"),
	crm.SeriesInteractions: lacking("crm.interactions", "occurred_at"),
}

// recountLock keeps all but one from recounting the figures of a workspace: two
// would both add what is missing.
const recountLock = "SELECT pg_advisory_xact_lock(hashtextextended('recount ' || ?, 0))"

// RecountSeries implements [crm.FigureKeeper]. Nobody waits for it but others
// that recount.
func (s *Store) RecountSeries(ctx context.Context, ws crm.WorkspaceID) error {
	err := s.inTx(ctx, func(t *tx) error {
		if _, err := t.exec(ctx, fixed(recountLock), ws.String()); err != nil {
			return err
		}
		for _, series := range crm.AllSeries() {
			var slot, lacks int64
			err := each(ctx, t, func(rows *sqlx.Rows) error {
				err := rows.Scan(&slot, &lacks)
				t.added.addSeries(ws, series, slot, lacks)
				return err
			}, fixed(lackingText[series]), uuidOf(ws), int64(series))
			if err != nil {
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
