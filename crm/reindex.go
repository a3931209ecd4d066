package crm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
)

// SearchService looks after the search index for people; searching itself is
// [ContactService].List.
type SearchService struct{ core *core }

// Reindex queues a job that makes the workspace's search index anew, see
// [CRM.Reindex]. It takes an admin. While such a job waits or runs a second call
// is a *ConflictError that names it.
func (s *SearchService) Reindex(ctx context.Context, actor Actor) (Job, error) {
	if err := actor.Authorize(PermJobsAll); err != nil {
		return Job{}, fmt.Errorf("reindex: %w", err)
	}
	j, err := s.core.putReindex(ctx, actor, ID{})
	if err != nil {
		return Job{}, fmt.Errorf("reindex: %w", err)
	}
	s.core.jobs.dispatch(ctx, j)
	return j, nil
}

// putReindex stores the job; with a lease it belongs to this process.
func (k *core) putReindex(ctx context.Context, actor Actor, lease ID) (Job, error) {
	j, err := k.jobs.newJob(actor, JobReindex, ID(actor.Workspace), struct{}{})
	if err != nil {
		return Job{}, err
	}
	if !lease.IsZero() {
		j.Status, j.Lease, j.Attempt, j.StartedAt = JobRunning, lease, 1, j.CreatedAt
	}
	return j, k.store.InTx(ctx, func(tx Tx) error { return k.jobs.put(ctx, tx, actor, j) })
}

// Reindex makes the search index of a workspace anew from the store and returns
// when that is done here. Searches are answered all along, by the index as it
// was. It is a job of kind reindex that runs in this process, or one that waited
// already. Other processes that have the workspace's index in their memory learn
// of it from the event log and make theirs anew at the same time. It is for
// operators and asks for no actor.
func (c *CRM) Reindex(ctx context.Context, ws WorkspaceID) (Job, error) {
	j, err := c.core.putReindex(ctx, systemActor(ws), c.core.newID())
	var conflict *ConflictError
	switch {
	case errors.As(err, &conflict) && conflict.Reason == ConflictExists:
		j.ID = conflict.ID
	case err != nil:
		return Job{}, fmt.Errorf("reindex workspace %s: %w", ws, err)
	default:
		if err := c.runner.workHere(ctx, j, nil); err != nil {
			return j, fmt.Errorf("reindex workspace %s: %w", ws, err)
		}
	}
	if j, err = c.runner.attach(ctx, ws, j.ID, nil); err != nil {
		return j, fmt.Errorf("reindex workspace %s: %w", ws, err)
	}
	if j.Status != JobSucceeded {
		return j, fmt.Errorf("reindex workspace %s: %w", ws, &JobError{Job: j, What: string(j.Status)})
	}
	return j, nil
}

// ReindexResult is the result of a job of kind reindex.
type ReindexResult struct {
	// Documents is how many contacts the new index holds; 0 for a workspace whose
	// index does not fit into the memory and that the store answers for.
	Documents int `json:"documents"`
}

// runReindex tells all processes by an event and makes the index of this one
// anew itself, so that the job's end means something. A second run does the same
// once more.
func (c *CRM) runReindex(ctx context.Context, run *JobRun) error {
	s, ws := c.core.search, run.Job.Workspace
	s.answerFor(run.Job.ID, true)
	defer s.answerFor(run.Job.ID, false)
	err := run.InTx(ctx, JobStep{}, func(tx Tx) error {
		return tx.AppendEvents(ctx, ws, []Event{c.Jobs.event(EventSearchInvalidated, EventActor{Kind: ActorSystem}, run.Job)})
	})
	if err != nil {
		return err
	}
	var result ReindexResult
	if result.Documents, err = s.rebuild(ctx, ws); err != nil && !errors.Is(err, ErrTooLarge) {
		return err
	}
	run.Progress(int64(result.Documents), int64(result.Documents))
	return run.InTx(ctx, JobStep{Last: true, Result: func() any { return result }}, func(Tx) error { return nil })
}

