package crm

import "context"

// ConsumeInsights hands events to what keeps insights in step with the log.
func (c *CRM) ConsumeInsights(ctx context.Context, events []WorkspaceEvent) error {
	return c.Insights.consume(ctx, events)
}

// QueueInsights queues the pass over all contacts of a workspace.
func (c *CRM) QueueInsights(ctx context.Context, ws WorkspaceID) error {
	return c.Insights.queueAll(ctx, ws)
}

// InsightConsumer is the name of the consumer.
const InsightConsumer = insightConsumer
