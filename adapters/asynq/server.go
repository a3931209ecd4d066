package asynq

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/omnicrm/omnicrm/adapters/internal/rediskit"
)

const (
	// watchEvery is how often it is seen whether Redis can be used, watchTimeout how
	// long that may take. Together they bound how late the workers turn to the store.
	watchEvery, watchTimeout = 500 * time.Millisecond, 500 * time.Millisecond
	// tidyEvery is how often what Asynq leaves behind is removed.
	tidyEvery, tidyTimeout = time.Minute, 5 * time.Second
	// forwardEvery is how often tasks that were given back become due again, which
	// they are giveBackDelay later, and up to as much more.
	forwardEvery, giveBackDelay = 300 * time.Millisecond, 100 * time.Millisecond
	// shutdownPatience is how long the end of Asynq's server may wait for Redis.
	shutdownPatience = 2 * time.Second
)

// start begins to fetch tasks. The caller holds the lock.
func (q *Queue) start() error {
	server := asynq.NewServerFromRedisClient(q.redis, asynq.Config{
		Concurrency: q.options.Slots, Queues: q.queues(), TaskCheckInterval: q.options.CheckEvery,
		DelayedTaskCheckInterval: forwardEvery, ShutdownTimeout: shutdownPatience,
		IsFailure: func(err error) bool { return !errors.Is(err, errGivenBack) },
		RetryDelayFunc: func(int, error, *asynq.Task) time.Duration {
			return giveBackDelay + rand.N(giveBackDelay) //nolint:gosec // Jitter needs no secrecy.
		},
		Logger: quiet{q.options.Logger}, LogLevel: asynq.InfoLevel,
	})
	if err := server.Start(asynq.HandlerFunc(q.deliver)); err != nil {
		return fmt.Errorf("start asynq: %w", err)
	}
	q.server = server
	q.beside.Go(q.watch)
	return nil
}

// watch sees whether Redis can be used, and tidies it, until the queue is closed.
func (q *Queue) watch() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	q.beside.Go(func() {
		select {
		case <-q.closing:
			cancel()
		case <-ctx.Done():
		}
	})
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	var tidied time.Time
	for ctx.Err() == nil {
		err := q.usable(ctx)
		if ctx.Err() != nil {
			return
		}
		q.mu.Lock()
		q.away = rediskit.Translate(err)
		q.mu.Unlock()
		if err == nil && time.Since(tidied) > tidyEvery {
			tidied = time.Now()
			q.tidy(ctx)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// usable writes to where each queue lies. It keeps the list of queues, which
// Asynq writes once, and a Redis that was emptied has lost.
func (q *Queue) usable(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, watchTimeout)
	defer cancel()
	_, err := q.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for name := range q.queues() {
			p.SAdd(ctx, "asynq:queues", name)
			p.Set(ctx, "omnicrm:{"+name+"}:probe", "1", time.Minute)
		}
		return nil
	})
	return err
}

// orphanScript removes tasks that count as active and are held by nobody, which
// Asynq never looks at again (hibiken/asynq#1144), and such as have lost what they
// were. A task that is fetched gets its lease in the same step.
var orphanScript = redis.NewScript(`
local removed = 0
for _, id in ipairs(redis.call('LRANGE', KEYS[1], -1000, -1)) do
	local key = ARGV[1] .. id
	if not redis.call('ZSCORE', KEYS[2], id) or redis.call('HEXISTS', key, 'msg') == 0 then
		redis.call('LREM', KEYS[1], 0, id)
		redis.call('ZREM', KEYS[2], id)
		redis.call('DEL', key)
		removed = removed + 1
	end
end
return removed
`)

// tidy removes what Asynq would keep: orphans, and tasks that failed for good,
// whose jobs have gone on without them.
func (q *Queue) tidy(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, tidyTimeout)
	defer cancel()
	inspector := asynq.NewInspectorFromRedisClient(q.redis)
	for name := range q.queues() {
		prefix := "asynq:{" + name + "}:"
		removed, err := orphanScript.Run(ctx, q.redis, []string{prefix + "active", prefix + "lease"}, prefix+"t:").Int()
		if err == nil {
			var archived int
			if archived, err = inspector.DeleteAllArchivedTasks(name); errors.Is(err, asynq.ErrQueueNotFound) {
				err = nil
			}
			removed += archived
		}
		if err != nil || removed > 0 {
			q.options.Logger.Debug("removed what asynq left behind", "queue", name, "tasks", removed, "error", err)
		}
	}
}

// quiet is the log of Asynq at the level of debug: what matters of it, that Redis
// is away, the core says once.
type quiet struct{ log *slog.Logger }

func (l quiet) say(args []any) { l.log.Debug("asynq", "says", fmt.Sprint(args...)) }

func (l quiet) Debug(args ...any) { l.say(args) }
func (l quiet) Info(args ...any)  { l.say(args) }
func (l quiet) Warn(args ...any)  { l.say(args) }
func (l quiet) Error(args ...any) { l.say(args) }
func (l quiet) Fatal(args ...any) { l.say(args) }
