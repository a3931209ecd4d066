package crm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

const (
	// consumerBatch is how many events a consumer gets at once.
	consumerBatch = 500
	// consumerLease is how long a reader that was killed keeps others away.
	consumerLease = 30 * time.Second
	// consumerTimeout bounds the work on one batch, within the lease.
	consumerTimeout = 20 * time.Second
	// consumerPause gathers what is written in a moment into one batch.
	consumerPause = 50 * time.Millisecond
	// consumerHeld is how often a consumer that another process reads is looked at.
	consumerHeld = time.Second
)

// errConsumerPanicked is what a handler's panic counts as.
var errConsumerPanicked = errors.New("the consumer failed inside; the log says where")

// consumeEvents does a consumer's work for some events, oldest first. It is
// called again for the same ones after an error, a kill or a lost lease, and for
// events long past when the consumer is new: it loads the state as it is now and
// brings about what follows from that.
type consumeEvents func(ctx context.Context, events []WorkspaceEvent) error

// eventConsumers run the durable consumers of the log. Each has a goroutine and
// a position of its own, so that none waits for another; in all processes on one
// database together each has one reader at a time.
type eventConsumers struct {
	readers EventReaders
	after   func(ctx context.Context, after Position, limit int) ([]WorkspaceEvent, error)
	watch   *logWatch
	newID   func() ID
	log     *slog.Logger
	list    []*eventConsumer
}

type eventConsumer struct {
	*eventConsumers
	name   string
	handle consumeEvents
	lease  ID
	// size is how many events are handed over at once: fewer while some fail.
	size int
}

// register adds a consumer; only before run. The name is kept in the store with
// the position, so that it must never change.
func (c *eventConsumers) register(name string, handle consumeEvents) {
	c.list = append(c.list, &eventConsumer{eventConsumers: c, name: name, handle: handle, size: consumerBatch})
}

// run feeds the consumers until ctx ends.
func (c *eventConsumers) run(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	for _, one := range c.list {
		one.lease = c.newID()
		all.Go(func() { one.run(ctx) })
	}
}

// run reads whenever the log has grown.
func (c *eventConsumer) run(ctx context.Context) {
	var known EventLog
	failures := 0
	for {
		state, err := c.watch.wait(ctx, known, false)
		if err != nil || !pause(ctx, consumerPause) {
			return
		}
		switch err := c.round(ctx, state.Head); {
		case err == nil:
			known, failures = state, 0
		case errors.Is(err, errConsumerHeld):
			if !pause(ctx, consumerHeld) {
				return
			}
		case ctx.Err() != nil:
			return
		default:
			if failures == 0 {
				c.log.Warn("event consumer fails; it is tried again", "consumer", c.name, "error", err)
			}
			if failures++; !pause(ctx, retryDelay(failures)) {
				return
			}
		}
	}
}

// pause waits; false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// errConsumerHeld says that another process reads.
var errConsumerHeld = errors.New("another reader has the consumer")

// round reads up to the head, under one lease. It looks before it claims, so
// that nothing is written where nothing is to be done.
func (c *eventConsumer) round(ctx context.Context, head Position) error {
	at, err := c.standing(ctx)
	if err != nil || at.Position >= head {
		return err
	}
	if at.Held {
		return errConsumerHeld
	}
	at, err = c.readers.ClaimReader(ctx, c.name, c.lease, consumerLease)
	if errors.Is(err, ErrConflict) {
		return errConsumerHeld
	}
	if err != nil {
		return err
	}
	defer c.release(ctx)
	for position := at.Position; position < head; {
		events, err := c.after(ctx, position, c.size)
		if err != nil || len(events) == 0 {
			return err
		}
		done, err := c.work(ctx, events)
		if err != nil {
			return err
		}
		if done {
			position = events[len(events)-1].Position
		}
	}
	return nil
}

// standing returns what is known of the consumer; a new one stands at the start.
func (c *eventConsumer) standing(ctx context.Context) (EventReader, error) {
	all, err := c.readers.ListReaders(ctx)
	for _, r := range all {
		if r.Name == c.name {
			return r, err
		}
	}
	return EventReader{Name: c.name}, err
}

// work hands events over and notes that they are done. Of those that fail only
// half are tried next, and so on, so that one that cannot be worked on holds up
// none before it, and is known. False asks for that.
func (c *eventConsumer) work(ctx context.Context, events []WorkspaceEvent) (bool, error) {
	err := c.safely(ctx, events)
	if err == nil {
		c.size = min(c.size*2, consumerBatch)
		return true, c.readers.AdvanceReader(ctx, c.name, c.lease, events[len(events)-1].Position, consumerLease)
	}
	if ctx.Err() != nil {
		return false, err
	}
	everybody := errors.Is(err, ErrUnavailable) || errors.Is(err, context.DeadlineExceeded)
	if len(events) > 1 && !everybody {
		c.size = len(events) / 2
		return false, nil
	}
	first := events[0]
	err = fmt.Errorf("event %s of type %s at %d: %w", first.ID, first.Type, first.Position, err)
	return false, errors.Join(err, c.readers.FailReader(ctx, c.name, c.lease, errorCode(err)))
}

// safely bounds the time of a handler, and turns its panic into an error.
func (c *eventConsumer) safely(ctx context.Context, events []WorkspaceEvent) (err error) {
	ctx, cancel := context.WithTimeout(ctx, consumerTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("event consumer panicked", "consumer", c.name, "panic", p, "stack", string(debug.Stack()))
			err = errConsumerPanicked
		}
	}()
	return c.handle(ctx, events)
}

// release gives the lease back, also when everything ends.
func (c *eventConsumer) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTimeout)
	defer cancel()
	if err := c.readers.ReleaseReader(ctx, c.name, c.lease); err != nil {
		c.log.Warn("lease of an event consumer not given back; it runs out", "consumer", c.name, "error", err)
	}
}

// ConsumerHealth is how far a durable consumer of the event log is.
type ConsumerHealth struct {
	Name           string
	Position, Head Position
	// Lag is how many positions it is behind, at least as many as events; Age is
	// how old the oldest event is that it has not done.
	Lag int64
	Age time.Duration
	// Failure is the code of what stops it since FailingSince, or empty.
	Failure      string
	FailingSince time.Time
}

// health measures all consumers: those of this program and those that others
// have left in the store.
func (c *eventConsumers) health(ctx context.Context, now time.Time) ([]ConsumerHealth, error) {
	known, err := c.readers.ListReaders(ctx)
	if err != nil {
		return nil, err
	}
	for _, one := range c.list {
		if at, err := one.standing(ctx); err == nil && at.Position == 0 && !containsReader(known, one.name) {
			known = append(known, at)
		}
	}
	if len(known) == 0 {
		return nil, nil
	}
	head, err := c.watch.ask(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]ConsumerHealth, len(known))
	for i, r := range known {
		all[i] = ConsumerHealth{
			Name: r.Name, Position: r.Position, Head: head.Head, Lag: max(0, int64(head.Head-r.Position)),
			Failure: r.Failure, FailingSince: r.FailingSince,
		}
		next, err := c.after(ctx, r.Position, 1)
		if err != nil {
			return nil, err
		}
		if len(next) > 0 {
			all[i].Age = max(0, now.Sub(next[0].At))
		}
	}
	return all, nil
}

func containsReader(all []EventReader, name string) bool {
	for _, r := range all {
		if r.Name == name {
			return true
		}
	}
	return false
}
