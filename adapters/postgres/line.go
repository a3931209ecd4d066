package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// silence is how long a connection may be silent before somebody looks whether
	// the server is still there. A statement may take longer: then it is.
	silence = 3 * time.Second
	// lookTime is how long the server may take to say that it is there.
	lookTime = 5 * time.Second
	// restTime is how long nobody tries to reach a server that did not answer.
	restTime = 500 * time.Millisecond
	// overTime is how much longer than its statement timeout the server may take to
	// answer, on one connection, while it does answer on others.
	overTime = 10 * time.Second
)

// line dials the server, and knows whether it answers. The driver waits for ever
// for a server that went away without a word: behind a cut cable, in a frozen
// machine. A connection that is silent for a while has the line look: it asks the
// server on a connection of its own, unless another one has heard from it
// meanwhile. Without an answer all connections end, so that whoever waits on one
// gets an error now, and from then on one call at a time tries to connect, all
// others fail at once: however many wait, each waits no longer than that takes.
// Safe for parallel use.
type line struct {
	dialer net.Dialer
	// longest is how long the server may take for one answer.
	longest time.Duration
	// heard is when the server last sent anything, on any connection.
	heard atomic.Int64

	mu    sync.Mutex
	wires map[*wire]struct{}
	look  *look
	// away is why the server cannot be reached, nil while it can; since then one at
	// a time may try again, when tryAt has come.
	away  error
	tryAt time.Time
}

// look is one question whether the server is there; err is good when done is
// closed.
type look struct {
	done chan struct{}
	err  error
}

func newLine(o Options) *line {
	return &line{
		dialer:  net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}},
		longest: o.StatementTimeout + overTime, wires: map[*wire]struct{}{},
	}
}

// awayError says that the server did not answer. It is no error of a context,
// whose time may not be over.
type awayError struct{ text string }

func (e *awayError) Error() string   { return e.text }
func (e *awayError) Timeout() bool   { return true }
func (e *awayError) Temporary() bool { return true }

// Dial implements pq.Dialer.
func (l *line) Dial(network, address string) (net.Conn, error) {
	return l.DialContext(context.Background(), network, address)
}

// DialTimeout implements pq.Dialer.
func (l *line) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return l.DialContext(ctx, network, address)
}

// DialContext implements pq.DialerContext.
func (l *line) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	trial, err := l.mayTry()
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	began := time.Now()
	c, err := l.dialer.DialContext(ctx, network, address)
	if err != nil {
		timeout := isTimeout(err)
		if timeout && time.Since(began) >= silence { // It is not that the caller had no time.
			err = &awayError{fmt.Sprintf("%s %s does not answer", network, address)}
			l.lost(err)
			return nil, &net.OpError{Op: "dial", Net: network, Err: err}
		}
		l.tried(trial, !timeout && ctx.Err() == nil)
		return nil, err
	}
	w := &wire{Conn: c, line: l, network: network, address: address, trial: trial}
	l.mu.Lock()
	l.wires[w] = struct{}{}
	l.mu.Unlock()
	return w, nil
}

func isTimeout(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}

// mayTry reports whether somebody may connect now, and whether the others wait
// for what comes of it.
func (l *line) mayTry() (trial bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.away == nil {
		return false, nil
	}
	if now.Before(l.tryAt) {
		return false, l.away
	}
	l.tryAt = now.Add(lookTime + silence) // A trial ends before that.
	return true, nil
}

// tried ends a trial. One that was refused had an answer as well.
func (l *line) tried(trial, answered bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case !trial || l.away == nil:
	case answered:
		l.away = nil
	default:
		l.tryAt = time.Now().Add(restTime)
	}
}

// hears notes that the server answered.
func (l *line) hears() {
	now := time.Now().UnixNano()
	if now-l.heard.Load() < int64(silence)/8 {
		return // It is known well enough; most of many connections write nothing.
	}
	l.heard.Store(now)
	l.mu.Lock()
	l.away = nil
	l.mu.Unlock()
}

// lost ends all connections.
func (l *line) lost(why error) {
	l.mu.Lock()
	l.away, l.tryAt = why, time.Now().Add(restTime)
	wires := l.wires
	l.wires = map[*wire]struct{}{}
	l.mu.Unlock()
	l.heard.Store(0)
	for w := range wires {
		_ = w.Conn.Close()
	}
}

