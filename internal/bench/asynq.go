package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	bare "github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/omnicrm/omnicrm/adapters/asynq"
	"github.com/omnicrm/omnicrm/crm"
)

// jobsOnAsynq is P5 and P6 with jobs delivered over Redis. The reference is
// Asynq doing the same number of tasks that do nothing, without rows: by turns,
// on the same server.
func (b *bench) jobsOnAsynq(ctx context.Context) error {
	if _, err := exec.LookPath("redis-server"); err != nil {
		fmt.Fprintln(os.Stderr, "left out, for want of redis-server: P5 and P6 with Asynq")
		return nil
	}
	r, err := startRedis(ctx)
	if err != nil {
		return err
	}
	defer r.stop()
	for _, kind := range []crm.JobKind{kindNoop, kindOne} {
		if err := b.asynqThroughput(ctx, r, kind); err != nil {
			return err
		}
	}
	const on = " on Asynq"
	return errors.Join(b.idle(ctx, on, r.open), b.fairness(ctx, on, b.backlog(), r.open))
}

func (b *bench) asynqThroughput(ctx context.Context, r *redisServer, kind crm.JobKind) error {
	n := b.backlog() / 2
	var ours, theirs, ratios []float64
	for round := range b.rounds {
		reference, err := r.bareAsynq(ctx, n)
		if err != nil {
			return err
		}
		rate, err := b.throughput(ctx, fmt.Sprintf("jobs-asynq-%s-%d", kind, round), kind, n, r.open)
		if err != nil {
			return err
		}
		ours, theirs, ratios = append(ours, rate), append(theirs, reference), append(ratios, rate/reference)
	}
	ratio := median(ratios)
	out := row{"P5", "no-op jobs end to end on Asynq, with rows and events, beside bare Asynq", fmt.Sprint(n), perSecond(median(ours)), perSecond(median(theirs)), fmt.Sprintf("%.2f", ratio), ">= 0.80", ratio >= 0.8}
	if kind == kindOne {
		out.what, out.bar, out.pass = "the same, handed out singly", "", true
	}
	b.table.add(out)
	return nil
}

// redisServer is a server that keeps nothing on disk.
type redisServer struct {
	command *exec.Cmd
	address string
}

func startRedis(ctx context.Context) (*redisServer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	l.Close()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	r := &redisServer{address: address, command: exec.CommandContext(ctx, "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", os.TempDir())}
	if err := r.command.Start(); err != nil {
		return nil, err
	}
	c := redis.NewClient(&redis.Options{Addr: address})
	defer c.Close()
	for range 500 {
		if err = c.Ping(ctx).Err(); err == nil {
			return r, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	r.stop()
	return nil, err
}

func (r *redisServer) stop() {
	r.command.Process.Kill()
	r.command.Wait()
}

// open opens the queue of jobs.
func (r *redisServer) open(ctx context.Context) (crm.JobQueue, func() error, error) {
	q, err := asynq.Open(ctx, "redis://"+r.address, asynq.Options{})
	if err != nil {
		return nil, nil, err
	}
	return q, q.Close, nil
}

// bareAsynq has Asynq enqueue and run n tasks that do nothing and returns how
// many a second that were.
func (r *redisServer) bareAsynq(ctx context.Context, n int) (float64, error) {
	to := bare.RedisClientOpt{Addr: r.address}
	client := bare.NewClient(to)
	defer client.Close()
	server := bare.NewServer(to, bare.Config{Concurrency: 16, TaskCheckInterval: 100 * time.Millisecond, LogLevel: bare.FatalLevel, Queues: map[string]int{"bare": 1}})
	var ran atomic.Int64
	over := make(chan struct{})
	err := server.Start(bare.HandlerFunc(func(context.Context, *bare.Task) error {
		if ran.Add(1) == int64(n) {
			close(over)
		}
		return nil
	}))
	if err != nil {
		return 0, err
	}
	defer server.Shutdown()
	began := time.Now()
	const callers = 4
	var all sync.WaitGroup
	var failed [callers]error
	for c := range callers {
		all.Go(func() {
			for i := c; i < n && failed[c] == nil; i += callers {
				_, failed[c] = client.EnqueueContext(ctx, bare.NewTask("noop", nil), bare.Queue("bare"))
			}
		})
	}
	all.Wait()
	if err := errors.Join(failed[:]...); err != nil {
		return 0, err
	}
	select {
	case <-over:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	return float64(n) / time.Since(began).Seconds(), nil
}
