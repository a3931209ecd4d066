package postgres

import (
	"context"
	"fmt"

	"github.com/omnicrm/omnicrm/crm"
)

// deltas are what a transaction adds to the totals, to the counts of tags and to
// the series. They are written once, in front of its commit, as rows that are
// folded into the totals later: to change the totals themselves all writers of a
// workspace would have to wait for each other.
type deltas struct {
	counts map[countOf]int64
	// names are the spellings of tags that may be new.
	names map[countOf]string
}

// What the column what of a pending count says.
const (
	countLive    = 0
	countTrashed = 1
	countTag     = 2
	countSeries  = 3
)

// countOf names a total.
type countOf struct {
	ws     crm.WorkspaceID
	what   int64
	key    string
	series crm.Series
	slot   int64
}

func newDeltas() deltas { return deltas{counts: map[countOf]int64{}, names: map[countOf]string{}} }

func (d *deltas) addFigures(ws crm.WorkspaceID, f figureDelta) {
	d.counts[countOf{ws: ws, what: countLive}] += f.live
	d.counts[countOf{ws: ws, what: countTrashed}] += f.trashed
}

func (d *deltas) figures(ws crm.WorkspaceID) figureDelta {
	return figureDelta{live: d.counts[countOf{ws: ws, what: countLive}], trashed: d.counts[countOf{ws: ws, what: countTrashed}]}
}

// addTag adds to the count of a tag, whose first name stays.
func (d *deltas) addTag(ws crm.WorkspaceID, key, name string, n int64) {
	at := countOf{ws: ws, what: countTag, key: key}
	if d.counts[at] == 0 {
		d.names[at] = name
	}
	d.counts[at] += n
}

func (d *deltas) addSeries(ws crm.WorkspaceID, s crm.Series, slot, n int64) {
	d.counts[countOf{ws: ws, what: countSeries, series: s, slot: slot}] += n
}

var pendingCounts = bulk{
	table: "pending_counts", columns: []string{"workspace", "what", "key", "name", "series", "slot", "n"},
	types: []string{"uuid", "smallint", "text", "text", "bigint", "bigint", "bigint"}, waits: true,
}

// write puts everything into the table of what is pending.
func (d *deltas) write(ctx context.Context, t *tx) error {
	var rows []countOf
	for at, n := range d.counts {
		if n != 0 {
			rows = append(rows, at)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	t.logged = true
	err := t.insert(ctx, pendingCounts, len(rows), func(args []any, i int) ([]any, error) {
		at := rows[i]
		return append(args, uuidOf(at.ws), at.what, at.key, d.names[at], int64(at.series), at.slot, d.counts[at]), nil
	})
	if err != nil {
		return fmt.Errorf("add to the totals: %w", err)
	}
	return nil
}
