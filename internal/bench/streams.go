package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// openStreams is how many clients listen in P9.
const openStreams = 1_000

// heard is when a stream told of a contact.
type heard struct {
	contact string
	at      time.Time
}

// streams is P9: from the answer of a create to its event at each of 1,000 open
// streams, over HTTP with sign-in, in one process with the clients.
func (b *bench) streams(ctx context.Context) error {
	i, err := b.open(ctx, "streams")
	if err != nil {
		return err
	}
	defer i.close()
	api, err := i.api()
	if err != nil {
		return err
	}
	base, stop, err := serve(api)
	if err != nil {
		return err
	}
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	var listening sync.WaitGroup
	defer listening.Wait()
	defer cancel()
	told := make(chan heard, openStreams)
	for range openStreams {
		lines, err := subscribe(ctx, base, i.key)
		if err != nil {
			return err
		}
		listening.Go(func() { lines.follow(ctx, told) })
	}
	var times []time.Duration
	for round := range 4 * b.rounds {
		took, err := b.tellAll(ctx, i, round, told)
		if err != nil {
			return err
		}
		times = append(times, took...)
	}
	p99, bar := percentile(times, 0.99), 300*time.Millisecond
	b.table.add(row{
		"P9", fmt.Sprintf("a committed create reaches all streams, p50 %s", ms(percentile(times, 0.5))), fmt.Sprintf("%d streams", openStreams),
		ms(p99), "", "", "p99 <= 300 ms", p99 <= bar,
	})
	return nil
}

// tellAll creates a contact and returns how long each stream took to tell of it
// since the create was acknowledged.
func (b *bench) tellAll(ctx context.Context, i *instance, round int, told <-chan heard) ([]time.Duration, error) {
	c, err := i.app.Contacts.Create(ctx, i.actor, crm.NewContact{DisplayName: fmt.Sprint("Round ", round)})
	if err != nil {
		return nil, err
	}
	committed := time.Now()
	times := make([]time.Duration, 0, openStreams)
	patience := time.NewTimer(time.Minute)
	defer patience.Stop()
	for len(times) < openStreams {
		select {
		case h := <-told:
			if h.contact != c.ID.String() {
				return nil, fmt.Errorf("a stream told of %s, want %s", h.contact, c.ID)
			}
			times = append(times, max(0, h.at.Sub(committed)))
		case <-patience.C:
			return nil, fmt.Errorf("%d of %d streams told of a create", len(times), openStreams)
		}
	}
	return times, nil
}

// subscription is an open stream.
type subscription struct {
	answer *http.Response
	lines  *bufio.Scanner
}

// subscribe opens a stream and waits until it has begun.
func subscribe(ctx context.Context, base, key string) (*subscription, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/api/v1/events", nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+key)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	s := &subscription{answer: answer, lines: bufio.NewScanner(answer.Body)}
	if answer.StatusCode != http.StatusOK || !s.lines.Scan() {
		answer.Body.Close()
		return nil, fmt.Errorf("open a stream: %s", answer.Status)
	}
	return s, nil
}

// follow notes what the stream tells of contacts, until ctx ends.
func (s *subscription) follow(ctx context.Context, told chan<- heard) {
	defer s.answer.Body.Close()
	for s.lines.Scan() {
		data, ok := strings.CutPrefix(s.lines.Text(), "data: ")
		if !ok {
			continue
		}
		at := time.Now()
		var a struct {
			Subject struct{ Kind, ID string }
		}
		if json.Unmarshal([]byte(data), &a) != nil || a.Subject.Kind != crm.SubjectContact {
			continue
		}
		select {
		case told <- heard{a.Subject.ID, at}:
		case <-ctx.Done():
			return
		}
	}
}
