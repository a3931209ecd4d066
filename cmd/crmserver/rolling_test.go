package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/internal/testkit/pgtest"
)

// balancer sends requests to the servers that say that they are ready, one after
// the other, as those in front of several servers do.
type balancer struct {
	t    *testing.T
	key  string
	http *http.Client
	stop chan struct{}
	wait sync.WaitGroup
	next atomic.Int64

	mu    sync.Mutex
	ready []*backend
}

// backend is a server behind a balancer.
type backend struct {
	base   string
	served atomic.Int64
}

// watch asks a server from now on whether it is ready.
func (b *balancer) watch(s *running) *backend {
	one := &backend{base: s.hello.URL}
	health := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	b.wait.Go(func() {
		tick := time.NewTicker(25 * time.Millisecond)
		defer tick.Stop()
		for {
			status := 0
			if answer, err := health.Get(one.base + "/readyz"); err == nil {
				_ = answer.Body.Close()
				status = answer.StatusCode
			}
			b.note(one, status == http.StatusOK)
			select {
			case <-tick.C:
			case <-b.stop:
				return
			case <-s.ended:
				b.note(one, false)
				return
			}
		}
	})
	return one
}

func (b *balancer) note(one *backend, ready bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ready = slices.DeleteFunc(b.ready, func(o *backend) bool { return o == one })
	if ready {
		b.ready = append(b.ready, one)
	}
}

// pick returns the next server. Where none is ready the request waits.
func (b *balancer) pick() *backend {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); time.Now().Before(end); <-tick.C {
		if one := b.one(); one != nil {
			return one
		}
	}
	return nil
}

// one is the next server that is ready, nil for none.
func (b *balancer) one() *backend {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.ready) == 0 {
		return nil
	}
	return b.ready[int(b.next.Add(1))%len(b.ready)]
}

// request fails the test unless it is answered as wanted.
func (b *balancer) request(method, path, body string, want int) (ok bool) {
	one := b.pick()
	if one == nil {
		b.t.Error("no server is ready")
		return false
	}
	c := &caller{t: b.t, base: one.base, key: b.key, http: b.http}
	kind := ""
	if body != "" {
		kind = "application/json"
	}
	status, text, err := c.send(method, path, kind, strings.NewReader(body))
	if err != nil || status != want {
		b.t.Errorf("%s %s on %s: got %d %s (%v), want %d", method, path, one.base, status, text, err, want)
	}
	one.served.Add(1)
	return status == want
}

func TestARollingRestartUnderLoadFailsNoRequest(t *testing.T) {
	t.Parallel()
	h := newHomeOn(t, pgtest.URL(t))
	args := []string{"--workers=1", "--shutdown-delay=2s"}
	servers := []*running{h.serve(args...), h.serve(args...), h.serve(args...)}
	first := h.caller(servers[0])
	b := &balancer{t: t, key: first.key, http: first.http, stop: make(chan struct{})}
	var backends []*backend
	for _, s := range servers {
		backends = append(backends, b.watch(s))
	}
	until(t, "all are ready", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.ready) == len(servers)
	})
	var load sync.WaitGroup
	var created atomic.Int64
	over := make(chan struct{})
	for n := range 4 {
		load.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-over:
					return
				default:
				}
				if b.request(http.MethodPost, "/api/v1/contacts", fmt.Sprintf(`{"displayName":"Visitor %d of %d"}`, i, n), http.StatusCreated) {
					created.Add(1)
				}
				b.request(http.MethodGet, "/api/v1/contacts?pageSize=10", "", http.StatusOK)
				b.request(http.MethodGet, "/api/v1/contacts?search=vistor", "", http.StatusOK)
			}
		})
	}
	for round := range soakSize(3, 12) {
		n := round % len(servers)
		was := backends[n].served.Load()
		until(t, "the server works", func() bool { return backends[n].served.Load() > was+20 })
		servers[n].stop()
		servers[n] = h.serve(args...)
		backends = append(backends, b.watch(servers[n]))
		backends[n] = backends[len(backends)-1]
		until(t, "the new one works", func() bool { return backends[n].served.Load() > 20 })
	}
	close(over)
	load.Wait()
	close(b.stop)
	b.wait.Wait()
	var served int64
	for _, one := range backends {
		served += one.served.Load()
	}
	t.Logf("%d contacts created; the servers that are left answered %d requests", created.Load(), served)
	if got := h.clean(); int64(got) != created.Load() {
		t.Errorf("contacts: got %d, want the %d that were acknowledged", got, created.Load())
	}
}
