package faultproxy

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// echo answers with what it gets.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}()
		}
	}()
	return l.Addr().String()
}

func dial(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// said sends a text, waits for it to come back, and returns how long that took.
func said(c net.Conn, text string, patience time.Duration) (time.Duration, error) {
	began := time.Now()
	if err := c.SetDeadline(began.Add(patience)); err != nil {
		return 0, err
	}
	if _, err := io.WriteString(c, text); err != nil {
		return 0, err
	}
	_, err := io.ReadFull(c, make([]byte, len(text)))
	return time.Since(began), err
}

func TestFaults(t *testing.T) {
	t.Parallel()
	const patience, short = 20 * time.Second, 100 * time.Millisecond
	p := Start(t, echo(t))
	c := dial(t, p)
	if _, err := said(c, "hello", patience); err != nil {
		t.Fatalf("without faults: %v", err)
	}
	p.Set(Faults{Latency: short})
	if took, err := said(c, "hello", patience); err != nil || took < 2*short {
		t.Errorf("with latency: took %s (%v), want at least %s", took, err, 2*short)
	}
	p.Set(Faults{Bandwidth: 10_000})
	if took, err := said(c, string(make([]byte, 2_000)), patience); err != nil || took < 2*short {
		t.Errorf("with 10 kB a second: took %s (%v), want at least %s", took, err, 2*short)
	}
	p.Set(Faults{BlackHole: true})
	if _, err := said(c, "hello", short); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("into a black hole: got %v, want no answer", err)
	}
	if _, err := said(dial(t, p), "hello", short); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a new connection into a black hole: got %v, want no answer", err)
	}
	p.Set(Faults{})
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
		t.Errorf("what was held does not come: %v", err)
	}
	p.Set(Faults{Refuse: true})
	if _, err := said(dial(t, p), "hello", patience); err == nil {
		t.Error("a refused connection answers")
	}
	if _, err := said(c, "hello", patience); err != nil {
		t.Errorf("one that stands while others are refused: %v", err)
	}
	if n := p.Cut(); n == 0 {
		t.Error("cut: got 0 connections")
	}
	if _, err := said(c, "hello", patience); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a connection that was cut: got %v, want it gone", err)
	}
}
