package crm

import "time"

// RegisterConsumer adds a durable consumer of the event log before Start.
func (c *CRM) RegisterConsumer(name string, handle consumeEvents) { c.consumers.register(name, handle) }

// StreamBuffer is how many activities may wait for a stream.
const StreamBuffer = streamBuffer

// DropSlowStreamsAfter replaces how long a stream may take to empty its buffer.
func (c *CRM) DropSlowStreamsAfter(d time.Duration) { c.Activity.hub.slowAfter.Store(int64(d)) }
