package crm

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Names of who answers searches.
const (
	backendMemory = "memory"
	backendStore  = "store"
	backendCustom = "index"
)

// errIndexNotReady says that the store has to answer.
var errIndexNotReady = fmt.Errorf("search index not ready: %w", ErrUnavailable)

const (
	// loadPatience is how long a search waits for an index that is loading
	// before the store answers instead: small workspaces load within it.
	loadPatience = 150 * time.Millisecond
	// tailEvery is how often other processes' writes are looked for.
	tailEvery = 250 * time.Millisecond
	// idleAfter is when an index nobody searched is dropped.
	idleAfter = 30 * time.Minute
	// feedPage is how many events or contacts are read at once.
	feedPage = 1_000
	// retryLoadAfter is how long a failed or too large load is left alone.
	retryLoadAfter = 30 * time.Second
)

// searcher keeps the search index in step with the event log. It is
// state-based: an event only says which contact to look at again. Each
// workspace is loaded on first use, is caught up before every search with what
// this process has written, and shortly with what others have.
type searcher struct {
	core   *core
	index  SearchIndex
	name   string
	memory int64

	mu    sync.Mutex
	feeds map[WorkspaceID]*feed
	begun uint64
	// ctx lives until close; loads run under it, not under a search's own.
	ctx    context.Context
	cancel context.CancelFunc
	loads  sync.WaitGroup
}

// feed is the state of one workspace's index.
type feed struct {
	// written counts what this process may have committed; applied is its
	// value at the last catch-up that began after.
	written atomic.Uint64
	applied atomic.Uint64
	used    atomic.Int64 // UnixNano of the last search

	// mu serialises the feeding. A feed that takes the place of another shares
	// its mu, so that the two never write the workspace's index at once.
	mu       *sync.Mutex
	position Position
	// dropped says that the index is gone, or about to be: what was read from
	// it since may be less than everything.
	dropped atomic.Bool
	// began orders the loads.
	began uint64

	// loaded is closed when the load has ended; ready says how.
	loaded  chan struct{}
	ready   bool
	failed  error
	retryAt time.Time
}

