package redis

import (
	"sync"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// local counts in this process as the script does in Redis.
type local struct {
	most int

	mu sync.Mutex
	// back is when all of a key's allowance is back.
	back map[string]time.Time
}

func newLocal(most int) *local { return &local{most: most, back: map[string]time.Time{}} }

func (l *local) take(now time.Time, key string, perMinute int) crm.Allowance {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := crm.Allowance{Limit: perMinute}
	step := time.Minute / time.Duration(perMinute)
	back := l.back[key]
	if back.Before(now) {
		back = now
	}
	after := back.Add(step)
	if wait := after.Sub(now) - step*time.Duration(perMinute); wait > 0 {
		a.Reset, a.RetryAfter = back.Sub(now), wait
		return a
	}
	l.makeRoom(now, key)
	l.back[key] = after
	a.Allowed, a.Reset = true, after.Sub(now)
	a.Remaining = perMinute - int((a.Reset+step-1)/step)
	return a
}

// makeRoom forgets those whose allowance is back, and others while there are too
// many. The caller holds the lock.
func (l *local) makeRoom(now time.Time, key string) {
	if _, known := l.back[key]; known || len(l.back) < l.most {
		return
	}
	for other, back := range l.back {
		if !back.After(now) {
			delete(l.back, other)
		}
	}
	// A quarter, so that it is not done for every new one.
	for other := range l.back {
		if len(l.back) <= l.most*3/4 {
			break
		}
		delete(l.back, other)
	}
}
