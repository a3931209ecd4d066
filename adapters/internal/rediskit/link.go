package rediskit

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"

	"github.com/redis/go-redis/v9"
)

// Link is a client with its connections.
type Link struct {
	Redis redis.UniversalClient
	wires *wires
}

// Cut breaks every connection and has every call fail at once from now on, so that
// nobody waits for a Redis that does not answer. The client stays open: there are
// those who do not bear to have it closed under them.
func (l *Link) Cut() { l.wires.cut() }

// Close closes the client; twice is fine.
func (l *Link) Close() error {
	if err := l.Redis.Close(); err != nil && !errors.Is(err, redis.ErrClosed) {
		return fmt.Errorf("close redis: %w", err)
	}
	return nil
}

// wires are the connections of a client.
type wires struct {
	mu   sync.Mutex
	gone bool
	open map[net.Conn]bool
}

// dialer connects as the client's own would.
func (w *wires) dialer(secure *tls.Config) func(ctx context.Context, network, address string) (net.Conn, error) {
	plain := &net.Dialer{Timeout: callTimeout, KeepAlive: keepAlive}
	dial := plain.DialContext
	if secure != nil {
		dial = (&tls.Dialer{NetDialer: plain, Config: secure}).DialContext
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		w.mu.Lock()
		gone := w.gone
		w.mu.Unlock()
		if gone {
			return nil, context.Canceled // Which the client does not try again.
		}
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return w.add(c)
	}
}

func (w *wires) add(c net.Conn) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gone {
		return nil, errors.Join(context.Canceled, c.Close())
	}
	w.open[c] = true
	if raw, ok := c.(syscall.Conn); ok { // The client looks through it whether the other side has hung up.
		return rawWire{wire{c, w}, raw}, nil
	}
	return wire{c, w}, nil
}

func (w *wires) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone = true
	for c := range w.open {
		c.Close() //nolint:errcheck // It is given up.
	}
	clear(w.open)
}

// wire is a connection that is known until it is closed.
type wire struct {
	net.Conn
	wires *wires
}

// Close implements net.Conn.
func (c wire) Close() error {
	c.wires.mu.Lock()
	delete(c.wires.open, c.Conn)
	c.wires.mu.Unlock()
	return c.Conn.Close()
}

type rawWire struct {
	wire
	syscall.Conn
}
