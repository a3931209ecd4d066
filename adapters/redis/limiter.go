package redis

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/omnicrm/omnicrm/adapters/internal/rediskit"
	"github.com/omnicrm/omnicrm/crm"
)

const (
	defaultPrefix  = "omnicrm:limit:"
	defaultTimeout = 50 * time.Millisecond
	defaultMaxKeys = 65_536
	// breakerRest is how long each server counts for itself after a failure.
	breakerRest = time.Second
)

// Options say how requests are counted. The zero value works.
type Options struct {
	// Prefix is what keys in Redis begin with. Default "omnicrm:limit:".
	Prefix string
	// Timeout is how long a request may wait for Redis. Default 50 ms.
	Timeout time.Duration
	// MaxKeys bounds the callers that are remembered here while Redis is away, at
	// about 100 bytes each. Default 65,536.
	MaxKeys int
	// Logger is told when Redis fails, and when it is back. Default slog.Default.
	Logger *slog.Logger
}

func (o Options) withDefaults() (Options, error) {
	if o.Timeout < 0 {
		return o, crm.Invalid("Timeout", crm.CodeInvalid, "must not be negative")
	}
	if o.MaxKeys < 0 {
		return o, crm.Invalid("MaxKeys", crm.CodeInvalid, "must not be negative")
	}
	if o.Prefix == "" {
		o.Prefix = defaultPrefix
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.MaxKeys == 0 {
		o.MaxKeys = defaultMaxKeys
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o, nil
}

// Limiter is a limiter of requests (httpapi.Limiter) whose counts several
// processes share. It is safe for parallel use and starts nothing.
type Limiter struct {
	options Options
	redis   redis.UniversalClient
	link    *rediskit.Link // nil where the client is the caller's.
	breaker rediskit.Breaker
	local   *local
}

// Open makes a limiter of the Redis at a URL, as [rediskit.Parse] has it:
// redis://, redis-sentinel://, redis-cluster:// and the same with rediss for TLS.
// A Redis that cannot be used is an error that says what to do. Close ends it.
func Open(ctx context.Context, address string, o Options) (*Limiter, error) {
	if _, err := o.withDefaults(); err != nil {
		return nil, fmt.Errorf("open limiter: %w", err)
	}
	link, err := rediskit.Open(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("open limiter: %w", err)
	}
	l, err := New(link.Redis, o)
	if err != nil {
		return nil, err
	}
	l.link = link
	return l, nil
}

// New makes a limiter on a client, which stays the caller's to close. It needs
// ContextTimeoutEnabled: requests wait no longer than Options.Timeout by it.
func New(c redis.UniversalClient, o Options) (*Limiter, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("make limiter: %w", err)
	}
	return &Limiter{options: o, redis: c, breaker: rediskit.Breaker{Rest: breakerRest}, local: newLocal(o.MaxKeys)}, nil
}

// Close closes what Open opened; twice is fine.
func (l *Limiter) Close() error {
	if l.link == nil {
		return nil
	}
	return l.link.Close()
}

// takeScript is the generic cell rate algorithm (GCRA, ITU-T I.371): a key holds
// the time at which all of its allowance is back. Times are the server's, in
// microseconds. It returns whether the request passes, what remains, and the times
// until all and until one is back.
var takeScript = redis.NewScript(`
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local limit = tonumber(ARGV[1])
local step = 60000000 / limit
local back = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local after = back + step
local wait = after - now - 60000000
if wait > 0 then
	return {0, 0, math.ceil(back - now), math.ceil(wait)}
end
redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000))
return {1, math.floor(-wait / step + 0.000001), math.ceil(after - now), 0}
`)

// TakeRequest counts one request of a key against an allowance of perMinute
// requests, at least 1, which may be spent at once and comes back evenly. It waits
// for Redis no longer than Options.Timeout; while that fails, or has just failed,
// it counts what this process sees.
func (l *Limiter) TakeRequest(ctx context.Context, key string, perMinute int) (crm.Allowance, error) {
	perMinute = max(perMinute, 1)
	if !l.breaker.Allow() {
		return l.local.take(time.Now(), key, perMinute), nil
	}
	bounded, cancel := context.WithTimeout(ctx, l.options.Timeout)
	defer cancel()
	a, err := l.shared(bounded, key, perMinute)
	if ctx.Err() != nil { // Whoever asked has gone; that says nothing of Redis.
		return crm.Allowance{}, fmt.Errorf("count request: %w", ctx.Err())
	}
	if l.breaker.Done(err) {
		if err != nil {
			l.options.Logger.Warn("redis fails; each server limits requests for itself until it is back", "error", err)
		} else {
			l.options.Logger.Info("redis is back; servers limit requests together")
		}
	}
	if err != nil {
		return l.local.take(time.Now(), key, perMinute), nil
	}
	return a, nil
}

func (l *Limiter) shared(ctx context.Context, key string, perMinute int) (crm.Allowance, error) {
	reply, err := takeScript.Run(ctx, l.redis, []string{l.options.Prefix + key}, perMinute).Int64Slice()
	if err != nil {
		return crm.Allowance{}, err
	}
	if len(reply) != 4 {
		return crm.Allowance{}, fmt.Errorf("got %d values, want 4", len(reply))
	}
	return crm.Allowance{
		Allowed: reply[0] == 1, Limit: perMinute, Remaining: int(reply[1]),
		Reset: time.Duration(reply[2]) * time.Microsecond, RetryAfter: time.Duration(reply[3]) * time.Microsecond,
	}, nil
}
