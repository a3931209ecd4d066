package crm

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// watchEvery is how often the log is looked at while something happens or
	// somebody waits eagerly; what this process commits is seen at once.
	watchEvery = 100 * time.Millisecond
	// watchIdle is how often when nothing has happened for watchQuiet.
	watchIdle  = time.Second
	watchQuiet = 5 * time.Second
	// watchGap bounds how often the log is looked at under many commits.
	watchGap = 5 * time.Millisecond
)

// logWatch tells those who wait that the log has grown: one question to the
// store for all of them, and none while nobody waits. Safe for parallel use.
type logWatch struct {
	ask func(ctx context.Context) (EventLog, error)
	log *slog.Logger
	// grew and waits hold one when this process has committed, and when somebody
	// has begun to wait.
	grew, waits chan struct{}

	mu             sync.Mutex
	last           EventLog
	changed        chan struct{} // closed when last is another
	waiting, eager int
}

func newLogWatch(ask func(ctx context.Context) (EventLog, error), log *slog.Logger) *logWatch {
	return &logWatch{ask: ask, log: log, grew: make(chan struct{}, 1), waits: make(chan struct{}, 1), changed: make(chan struct{})}
}

// wrote notes that this process may have committed something.
func (w *logWatch) wrote() { nudge(w.grew) }

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// wait returns the state of the log as soon as it is further than known, or
// another log's.
// Who waits eagerly hears of other processes' commits within watchEvery, others
// within watchIdle.
func (w *logWatch) wait(ctx context.Context, known EventLog, eagerly bool) (EventLog, error) {
	w.count(1, eagerly)
	defer w.count(-1, eagerly)
	nudge(w.waits)
	for {
		w.mu.Lock()
		last, changed := w.last, w.changed
		w.mu.Unlock()
		if !last.Epoch.IsZero() && (last.Head > known.Head || last.Epoch != known.Epoch) {
			return last, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return EventLog{}, ctx.Err()
		}
	}
}

func (w *logWatch) count(n int, eagerly bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting += n
	if eagerly {
		w.eager += n
	}
}

// run asks until ctx ends.
func (w *logWatch) run(ctx context.Context) {
	timer := time.NewTimer(watchIdle)
	defer timer.Stop()
	active, failing := time.Now(), false
	for {
		asked := time.Now()
		every := w.pace(asked.Sub(active))
		if every > 0 {
			grown, err := w.look(ctx)
			if grown {
				active = asked
			}
			if ctx.Err() != nil {
				return
			}
			if err != nil && !failing {
				w.log.Warn("event log not read", "error", err)
			}
			failing = err != nil
		}
		if every == 0 || failing {
			every = watchIdle // Somebody who begins to wait is heard before.
		}
		timer.Reset(every)
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			continue
		case <-w.waits:
		case <-w.grew:
			active = time.Now()
		}
		if rest := watchGap - time.Since(asked); rest > 0 {
			timer.Reset(rest)
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
			}
		}
	}
}

// pace is how long to wait before the next look, 0 when nobody wants one.
func (w *logWatch) pace(quiet time.Duration) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.waiting == 0:
		return 0
	case w.eager == 0 && quiet > watchQuiet:
		return watchIdle
	}
	return watchEvery
}

// look asks the store and wakes who waits when the answer is another one.
func (w *logWatch) look(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	state, err := w.ask(ctx)
	if err != nil {
		return false, err
	}
	return w.saw(state), nil
}

// saw notes a state that the store has answered; false when it is no news.
func (w *logWatch) saw(state EventLog) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if state == w.last || (state.Epoch == w.last.Epoch && state.Head < w.last.Head) {
		return false
	}
	w.last = state
	close(w.changed)
	w.changed = make(chan struct{})
	return true
}
