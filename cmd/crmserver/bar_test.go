package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestBar(t *testing.T) {
	t.Parallel()
	// long is a bar whose last drawing is longer ago than any interval.
	long := func(w *bytes.Buffer, screen bool, total int64) *bar {
		past := time.Now().Add(-time.Minute)
		return &bar{w: w, screen: screen, title: "Importing", total: total, begin: past, drawn: past}
	}

	t.Run("a line elsewhere than on a terminal", func(t *testing.T) {
		t.Parallel()
		var w bytes.Buffer
		b := long(&w, false, 200)
		b.set(50)
		b.set(60) // Too soon for another line.
		b.end()
		got, want := w.String(), "Importing: 25 %, 3m0s left\n"
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})

	t.Run("a bar that fits 80 columns on a terminal", func(t *testing.T) {
		t.Parallel()
		var w bytes.Buffer
		b := long(&w, true, 200)
		b.set(100)
		b.update(200, 200)
		b.end()
		got := w.String()
		want := "\r\x1b[KImporting [###############...............]  50 %, 1m0s left" +
			"\r\x1b[KImporting [##############################] 100 %\n"
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		for line := range strings.SplitSeq(got, "\r\x1b[K") {
			if len(line) > 80 {
				t.Errorf("line %q has %d columns, want at most 80", line, len(line))
			}
		}
	})

	t.Run("the figure itself while nobody knows the total", func(t *testing.T) {
		t.Parallel()
		for _, screen := range []bool{false, true} {
			var w bytes.Buffer
			long(&w, screen, 0).set(1234)
			if got, want := w.String(), "Importing"; !strings.Contains(got, want) || !strings.Contains(got, "1234") || strings.Contains(got, "%") {
				t.Errorf("screen %v: got %q, want the title and 1234", screen, got)
			}
		}
	})

	t.Run("a share beyond the total stays at all of it", func(t *testing.T) {
		t.Parallel()
		var w bytes.Buffer
		long(&w, true, 10).set(99)
		if got, want := w.String(), "100 %"; !strings.HasSuffix(got, want) {
			t.Errorf("got %q, want it to end with %q", got, want)
		}
	})

	t.Run("nothing for short work", func(t *testing.T) {
		t.Parallel()
		var w bytes.Buffer
		b := newBar(&w, "Importing", 10)
		b.set(10)
		b.end()
		if got := w.String(); got != "" {
			t.Errorf("got %q, want nothing", got)
		}
	})
}
