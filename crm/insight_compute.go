package crm

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// insightCheckpoint is where a pass over a workspace goes on.
type insightCheckpoint struct {
	After ID    `json:"after"`
	Done  int64 `json:"done"`
}

// queueAll queues a pass over all contacts of a workspace. Scores fade and
// follow-ups fall due without anything happening, so each workspace needs one a
// night, soon after midnight UTC. One that is queued or runs already is enough.
func (s *InsightService) queueAll(ctx context.Context, ws WorkspaceID) error {
	actor := systemActor(ws)
	j, err := s.core.jobs.newJob(actor, JobInsight, ID(ws), struct{}{})
	if err != nil {
		return fmt.Errorf("queue insights: %w", err)
	}
	err = s.core.inTx(ctx, ws, func(tx Tx) error { return s.core.jobs.put(ctx, tx, actor, j) })
	if errors.Is(err, ErrConflict) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("queue insights: %w", err)
	}
	s.core.jobs.dispatch(ctx, j)
	return nil
}

// runJob is the pass over all contacts, page by page in the order of ids.
func (s *InsightService) runJob(ctx context.Context, run *JobRun) error {
	ws := run.Job.Workspace
	at, err := decodeCheckpoint[insightCheckpoint](run.Job)
	if err != nil {
		return err
	}
	total, err := s.core.store.CountContacts(ctx, ws, ContactCriteria{}, 0)
	if err != nil {
		return fmt.Errorf("count contacts: %w", err)
	}
	for {
		ids, err := s.core.store.ListContactIDs(ctx, ws, ContactCriteria{}, at.After, insightPage)
		if err != nil {
			return fmt.Errorf("list contacts: %w", err)
		}
		rows, err := s.rows(ctx, ws, ids)
		if err != nil {
			return err
		}
		last := len(ids) < insightPage
		if len(ids) > 0 {
			at = insightCheckpoint{After: ids[len(ids)-1], Done: at.Done + int64(len(ids))}
		}
		run.Progress(at.Done, max(int64(total), at.Done))
		step := JobStep{Checkpoint: func() any { return at }, Last: last}
		err = run.InTx(ctx, step, func(tx Tx) error {
			if len(rows) == 0 {
				return nil
			}
			return tx.PutInsights(ctx, ws, rows)
		})
		if err != nil || last {
			return err
		}
	}
}
