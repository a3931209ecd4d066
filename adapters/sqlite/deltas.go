package sqlite

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/omnicrm/omnicrm/crm"
)

// deltas are what calls of a group add to the totals and to the counts of tags.
// They are written once a group, in front of its commit: a create made a sixth
// of its statements for rows that the next create changed again.
type deltas struct {
	figures map[crm.WorkspaceID]figureDelta
	tags    map[tagOf]tagDelta
	series  map[slotOf]int64
}

type slotOf struct {
	ws     crm.WorkspaceID
	series crm.Series
	slot   int64
}

type tagOf struct {
	ws  crm.WorkspaceID
	key string
}

type tagDelta struct {
	name  string // for a tag that is new
	count int64
}

func newDeltas() deltas {
	return deltas{figures: map[crm.WorkspaceID]figureDelta{}, tags: map[tagOf]tagDelta{}, series: map[slotOf]int64{}}
}

func (d *deltas) addFigures(ws crm.WorkspaceID, f figureDelta) {
	if f == (figureDelta{}) {
		return
	}
	sum := d.figures[ws]
	sum.live += f.live
	sum.trashed += f.trashed
	d.figures[ws] = sum
}

// addTag adds to the count of a tag, whose first name stays.
func (d *deltas) addTag(at tagOf, t tagDelta) {
	if before, ok := d.tags[at]; ok {
		t.name = before.name
		t.count += before.count
	}
	d.tags[at] = t
}

// take adds all of another and leaves that empty.
func (d *deltas) take(other *deltas) {
	for ws, f := range other.figures {
		d.addFigures(ws, f)
	}
	for at, t := range other.tags {
		d.addTag(at, t)
	}
	for at, n := range other.series {
		d.series[at] += n
	}
	other.clear()
}

func (d *deltas) clear() {
	clear(d.figures)
	clear(d.tags)
	clear(d.series)
}

// write puts everything into the tables, in their order.
func (d *deltas) write(ctx context.Context, t *tx) error {
	workspaces := slices.SortedFunc(maps.Keys(d.figures), func(a, b crm.WorkspaceID) int { return bytes.Compare(a[:], b[:]) })
	into := bulk{into: "contact_figures (ws, live, trashed)", columns: 3, tail: ` ON CONFLICT (ws) DO UPDATE
		SET live = live + excluded.live, trashed = trashed + excluded.trashed`}
	err := t.insert(ctx, into, len(workspaces), func(args []any, i int) ([]any, error) {
		f := d.figures[workspaces[i]]
		return append(args, numbered(workspaces[i]), f.live, f.trashed), nil
	})
	if err != nil {
		return fmt.Errorf("add to the totals: %w", err)
	}
	tags := slices.SortedFunc(maps.Keys(d.tags), func(a, b tagOf) int {
		return cmp.Or(bytes.Compare(a.ws[:], b.ws[:]), strings.Compare(a.key, b.key))
	})
	into = bulk{into: "tags (ws, key, name, count)", columns: 4, tail: " ON CONFLICT (ws, key) DO UPDATE SET count = count + excluded.count"}
	err = t.insert(ctx, into, len(tags), func(args []any, i int) ([]any, error) {
		tag := d.tags[tags[i]]
		return append(args, numbered(tags[i].ws), tags[i].key, tag.name, tag.count), nil
	})
	if err != nil {
		return fmt.Errorf("add to the tags: %w", err)
	}
	for _, at := range tags {
		if d.tags[at].count > 0 {
			continue
		}
		if _, err := t.exec(ctx, fixed("DELETE FROM tags WHERE ws = ? AND key = ? AND count = 0"), numbered(at.ws), at.key); err != nil {
			return fmt.Errorf("forget a tag: %w", err)
		}
	}
	return d.writeSeries(ctx, t)
}

func (d *deltas) writeSeries(ctx context.Context, t *tx) error {
	slots := slices.SortedFunc(maps.Keys(d.series), func(a, b slotOf) int {
		return cmp.Or(bytes.Compare(a.ws[:], b.ws[:]), cmp.Compare(a.series, b.series), cmp.Compare(a.slot, b.slot))
	})
	into := bulk{into: "series (ws, series, slot, count)", columns: 4, tail: " ON CONFLICT (ws, series, slot) DO UPDATE SET count = count + excluded.count"}
	err := t.insert(ctx, into, len(slots), func(args []any, i int) ([]any, error) {
		at := slots[i]
		return append(args, numbered(at.ws), int64(at.series), at.slot, d.series[at]), nil
	})
	if err != nil {
		return fmt.Errorf("add to the series: %w", err)
	}
	return nil
}
