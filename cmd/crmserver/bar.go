package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	barWidth = 30
	// barEvery is how often a bar is drawn again; elsewhere than on a terminal
	// a line is printed every lineEvery.
	barEvery  = 100 * time.Millisecond
	lineEvery = 5 * time.Second
)

// bar shows the progress of long work: a bar on a terminal, plain lines
// elsewhere. It is safe for parallel use.
type bar struct {
	mu     sync.Mutex
	w      io.Writer
	screen bool
	title  string
	total  int64
	done   int64
	begin  time.Time
	drawn  time.Time
}

// newBar begins a bar; a total of 0 means that nobody knows, and the figure
// itself is shown.
func newBar(w io.Writer, title string, total int64) *bar {
	now := time.Now()
	return &bar{w: w, screen: isTerminal(w), title: title, total: total, begin: now, drawn: now}
}

// set shows the progress so far.
func (b *bar) set(done int64) { b.update(done, 0) }

// update shows the progress and, when not 0, a total that is known now.
func (b *bar) update(done, total int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done = done
	if total > 0 {
		b.total = total
	}
	every := lineEvery
	if b.screen {
		every = barEvery
	}
	if time.Since(b.drawn) >= every {
		b.draw()
	}
}

// end draws the last state and leaves the line. Elsewhere than on a terminal it
// prints nothing: the command says itself how the work ended.
func (b *bar) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.screen {
		b.draw()
		fmt.Fprintln(b.w) //nolint:errcheck // A bar that cannot be shown is no failure.
	}
}

func (b *bar) draw() {
	b.drawn = time.Now()
	share := 0.0
	if b.total > 0 {
		share = min(1, float64(b.done)/float64(b.total))
	}
	left := ""
	if spent := b.drawn.Sub(b.begin); share > 0.02 && share < 1 {
		left = ", " + time.Duration(float64(spent)*(1-share)/share).Round(time.Second).String() + " left"
	}
	state := fmt.Sprintf("%3.0f %%%s", share*100, left)
	if b.total <= 0 {
		state = strconv.FormatInt(b.done, 10)
	}
	if !b.screen {
		fmt.Fprintf(b.w, "%s: %s\n", b.title, strings.TrimSpace(state)) //nolint:errcheck // As above.
		return
	}
	graph := ""
	if b.total > 0 {
		full := int(share * barWidth)
		graph = "[" + strings.Repeat("#", full) + strings.Repeat(".", barWidth-full) + "] "
	}
	fmt.Fprintf(b.w, "\r\x1b[K%s %s%s", b.title, graph, state) //nolint:errcheck // As above.
}

// counted is a figure with its noun.
func counted(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
