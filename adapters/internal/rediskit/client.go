package rediskit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// callTimeout bounds dialling, and each reading and writing. Calls with a
	// context end with it, if that is sooner.
	callTimeout = time.Second
	// A call that failed because of the connection is tried retries times again,
	// after pauses between the two, of which a part is random.
	retries            = 3
	minPause, maxPause = 50 * time.Millisecond, 300 * time.Millisecond
	// keepAlive finds connections of which the other side has vanished.
	keepAlive = 30 * time.Second
	// openTimeout bounds Open.
	openTimeout = 5 * time.Second
	// clientName is what CLIENT LIST shows.
	clientName = "omnicrm"
	// oldest is the oldest version that is known to work.
	oldestMajor, oldestMinor = 6, 2
)

// Open reads the URL, makes a client of it, and checks that what it reaches can
// be used: it answers, lets us in, is not too old, and can be written to. It fails
// within five seconds, with a *ConnectError or a *ValidationError. Whoever opens
// closes.
func Open(ctx context.Context, address string) (*Link, error) {
	o, err := Parse(address)
	if err != nil {
		return nil, err
	}
	o.ClientName, o.DisableIdentity = clientName, true
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.ContextTimeoutEnabled = callTimeout, callTimeout, callTimeout, true
	o.MaxRetries, o.MinRetryBackoff, o.MaxRetryBackoff = retries, minPause, maxPause
	w := &wires{open: map[net.Conn]bool{}}
	o.Dialer = w.dialer(o.TLSConfig)
	l := &Link{Redis: redis.NewUniversalClient(&o), wires: w}
	if err := Check(ctx, l.Redis); err != nil {
		return nil, errors.Join(explain(where(o), o.TLSConfig != nil, err), l.Close())
	}
	return l, nil
}

// where names what a URL leads to, without users and passwords.
func where(o redis.UniversalOptions) string {
	at := strings.Join(o.Addrs, ", ")
	if o.MasterName != "" {
		return fmt.Sprintf("%s, watched by the Sentinels at %s", o.MasterName, at)
	}
	return at
}

// Check tells whether a Redis can be used.
func Check(ctx context.Context, c redis.UniversalClient) error {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if err := c.Ping(ctx).Err(); err != nil {
		return err
	}
	info, err := c.Info(ctx, "server").Result()
	if err != nil {
		return err
	}
	if v := versionOf(info); tooOld(v) {
		return &versionError{v}
	}
	return Probe(ctx, c)
}

// probeKey is written to see whether it can be.
const probeKey = "omnicrm:probe"

// Probe tells whether a Redis takes what is written.
func Probe(ctx context.Context, c redis.UniversalClient) error {
	return c.Set(ctx, probeKey, "1", time.Minute).Err()
}

// versionError says that a server is too old.
type versionError struct{ version string }

func (e *versionError) Error() string {
	return fmt.Sprintf("it is Redis %s, and %d.%d or newer is needed", e.version, oldestMajor, oldestMinor)
}

// versionOf reads the answer of INFO; "" where it says nothing.
func versionOf(info string) string {
	for line := range strings.Lines(info) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "redis_version:"); ok {
			return v
		}
	}
	return ""
}

// tooOld is false for a version that cannot be read: some that speak the
// protocol say nothing of it.
func tooOld(version string) bool {
	first, rest, _ := strings.Cut(version, ".")
	second, _, _ := strings.Cut(rest, ".")
	major, err := strconv.Atoi(first)
	minor, err2 := strconv.Atoi(second)
	return err == nil && err2 == nil && (major < oldestMajor || major == oldestMajor && minor < oldestMinor)
}
