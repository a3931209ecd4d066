package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/throttled/throttled/v2"
	"github.com/throttled/throttled/v2/store/memstore"

	"github.com/omnicrm/omnicrm/crm"
)

// Limiter counts requests by key. It is a port, so that several servers can
// share their counts. crmtest.TestLimiter proves one.
type Limiter interface {
	// TakeRequest counts one request of key against an allowance of perMinute
	// requests, at least 1, which may be spent at once and refills evenly
	// (GCRA). It is safe for parallel use. On an error the request is let
	// through and the error logged: a limiter that is down must not take the
	// API with it.
	TakeRequest(ctx context.Context, key string, perMinute int) (Allowance, error)
}

// Allowance is what a caller may still do.
type Allowance = crm.Allowance

// defaultLimiterKeys bounds the callers that a memory limiter remembers; the
// least recently seen are forgotten first. One costs about 200 bytes.
const defaultLimiterKeys = 65_536

// maxCASAttempts is how often parallel requests of one caller may get in each
// other's way; the default of 10 is reached by 64 of them.
const maxCASAttempts = 1_000

// memoryLimiter is a GCRA limiter in this process's memory.
type memoryLimiter struct {
	store throttled.GCRAStoreCtx

	mu      sync.RWMutex
	byQuota map[int]*throttled.GCRARateLimiterCtx
}

// NewMemoryLimiter returns a Limiter for one process that remembers up to
// maxKeys callers; 0 means 65,536.
func NewMemoryLimiter(maxKeys int) (Limiter, error) {
	if maxKeys <= 0 {
		maxKeys = defaultLimiterKeys
	}
	store, err := memstore.NewCtx(maxKeys)
	if err != nil {
		return nil, fmt.Errorf("make rate limiter: %w", err)
	}
	return &memoryLimiter{store: store, byQuota: map[int]*throttled.GCRARateLimiterCtx{}}, nil
}

// TakeRequest counts one request.
func (m *memoryLimiter) TakeRequest(ctx context.Context, key string, perMinute int) (Allowance, error) {
	limiter, err := m.quota(perMinute)
	if err != nil {
		return Allowance{}, err
	}
	limited, state, err := limiter.RateLimitCtx(ctx, key, 1)
	if err != nil {
		return Allowance{}, fmt.Errorf("count request: %w", err)
	}
	a := Allowance{Allowed: !limited, Limit: perMinute, Remaining: state.Remaining, Reset: state.ResetAfter}
	if limited {
		a.RetryAfter = max(state.RetryAfter, time.Millisecond)
	}
	return a, nil
}

func (m *memoryLimiter) quota(perMinute int) (*throttled.GCRARateLimiterCtx, error) {
	m.mu.RLock()
	limiter := m.byQuota[perMinute]
	m.mu.RUnlock()
	if limiter != nil {
		return limiter, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if limiter = m.byQuota[perMinute]; limiter != nil {
		return limiter, nil
	}
	limiter, err := throttled.NewGCRARateLimiterCtx(m.store, throttled.RateQuota{
		MaxRate: throttled.PerMin(perMinute), MaxBurst: perMinute - 1,
	})
	if err != nil {
		return nil, fmt.Errorf("make rate limiter for %d a minute: %w", perMinute, err)
	}
	limiter.SetMaxCASAttemptsLimit(maxCASAttempts)
	m.byQuota[perMinute] = limiter
	return limiter, nil
}

// take counts the request and writes the RateLimit headers. It answers a
// *limitedError when the request is one too many.
func (c *call) take(key string, perMinute int) error {
	if perMinute < 0 {
		return nil
	}
	state, err := c.h.options.Limiter.TakeRequest(c.r.Context(), key, perMinute)
	if err != nil {
		c.h.logError(c, "rate limiter", err)
		return nil
	}
	header := c.w.Header()
	header.Set("RateLimit-Limit", strconv.Itoa(state.Limit))
	header.Set("RateLimit-Remaining", strconv.Itoa(state.Remaining))
	header.Set("RateLimit-Reset", seconds(state.Reset))
	if state.Allowed {
		return nil
	}
	return &limitedError{retryAfter: state.RetryAfter}
}

// limitedError says that a caller sent too many requests.
type limitedError struct{ retryAfter time.Duration }

func (e *limitedError) Error() string { return "too many requests" }

// seconds rounds up to whole seconds, as the headers want them.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

// retryAfter writes the header of the same name, at least one second.
func retryAfter(header http.Header, d time.Duration) {
	header.Set("Retry-After", seconds(max(d, time.Second)))
}
