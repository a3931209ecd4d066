package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/adapters/postgres"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/internal/testkit/faultproxy"
	"github.com/omnicrm/omnicrm/internal/testkit/pgtest"
)

// bound is how long a call may take whose server has become silent, on a busy
// machine: it is noticed in eight seconds, and connecting anew takes some more.
const bound = 30 * time.Second

// behindProxy opens a store whose connections pass a proxy.
func behindProxy(t *testing.T, o postgres.Options) (*postgres.Store, *faultproxy.Proxy) {
	t.Helper()
	here := fmt.Sprintf("127.0.0.1:%d", pgtest.Shared(t).Port)
	proxy := faultproxy.Start(t, here)
	s, err := postgres.OpenWith(t.Context(), strings.Replace(pgtest.URL(t), here, proxy.Addr(), 1), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, proxy
}

// eventually waits until a call goes through.
func eventually(t *testing.T, what string, within time.Duration, call func() error) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); ; <-tick.C {
		err := call()
		if err == nil {
			return
		}
		if !errors.Is(err, crm.ErrUnavailable) || time.Since(began) > within {
			t.Fatalf("%s after %s: %v", what, time.Since(began), err)
		}
	}
}

func TestASilentServerIsUnavailableInBoundedTimeAndComesBack(t *testing.T) {
	t.Parallel()
	s, proxy := behindProxy(t, postgres.Options{MaxConns: 4})
	ctx := context.Background()
	write := func() error { return s.ProbeWrite(ctx) }
	read := func() error { return s.Ping(ctx) }
	if err := errors.Join(write(), read()); err != nil {
		t.Fatal(err)
	}
	for range 2 { // What is kept from the first time must not spoil the second.
		proxy.Set(faultproxy.Faults{BlackHole: true})
		var group sync.WaitGroup
		for n := range 40 {
			call := read
			if n%2 == 0 {
				call = write
			}
			group.Go(func() {
				began := time.Now()
				err := call()
				if took := time.Since(began); !errors.Is(err, crm.ErrUnavailable) || took > bound {
					t.Errorf("call %d: got %v after %s, want it unavailable within %s", n, err, took, bound)
				}
			})
		}
		group.Wait()
		began := time.Now()
		if err := read(); !errors.Is(err, crm.ErrUnavailable) || time.Since(began) > bound {
			t.Errorf("a call later on: got %v after %s, want it unavailable", err, time.Since(began))
		}
		proxy.Set(faultproxy.Faults{})
		back := time.Now()
		eventually(t, "a read", bound, read)
		eventually(t, "a write", bound, write)
		t.Logf("back %s after the server", time.Since(back).Round(time.Millisecond))
	}
}

func TestASlowAnswerIsWaitedFor(t *testing.T) {
	t.Parallel()
	s, proxy := behindProxy(t, postgres.Options{MaxConns: 2})
	proxy.Set(faultproxy.Faults{Latency: 1700 * time.Millisecond}) // To the server and back: longer than the silence that has it looked for.
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("over a slow connection: %v", err)
	}
	proxy.Set(faultproxy.Faults{})
}

func TestConnectionsThatAreCutAreReplaced(t *testing.T) {
	t.Parallel()
	s, proxy := behindProxy(t, postgres.Options{MaxConns: 4})
	for range 20 {
		if err := s.Ping(t.Context()); err != nil && !errors.Is(err, crm.ErrUnavailable) {
			t.Fatalf("beside a cut: %v", err)
		}
		proxy.Cut()
		eventually(t, "a write after a cut", bound, func() error { return s.ProbeWrite(context.Background()) })
	}
}

func TestARefusedConnectionIsUnavailableAtOnce(t *testing.T) {
	t.Parallel()
	s, proxy := behindProxy(t, postgres.Options{MaxConns: 4})
	proxy.Set(faultproxy.Faults{Refuse: true})
	proxy.Cut()
	began := time.Now()
	for range 20 {
		if err := s.Ping(t.Context()); !errors.Is(err, crm.ErrUnavailable) {
			t.Errorf("got %v, want it unavailable", err)
		}
	}
	if took := time.Since(began); took > bound {
		t.Errorf("twenty calls took %s", took)
	}
	proxy.Set(faultproxy.Faults{})
	eventually(t, "a write", bound, func() error { return s.ProbeWrite(context.Background()) })
}
