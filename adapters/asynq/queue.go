package asynq

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/omnicrm/omnicrm/adapters/internal/rediskit"
	"github.com/omnicrm/omnicrm/crm"
)

var _ crm.JobQueue = (*Queue)(nil)

const (
	defaultName       = "crm"
	defaultCheckEvery = 75 * time.Millisecond
	defaultSlots      = 16
)

// Options say how jobs are delivered. The zero value works.
type Options struct {
	// Name is what the queues in Redis are called, with the priority behind it
	// ("crm:high"), so that several installations may share a Redis. 1 to 40
	// letters, digits, "-" and "_". Default "crm".
	Name string
	// CheckEvery is how often an idle process looks for tasks, give or take half
	// of it. Default 75 ms.
	CheckEvery time.Duration
	// Slots is how many tasks a process holds until its workers take them.
	// Default 16.
	Slots int
	// Logger gets what Asynq says, at the level of debug. Default slog.Default.
	Logger *slog.Logger
}

var queueName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

func (o Options) withDefaults() (Options, error) {
	if o.Name == "" {
		o.Name = defaultName
	}
	if !queueName.MatchString(o.Name) {
		return o, crm.Invalid("Name", crm.CodeInvalid, `must be 1 to 40 letters, digits, "-" and "_"`)
	}
	if o.CheckEvery < 0 {
		return o, crm.Invalid("CheckEvery", crm.CodeInvalid, "must not be negative")
	}
	if o.CheckEvery == 0 {
		o.CheckEvery = defaultCheckEvery
	}
	if o.Slots < 0 {
		return o, crm.Invalid("Slots", crm.CodeInvalid, "must not be negative")
	}
	if o.Slots == 0 {
		o.Slots = defaultSlots
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o, nil
}

// Queue is a [crm.JobQueue] on Redis. It is safe for parallel use. A process that
// only hands jobs over starts nothing; the first ReceiveJobs begins to fetch tasks.
type Queue struct {
	options Options
	redis   redis.UniversalClient
	link    *rediskit.Link // nil where the client is the caller's.
	client  *asynq.Client
	giving  rediskit.Breaker

	mu     sync.Mutex
	closed bool
	server *asynq.Server
	// away is why Redis could not be used when it was last looked at.
	away    error
	parcels []*parcel
	closing chan struct{}
	beside  sync.WaitGroup
}

// Open makes a queue of the Redis at a URL, as [rediskit.Parse] has it: redis://,
// redis-sentinel://, redis-cluster:// and the same with rediss for TLS. A Redis
// that cannot be used is an error that says what to do. Close ends it.
func Open(ctx context.Context, address string, o Options) (*Queue, error) {
	if _, err := o.withDefaults(); err != nil {
		return nil, fmt.Errorf("open job queue: %w", err)
	}
	link, err := rediskit.Open(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("open job queue: %w", err)
	}
	q, err := New(link.Redis, o)
	if err != nil {
		return nil, errors.Join(err, link.Close())
	}
	q.link = link
	return q, nil
}

// CheckURL tells whether Open can read a URL, and asks nobody.
func CheckURL(address string) error {
	_, err := rediskit.Parse(address)
	return err
}

// New makes a queue on a client, which stays the caller's to close, after the
// queue. Its calls need deadlines of their own (ContextTimeoutEnabled, read and
// write timeouts), or a Redis that hangs holds workers up.
func New(c redis.UniversalClient, o Options) (*Queue, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("make job queue: %w", err)
	}
	return &Queue{
		options: o, redis: c, client: asynq.NewClientFromRedisClient(c), giving: rediskit.Breaker{Rest: breakerRest}, closing: make(chan struct{}),
	}, nil
}

// Close gives back what was fetched and not taken, and ends what the queue began.
// Twice is fine. Calls after it are [crm.ErrUnavailable].
func (q *Queue) Close() error {
	q.mu.Lock()
	server, again := q.server, q.closed
	if !again {
		close(q.closing)
	}
	q.closed = true
	q.mu.Unlock()
	if again {
		return nil
	}
	if server != nil {
		q.shutdown(server)
	}
	q.beside.Wait()
	if q.link == nil {
		return nil
	}
	return q.link.Close()
}

// shutdown ends Asynq's server. It waits for Redis, which may be away: after a
// while the connections are cut, where they are ours.
func (q *Queue) shutdown(server *asynq.Server) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		server.Shutdown()
	}()
	patience := time.NewTimer(shutdownPatience)
	defer patience.Stop()
	select {
	case <-ended:
		return
	case <-patience.C:
	}
	if q.link != nil {
		q.link.Cut()
	}
	<-ended
}

// levels are the priorities with the share of a busy process's fetches.
func levels() map[crm.JobPriority]int {
	return map[crm.JobPriority]int{crm.PriorityHigh: 6, crm.PriorityNormal: 3, crm.PriorityLow: 1}
}

// level is the queue of a priority.
func (q *Queue) level(p crm.JobPriority) string { return q.options.Name + ":" + p.String() }

// queues are the names of all queues with their shares.
func (q *Queue) queues() map[string]int {
	shares := map[string]int{}
	for p, share := range levels() {
		shares[q.level(p)] = share
	}
	return shares
}
