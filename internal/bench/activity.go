package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// feed measures pages of activity in a long log against those in a short one, a
// hundredth as long, whose pages all lie in the cache:
// the newest page, one deep in the log, one of a type, one of a contact, and a
// member's, whose own jobs lie among those of others.
func (b *bench) feed(ctx context.Context) error {
	long := 10 * b.contacts
	var medians [2]map[string]time.Duration
	for n, events := range []int{max(long/100, 1_000), long} {
		var err error
		if medians[n], err = b.feedOf(ctx, events); err != nil {
			return err
		}
	}
	for _, name := range feedPages() {
		short, deep := medians[0][name], medians[1][name]
		ratio := float64(deep) / float64(short)
		b.table.add(row{
			"FEED", "activity, " + name, count(long) + " events", ms(deep), count(max(long/100, 1_000)) + " events " + ms(short), fmt.Sprintf("%.2f", ratio),
			"<= 2", ratio <= 2,
		})
	}
	return nil
}

func feedPages() []string {
	return []string{"newest 10", "10 in the middle", "of a type", "of a contact", "a member's"}
}

// feedOf returns the median of each kind of page in a log of so many events.
func (b *bench) feedOf(ctx context.Context, events int) (map[string]time.Duration, error) {
	i, err := openIdle(ctx, filepath.Join(b.dir, fmt.Sprintf("feed-%d.db", events)))
	if err != nil {
		return nil, err
	}
	subject, err := i.fillLog(ctx, events)
	if err != nil {
		return nil, errors.Join(err, i.close())
	}
	first, err := i.app.Activity.List(ctx, i.actor, crm.ActivityQuery{})
	if err != nil {
		return nil, errors.Join(err, i.close())
	}
	middle := first.NextCursor
	for range events / 4_000 {
		page, err := i.app.Activity.List(ctx, i.actor, crm.ActivityQuery{Limit: 100, Cursor: middle})
		if err != nil {
			return nil, errors.Join(err, i.close())
		}
		if page.NextCursor != "" {
			middle = page.NextCursor
		}
	}
	member := i.actor
	member.Role = crm.RoleMember
	queries := map[string]crm.ActivityQuery{
		"newest 10": {}, "10 in the middle": {Cursor: middle}, "of a type": {Type: crm.EventContactDeleted}, "of a contact": {Contact: subject}, "a member's": {},
	}
	medians := map[string]time.Duration{}
	for _, name := range feedPages() {
		actor := i.actor
		if name == "a member's" {
			actor = member
		}
		l, err := run(ctx, 1, b.turn, func(ctx context.Context, _ int) error {
			_, err := i.app.Activity.List(ctx, actor, queries[name])
			return err
		})
		if err != nil {
			return nil, errors.Join(err, i.close())
		}
		medians[name] = percentile(l.times, 0.5)
	}
	return medians, i.close()
}

// fillLog writes a log: half of it one batch in many transactions, among single
// events of many types and jobs that are all somebody else's. It returns a contact
// with a few events.
func (i *instance) fillLog(ctx context.Context, n int) (subject crm.ID, err error) {
	types := []crm.EventType{crm.EventContactCreated, crm.EventContactUpdated, crm.EventContactDeleted, crm.EventContactRestored, crm.EventJobQueued, crm.EventJobFinished}
	batch, other, contact := crm.NewID(), crm.NewID(), crm.NewID()
	for at := 0; at < n; {
		events := make([]crm.Event, 0, 1_000)
		for ; len(events) < cap(events) && at < n; at++ {
			e := crm.Event{ID: crm.NewID(), Type: types[at/2%len(types)], At: time.Now(), Subject: crm.Subject{ID: crm.NewID()}}
			switch {
			case at%2 == 0:
				e.Type, e.Batch = crm.EventContactUpdated, batch
			case e.Type.Noun() == "job":
				e.Owner = other
			case at%(n/20) < 2:
				e.Subject.ID = contact
			}
			e.Subject.Kind = e.Type.Noun()
			events = append(events, e)
		}
		if err := i.store.AppendEvents(ctx, i.actor.Workspace, events); err != nil {
			return contact, err
		}
	}
	return contact, nil
}
