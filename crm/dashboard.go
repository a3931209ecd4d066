package crm

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

const (
	// blockTimeout bounds one block of the dashboard.
	blockTimeout = 2 * time.Second
	// chartDays is how many days charts have, today included.
	chartDays = 30
	// recentContacts is how many of the newest contacts the dashboard shows.
	recentContacts = 5
)

// Block is one part of the dashboard, or why there is none.
type Block[T any] struct {
	Value T
	Err   error
}

// Dashboard is what somebody sees first. Every block is made on its own: one
// that fails leaves the others.
type Dashboard struct {
	Totals           Block[DashboardTotals]
	Growth           Block[[]GrowthDay]
	InteractionTrend Block[[]TrendDay]
	RecentContacts   Block[[]Contact]
	// Activity is what happened last, as far as the actor may see it.
	Activity Block[[]Activity]
	// Focus is whom to contact next, the first [DefaultFocus].
	Focus  Block[[]FocusItem]
	System Block[Health]
}

// DashboardTotals are the figures of the cards.
type DashboardTotals struct {
	// Contacts are the live ones.
	Contacts int
	// NewThisWeek are those of them that were created since Monday, in the zone
	// of the caller.
	NewThisWeek int
	// TrendPercent compares them with as much of last week: 50 is half as many
	// again. Nil where there were none then.
	TrendPercent *int
	// Interactions7Days took place today or on one of the six days before.
	Interactions7Days int
	// FollowUpsDue is how many contacts need a follow-up now, exact up to 10,000
	// and no more than that.
	FollowUpsDue int
}

// GrowthDay is one day of the growth of contacts. Only the contacts that are
// live now are counted, on the day they were created.
type GrowthDay struct {
	// Date is the day, as 2026-01-31.
	Date string
	// Created on that day.
	Created int
	// Total at its end.
	Total int
}

// TrendDay is one day of interactions.
type TrendDay struct {
	Date  string
	Count int
}

// DashboardQuery says for whom the dashboard is.
type DashboardQuery struct {
	// TimeZone is the IANA zone that days and weeks begin in. Default the
	// workspace's.
	TimeZone string
}

// DashboardService composes the dashboard from figures that are kept, at any
// number of contacts.
type DashboardService struct {
	core     *core
	health   func(context.Context) Health
	activity *ActivityService
	// insights answers whom to contact next.
	insights *InsightService
	// start runs a block beside the others, false when the CRM is closed.
	start func(func()) bool
}

// Get returns the dashboard. A zone nobody knows is a *ValidationError of field
// "tz"; what else fails is said in its block. A block that takes longer than two
// seconds is ErrUnavailable.
func (s *DashboardService) Get(ctx context.Context, actor Actor, q DashboardQuery) (Dashboard, error) {
	if err := actor.Authorize(PermContactsRead); err != nil {
		return Dashboard{}, fmt.Errorf("get dashboard: %w", err)
	}
	zone, err := s.core.workspaces.zone(ctx, actor.Workspace, q.TimeZone)
	if err != nil {
		return Dashboard{}, fmt.Errorf("get dashboard: %w", err)
	}
	ws, now := actor.Workspace, s.core.now().In(zone)
	ctx, cancel := context.WithTimeout(ctx, blockTimeout)
	defer cancel()
	totals := block(ctx, s, func(ctx context.Context) (DashboardTotals, error) { return s.totals(ctx, ws, now) })
	growth := block(ctx, s, func(ctx context.Context) ([]GrowthDay, error) { return s.growth(ctx, ws, now) })
	trend := block(ctx, s, func(ctx context.Context) ([]TrendDay, error) { return s.interactionTrend(ctx, ws, now) })
	recent := block(ctx, s, func(ctx context.Context) ([]Contact, error) {
		return s.core.store.ListContacts(ctx, ws, ContactQuery{Sort: SortCreatedAt, Desc: true, Limit: recentContacts})
	})
	focus := block(ctx, s, func(ctx context.Context) ([]FocusItem, error) {
		list, err := s.insights.focus(ctx, ws, FocusQuery{})
		return list.Items, err
	})
	activity := block(ctx, s, func(ctx context.Context) ([]Activity, error) {
		list, err := s.activity.List(ctx, actor, ActivityQuery{})
		return list.Items, err
	})
	system := block(ctx, s, func(ctx context.Context) (Health, error) { return s.health(ctx), nil })
	return Dashboard{
		Totals: totals(), Growth: growth(), InteractionTrend: trend(), RecentContacts: recent(), Activity: activity(), Focus: focus(), System: system(),
	}, nil
}

