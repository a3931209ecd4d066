package crm

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// collapser makes one event of the many of a batch: the newest, told before
// whatever follows it in the log, so that positions only rise and whoever goes on
// from any of them has missed nothing.
type collapser struct {
	// pending are the newest events of batches that were not told yet.
	pending map[ID]Event
}

// add takes the next event of the log and appends what is to be told to out.
func (c *collapser) add(e Event, out []Event) []Event {
	if !e.Bulk() {
		return append(c.flush(out), e)
	}
	if c.pending == nil {
		c.pending = map[ID]Event{}
	}
	c.pending[e.Batch] = e
	return out
}

// flush appends what is pending, in the order of the log.
func (c *collapser) flush(out []Event) []Event {
	if len(c.pending) == 0 {
		return out
	}
	events := slices.SortedFunc(maps.Values(c.pending), func(a, b Event) int { return cmp.Compare(a.Position, b.Position) })
	clear(c.pending)
	return append(out, events...)
}

// batchEvery is how often a stream tells of a batch that goes on.
const batchEvery = time.Second

// lane collapses the events of one workspace for its streams: a batch is told of
// as soon as it begins, and then at most every batchEvery unless something else
// happens.
type lane struct {
	collapser
	told time.Time
}

// due returns what is to be told now, and else when, zero for nothing.
func (l *lane) due(now time.Time, out []Event) ([]Event, time.Time) {
	if len(l.pending) == 0 {
		return out, time.Time{}
	}
	if next := l.told.Add(batchEvery); now.Before(next) {
		return out, next
	}
	l.told = now
	return l.flush(out), time.Time{}
}
