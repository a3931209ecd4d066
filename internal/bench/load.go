package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// client calls one server with an API key over connections of its own.
type client struct {
	base, key string
	http      *http.Client
}

func newClient(base, key string, connections int) *client {
	return &client{base: base, key: key, http: &http.Client{
		Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections},
	}}
}

func (c *client) get(ctx context.Context, path string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+c.key)
	answer, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, answer.Status)
	}
	return nil
}

// load is what a number of clients saw.
type load struct {
	rate  float64
	times []time.Duration
}

// run lets clients call do without a pause for the time given.
func run(ctx context.Context, clients int, during time.Duration, do func(ctx context.Context, n int) error) (load, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	var mu sync.Mutex
	var total load
	var next atomic.Int64
	begin := time.Now()
	for range clients {
		all.Go(func() {
			var times []time.Duration
			for time.Since(begin) < during && ctx.Err() == nil {
				at := time.Now()
				if err := do(ctx, int(next.Add(1))); err != nil {
					cancel(err)
					return
				}
				times = append(times, time.Since(at))
			}
			mu.Lock()
			total.times = append(total.times, times...)
			mu.Unlock()
		})
	}
	all.Wait()
	total.rate = float64(len(total.times)) / time.Since(begin).Seconds()
	return total, context.Cause(ctx)
}