// there asks whether the server is there, once for all who want to know.
func (l *line) there(network, address string) error {
	l.mu.Lock()
	if l.away != nil {
		defer l.mu.Unlock()
		return l.away
	}
	one := l.look
	if one != nil {
		l.mu.Unlock()
		<-one.done
		return one.err
	}
	one = &look{done: make(chan struct{})}
	l.look = one
	l.mu.Unlock()
	began := time.Now()
	err := l.ask(network, address)
	if err != nil && l.heard.Load() > began.UnixNano() {
		err = nil // It is slow to take new connections.
	}
	if err != nil {
		one.err = &awayError{fmt.Sprintf("%s %s has become silent: %v", network, address, err)}
		l.lost(one.err)
	}
	l.mu.Lock()
	l.look = nil
	l.mu.Unlock()
	close(one.done)
	return one.err
}

// sslRequest is what a server or a pooler answers with one letter before anything
// else, whoever asks.
var sslRequest = []byte{0, 0, 0, 8, 4, 210, 22, 47}

func (l *line) ask(network, address string) error {
	ctx, cancel := context.WithTimeout(context.Background(), lookTime)
	defer cancel()
	c, err := l.dialer.DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	defer c.Close() //nolint:errcheck // It was only asked.
	deadline, _ := ctx.Deadline()
	if err := c.SetDeadline(deadline); err != nil {
		return err
	}
	if _, err := c.Write(sslRequest); err != nil {
		return err
	}
	if _, err = io.ReadFull(c, make([]byte, 1)); errors.Is(err, io.EOF) {
		err = nil // It has no room for another connection, and says so.
	}
	return err
}

// wire is one connection. No read and no write of it outlasts the server.
type wire struct {
	net.Conn

	line             *line
	network, address string
	// trial says that others wait for what comes of it.
	trial bool
	// limit is the driver's own deadline, while it connects; 0 for none.
	limit atomic.Int64
}

// SetDeadline implements net.Conn.
func (w *wire) SetDeadline(t time.Time) error {
	w.limit.Store(0)
	if !t.IsZero() {
		w.limit.Store(t.UnixNano())
	}
	return w.Conn.SetDeadline(t)
}

// Read implements net.Conn.
func (w *wire) Read(p []byte) (int, error) {
	began := time.Now()
	for {
		until, last := w.until(began)
		if err := w.SetReadDeadline(until); err != nil {
			return 0, err
		}
		n, err := w.Conn.Read(p)
		if n > 0 {
			w.line.hears()
		}
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if err := w.silent("read", last); err != nil {
			return 0, err
		}
	}
}

// Write implements net.Conn.
func (w *wire) Write(p []byte) (written int, err error) {
	for began := time.Now(); ; {
		until, last := w.until(began)
		if err := w.SetWriteDeadline(until); err != nil {
			return written, err
		}
		n, err := w.Conn.Write(p[written:])
		if written += n; !errors.Is(err, os.ErrDeadlineExceeded) {
			return written, err
		}
		if n > 0 {
			began = time.Now()
			continue
		}
		if err := w.silent("write", last); err != nil {
			return written, err
		}
	}
}

// until is when to look whether the server is there; last says that nothing comes
// after that.
func (w *wire) until(began time.Time) (t time.Time, last bool) {
	t, end := time.Now().Add(silence), began.Add(w.line.longest)
	if limit := w.limit.Load(); limit != 0 {
		end = time.Unix(0, limit)
	}
	if t.Before(end) {
		return t, false
	}
	return end, true
}

// silent is what a connection that is silent comes to: nil to wait on.
func (w *wire) silent(what string, last bool) error {
	err := w.line.there(w.network, w.address)
	if err == nil && last {
		err = &awayError{"no answer in time"}
	}
	if err == nil {
		return nil
	}
	return &net.OpError{Op: what, Net: w.network, Source: w.LocalAddr(), Addr: w.RemoteAddr(), Err: err}
}

// Close implements net.Conn.
func (w *wire) Close() error {
	w.line.tried(w.trial, false)
	w.line.mu.Lock()
	delete(w.line.wires, w)
	w.line.mu.Unlock()
	return w.Conn.Close()
}
