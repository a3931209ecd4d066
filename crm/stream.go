package crm

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// streamBuffer is how many activities wait for one stream. One that is full
	// reads what follows in the log, as soon as it is empty again.
	streamBuffer = 256
	// streamSlowAfter is how long a stream may take to empty a full buffer, while more
	// happens, before it is dropped.
	streamSlowAfter = 30 * time.Second
)

// ErrStreamSlow ends a stream whose reader did not take what waited for it in
// half a minute. It can be opened again where it stopped.
var ErrStreamSlow = errors.New("the stream did not keep up")

// StreamReset says why a stream did not go on where the client wanted.
type StreamReset string

// The reasons of a [StreamReset].
const (
	// ResetUnknown: the id is none that a stream gave out.
	ResetUnknown StreamReset = "unknown"
	// ResetEpoch: the id is of another log, before a restore.
	ResetEpoch StreamReset = "epoch"
	// ResetFuture: nothing stands there yet.
	ResetFuture StreamReset = "future"
	// ResetPurged: what followed is not kept any more.
	ResetPurged StreamReset = "purged"
)

// ActivityStream tells what happens in a workspace as it happens, in the order
// of the log, each once. What a batch does to records comes as one activity of
// the batch about once a second, and before whatever else happens meanwhile,
// with the figures so far. One goroutine reads it; Close and Authorize are safe
// beside that.
type ActivityStream struct {
	hub       *streamHub
	workspace WorkspaceID
	user      ID
	actor     atomic.Pointer[Actor]
	epoch     ID
	reset     StreamReset

	// position is the last that Next has told of. Up to upTo, where the hub stood
	// when the stream joined, it reads the log itself, last from readTo.
	position, readTo, upTo Position
	replay                 collapser
	ready                  []Activity
	// unnamed is what was read in the log and could not be told of yet.
	unnamed []Event

	live chan Activity
	// behind is since when (UnixNano) live misses something, 0 for no.
	behind atomic.Int64
	gone   chan struct{}
	end    sync.Once
	cause  error // set before gone is closed
}

// Stream opens a stream. Without lastID it begins now; with the id of an earlier
// stream's activity ([ActivityStream.ID]) behind that one, whichever process gave
// it out. When it cannot go on there it begins now and [ActivityStream.Reset]
// says why. Streams need a started CRM and end with it; before and after, and
// when Config.MaxStreams are open, ErrUnavailable. The caller closes it.
func (s *ActivityService) Stream(ctx context.Context, actor Actor, lastID string) (*ActivityStream, error) {
	if err := actor.authorizeActivity(); err != nil {
		return nil, fmt.Errorf("stream activity: %w", err)
	}
	stream := &ActivityStream{
		hub: s.hub, workspace: actor.Workspace, user: actor.User, live: make(chan Activity, streamBuffer), gone: make(chan struct{}),
	}
	stream.actor.Store(&actor)
	if err := s.hub.join(ctx, stream, lastID); err != nil {
		return nil, fmt.Errorf("stream activity: %w", err)
	}
	return stream, nil
}

// begin sets where the stream starts, by the state of the log.
func (s *ActivityStream) begin(state EventLog, lastID string) {
	s.epoch, s.position = state.Epoch, state.Head
	if lastID == "" {
		return
	}
	epoch, position, ok := parseStreamID(lastID)
	switch {
	case !ok:
		s.reset = ResetUnknown
	case epoch != state.Epoch:
		s.reset = ResetEpoch
	case position > state.Head:
		s.reset = ResetFuture
	case position < state.Purged:
		s.reset = ResetPurged
	default:
		s.position = position
	}
}

// Reset tells why the stream begins now although an id was given; empty when it
// goes on, or none was.
func (s *ActivityStream) Reset() StreamReset { return s.reset }

// ID is where the stream is: a stream opened with it goes on behind the last
// activity that Next returned, or where this one began. It is opaque and holds
// no secret.
func (s *ActivityStream) ID() string {
	return hex.EncodeToString(s.epoch[:]) + "-" + strconv.FormatInt(int64(s.position), 10)
}

