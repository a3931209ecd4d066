package main

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
	"time"
)

// hear opens a stream of events and returns its blocks, until it ends.
func (c *caller) hear(lastID string) <-chan string {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.base+"/api/v1/events", nil)
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.key)
	r.Header.Set("Last-Event-Id", lastID)
	answer, err := (&http.Client{}).Do(r) //nolint:bodyclose // The goroutine below does.
	if err != nil {
		c.t.Fatal(err)
	}
	blocks := make(chan string, 100)
	go func() {
		defer answer.Body.Close() //nolint:errcheck // It was only read.
		defer close(blocks)
		var block strings.Builder
		for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
			if lines.Text() == "" {
				blocks <- block.String()
				block.Reset()
				continue
			}
			block.WriteString(lines.Text() + "\n")
		}
	}()
	return blocks
}

// idOf returns the id of a block of a stream.
func idOf(block string) string {
	_, rest, _ := strings.Cut("\n"+block, "\nid: ")
	id, _, _ := strings.Cut(rest, "\n")
	return id
}

func TestAStreamGoesOnAfterTheServerWasKilledAndEndsWithItAtOnce(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	s := h.serve()
	c := h.caller(s)
	blocks := c.hear("")
	start := idOf(<-blocks)
	if start == "" {
		t.Fatal("the stream begins without an id")
	}
	one, err := c.create("One")
	if err != nil {
		t.Fatal(err)
	}
	if first := <-blocks; !strings.Contains(first, one) {
		t.Errorf("got %s, want the create of %s", first, one)
	}
	s.kill()
	if _, open := <-blocks; open {
		t.Error("more came from a server that was killed")
	}
	s = h.serve()
	c.base = s.hello.URL
	two, err := c.create("Two")
	if err != nil {
		t.Fatal(err)
	}
	blocks = c.hear(start)
	if again := idOf(<-blocks); again != start {
		t.Errorf("the stream goes on at %s, want %s", again, start)
	}
	for _, want := range []string{one, two} {
		if got := <-blocks; !strings.Contains(got, want) || !strings.Contains(got, "event: contact.created") {
			t.Errorf("got %s, want the create of %s", got, want)
		}
	}
	asked := time.Now()
	s.stop()
	if took := time.Since(asked); took > drainTimeout/2 {
		t.Errorf("a server with an open stream took %s to stop, want it not to wait for that", took)
	}
	if _, open := <-blocks; open {
		t.Error("the stream did not end with the server")
	}
}