func newSearcher(k *core, index SearchIndex, memory int64) *searcher {
	s := &searcher{core: k, index: index, name: backendCustom, memory: memory, feeds: map[WorkspaceID]*feed{}}
	if index == nil {
		s.index, s.name = NewMemoryIndex(), backendMemory
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// wrote notes that this process may have committed something.
func (s *searcher) wrote(ws WorkspaceID) {
	s.mu.Lock()
	f := s.feeds[ws]
	s.mu.Unlock()
	if f != nil {
		f.written.Add(1)
	}
}

// query answers from the index, caught up with everything that this process
// has acknowledged; errIndexNotReady when the store has to answer.
func (s *searcher) query(ctx context.Context, ws WorkspaceID, q SearchQuery) (SearchResult, error) {
	f, err := s.current(ctx, ws)
	if err != nil {
		return SearchResult{}, err
	}
	r, err := s.index.SearchContacts(ctx, ws, q)
	if f.dropped.Load() {
		return SearchResult{}, errIndexNotReady
	}
	return r, err
}

// current makes the index ready and current, or says why not.
func (s *searcher) current(ctx context.Context, ws WorkspaceID) (*feed, error) {
	f, err := s.open(ws)
	if err != nil {
		return nil, err
	}
	f.used.Store(s.core.now().UnixNano())
	select {
	case <-f.loaded:
	default:
		patience := time.NewTimer(loadPatience)
		defer patience.Stop()
		select {
		case <-f.loaded:
		case <-patience.C:
			return nil, errIndexNotReady
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if !f.ready {
		return nil, errIndexNotReady
	}
	if f.written.Load() == f.applied.Load() {
		return f, nil
	}
	return f, s.catchUp(ctx, ws, f)
}

// await makes the index ready and current, however long its load takes. An
// index that cannot be loaded is its error: ErrTooLarge when it does not fit.
func (s *searcher) await(ctx context.Context, ws WorkspaceID) error {
	_, err := s.awaitFeed(ctx, ws)
	return err
}

func (s *searcher) awaitFeed(ctx context.Context, ws WorkspaceID) (*feed, error) {
	for {
		f, err := s.open(ws)
		if err != nil {
			return nil, err
		}
		f = s.afterFailure(ws, f)
		select {
		case <-f.loaded:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if !f.ready {
			return nil, fmt.Errorf("search index: %w", f.failed)
		}
		f.used.Store(s.core.now().UnixNano())
		f.written.Add(1) // Also what other processes have written.
		if err := s.catchUp(ctx, ws, f); !errors.Is(err, errIndexNotReady) {
			return f, err
		}
	}
}

// afterFailure begins anew where an earlier load failed for a reason that may
// have passed; only searches, which the store can answer, let it rest.
func (s *searcher) afterFailure(ws WorkspaceID, f *feed) *feed {
	select {
	case <-f.loaded:
	default:
		return f
	}
	if f.ready || errors.Is(f.failed, ErrTooLarge) {
		return f
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.feeds[ws] != f {
		return f
	}
	return s.begin(ws)
}

// matches yields the ids of all matches, in the order of ids. An index that is
// dropped on the way is loaded again, so that none is missed.
func (s *searcher) matches(ctx context.Context, ws WorkspaceID, q SearchQuery) (idPages, error) {
	f, err := s.awaitFeed(ctx, ws)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, after ID) ([]ID, error) {
		for {
			f.used.Store(s.core.now().UnixNano())
			ids, err := s.index.MatchContacts(ctx, ws, q, after, feedPage)
			if !f.dropped.Load() {
				return ids, err
			}
			if f, err = s.awaitFeed(ctx, ws); err != nil {
				return nil, err
			}
		}
	}, nil
}

// open returns the feed of a workspace, beginning to load it when it is new.
func (s *searcher) open(ws WorkspaceID) (*feed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return nil, fmt.Errorf("search: closed: %w", ErrUnavailable)
	}
	if f := s.feeds[ws]; f != nil && !f.dropped.Load() && (f.retryAt.IsZero() || s.core.now().Before(f.retryAt)) {
		return f, nil
	}
	return s.begin(ws), nil
}

// begin starts a load. The caller holds s.mu.
func (s *searcher) begin(ws WorkspaceID) *feed {
	s.begun++
	f := &feed{loaded: make(chan struct{}), began: s.begun}
	if old := s.feeds[ws]; old != nil {
		f.mu = old.mu
	} else {
		f.mu = &sync.Mutex{}
	}
	f.used.Store(s.core.now().UnixNano())
	s.feeds[ws] = f
	s.loads.Go(func() { s.load(ws, f) })
	return f
}

// load fills a fresh index, then catches up with what was written meanwhile.
func (s *searcher) load(ws WorkspaceID, f *feed) {
	err := s.loadAll(s.ctx, ws, f)
	for crowded := (*crowdedError)(nil); errors.As(err, &crowded); {
		select {
		case <-crowded.by.loaded:
		case <-s.ctx.Done():
		}
		err = s.loadAll(s.ctx, ws, f)
	}
	s.mu.Lock()
	f.failed, f.ready = err, err == nil
	if err != nil {
		f.retryAt = s.core.now().Add(retryLoadAfter)
	}
	s.mu.Unlock()
	if err != nil && s.ctx.Err() == nil {
		s.core.log.Warn("search index not loaded", "workspace", ws, "error", err)
	}
	close(f.loaded)
}

func (s *searcher) loadAll(ctx context.Context, ws WorkspaceID, f *feed) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := s.index.DropWorkspace(ctx, ws); err != nil {
		return err
	}
	f.applied.Store(f.written.Load())
	head, err := s.core.store.EventHead(ctx, ws)
	if err != nil {
		return err
	}
	f.position = head
	if err = s.fill(ctx, ws, f); err != nil {
		return errors.Join(err, s.index.DropWorkspace(context.WithoutCancel(ctx), ws))
	}
	return s.apply(ctx, ws, f)
}

// fill puts every live contact into the index: one goroutine reads, and two
// put, since an index works its documents out before it has to wait for others.
func (s *searcher) fill(ctx context.Context, ws WorkspaceID, f *feed) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	pages := make(chan []Contact, 1)
	var all sync.WaitGroup
	all.Go(func() {
		defer close(pages)
		if err := s.readAll(ctx, ws, pages); err != nil {
			stop(err)
		}
	})
	for range 2 {
		all.Go(func() {
			for page := range pages {
				if err := s.fillPage(ctx, ws, f, page); err != nil {
					stop(err)
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

func (s *searcher) fillPage(ctx context.Context, ws WorkspaceID, f *feed, page []Contact) error {
	if err := s.index.PutDocuments(ctx, ws, documents(page)); err != nil {
		return err
	}
	return s.makeRoom(ctx, ws, f)
}

func documents(contacts []Contact) []SearchDocument {
	docs := make([]SearchDocument, len(contacts))
	for i := range contacts {
		docs[i] = SearchDocument{Contact: contacts[i]}
	}
	return docs
}

// readAll sends every live contact, in pages by id.
func (s *searcher) readAll(ctx context.Context, ws WorkspaceID, pages chan<- []Contact) error {
	var after ID
	for {
		ids, err := s.core.store.ListContactIDs(ctx, ws, ContactCriteria{}, after, feedPage)
		if err != nil || len(ids) == 0 {
			return err
		}
		page, err := s.core.store.GetContacts(ctx, ws, ids)
		if err != nil {
			return err
		}
		select {
		case pages <- page:
		case <-ctx.Done():
			return ctx.Err()
		}
		after = ids[len(ids)-1]
	}
}

// catchUp applies what was written before it was called.
func (s *searcher) catchUp(ctx context.Context, ws WorkspaceID, f *feed) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dropped.Load() {
		return errIndexNotReady
	}
	written := f.written.Load()
	if written == f.applied.Load() {
		return nil // Another search has done it while this one waited.
	}
	if err := s.apply(ctx, ws, f); err != nil {
		return err
	}
	f.applied.Store(written)
	return nil
}

// apply reads the log from the feed's position to its end and brings the
// contacts it names up to date. The caller holds f.mu.
func (s *searcher) apply(ctx context.Context, ws WorkspaceID, f *feed) error {
	for {
		events, err := s.core.store.ListEvents(ctx, ws, f.position, feedPage)
		if err != nil || len(events) == 0 {
			return err
		}
		seen := map[ID]bool{}
		var ids []ID
		for _, e := range events {
			if e.Subject.Kind == SubjectContact && !seen[e.Subject.ID] {
				seen[e.Subject.ID] = true
				ids = append(ids, e.Subject.ID)
			}
		}
		if err := s.refresh(ctx, ws, ids); err != nil {
			return err
		}
		f.position = events[len(events)-1].Position
		if len(events) < feedPage {
			return nil
		}
	}
}

// refresh brings contacts in the index to their state in the store.
func (s *searcher) refresh(ctx context.Context, ws WorkspaceID, ids []ID) error {
	if len(ids) == 0 {
		return nil
	}
	contacts, err := s.core.store.GetContacts(ctx, ws, ids)
	if err != nil {
		return err
	}
	gone := make(map[ID]bool, len(ids))
	for _, id := range ids {
		gone[id] = true
	}
	var live []Contact
	for _, c := range contacts {
		if !c.InTrash() {
			live = append(live, c)
			delete(gone, c.ID)
		}
	}
	if len(gone) > 0 {
		dead := make([]ID, 0, len(gone))
		for id := range gone {
			dead = append(dead, id)
		}
		if err := s.index.DeleteDocuments(ctx, ws, dead); err != nil {
			return err
		}
	}
	if len(live) == 0 {
		return nil
	}
	return s.index.PutDocuments(ctx, ws, documents(live))
}

// run follows the log for the loaded workspaces until ctx ends, and drops the
// idle ones.
func (s *searcher) run(ctx context.Context) {
	tick := time.NewTicker(tailEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.tail(ctx)
		}
	}
}

func (s *searcher) tail(ctx context.Context) {
	s.mu.Lock()
	feeds := make(map[WorkspaceID]*feed, len(s.feeds))
	for ws, f := range s.feeds {
		if f.ready {
			feeds[ws] = f
		}
	}
	s.mu.Unlock()
	now := s.core.now()
	for ws, f := range feeds {
		if used := f.used.Load(); now.Sub(time.Unix(0, used)) > idleAfter {
			if err := s.drop(ctx, ws); err != nil {
				s.core.log.Warn("idle search index not dropped", "workspace", ws, "error", err)
			}
			continue
		}
		if err := s.follow(ctx, ws, f); err != nil && ctx.Err() == nil {
			s.core.log.Warn("search index not caught up", "workspace", ws, "error", err)
		}
	}
	if err := s.shed(ctx); err != nil && ctx.Err() == nil {
		s.core.log.Warn("search indexes not kept within memory", "error", err)
	}
}

// follow applies what other processes have written.
func (s *searcher) follow(ctx context.Context, ws WorkspaceID, f *feed) error {
	head, err := s.core.store.EventHead(ctx, ws)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dropped.Load() || head <= f.position {
		return nil
	}
	return s.apply(ctx, ws, f)
}

// close ends loads that are under way and refuses new ones.
func (s *searcher) close() {
	s.cancel()
	s.loads.Wait()
}