// parseStreamID reads the id in exactly the form that ID writes.
func parseStreamID(text string) (epoch ID, position Position, ok bool) {
	head, tail, found := strings.Cut(text, "-")
	if !found || len(head) != 2*len(epoch) || len(tail) > 19 {
		return ID{}, 0, false
	}
	if _, err := hex.Decode(epoch[:], []byte(head)); err != nil {
		return ID{}, 0, false
	}
	n, err := strconv.ParseInt(tail, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != tail || hex.EncodeToString(epoch[:]) != head {
		return ID{}, 0, false
	}
	return epoch, Position(n), true
}

// Next waits for the next activity that the actor may see. It fails with ctx's
// error, with ErrStreamSlow, with the error that Authorize found, or with
// ErrUnavailable when the CRM stops or the log was restored.
func (s *ActivityStream) Next(ctx context.Context) (Activity, error) {
	for {
		select {
		case <-s.gone:
			return Activity{}, s.cause
		default:
		}
		if len(s.ready) > 0 {
			a := s.ready[0]
			s.ready = s.ready[1:]
			s.position = a.Position
			return a, nil
		}
		if s.readTo < s.upTo || len(s.unnamed) > 0 {
			if err := s.readOn(ctx); err != nil {
				return Activity{}, fmt.Errorf("stream activity: %w", err)
			}
			continue
		}
		a, err := s.hear(ctx)
		if err != nil {
			return Activity{}, err
		}
		if a.Position > s.position {
			s.position = a.Position
			return a, nil
		}
	}
}

// hear takes what waits or comes; the zero activity after the buffer was full
// and is empty, when there is more to read in the log.
func (s *ActivityStream) hear(ctx context.Context) (Activity, error) {
	select {
	case a := <-s.live:
		return a, nil
	default:
	}
	if s.behind.Load() > 0 {
		s.hub.rejoin(s)
		return Activity{}, nil
	}
	select {
	case a := <-s.live:
		return a, nil
	case <-s.gone:
		return Activity{}, s.cause
	case <-ctx.Done():
		return Activity{}, ctx.Err()
	}
}

// readOn reads a page of what happened between where the client was and where
// the hub stood. It holds a page in memory, however much that was. After an error
// it may be called again, and goes on where it was.
func (s *ActivityStream) readOn(ctx context.Context) error {
	k := s.hub.core
	if len(s.unnamed) == 0 {
		if err := s.readPage(ctx); err != nil {
			return err
		}
	}
	all, err := k.activities(ctx, s.workspace, s.unnamed, false)
	if err != nil {
		return err
	}
	s.unnamed = nil
	for _, a := range all {
		if s.actor.Load().sees(a.Type, a.owner) {
			s.ready = append(s.ready, a)
		}
	}
	return nil
}

// readPage reads a page of the log.
func (s *ActivityStream) readPage(ctx context.Context) error {
	k := s.hub.core
	page, err := k.store.ListEvents(ctx, s.workspace, s.readTo, feedPage)
	if err != nil {
		return err
	}
	full := len(page) == feedPage
	var told []Event
	for _, e := range page {
		if e.Position > s.upTo {
			full = false
			break
		}
		s.readTo = e.Position
		told = s.replay.add(e, told)
	}
	if !full {
		s.readTo = s.upTo
		told = s.replay.flush(told)
	}
	s.unnamed = told
	return nil
}

// Authorize puts the actor's present rights in the place of those that the stream
// was opened with. Without any, or when it is somebody else or another
// workspace, the stream ends with the error, which is returned too.
func (s *ActivityStream) Authorize(actor Actor) error {
	err := actor.authorizeActivity()
	if err == nil && (actor.Workspace != s.workspace || actor.User != s.user) {
		err = fmt.Errorf("the stream is somebody else's: %w", ErrForbidden)
	}
	if err != nil {
		s.leave(err)
		return err
	}
	s.actor.Store(&actor)
	return nil
}

// offer hands an activity over without waiting. The hub calls it in the order of
// the log.
func (s *ActivityStream) offer(a Activity) {
	if !s.actor.Load().sees(a.Type, a.owner) {
		return
	}
	now := time.Now().UnixNano()
	if since := s.behind.Load(); since > 0 {
		if now-since > s.hub.slowAfter.Load() {
			s.leave(ErrStreamSlow)
		}
		return
	}
	select {
	case s.live <- a:
	default:
		s.behind.Store(now)
	}
}

// Close ends the stream; twice is fine.
func (s *ActivityStream) Close() { s.leave(context.Canceled) }

func (s *ActivityStream) leave(cause error) {
	s.end.Do(func() {
		s.cause = cause
		close(s.gone)
		s.hub.forget(s)
	})
}
