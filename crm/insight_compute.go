package crm

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// insightPage is how many contacts one transaction writes insights of: some
// milliseconds of a store's only writer.
const insightPage = 200

// recompute judges contacts and stores what lists sort by. Ids that are not
// there, or in the trash, are none. It may run again, and beside itself.
func (s *InsightService) recompute(ctx context.Context, ws WorkspaceID, ids []ID) error {
	for page := range slices.Chunk(ids, insightPage) {
		rows, err := s.rows(ctx, ws, page)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			continue
		}
		if err := s.core.store.PutInsights(ctx, ws, rows); err != nil {
			return fmt.Errorf("put insights: %w", err)
		}
	}
	return nil
}

// rows are the insights of those who can have one.
func (s *InsightService) rows(ctx context.Context, ws WorkspaceID, ids []ID) ([]StoredInsight, error) {
	judged, err := s.judge(ctx, ws, ids)
	if err != nil {
		return nil, err
	}
	rows := make([]StoredInsight, 0, len(judged))
	for _, j := range judged {
		if !j.Contact.InTrash() {
			rows = append(rows, j.Insight.stored())
		}
	}
	return rows, nil
}

// insightConsumer is the name under which the event log's readers know consume.
const insightConsumer = "insights"

// consume keeps insights in step with the event log: it recomputes the contacts
// that events are about. It is state-based, so that events may come again, and
// in any order.
func (s *InsightService) consume(ctx context.Context, events []WorkspaceEvent) error {
	touched := map[WorkspaceID][]ID{}
	var order []WorkspaceID
	for _, e := range events {
		ids := e.judgedAgain()
		if len(ids) > 0 && touched[e.Workspace] == nil {
			order = append(order, e.Workspace)
		}
		touched[e.Workspace] = append(touched[e.Workspace], ids...)
	}
	for _, ws := range order {
		ids := touched[ws]
		slices.SortFunc(ids, compareIDs)
		if err := s.recompute(ctx, ws, slices.Compact(ids)); err != nil {
			return fmt.Errorf("recompute insights of workspace %s: %w", ws, err)
		}
	}
	return nil
}

// judgedAgain are the contacts whose insights an event may have changed.
func (e Event) judgedAgain() []ID {
	switch e.Type {
	case EventContactCreated, EventContactRestored:
		return []ID{e.Subject.ID}
	case EventContactUpdated:
		if slices.ContainsFunc(e.Changed, judgedField) {
			return []ID{e.Subject.ID}
		}
	case EventInteractionCreated, EventInteractionUpdated, EventInteractionDeleted:
		return e.Contacts
	}
	return nil
}

// judgedField reports whether a field of a contact counts in its insight.
func judgedField(name string) bool {
	switch name {
	case "stage", "emails", "phones", "company", "jobTitle", "givenName", "familyName", "addresses", "birthday":
		return true
	}
	return false
}

// insightEvery is how often all contacts are judged anew: scores fade and
// follow-ups fall due, at midnight UTC, without anything happening.
const insightEvery = 24 * time.Hour

// nightCheckpoint is where the pass over all workspaces goes on: in the first
// workspace behind Done, behind the contact After.
type nightCheckpoint struct {
	Done  WorkspaceID `json:"done"`
	After ID          `json:"after"`
}

// runInsights is the periodic pass over the contacts of all workspaces, one after
// the other, in pages by id.
func (c *CRM) runInsights(ctx context.Context, run *JobRun) error {
	at, err := decodeCheckpoint[nightCheckpoint](run.Job)
	if err != nil {
		return err
	}
	for {
		page, err := c.system.ListWorkspaces(ctx, at.Done, 1)
		if err != nil {
			return fmt.Errorf("list workspaces: %w", err)
		}
		if len(page) == 0 {
			return run.Save(ctx, nightCheckpoint{}) // The next night begins anew.
		}
		for {
			ids, err := c.core.store.ListContactIDs(ctx, page[0].ID, ContactCriteria{}, at.After, insightPage)
			if err != nil {
				return fmt.Errorf("list contacts: %w", err)
			}
			if err := c.Insights.recompute(ctx, page[0].ID, ids); err != nil {
				return err
			}
			if len(ids) < insightPage {
				break
			}
			at.After = ids[len(ids)-1]
			if err := run.Save(ctx, at); err != nil {
				return err
			}
		}
		at = nightCheckpoint{Done: page[0].ID}
		if err := run.Save(ctx, at); err != nil {
			return err
		}
	}
}
