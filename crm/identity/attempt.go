package identity

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// The throttle of sign-ins. The first failures of an account are free, then
// each doubles the wait until the next try, from a second up to maxWait; a wait
// is forgotten attemptWindow after its end. Somebody who guesses on without end
// gets some 300 tries a day. An address has more free tries, because an office
// shares one.
const (
	freeByAccount = 5
	freeByAddress = 20
	attemptWindow = 15 * time.Minute
	maxWait       = 15 * time.Minute
)

// Attempts counts tries to sign in since the last success.
type Attempts struct {
	Count int
	Last  time.Time
}

// AttemptStore counts tries to sign in, for all servers together. What is
// counted, an account or an address, is known by a digest only.
type AttemptStore interface {
	// GetAttempts returns what is counted, zero when nothing is. Inside a
	// transaction it stays so until the end, so that none of many tries at
	// once goes uncounted.
	GetAttempts(ctx context.Context, subject Digest) (Attempts, error)
	// PutAttempts replaces what is counted; a Count of 0 removes it.
	PutAttempts(ctx context.Context, subject Digest, a Attempts) error
}

// ThrottledError says that sign-ins of an account or from an address have
// failed too often. It is an [crm.ErrUnavailable], because trying again later
// may work; a transport looks for it first and answers "too many requests".
type ThrottledError struct {
	// RetryAfter is how long until the next try, more than 0.
	RetryAfter time.Duration
}

// Error names the wait, in whole seconds rounded up.
func (e *ThrottledError) Error() string {
	return fmt.Sprintf("too many failed sign-ins; try again in %v", (e.RetryAfter + time.Second - 1).Truncate(time.Second))
}

// Is makes a ThrottledError an [crm.ErrUnavailable].
func (e *ThrottledError) Is(target error) bool { return target == crm.ErrUnavailable }

// counter is one thing that attempts are counted by.
type counter struct {
	subject Digest
	free    int
}

func accountCounter(emailKey string) counter {
	return counter{digestOf("account:" + emailKey), freeByAccount}
}

// addressCounter counts an IPv6 network of 64 bits as one address, because one
// customer has all of it. It returns false for what is no address.
func addressCounter(address string) (counter, bool) {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return counter{}, false
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is6() {
		network, err := ip.Prefix(64)
		if err != nil {
			return counter{}, false
		}
		ip = network.Addr()
	}
	return counter{digestOf("address:" + ip.String()), freeByAddress}, true
}

// wait returns how long after the last attempt the next one may come.
func (c counter) wait(a Attempts) time.Duration {
	if a.Count < c.free {
		return 0
	}
	// Beyond ten doublings the limit is reached anyway.
	return min(time.Second<<min(a.Count-c.free, 10), maxWait)
}

// left returns how much of the wait is left; a clock that went back makes it no
// longer.
func (c counter) left(a Attempts, now time.Time) time.Duration {
	wait := c.wait(a)
	return min(wait, max(a.Last.Add(wait).Sub(now), 0))
}

// current returns the attempts that still count.
func (c counter) current(a Attempts, now time.Time) Attempts {
	if now.After(a.Last.Add(c.wait(a) + attemptWindow)) {
		return Attempts{}
	}
	return a
}

// throttle counts a try before it is made, so that many at once are no way
// around it.
type throttle struct {
	core     *core
	counters []counter
}

func (k *core) throttle(emailKey string, o Origin) throttle {
	t := throttle{core: k, counters: []counter{accountCounter(emailKey)}}
	if c, ok := addressCounter(o.Address); ok {
		t.counters = append(t.counters, c)
	}
	return t
}

// begin counts a try, or returns a *ThrottledError and counts nothing.
func (t throttle) begin(ctx context.Context) error {
	return t.core.store.InIdentityTx(ctx, func(tx Tx) error {
		now := t.core.now()
		var wait time.Duration
		counted := make([]Attempts, len(t.counters))
		for i, c := range t.counters {
			a, err := tx.GetAttempts(ctx, c.subject)
			if err != nil {
				return err
			}
			a = c.current(a, now)
			wait = max(wait, c.left(a, now))
			counted[i] = Attempts{Count: a.Count + 1, Last: now}
		}
		if wait > 0 {
			return &ThrottledError{RetryAfter: wait}
		}
		return t.put(ctx, tx, counted)
	})
}

func (t throttle) put(ctx context.Context, tx Tx, counted []Attempts) error {
	var errs []error
	for i, c := range t.counters {
		errs = append(errs, tx.PutAttempts(ctx, c.subject, counted[i]))
	}
	return errors.Join(errs...)
}

// succeed forgets the account's tries, and of the address only this one: the
// owner of one account must not be able to clear the way to others.
func (t throttle) succeed(ctx context.Context, tx Tx) error {
	for i, c := range t.counters {
		left := Attempts{}
		if i > 0 {
			a, err := tx.GetAttempts(ctx, c.subject)
			if err != nil {
				return err
			}
			left = Attempts{Count: max(a.Count-1, 0), Last: a.Last}
		}
		if err := tx.PutAttempts(ctx, c.subject, left); err != nil {
			return err
		}
	}
	return nil
}