// block makes one block beside the others and returns a function that waits for
// it. A block that is late goes on alone: it ends with its own calls, which have
// the deadline too, and Close waits for it.
func block[T any](ctx context.Context, s *DashboardService, compose func(context.Context) (T, error)) func() Block[T] {
	done := make(chan Block[T], 1)
	started := s.start(func() {
		var b Block[T]
		defer func() {
			if p := recover(); p != nil {
				s.core.log.Error("a block of the dashboard panicked", "panic", p, "stack", string(debug.Stack()))
				b.Err = errPanicked
			}
			done <- b
		}()
		b.Value, b.Err = compose(ctx)
	})
	if !started {
		return func() Block[T] { return Block[T]{Err: fmt.Errorf("closed: %w", ErrUnavailable)} }
	}
	return func() Block[T] {
		select {
		case b := <-done:
			return b
		case <-ctx.Done():
		}
		select {
		case b := <-done: // It waited while another block used the time up.
			return b
		default:
			return Block[T]{Err: fmt.Errorf("not made in %s: %w", blockTimeout, ErrUnavailable)}
		}
	}
}

// dayOf returns the first moment of the day that is so many days from now.
func dayOf(now time.Time, offset int) time.Time {
	y, m, d := now.Date()
	return dayStart(now.Location(), y, m, d+offset)
}

// weekdayFromMonday is 0 for Monday.
func weekdayFromMonday(t time.Time) int { return (int(t.Weekday()) + 6) % 7 }

func (s *DashboardService) totals(ctx context.Context, ws WorkspaceID, now time.Time) (DashboardTotals, error) {
	live, err := s.core.store.CountContacts(ctx, ws, ContactCriteria{}, 0)
	if err != nil {
		return DashboardTotals{}, fmt.Errorf("count contacts: %w", err)
	}
	t := DashboardTotals{Contacts: live}
	monday := dayOf(now, -weekdayFromMonday(now))
	if t.NewThisWeek, err = s.sum(ctx, ws, SeriesContacts, monday, dayOf(now, 1)); err != nil {
		return t, err
	}
	// As much of last week: up to the same time of the same weekday.
	lastMonday := dayOf(now, -weekdayFromMonday(now)-7)
	before, err := s.sum(ctx, ws, SeriesContacts, lastMonday, now.AddDate(0, 0, -7).Add(SeriesSlot))
	if err != nil {
		return t, err
	}
	if before > 0 {
		percent := (t.NewThisWeek - before) * 100 / before
		t.TrendPercent = &percent
	}
	if t.Interactions7Days, err = s.sum(ctx, ws, SeriesInteractions, dayOf(now, -6), dayOf(now, 1)); err != nil {
		return t, err
	}
	t.FollowUpsDue, _, err = s.insights.followUpsDue(ctx, ws)
	return t, err
}

// sum adds up a series from a time to another.
func (s *DashboardService) sum(ctx context.Context, ws WorkspaceID, of Series, from, to time.Time) (int, error) {
	slots, err := s.core.store.ReadSeries(ctx, ws, of, SlotOf(from), SlotOf(to))
	if err != nil {
		return 0, fmt.Errorf("read series: %w", err)
	}
	n := 0
	for _, slot := range slots {
		n += slot.Count
	}
	return n, nil
}

// byDay adds up a series by the last chartDays days and returns their dates.
func (s *DashboardService) byDay(ctx context.Context, ws WorkspaceID, of Series, now time.Time) (dates []string, counts []int, err error) {
	dates, counts = make([]string, chartDays), make([]int, chartDays)
	ends := make([]int64, chartDays)
	first := dayOf(now, 1-chartDays)
	y, m, d := now.Date()
	for n := range chartDays {
		dates[n] = time.Date(y, m, d+n+1-chartDays, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
		ends[n] = SlotOf(dayOf(now, n+2-chartDays))
	}
	slots, err := s.core.store.ReadSeries(ctx, ws, of, SlotOf(first), ends[chartDays-1])
	if err != nil {
		return nil, nil, fmt.Errorf("read series: %w", err)
	}
	day := 0
	for _, slot := range slots {
		for slot.Slot >= ends[day] {
			day++
		}
		counts[day] += slot.Count
	}
	return dates, counts, nil
}

func (s *DashboardService) growth(ctx context.Context, ws WorkspaceID, now time.Time) ([]GrowthDay, error) {
	total, err := s.core.store.CountContacts(ctx, ws, ContactCriteria{}, 0)
	if err != nil {
		return nil, fmt.Errorf("count contacts: %w", err)
	}
	dates, created, err := s.byDay(ctx, ws, SeriesContacts, now)
	if err != nil {
		return nil, err
	}
	growth := make([]GrowthDay, len(dates))
	for n := len(dates) - 1; n >= 0; n-- {
		growth[n] = GrowthDay{Date: dates[n], Created: created[n], Total: total}
		total -= created[n]
	}
	return growth, nil
}

func (s *DashboardService) interactionTrend(ctx context.Context, ws WorkspaceID, now time.Time) ([]TrendDay, error) {
	dates, counts, err := s.byDay(ctx, ws, SeriesInteractions, now)
	if err != nil {
		return nil, err
	}
	trend := make([]TrendDay, len(dates))
	for n := range dates {
		trend[n] = TrendDay{Date: dates[n], Count: counts[n]}
	}
	return trend, nil
}
