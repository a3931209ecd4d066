package crm

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

const (
	// writeProbeEvery is how often the database is written to see that it can
	// be, however often somebody asks: each time flushes the disk, and a store
	// that gives memory back when it is not written must come to that.
	writeProbeEvery = 10 * time.Second
	// writeProbeWait is how long an answer waits for a probe at hand: less than
	// the second that orchestrators give an answer, because one that comes too
	// late counts as "down".
	writeProbeWait = 500 * time.Millisecond
)

// What is wrong with writes, for operators.
const (
	writesFail = "writes fail, or are about to for want of room, and reads go on: " +
		"look at the room on the database's disk, at the rights of its files, and at the log"
	writesWait = "a write has waited for its turn or for the disk for more than half a second; reads go on"
)

// writeProbe finds out whether the store takes writes. It writes only when
// somebody asks, and keeps what it found, so that a server that nobody asks
// leaves its disk alone and one that is asked ten times a second does not flush
// it each time. Safe for parallel use.
type writeProbe struct {
	ask func(context.Context) error
	// start runs a function in the background; false when the CRM has ended.
	start func(run func()) bool
	log   *slog.Logger

	mu   sync.Mutex
	last *probedWrite
}

// probedWrite is one probe; done is closed when err is what it found.
type probedWrite struct {
	began time.Time
	done  chan struct{}
	err   error
}

// problem returns what is wrong, "" for nothing. A write that waits for long is
// told like one that fails, because whoever saves something waits as well; that
// it waits behind an import and not for a disk that hangs nobody here can know.
// Neither is "down", so that no server is taken out of rotation for it.
func (p *writeProbe) problem(ctx context.Context) string {
	at := p.current()
	if at == nil {
		return ""
	}
	patience := time.NewTimer(time.Until(at.began.Add(writeProbeWait)))
	defer patience.Stop()
	select {
	case <-at.done:
		return problemOf(at.err)
	default:
	}
	select {
	case <-at.done:
		return problemOf(at.err)
	case <-patience.C:
	case <-ctx.Done():
	}
	return writesWait
}

func problemOf(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, context.DeadlineExceeded):
		return writesWait
	}
	return writesFail
}

// current returns the probe at hand or, when it is recent, the last one, else a
// new one. One that hangs is never followed by another, which would hang too.
func (p *writeProbe) current() *probedWrite {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.last
	if before != nil && (!before.over() || time.Since(before.began) < writeProbeEvery) {
		return before
	}
	next := &probedWrite{began: time.Now(), done: make(chan struct{})}
	if p.start(func() { p.run(before, next) }) {
		p.last = next
	}
	return p.last
}

func (w *probedWrite) over() bool {
	select {
	case <-w.done:
		return true
	default:
		return false
	}
}

// run is not bound to the request that began it: others wait for it too.
func (p *writeProbe) run(before, w *probedWrite) {
	defer close(w.done)
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	w.err = p.ask(ctx)
	failed := before != nil && before.err != nil
	switch {
	case w.err != nil && !failed:
		p.log.Warn("write probe failed", "error", w.err)
	case w.err == nil && failed:
		p.log.Info("write probe succeeds again")
	}
}
