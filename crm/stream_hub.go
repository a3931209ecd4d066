package crm

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// streamHub reads the log once for all streams of this process. Every process
// does so for its own.
type streamHub struct {
	core  *core
	watch *logWatch
	after func(ctx context.Context, after Position, limit int) ([]WorkspaceEvent, error)
	most  int
	// slowAfter is the constant, but in tests.
	slowAfter atomic.Int64
	// joined holds one when a first stream has come.
	joined chan struct{}

	// turn is held over a round and over a join, so that a stream begins exactly
	// where the hub stands. It guards position, epoch and lanes.
	turn     sync.Mutex
	position Position
	epoch    ID
	lanes    map[WorkspaceID]*lane

	// mu guards what is below, is never held over a question to the store, and is
	// taken after turn.
	mu      sync.Mutex
	streams map[WorkspaceID]map[*ActivityStream]struct{}
	count   int
	open    bool
}

func newStreamHub(k *core, watch *logWatch, after func(context.Context, Position, int) ([]WorkspaceEvent, error), most int) *streamHub {
	h := &streamHub{
		core: k, watch: watch, after: after, most: most, joined: make(chan struct{}, 1),
		lanes: map[WorkspaceID]*lane{}, streams: map[WorkspaceID]map[*ActivityStream]struct{}{},
	}
	h.slowAfter.Store(int64(streamSlowAfter))
	return h
}

// join adds a stream where the log stands now.
func (h *streamHub) join(ctx context.Context, s *ActivityStream, lastID string) error {
	h.turn.Lock()
	defer h.turn.Unlock()
	if err := h.refuse(); err != nil {
		return err
	}
	state, err := h.watch.ask(ctx)
	if err != nil {
		return err
	}
	h.watch.saw(state)
	h.renew(state)
	if len(h.all()) == 0 { // Nobody heard of what is between.
		h.position, h.lanes = state.Head, map[WorkspaceID]*lane{}
	}
	s.begin(state, lastID)
	// The hub tells what comes behind its own position. What the stream knows
	// already of that it leaves out itself.
	s.readTo, s.upTo = s.position, max(h.position, s.position)
	return h.add(s)
}

// rejoin lets a stream read in the log what it missed since its buffer was full.
func (h *streamHub) rejoin(s *ActivityStream) {
	h.turn.Lock()
	defer h.turn.Unlock()
	s.readTo, s.upTo, s.replay = s.position, max(h.position, s.position), collapser{}
	s.behind.Store(0)
}

var (
	errStreamsClosed = fmt.Errorf("the CRM is not running: %w", ErrUnavailable)
	errStreamsMany   = fmt.Errorf("too many streams are open: %w", ErrUnavailable)
	errLogRenewed    = fmt.Errorf("the event log was restored: %w", ErrUnavailable)
)

// renew begins anew when the log is another one. The caller holds turn.
func (h *streamHub) renew(state EventLog) {
	if h.epoch == state.Epoch {
		return
	}
	for _, s := range h.all() {
		s.leave(errLogRenewed)
	}
	h.epoch, h.position, h.lanes = state.Epoch, state.Head, map[WorkspaceID]*lane{}
}

func (h *streamHub) refuse() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case !h.open:
		return errStreamsClosed
	case h.count >= h.most:
		return errStreamsMany
	}
	return nil
}

func (h *streamHub) add(s *ActivityStream) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.open { // It was closed meanwhile.
		return errStreamsClosed
	}
	if h.streams[s.workspace] == nil {
		h.streams[s.workspace] = map[*ActivityStream]struct{}{}
	}
	h.streams[s.workspace][s] = struct{}{}
	h.count++
	nudge(h.joined)
	return nil
}

// forget takes a stream out.
func (h *streamHub) forget(s *ActivityStream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, there := h.streams[s.workspace][s]; !there {
		return
	}
	delete(h.streams[s.workspace], s)
	h.count--
	if len(h.streams[s.workspace]) == 0 {
		delete(h.streams, s.workspace)
	}
}

// all returns the streams, of returns those of a workspace.
func (h *streamHub) all() []*ActivityStream {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]*ActivityStream, 0, h.count)
	for _, some := range h.streams {
		all = slices.AppendSeq(all, maps.Keys(some))
	}
	return all
}

