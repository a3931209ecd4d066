package crm

import (
	"context"
	"fmt"
	"maps"
)

// crowdedError makes a load give way: together with an earlier one it does not
// fit, and once that has ended there is something to drop.
type crowdedError struct{ by *feed }

// Error says what is the matter.
func (e *crowdedError) Error() string { return "an earlier load needs the memory" }

// room is what the indexes take.
type room struct {
	total, own int64
	// oldest is the ready index, not one's own, that was searched longest ago.
	oldest     WorkspaceID
	oldestUsed int64
	// earlier is a load that began before one's own, or nil.
	earlier *feed
}

// survey measures the indexes; own, and its feed, may be zero.
func (s *searcher) survey(ctx context.Context, own WorkspaceID, f *feed) (room, error) {
	s.mu.Lock()
	feeds := maps.Clone(s.feeds)
	ready := make(map[WorkspaceID]bool, len(feeds))
	for ws, other := range feeds {
		ready[ws] = other.ready && !other.dropped.Load()
	}
	s.mu.Unlock()
	var r room
	for ws, other := range feeds {
		if other.shared.Load() {
			continue
		}
		status, err := s.index.IndexStatus(ctx, ws)
		if err != nil {
			return r, err
		}
		r.total += status.Bytes
		used := other.used.Load()
		switch {
		case other == f:
			r.own = status.Bytes
		case ready[ws] && status.Bytes > 0 && ws != own && (r.oldest.IsZero() || used < r.oldestUsed):
			r.oldest, r.oldestUsed = ws, used
		case !ready[ws] && status.Bytes > 0 && f != nil && other.began < f.began:
			r.earlier = other
		}
	}
	return r, nil
}

// makeRoom keeps the indexes within their memory while one loads, by dropping
// the workspaces used longest ago; one that does not fit alone is left to the
// store. Of two loads that do not fit together the later one waits.
func (s *searcher) makeRoom(ctx context.Context, loading WorkspaceID, f *feed) error {
	for {
		r, err := s.survey(ctx, loading, f)
		switch {
		case err != nil:
			return err
		case r.total <= s.memory:
			return nil
		case r.own > s.memory:
			return fmt.Errorf("the workspace's index needs more than %d bytes: %w", s.memory, ErrTooLarge)
		case !r.oldest.IsZero():
			if err := s.drop(ctx, r.oldest); err != nil {
				return err
			}
		case r.earlier != nil:
			return &crowdedError{r.earlier}
		default: // The later loads give way.
			return nil
		}
	}
}

// shed drops indexes that have grown beyond the memory since they were loaded,
// those used longest ago first.
func (s *searcher) shed(ctx context.Context) error {
	for {
		r, err := s.survey(ctx, WorkspaceID{}, nil)
		if err != nil || r.total <= s.memory || r.oldest.IsZero() {
			return err
		}
		if err := s.drop(ctx, r.oldest); err != nil {
			return err
		}
	}
}

// drop forgets a workspace's index; its next search loads it again. What
// others share stays as it is.
func (s *searcher) drop(ctx context.Context, ws WorkspaceID) error {
	s.mu.Lock()
	f := s.feeds[ws]
	s.mu.Unlock()
	if f == nil {
		return nil
	}
	f.dropped.Store(true) // From here on nobody trusts what the index answers.
	f.mu.Lock()
	defer f.mu.Unlock()
	s.mu.Lock()
	replaced := s.feeds[ws] != f
	s.mu.Unlock()
	if replaced { // A new load has it already.
		return nil
	}
	if !f.shared.Load() {
		if err := s.index.DropWorkspace(ctx, ws); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.feeds[ws] == f {
		delete(s.feeds, ws)
	}
	return nil
}
