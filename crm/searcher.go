package crm

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// errIndexEmptied says that a shared index has lost what it held.
var errIndexEmptied = errors.New("search index emptied")

const (
	// loadPatience is how long a search waits for an index that is loading
	// before the store answers instead: small workspaces load within it.
	loadPatience = 150 * time.Millisecond
	// tailEvery is how often other processes' writes are looked for.
	tailEvery = 250 * time.Millisecond
	// idleAfter is when an index nobody searched is dropped.
	idleAfter = 30 * time.Minute
	// sharedLook is how often a shared index is asked how far it is when nothing is
	// written: somebody may have emptied it, or made it anew.
	sharedLook = 5 * time.Second
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
	// guard is the index when it was given, else nil: the built-in one is
	// trusted.
	guard *guardedIndex
	// proveEvery is how often each index is held against the store.
	proveEvery time.Duration

	// beside says that it fills an index that nobody searches yet.
	beside bool
	// building holds one while an index is made anew; rebuilds counts them.
	building chan struct{}
	rebuilds atomic.Int64

	mu    sync.Mutex
	feeds map[WorkspaceID]*feed
	begun uint64
	// asked are the jobs of this process that make an index anew themselves.
	asked map[ID]bool
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
	// outdated says that the log asked for a new index since the load.
	outdated bool
	// dropped says that the index is gone, or about to be: what was read from
	// it since may be less than everything.
	dropped atomic.Bool
	// began orders the loads.
	began uint64
	// shared says that the index outlives this process; it is written by the
	// load.
	shared atomic.Bool
	// looked is when a shared index was last asked how far it is, by UnixNano.
	looked atomic.Int64
	// proof is what the last drift check found, nil before the first.
	proof   atomic.Pointer[indexProof]
	proveAt atomic.Int64 // UnixNano of the next drift check.

	// loaded is closed when the load has ended; ready says how.
	loaded  chan struct{}
	ready   bool
	failed  error
	retryAt time.Time
}

// searchSettings are the parts of [Config] that the searcher needs.
type searchSettings struct {
	index      SearchIndex
	memory     int64
	timeout    time.Duration
	proveEvery time.Duration
}

