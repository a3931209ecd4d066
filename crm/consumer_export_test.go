package crm

// RegisterConsumer adds a durable consumer of the event log before Start.
func (c *CRM) RegisterConsumer(name string, handle consumeEvents) { c.consumers.register(name, handle) }

// StreamBuffer is how many activities may wait for a stream.
const StreamBuffer = streamBuffer
