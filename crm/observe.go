package crm

import (
	"context"
	"fmt"
	"time"
)

// Observer is told what a CRM does, for metrics and traces. Its methods are
// called in the course of the work, from many goroutines at once: they must
// return at once and never fail. What they are told holds no personal data, but
// ids, which belong in traces and not in the labels of metrics.
type Observer interface {
	// JobBegins is called when an attempt at a job begins here. The handler runs
	// under the context that it returns, made from ctx. The function that it
	// returns is called once, when the attempt is over.
	JobBegins(ctx context.Context, j Job) (context.Context, func(JobEnd))
	// Searched is called after each list that searched for words.
	Searched(ctx context.Context, s SearchAnswer)
}

// JobEnd is how an attempt at a job ended.
type JobEnd struct {
	// Status is the state of the job after the attempt: succeeded, failed,
	// cancelled, retrying, or queued when it was parked by a shutdown. It is ""
	// when the job is somebody else's by now, or its end could not be written.
	Status JobStatus
	// Err is why the attempt did not succeed, nil when it did.
	Err error
}

// SearchAnswer says who answered a search.
type SearchAnswer struct {
	// Backend is memory, index (a service) or store.
	Backend string
	// Degraded is true when the store answered because the index could not.
	Degraded bool
	Took     time.Duration
}

// nobody is the observer where none was given.
type nobody struct{}

func (nobody) JobBegins(ctx context.Context, _ Job) (context.Context, func(JobEnd)) {
	return ctx, func(JobEnd) {}
}

func (nobody) Searched(context.Context, SearchAnswer) {}

// Origin is the request that asked for work, so that what a job logs and traces
// long after can be held beside it. Nothing is decided by it.
type Origin struct {
	// Request is the id that the answer to the request carried.
	Request string `json:"request,omitempty"`
	// Trace is the W3C traceparent of the request, "" where it has none.
	Trace string `json:"trace,omitempty"`
}

// Figures are what a CRM can count at a moment, for metrics.
type Figures struct {
	// Jobs has the depth of the queue for each kind that this process can run.
	Jobs   []QueueDepth
	Search SearchFigures
}

// SearchFigures add up the search indexes of this process.
type SearchFigures struct {
	// Ready, Loading and Failed count workspaces by the state of their index;
	// one that is not needed here is in none of them.
	Ready, Loading, Failed int
	// Documents is how many contacts the ready ones hold, Bytes the memory they
	// take; 0 for a service.
	Documents int
	Bytes     int64
	// Rebuilds counts the indexes made anew since the start, see [CRM.Reindex].
	Rebuilds int64
	Proof    SearchProof
}

// Figures counts what is cheap to count: it reads the store's indices of
// unfinished jobs, and what is in memory.
func (c *CRM) Figures(ctx context.Context) (Figures, error) {
	jobs, err := c.system.QueueDepth(ctx, c.Jobs.kinds())
	if err != nil {
		return Figures{}, fmt.Errorf("figures: %w", err)
	}
	search, err := c.core.search.figures(ctx)
	if err != nil {
		return Figures{}, fmt.Errorf("figures: %w", err)
	}
	return Figures{Jobs: jobs, Search: search}, nil
}

func (s *searcher) figures(ctx context.Context) (SearchFigures, error) {
	f := SearchFigures{Proof: s.proof(), Rebuilds: s.rebuilds.Load()}
	ready := s.ready()
	f.Ready = len(ready)
	s.mu.Lock()
	for _, feed := range s.feeds {
		switch {
		case feed.ready:
		case feed.failed != nil:
			f.Failed++
		default:
			f.Loading++
		}
	}
	s.mu.Unlock()
	if s.guard != nil { // A service is not asked about each workspace.
		return f, nil
	}
	for ws := range ready {
		status, err := s.index.IndexStatus(ctx, ws)
		if err != nil {
			return f, err
		}
		f.Documents += status.Documents
		f.Bytes += status.Bytes
	}
	return f, nil
}
