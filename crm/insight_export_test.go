package crm

import "context"

// ConsumeInsights hands events to what keeps insights in step with the log.
func (c *CRM) ConsumeInsights(ctx context.Context, events []WorkspaceEvent) error {
	return c.Insights.consume(ctx, events)
}

// RecomputeInsights judges contacts as the night's pass does.
func (c *CRM) RecomputeInsights(ctx context.Context, ws WorkspaceID, ids []ID) error {
	return c.Insights.recompute(ctx, ws, ids)
}

// InsightConsumer is the name of the consumer.
const InsightConsumer = insightConsumer
