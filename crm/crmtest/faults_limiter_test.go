package crmtest_test

import (
	"context"
	"sync"
	"time"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/crmtest"
)

// wrongLimiter counts as a limiter does, but for one thing.
type wrongLimiter struct {
	mu   sync.Mutex
	back map[string]time.Time
	// together counts all keys as one, generous refuses nobody, stingy gives nothing
	// back, hasty looks before it counts and does not hold on to what it saw.
	together, generous, stingy, hasty bool
}

func (l *wrongLimiter) TakeRequest(_ context.Context, key string, perMinute int) (crm.Allowance, error) {
	if l.together {
		key = ""
	}
	now, step := time.Now(), time.Minute/time.Duration(perMinute)
	l.mu.Lock()
	back := l.back[key]
	if l.hasty {
		l.mu.Unlock()
		time.Sleep(time.Millisecond)
		l.mu.Lock()
	}
	defer l.mu.Unlock()
	if back.Before(now) && (!l.stingy || back.IsZero()) {
		back = now
	}
	after := back.Add(step)
	if wait := after.Sub(now) - time.Minute; wait > 0 && !l.generous {
		if l.stingy {
			after = now.Add(time.Hour)
			l.back[key] = after
		}
		return crm.Allowance{Limit: perMinute, Reset: back.Sub(now), RetryAfter: wait}, nil
	}
	if l.back == nil {
		l.back = map[string]time.Time{}
	}
	l.back[key] = after
	return crm.Allowance{Allowed: true, Limit: perMinute, Remaining: int((time.Minute - after.Sub(now)) / step), Reset: after.Sub(now)}, nil
}

func limiterFaults() []fault {
	return []fault{
		{name: "limiter: nobody is refused", red: "no_more", limiter: func() crmtest.Limiter { return &wrongLimiter{generous: true} }},
		{name: "limiter: keys count together", red: "nothing_to_do", limiter: func() crmtest.Limiter { return &wrongLimiter{together: true} }},
		{name: "limiter: nothing comes back", red: "comes_back", limiter: func() crmtest.Limiter { return &wrongLimiter{stingy: true} }},
		{name: "limiter: two are counted as one", red: "same_moment", limiter: func() crmtest.Limiter { return &wrongLimiter{hasty: true} }},
	}
}
