package crm

import (
	"slices"
	"sync"
	"time"
)

// RegisterConsumer adds a durable consumer of the event log before Start.
func (c *CRM) RegisterConsumer(name string, handle consumeEvents) { c.consumers.register(name, handle) }

// StreamBuffer is how many activities may wait for a stream.
const StreamBuffer = streamBuffer

// DropSlowStreamsAfter replaces how long a stream may take to empty its buffer.
func (c *CRM) DropSlowStreamsAfter(d time.Duration) { c.Activity.hub.slowAfter.Store(int64(d)) }

// WithoutJudging takes the readers of the log away that change records by
// themselves, and the night's pass, before Start.
func (c *CRM) WithoutJudging() {
	c.consumers.list = nil
	c.Jobs.schedules = slices.DeleteFunc(c.Jobs.schedules, func(d *schedule) bool { return d.kind == JobInsight })
}

// LoadDropped does what a load does that was dropped while it waited for room.
func (c *CRM) LoadDropped(ws WorkspaceID) error {
	f := &feed{mu: &sync.Mutex{}, loaded: make(chan struct{})}
	f.dropped.Store(true)
	return c.core.search.loadAll(c.core.search.ctx, ws, f)
}
