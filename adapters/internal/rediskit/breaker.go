package rediskit

import (
	"sync"
	"time"
)

// Breaker keeps callers from waiting for a Redis that has just failed: after a
// failure it is open for its rest, then one call at a time may try. The zero
// value is of no use; fill Rest. It is safe for parallel use.
type Breaker struct {
	// Rest is how long it stays open.
	Rest time.Duration

	mu     sync.Mutex
	broken bool
	until  time.Time
}

// Allow reports whether a call may be made. Its end is told to [Breaker.Done].
func (b *Breaker) Allow() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.broken {
		return true
	}
	now := time.Now()
	if now.Before(b.until) {
		return false
	}
	b.until = now.Add(b.Rest) // The others wait for the end of this one, not for ever.
	return true
}

// Done tells how a call ended, and reports whether that changed the state.
func (b *Breaker) Done(err error) (changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	changed = b.broken != (err != nil)
	if b.broken = err != nil; b.broken {
		b.until = time.Now().Add(b.Rest)
	}
	return changed
}

// Broken reports whether the last call that ended has failed.
func (b *Breaker) Broken() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.broken
}
