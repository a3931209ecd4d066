package crm

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// countHistory counts the interactions by slot and notes the newest of each
// contact.
func (c *CRM) countHistory(ctx context.Context, ws WorkspaceID, real *census) error {
	var after ID
	for {
		ids, err := c.core.store.ListInteractionIDs(ctx, ws, InteractionCriteria{}, after, erasePage)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			return nil
		}
		page, err := c.core.store.GetInteractions(ctx, ws, ids)
		if err != nil {
			return err
		}
		for i := range page {
			real.series.interaction(&page[i], 1)
			for _, id := range page[i].Contacts() {
				real.newest[id] = max(real.newest[id], Micros(page[i].OccurredAt))
			}
		}
		after = ids[len(ids)-1]
	}
}

// checkSeries compares what is kept by time with what was counted.
func (c *CRM) checkSeries(ctx context.Context, ws WorkspaceID, real census, note noteFunc) error {
	const ever = int64(1) << 40
	lacks := maps.Clone(real.series)
	for _, s := range AllSeries() {
		kept, err := c.core.store.ReadSeries(ctx, ws, s, -ever, ever)
		if err != nil {
			return err
		}
		for _, k := range kept {
			lacks[SeriesDelta{Series: s, Slot: k.Slot}] -= k.Count
		}
	}
	wrong := lacks.deltas()
	if len(wrong) == 0 {
		return nil
	}
	return note("series", fmt.Sprintf("%d quarters of an hour are counted wrong", len(wrong)), func() error {
		return c.system.RecountSeries(ctx, ws)
	})
}

// checkLast compares each contact's last interaction with the newest one found.
func (c *CRM) checkLast(ctx context.Context, ws WorkspaceID, real census, note noteFunc) error {
	var wrong []ID
	for id, last := range real.last {
		newest, ok := real.newest[id]
		if !ok {
			newest = absentNumber
		}
		if last != newest {
			wrong = append(wrong, id)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	slices.SortFunc(wrong, compareIDs)
	return note("interactions", fmt.Sprintf("%d contacts have a wrong last interaction", len(wrong)), func() error {
		for part := range slices.Chunk(wrong, MaxBatch) {
			if err := c.core.store.RefreshLastInteractions(ctx, ws, part); err != nil {
				return err
			}
		}
		return nil
	})
}