func newSearcher(k *core, c searchSettings) *searcher {
	s := &searcher{core: k, memory: c.memory, proveEvery: c.proveEvery, feeds: map[WorkspaceID]*feed{}, asked: map[ID]bool{}, building: make(chan struct{}, 1)}
	if c.index == nil {
		s.index, s.name = NewMemoryIndex(), backendMemory
	} else {
		s.guard = newGuardedIndex(c.index, c.timeout)
		s.index, s.name = s.guard, backendCustom
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// own reports whether the index is the built-in one, which shows every write
// that this process has acknowledged.
func (s *searcher) own() bool { return s.guard == nil }

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
	f, err := s.current(ctx, ws, loadPatience)
	if err != nil {
		return SearchResult{}, err
	}
	return s.ask(ctx, ws, f, q)
}

// queryNow is query for what the store could answer too, and exactly: it does
// not wait for a load, and sees what other processes have written as well.
func (s *searcher) queryNow(ctx context.Context, ws WorkspaceID, q SearchQuery) (SearchResult, error) {
	f, err := s.current(ctx, ws, 0)
	if err != nil {
		return SearchResult{}, err
	}
	head, err := s.core.store.EventHead(ctx, ws)
	if err != nil {
		return SearchResult{}, err
	}
	f.mu.Lock()
	behind := f.position < head
	f.mu.Unlock()
	if behind {
		f.written.Add(1)
		if err := s.catchUp(ctx, ws, f); err != nil {
			return SearchResult{}, err
		}
	}
	return s.ask(ctx, ws, f, q)
}

func (s *searcher) ask(ctx context.Context, ws WorkspaceID, f *feed, q SearchQuery) (SearchResult, error) {
	r, err := s.index.SearchContacts(ctx, ws, q)
	if f.dropped.Load() || errors.Is(err, errIndexDown) {
		return SearchResult{}, errors.Join(errIndexNotReady, err)
	}
	r.fillFacets(q.Facets)
	return r, err
}

// current makes the index ready and current, or says why not.
func (s *searcher) current(ctx context.Context, ws WorkspaceID, wait time.Duration) (*feed, error) {
	f, err := s.open(ws)
	if err != nil {
		return nil, err
	}
	f.used.Store(s.core.now().UnixNano())
	select {
	case <-f.loaded:
	default:
		patience := time.NewTimer(wait)
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
	// A service shows writes after a delay of its own: nobody waits for it.
	if f.shared.Load() || f.written.Load() == f.applied.Load() {
		return f, nil
	}
	if err := s.catchUp(ctx, ws, f); errors.Is(err, errIndexDown) {
		return nil, errors.Join(errIndexNotReady, err)
	} else if err != nil {
		return nil, err
	}
	return f, nil
}

// awaitFeed makes the index ready and current, however long its load takes. An
// index that cannot be loaded is its error: ErrTooLarge when it does not fit.
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
		if f.dropped.Load() {
			continue
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
	if f := s.feeds[ws]; f != nil && !f.dropped.Load() && (f.retryAt.IsZero() || s.resting(f)) {
		return f, nil
	}
	return s.begin(ws), nil
}

// resting reports whether a failed load is to be left alone for now. What a
// search service made fail is loaded as soon as that is back.
func (s *searcher) resting(f *feed) bool {
	if errors.Is(f.failed, errIndexDown) {
		return s.guard.open()
	}
	return s.core.now().Before(f.retryAt)
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
		for ids := range slices.Chunk(contactsOf(events), feedPage) {
			if err := s.refresh(ctx, ws, f, ids); err != nil {
				return err
			}
		}
		f.outdated = f.outdated || s.invalidated(events, f)
		at := events[len(events)-1].Position
		if err := s.index.MarkIndexed(ctx, ws, at); err != nil {
			return err
		}
		f.position = at
		if f.outdated && !s.beside {
			f.outdated = false
			s.rebuildSoon(ws)
		}
		if len(events) < feedPage {
			return nil
		}
	}
}

// run follows the log for the loaded workspaces until ctx ends, drops the idle
// ones, and holds them against the store now and then.
func (s *searcher) run(ctx context.Context) {
	var proving sync.WaitGroup
	defer proving.Wait()
	proving.Go(func() { s.proveLoop(ctx) })
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

// ready returns the indexes that answer.
func (s *searcher) ready() map[WorkspaceID]*feed {
	s.mu.Lock()
	defer s.mu.Unlock()
	feeds := make(map[WorkspaceID]*feed, len(s.feeds))
	for ws, f := range s.feeds {
		if f.ready && !f.dropped.Load() {
			feeds[ws] = f
		}
	}
	return feeds
}

func (s *searcher) tail(ctx context.Context) {
	if s.guard != nil {
		s.guard.probe(ctx)
	}
	now := s.core.now()
	for ws, f := range s.ready() {
		if used := f.used.Load(); now.Sub(time.Unix(0, used)) > idleAfter {
			if err := s.drop(ctx, ws); err != nil {
				s.core.log.Warn("idle search index not dropped", "workspace", ws, "error", err)
			}
			continue
		}
		err := s.follow(ctx, ws, f)
		if errors.Is(err, errIndexEmptied) {
			s.core.log.Warn("search index was emptied; it is filled again", "workspace", ws)
			if err = s.drop(ctx, ws); err == nil {
				_, err = s.open(ws)
			}
		}
		if err != nil && ctx.Err() == nil && !errors.Is(err, errIndexDown) {
			s.core.log.Warn("search index not caught up", "workspace", ws, "error", err)
		}
	}
	if err := s.shed(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, errIndexDown) {
		s.core.log.Warn("search indexes not kept within memory", "error", err)
	}
}

// follow applies what has been written since, here and elsewhere. In a shared
// index another process may have done so already.
func (s *searcher) follow(ctx context.Context, ws WorkspaceID, f *feed) error {
	head, err := s.core.store.EventHead(ctx, ws)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dropped.Load() || head <= f.position && !s.lookAgain(f) {
		return nil
	}
	if f.shared.Load() {
		status, err := s.index.IndexStatus(ctx, ws)
		if err != nil {
			return err
		}
		if status.Position == 0 && f.position > 0 {
			return errIndexEmptied
		}
		if status.Position <= head {
			f.position = max(f.position, status.Position)
		}
		f.looked.Store(s.core.now().UnixNano())
	}
	written := f.written.Load()
	if err := s.apply(ctx, ws, f); err != nil {
		return err
	}
	f.applied.Store(written)
	return nil
}

// lookAgain reports whether a shared index is to be asked how far it is although
// there is nothing to apply.
func (s *searcher) lookAgain(f *feed) bool {
	return f.shared.Load() && s.core.now().Sub(time.Unix(0, f.looked.Load())) >= sharedLook
}

// bytesPerContact is what the built-in index takes for one, measured on
// 100,000 made-up people.
const bytesPerContact = 700

// warm loads the indexes before anybody searches, the first one first, as far
// as they fit beside each other into the memory.
func (s *searcher) warm(ctx context.Context, workspaces []WorkspaceID) {
	for rank, ws := range workspaces {
		fits, err := s.fits(ctx, ws)
		if err == nil && fits {
			err = s.warmOne(ctx, ws, rank)
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			s.core.log.Warn("search index not loaded ahead", "workspace", ws, "error", err)
		}
	}
}

func (s *searcher) fits(ctx context.Context, ws WorkspaceID) (bool, error) {
	contacts, err := s.core.store.CountContacts(ctx, ws, ContactCriteria{}, 0)
	if err != nil {
		return false, err
	}
	r, err := s.survey(ctx, WorkspaceID{}, nil)
	return r.total+int64(contacts)*bytesPerContact <= s.memory, err
}

func (s *searcher) warmOne(ctx context.Context, ws WorkspaceID, rank int) error {
	f, err := s.open(ws)
	if err != nil {
		return err
	}
	select {
	case <-f.loaded:
	case <-ctx.Done():
		return ctx.Err()
	}
	// Of those that nobody searches the least busy is the first to be dropped.
	if used := f.used.Load(); f.ready {
		f.used.CompareAndSwap(used, used-int64(rank)*int64(time.Second))
	}
	return nil
}

// close ends loads that are under way and refuses new ones.
func (s *searcher) close() {
	s.mu.Lock()
	s.cancel() // Under mu: nobody begins a load after it.
	s.mu.Unlock()
	s.loads.Wait()
}
