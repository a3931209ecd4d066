// Package faultproxy is a TCP proxy on the loopback that does to connections what
// networks do: it delays, throttles, cuts, refuses and swallows.
package faultproxy

import (
	"net"
	"sync"
	"testing"
	"time"
)

// Faults are what the proxy does to what passes. The zero value passes all.
type Faults struct {
	// Latency is how long each piece of data is held, in either direction.
	Latency time.Duration
	// Bandwidth is how many bytes a second each direction of a connection lets
	// through; 0 for no limit.
	Bandwidth int
	// BlackHole holds all data, also of new connections, which are accepted. What
	// is held goes on when the fault ends.
	BlackHole bool
	// Refuse resets new connections. Those that stand go on.
	Refuse bool
}

// Proxy passes connections on to one address. Safe for parallel use.
type Proxy struct {
	listener net.Listener
	target   string
	group    sync.WaitGroup

	mu      sync.Mutex
	faults  Faults
	changed chan struct{} // closed when the faults change
	pairs   map[*pair]struct{}
	closed  bool
	stop    chan struct{}
}

// pair is a connection and its other half.
type pair struct {
	near, far net.Conn
	once      sync.Once
	over      chan struct{}
}

// cut ends both halves at once, without a farewell.
func (p *pair) cut() {
	p.once.Do(func() {
		close(p.over)
		for _, c := range []net.Conn{p.near, p.far} {
			reset(c)
		}
	})
}

func reset(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = c.Close()
}

// Start begins to pass connections to target, "host:port", until the test ends.
func Start(tb testing.TB, target string) *Proxy {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // The cleanup closes it.
	if err != nil {
		tb.Fatal(err)
	}
	p := &Proxy{listener: l, target: target, changed: make(chan struct{}), pairs: map[*pair]struct{}{}, stop: make(chan struct{})}
	p.group.Go(p.accept)
	tb.Cleanup(p.close)
	return p
}

// Addr is where the proxy listens.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Set replaces the faults.
func (p *Proxy) Set(f Faults) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = f
	close(p.changed)
	p.changed = make(chan struct{})
}

// Cut resets all connections that stand, and returns how many they were.
func (p *Proxy) Cut() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.pairs {
		c.cut()
	}
	return len(p.pairs)
}

func (p *Proxy) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	close(p.stop)
	_ = p.listener.Close()
	p.Cut()
	p.group.Wait()
}

func (p *Proxy) now() (Faults, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.faults, p.changed
}

func (p *Proxy) accept() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		if f, _ := p.now(); f.Refuse {
			reset(near)
			continue
		}
		p.group.Go(func() { p.join(near) })
	}
}

// join connects both halves and passes data until one of them ends.
func (p *Proxy) join(near net.Conn) {
	far, err := net.Dial("tcp", p.target) //nolint:noctx // On the loopback it succeeds or fails at once.
	if err != nil {
		reset(near)
		return
	}
	c := &pair{near: near, far: far, over: make(chan struct{})}
	p.mu.Lock()
	p.pairs[c] = struct{}{}
	closed := p.closed
	p.mu.Unlock()
	if closed {
		c.cut()
	}
	var both sync.WaitGroup
	both.Go(func() { p.pass(c, far, near) })
	both.Go(func() { p.pass(c, near, far) })
	both.Wait()
	p.mu.Lock()
	delete(p.pairs, c)
	p.mu.Unlock()
}

// pass copies until either side is gone, and then ends both.
func (p *Proxy) pass(c *pair, to, from net.Conn) {
	defer c.cut()
	data := make([]byte, 16<<10)
	for {
		n, err := from.Read(data)
		if n > 0 && !p.hold(c, n) {
			return
		}
		if _, failed := to.Write(data[:n]); err != nil || failed != nil {
			return
		}
	}
}

// hold waits as long as the faults hold n bytes, false when the connection is
// over. Faults that end meanwhile hold no longer.
func (p *Proxy) hold(c *pair, n int) bool {
	for began := time.Now(); ; {
		f, changed := p.now()
		wait := f.Latency
		if f.Bandwidth > 0 {
			wait += time.Duration(n) * time.Second / time.Duration(f.Bandwidth)
		}
		var due <-chan time.Time
		if wait -= time.Since(began); !f.BlackHole {
			if wait <= 0 {
				return true
			}
			due = time.After(wait)
		}
		select {
		case <-due:
			return true
		case <-changed:
		case <-c.over:
			return false
		case <-p.stop:
			return false
		}
	}
}
