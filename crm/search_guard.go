package crm

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// errIndexDown says that the search service failed, or is left alone because
// it did a moment ago.
var errIndexDown = fmt.Errorf("search service: %w", ErrUnavailable)

const (
	// guardTrips is how many calls in a row may fail before the service is
	// left alone.
	guardTrips = 3
	// The service is left alone for guardRest, then for twice as long each
	// time that it fails again, at most maxGuardRest.
	guardRest    = time.Second
	maxGuardRest = 30 * time.Second
	// feedTimeouts is how many times as long as a search a write may take: it
	// carries up to 1,000 documents.
	feedTimeouts = 10
)

// guardedIndex stands before an index that somebody else runs: every call has
// a timeout, and after failures in a row a circuit breaker answers at once
// until a call that is let through as a probe succeeds. What is the query's
// own fault is no failure of the service.
type guardedIndex struct {
	inner   SearchIndex
	timeout time.Duration
	now     func() time.Time

	mu       sync.Mutex
	failures int
	rest     time.Duration
	retryAt  time.Time
}

var _ SearchIndex = (*guardedIndex)(nil)

func newGuardedIndex(inner SearchIndex, timeout time.Duration) *guardedIndex {
	return &guardedIndex{inner: inner, timeout: timeout, now: time.Now}
}

// call asks the service, unless it is left alone.
func (g *guardedIndex) call(ctx context.Context, timeout time.Duration, ask func(ctx context.Context) error) error {
	if !g.admit() {
		return errIndexDown
	}
	limited, release := context.WithTimeout(ctx, timeout)
	defer release()
	err := ask(limited)
	switch {
	case err == nil || errors.Is(err, ErrInvalid) || errors.Is(err, ErrTooLarge):
		g.answered()
		return err
	case ctx.Err() != nil: // The caller gave up; that says nothing about the service.
		return err
	}
	g.failed()
	return fmt.Errorf("%w: %w", errIndexDown, err)
}

// admit reports whether a call may go to the service. When the rest is over,
// one may, and the others only after it has succeeded.
func (g *guardedIndex) admit() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failures < guardTrips {
		return true
	}
	now := g.now()
	if now.Before(g.retryAt) {
		return false
	}
	g.retryAt = now.Add(g.rest)
	return true
}

func (g *guardedIndex) answered() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.failures, g.rest = 0, 0
}

func (g *guardedIndex) failed() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failures++; g.failures < guardTrips {
		return
	}
	g.rest = min(max(guardRest, 2*g.rest), maxGuardRest)
	// The upper half is random, so that processes do not come back together.
	g.retryAt = g.now().Add(g.rest/2 + rand.N(g.rest/2)) //nolint:gosec // Jitter needs no secrecy.
}

// open reports whether the breaker keeps calls back.
func (g *guardedIndex) open() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.failures >= guardTrips
}

// probe asks the service whether it is back, when its rest is over. It never
// fails: what it finds is the breaker's state.
func (g *guardedIndex) probe(ctx context.Context) {
	if g.open() {
		_, _ = g.IndexStatus(ctx, WorkspaceID{})
	}
}

// measure asks the service now, whatever the breaker says.
func (g *guardedIndex) measure(ctx context.Context) error {
	_, err := g.inner.IndexStatus(ctx, WorkspaceID{})
	if err == nil {
		g.answered()
	}
	return err
}

// SearchContacts implements [SearchIndex].
func (g *guardedIndex) SearchContacts(ctx context.Context, ws WorkspaceID, q SearchQuery) (r SearchResult, err error) {
	err = g.call(ctx, g.timeout, func(ctx context.Context) (err error) {
		r, err = g.inner.SearchContacts(ctx, ws, q)
		return err
	})
	return r, err
}

// MatchContacts implements [SearchIndex].
func (g *guardedIndex) MatchContacts(ctx context.Context, ws WorkspaceID, q SearchQuery, after ID, limit int) (ids []ID, err error) {
	err = g.call(ctx, g.timeout, func(ctx context.Context) (err error) {
		ids, err = g.inner.MatchContacts(ctx, ws, q, after, limit)
		return err
	})
	return ids, err
}

// ListVersions implements [SearchIndex].
func (g *guardedIndex) ListVersions(ctx context.Context, ws WorkspaceID, after ID, limit int) (page []IndexedVersion, err error) {
	err = g.call(ctx, g.timeout, func(ctx context.Context) (err error) {
		page, err = g.inner.ListVersions(ctx, ws, after, limit)
		return err
	})
	return page, err
}

// IndexStatus implements [SearchIndex].
func (g *guardedIndex) IndexStatus(ctx context.Context, ws WorkspaceID) (status IndexStatus, err error) {
	err = g.call(ctx, g.timeout, func(ctx context.Context) (err error) {
		status, err = g.inner.IndexStatus(ctx, ws)
		return err
	})
	return status, err
}

// PutDocuments implements [SearchIndex].
func (g *guardedIndex) PutDocuments(ctx context.Context, ws WorkspaceID, docs []SearchDocument) error {
	return g.call(ctx, feedTimeouts*g.timeout, func(ctx context.Context) error { return g.inner.PutDocuments(ctx, ws, docs) })
}

// DeleteDocuments implements [SearchIndex].
func (g *guardedIndex) DeleteDocuments(ctx context.Context, ws WorkspaceID, contacts []ID) error {
	return g.call(ctx, feedTimeouts*g.timeout, func(ctx context.Context) error { return g.inner.DeleteDocuments(ctx, ws, contacts) })
}

// MarkIndexed implements [SearchIndex].
func (g *guardedIndex) MarkIndexed(ctx context.Context, ws WorkspaceID, at Position) error {
	return g.call(ctx, g.timeout, func(ctx context.Context) error { return g.inner.MarkIndexed(ctx, ws, at) })
}

// DropWorkspace implements [SearchIndex].
func (g *guardedIndex) DropWorkspace(ctx context.Context, ws WorkspaceID) error {
	return g.call(ctx, feedTimeouts*g.timeout, func(ctx context.Context) error { return g.inner.DropWorkspace(ctx, ws) })
}