func (h *streamHub) of(ws WorkspaceID) []*ActivityStream {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.AppendSeq(make([]*ActivityStream, 0, len(h.streams[ws])), maps.Keys(h.streams[ws]))
}

// busy returns the workspaces that have streams.
func (h *streamHub) busy() map[WorkspaceID]bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	busy := make(map[WorkspaceID]bool, len(h.streams))
	for ws := range h.streams {
		busy[ws] = true
	}
	return busy
}

// start lets streams join; close ends all and lets none join any more.
func (h *streamHub) start() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open = true
}

func (h *streamHub) close() {
	h.mu.Lock()
	h.open = false
	h.mu.Unlock()
	for _, s := range h.all() {
		s.leave(errStreamsClosed)
	}
}

// run reads the log while there are streams, until ctx ends.
func (h *streamHub) run(ctx context.Context) {
	defer h.close()
	for ctx.Err() == nil {
		if len(h.busy()) == 0 {
			select {
			case <-ctx.Done():
			case <-h.joined:
			}
			continue
		}
		next, err := h.round(ctx)
		if err != nil && ctx.Err() == nil {
			h.core.log.Warn("event streams not fed; they are again as soon as the log can be read", "error", err)
			pause(ctx, watchIdle)
			continue
		}
		h.await(ctx, next)
	}
}

// await returns when there is more to read, or at the time next unless it is
// zero.
func (h *streamHub) await(ctx context.Context, next time.Time) {
	if !next.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, next)
		defer cancel()
	}
	h.turn.Lock()
	known := EventLog{Head: h.position, Epoch: h.epoch}
	h.turn.Unlock()
	state, err := h.watch.wait(ctx, known, true)
	if err != nil {
		return // It is time, or the end.
	}
	h.turn.Lock()
	defer h.turn.Unlock()
	h.renew(state)
}

// round reads a page of the log and hands out what it says. It returns when to
// come again although nothing new is there.
func (h *streamHub) round(ctx context.Context) (time.Time, error) {
	h.turn.Lock()
	defer h.turn.Unlock()
	ctx, cancel := context.WithTimeout(ctx, roundTimeout)
	defer cancel()
	events, err := h.after(ctx, h.position, feedPage)
	if err != nil {
		return time.Time{}, err
	}
	told, next := h.collapse(events)
	for ws, list := range told {
		h.tell(ctx, ws, list)
	}
	if len(events) > 0 {
		h.position = events[len(events)-1].Position
	}
	return next, nil
}

// roundTimeout bounds a round, during which no stream can join.
const roundTimeout = 5 * time.Second

// collapse returns what the streams of each workspace are to be told of.
func (h *streamHub) collapse(events []WorkspaceEvent) (told map[WorkspaceID][]Event, next time.Time) {
	busy := h.busy()
	maps.DeleteFunc(h.lanes, func(ws WorkspaceID, _ *lane) bool { return !busy[ws] })
	told = map[WorkspaceID][]Event{}
	for _, e := range events {
		if !busy[e.Workspace] {
			continue
		}
		l := h.lanes[e.Workspace]
		if l == nil {
			l = &lane{}
			h.lanes[e.Workspace] = l
		}
		told[e.Workspace] = l.add(e.Event, told[e.Workspace])
	}
	now := time.Now()
	for ws, l := range h.lanes {
		list, due := l.due(now, told[ws])
		if told[ws] = list; !due.IsZero() && (next.IsZero() || due.Before(next)) {
			next = due
		}
	}
	return told, next
}

// tell hands activities to the streams of a workspace. Streams that it cannot
// name them for end, and go on later where they were.
func (h *streamHub) tell(ctx context.Context, ws WorkspaceID, events []Event) {
	if len(events) == 0 {
		return
	}
	streams := h.of(ws)
	all, err := h.core.activities(ctx, ws, events, false)
	if err != nil {
		h.core.log.Warn("streams of a workspace ended", "workspace", ws, "error", err)
		for _, s := range streams {
			s.leave(fmt.Errorf("read activity: %w: %w", ErrUnavailable, err)) // Also when time was over: it is an end.
		}
		return
	}
	for _, s := range streams {
		for _, a := range all {
			s.offer(a)
		}
	}
}