// rebuild makes a workspace's index anew while it answers, and returns how many
// documents it holds then. One is made at a time, because until the swap there
// are two in memory.
func (s *searcher) rebuild(ctx context.Context, ws WorkspaceID) (int, error) {
	select {
	case s.building <- struct{}{}:
		defer func() { <-s.building }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	s.mu.Lock()
	before := s.feeds[ws]
	s.mu.Unlock()
	f, err := s.awaitFeed(ctx, ws)
	switch {
	case err != nil:
		return 0, err
	case before == nil && !f.shared.Load(): // It was made just now.
	case s.own():
		err = s.replace(ctx, ws, f)
	default:
		err = s.fillAgain(ctx, ws, f)
	}
	if err != nil {
		return 0, fmt.Errorf("rebuild search index: %w", err)
	}
	s.rebuilds.Add(1)
	debug.FreeOSMemory() // The index that was is garbage, and large.
	status, err := s.index.IndexStatus(ctx, ws)
	return status.Documents, err
}

// replace fills a fresh built-in index beside the one that answers and puts it
// in its place at a moment when both know the same part of the log.
func (s *searcher) replace(ctx context.Context, ws WorkspaceID, f *feed) error {
	own, ok := s.index.(*MemoryIndex)
	if !ok {
		return s.fillAgain(ctx, ws, f)
	}
	for {
		next := &feed{mu: &sync.Mutex{}}
		s.mu.Lock()
		beside := &searcher{core: s.core, index: NewMemoryIndex(), memory: s.memory, asked: maps.Clone(s.asked), beside: true}
		s.mu.Unlock()
		if err := beside.loadAll(ctx, ws, next); err != nil {
			return err
		}
		if done, err := s.swap(ctx, ws, f, beside, next, own); done || err != nil {
			return err
		}
	}
}

// swap reports false when the fresh index was asked for anew while it was made.
func (s *searcher) swap(ctx context.Context, ws WorkspaceID, f *feed, beside *searcher, next *feed, own *MemoryIndex) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dropped.Load() {
		return false, errIndexNotReady
	}
	written := f.written.Load()
	if err := beside.apply(ctx, ws, next); err != nil || next.outdated {
		return false, err
	}
	own.adopt(ws, beside.index.(*MemoryIndex)) //nolint:forcetypeassert // replace made it.
	f.position = next.position
	f.applied.Store(written)
	return true, nil
}

// adopt puts another index's documents of a workspace in the place of one's
// own. Searches under way end on the old ones.
func (m *MemoryIndex) adopt(ws WorkspaceID, from *MemoryIndex) {
	from.mu.RLock()
	x, at := from.workspaces[ws], from.marks[ws]
	from.mu.RUnlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.marks[ws] = at; x != nil {
		m.workspaces[ws] = x
	} else {
		delete(m.workspaces, ws)
	}
}

// fillAgain puts every contact once more into an index that was given, takes
// out what the store does not have, and then applies what was written meanwhile:
// it may have been overwritten by an older state.
func (s *searcher) fillAgain(ctx context.Context, ws WorkspaceID, f *feed) error {
	head, err := s.core.store.EventHead(ctx, ws)
	if err != nil {
		return err
	}
	if err := s.fill(ctx, ws, f); err != nil {
		return err
	}
	if err := s.removeStrangers(ctx, ws, f); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dropped.Load() {
		return errIndexNotReady
	}
	f.position = min(f.position, head)
	return s.apply(ctx, ws, f)
}

// invalidated reports whether one of the events asks for a new index and nobody
// here is making one for it already. What is shared the job itself makes anew.
func (s *searcher) invalidated(events []Event, f *feed) bool {
	if f.shared.Load() {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(events, func(e Event) bool { return e.Type == EventSearchInvalidated && !s.asked[e.Subject.ID] })
}

// answerFor notes that a job in this process makes the index anew itself.
func (s *searcher) answerFor(job ID, asked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if asked {
		s.asked[job] = true
	} else {
		delete(s.asked, job)
	}
}

// rebuildSoon makes the index anew in the background. The caller holds f.mu.
func (s *searcher) rebuildSoon(ws WorkspaceID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return
	}
	s.loads.Go(func() {
		if _, err := s.rebuild(s.ctx, ws); err != nil && s.ctx.Err() == nil {
			s.core.log.Warn("search index not made anew; it stays as it was", "workspace", ws, "error", err)
		}
	})
}

// JobError says that a job which somebody waited for did not succeed.
type JobError struct {
	Job Job
	// What was waited for, such as "failed after 10 rows".
	What string
}

// Error says what and why.
func (e *JobError) Error() string { return e.What + ": " + e.Job.ErrorText }

// Unwrap is ErrUnavailable where the job failed for want of something that may
// come back, nil otherwise.
func (e *JobError) Unwrap() error {
	if e.Job.ErrorCode == errorCode(ErrUnavailable) {
		return ErrUnavailable
	}
	return nil
}
