package redis_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/omnicrm/omnicrm/adapters/redis"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/crmtest"
	"github.com/omnicrm/omnicrm/internal/testkit/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patient waits for Redis on a busy machine: it is not what such a test is about.
func patient() redis.Options {
	return redis.Options{Timeout: 10 * time.Second, Logger: slog.New(slog.DiscardHandler)}
}

func open(t testing.TB, address string, o redis.Options) *redis.Limiter {
	t.Helper()
	l, err := redis.Open(context.Background(), address, o)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := errors.Join(l.Close(), l.Close()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return l
}

func TestConformance(t *testing.T) {
	t.Parallel()
	crmtest.TestLimiter(t, func(t testing.TB) crmtest.Limiter {
		return open(t, redistest.Start(t, redistest.Options{}).URL(), patient())
	})
}

func TestConformanceOnACluster(t *testing.T) {
	t.Parallel()
	crmtest.TestLimiter(t, func(t testing.TB) crmtest.Limiter {
		_, address := redistest.StartCluster(t)
		return open(t, address, patient())
	})
}

func TestConformanceWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	crmtest.TestLimiter(t, func(t testing.TB) crmtest.Limiter {
		s := redistest.Start(t, redistest.Options{})
		l := open(t, s.URL(), patient())
		s.Kill()
		return l
	})
}

func take(t *testing.T, l *redis.Limiter, key string, perMinute int) crm.Allowance {
	t.Helper()
	a, err := l.TakeRequest(t.Context(), key, perMinute)
	if err != nil {
		t.Fatalf("take: %v", err)
	}
	return a
}

func TestServersShareTheirCounts(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	one, other := open(t, s.URL(), patient()), open(t, s.URL(), patient())
	for i := range 4 {
		take(t, []*redis.Limiter{one, other}[i%2], "k", 4)
	}
	for _, l := range []*redis.Limiter{one, other} {
		if a := take(t, l, "k", 4); a.Allowed {
			t.Errorf("the fifth of both together: got %+v, want it refused", a)
		}
	}
	ttl := s.Client().PTTL(t.Context(), "omnicrm:limit:k").Val()
	if ttl <= 0 || ttl > time.Minute {
		t.Errorf("the key lasts %s, want a minute at most", ttl)
	}
}

// words is what a log says.
type words struct {
	mu   sync.Mutex
	text strings.Builder
}

func (w *words) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *words) count(part string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Count(w.text.String(), part)
}

// TestARedisThatHangsHoldsNoRequestUp counts what requests cost in all while
// Redis answers nothing, and waits for it to be asked again.
func TestARedisThatHangsHoldsNoRequestUp(t *testing.T) {
	t.Parallel()
	for name, mood := range map[string]struct{ bad, good func(s *redistest.Server) }{
		"paused": {(*redistest.Server).Pause, (*redistest.Server).Resume},
		"killed": {(*redistest.Server).Kill, (*redistest.Server).Start},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t, redistest.Options{Password: "hunter2"})
			said := &words{}
			o := redis.Options{Logger: slog.New(slog.NewTextHandler(said, nil))}
			l := open(t, s.URL(), o)
			for range 10 {
				take(t, l, "k", 10)
			}
			mood.bad(s)
			passed, began := 0, time.Now()
			for range 2_000 {
				if take(t, l, "k", 10).Allowed {
					passed++
				}
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("2,000 requests took %s, want one wait of 50 ms and no more", took)
			}
			if passed < 1 || passed > 12 {
				t.Errorf("requests that passed here: got %d, want the 10 of the limit", passed)
			}
			mood.good(s)
			end := time.Now().Add(time.Minute)
			for said.count("redis is back") == 0 {
				if time.Now().After(end) {
					t.Fatal("waited in vain for Redis to be used again")
				}
				take(t, l, fmt.Sprint("other", end), 1_000_000)
			}
			if said.count("redis fails") < 1 || said.count("hunter2") > 0 {
				t.Errorf("the log: got %q", said.text.String())
			}
		})
	}
}

func TestFewCallersAreRemembered(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	o := patient()
	o.MaxKeys = 100
	l := open(t, s.URL(), o)
	s.Kill()
	for i := range 10_000 {
		take(t, l, fmt.Sprint(i), 1)
	}
	if n := l.Remembered(); n > 100 {
		t.Errorf("callers remembered: got %d, want 100 at most", n)
	}
	if a := take(t, l, "9999", 1); a.Allowed {
		t.Errorf("the last caller again: got %+v, want it refused", a)
	}
}

func TestBadOptionsAreRefused(t *testing.T) {
	t.Parallel()
	for field, o := range map[string]redis.Options{"Timeout": {Timeout: -1}, "MaxKeys": {MaxKeys: -1}} {
		_, err := redis.Open(t.Context(), "redis://localhost", o)
		if v, ok := errors.AsType[*crm.ValidationError](err); !ok || v.Fields[0].Field != field {
			t.Errorf("got %v, want a *ValidationError that names %s", err, field)
		}
	}
	if _, err := redis.Open(t.Context(), "redis://127.0.0.1:1", redis.Options{}); !errors.Is(err, crm.ErrUnavailable) {
		t.Errorf("nobody there: got %v, want ErrUnavailable", err)
	}
}
