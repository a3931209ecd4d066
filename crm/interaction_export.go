package crm

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
)

// Export writes all interactions as JSON lines, one [InteractionRecord] a line,
// by id, and returns how many. What is written while it runs is in it or not; an
// import of JSON lines reads it.
func (s *InteractionService) Export(ctx context.Context, actor Actor, w io.Writer) (int, error) {
	if err := actor.Authorize(PermContactsRead); err != nil {
		return 0, fmt.Errorf("export interactions: %w", err)
	}
	out := bufio.NewWriterSize(w, 64<<10)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	done := 0
	var after ID
	for {
		ids, err := s.core.store.ListInteractionIDs(ctx, actor.Workspace, InteractionCriteria{}, after, undoPage)
		if err != nil {
			return done, fmt.Errorf("export interactions: %w", err)
		}
		if len(ids) == 0 {
			break
		}
		page, err := s.core.store.GetInteractions(ctx, actor.Workspace, ids)
		if err != nil {
			return done, fmt.Errorf("export interactions: %w", err)
		}
		for _, i := range page {
			if err := enc.Encode(i.Record()); err != nil {
				return done, fmt.Errorf("export interaction %s: %w", i.ID, err)
			}
			done++
		}
		after = ids[len(ids)-1]
	}
	if err := out.Flush(); err != nil {
		return done, fmt.Errorf("export interactions: %w", err)
	}
	return done, nil
}
