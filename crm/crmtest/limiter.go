package crmtest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// Limiter is the port of transports that limit requests.
type Limiter interface {
	TakeRequest(ctx context.Context, key string, perMinute int) (crm.Allowance, error)
}

// TestLimiter checks a limiter of requests. open returns a new one, on which
// nothing was counted.
func TestLimiter(t *testing.T, open func(testing.TB) Limiter) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(l *limiter)
	}{
		{"an allowance may be spent at once, and no more", testSpend},
		{"keys have nothing to do with each other", testCallersApart},
		{"the allowance comes back evenly", testRefill},
		{"of requests at the same moment no more pass than may", testLimitRace},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(&limiter{t, open(t)})
		})
	}
}

type limiter struct {
	*testing.T
	Limiter
}

func (l *limiter) take(key string, perMinute int) crm.Allowance {
	l.Helper()
	a, err := l.TakeRequest(l.Context(), key, perMinute)
	if err != nil {
		l.Fatalf("TakeRequest: %v", err)
	}
	return a
}

func testSpend(l *limiter) {
	const limit = 5 // One comes back in 12 seconds.
	for i := range limit {
		a := l.take("somebody", limit)
		if !a.Allowed || a.Limit != limit || a.Remaining != limit-1-i || a.RetryAfter != 0 {
			l.Errorf("request %d: got %+v, want it allowed and %d remaining", i+1, a, limit-1-i)
		}
		if most := time.Duration(i+1) * time.Minute / limit; a.Reset > most || a.Reset < most-10*time.Second {
			l.Errorf("request %d: the allowance is back in %s, want about %s", i+1, a.Reset, most)
		}
	}
	for range 3 { // What is refused costs nothing.
		a := l.take("somebody", limit)
		if a.Allowed || a.Remaining != 0 || a.RetryAfter <= 0 || a.RetryAfter > time.Minute/limit || a.Reset < a.RetryAfter || a.Reset > time.Minute {
			l.Errorf("a request too many: got %+v, want it refused and 12 seconds to wait at most", a)
		}
	}
}

func testCallersApart(l *limiter) {
	l.take("one", 1)
	if a := l.take("one", 1); a.Allowed {
		l.Errorf("the second of one: got %+v, want it refused", a)
	}
	for i := range 20 {
		if a := l.take(fmt.Sprint("another", i), 1); !a.Allowed {
			l.Errorf("the first of another: got %+v, want it allowed", a)
		}
	}
}

func testRefill(l *limiter) {
	const limit = 600 // One comes back in 100 ms.
	for l.take("somebody", limit).Allowed {
	}
	began, passed := time.Now(), 0
	if !await(l.T, func() bool {
		if l.take("somebody", limit).Allowed {
			passed++
		}
		return passed == 5
	}) {
		l.Fatalf("waited in vain for five requests to come back: got %d", passed)
	}
	if took := time.Since(began); took < 350*time.Millisecond {
		l.Errorf("five requests came back within %s, want about half a second", took)
	}
}

func testLimitRace(l *limiter) {
	const limit, callers = 40, 8
	var passed atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for range callers {
		all.Go(func() {
			for range limit / 2 {
				a, err := l.TakeRequest(l.Context(), "somebody", limit)
				if err != nil {
					l.Errorf("TakeRequest: %v", err)
				}
				if a.Allowed {
					passed.Add(1)
				}
			}
		})
	}
	all.Wait()
	back := int64(time.Since(began)/(time.Minute/limit)) + 1
	if n := passed.Load(); n < limit || n > limit+back {
		l.Errorf("of %d requests at once %d passed, want %d", callers*limit/2, n, limit)
	}
}
