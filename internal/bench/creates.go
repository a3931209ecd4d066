package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/internal/fakedata"
)

// creates is P11: durable creates by 64 callers, beside the same creates
// through the same service when each has a commit of its own.
func (b *bench) creates(ctx context.Context) error {
	const callers = 64
	people := invent(20_000)
	for _, mode := range []struct {
		name string
		sync sqlite.SyncMode
	}{{"FULL", sqlite.SyncFull}, {"NORMAL", sqlite.SyncNormal}} {
		shared, err := openCreates(ctx, filepath.Join(b.dir, "creates-"+mode.name+".db"), mode.sync)
		if err != nil {
			return err
		}
		single, err := openCreates(ctx, filepath.Join(b.dir, "single-"+mode.name+".db"), mode.sync)
		if err != nil {
			return err
		}
		var rates [2][]float64
		var p99 []float64
		// One caller at a time leaves the store nothing to share a commit with.
		var turns sync.Mutex
		for range b.rounds {
			l, err := run(ctx, callers, b.turn, func(ctx context.Context, n int) error {
				return shared.create(ctx, people[n%len(people)])
			})
			if err != nil {
				return err
			}
			rates[0], p99 = append(rates[0], l.rate), append(p99, float64(percentile(l.times, 0.99)))
			l, err = run(ctx, callers, b.turn, func(ctx context.Context, n int) error {
				turns.Lock()
				defer turns.Unlock()
				return single.create(ctx, people[n%len(people)])
			})
			if err != nil {
				return err
			}
			rates[1] = append(rates[1], l.rate)
		}
		ours, theirs := median(rates[0]), median(rates[1])
		b.table.add(row{
			"P11", fmt.Sprintf("durable creates, 64 callers, synchronous=%s, p99 %s", mode.name, ms(time.Duration(median(p99)))), "",
			perSecond(ours), "a commit each " + perSecond(theirs), fmt.Sprintf("%.1fx", ours/theirs), map[string]string{"FULL": ">= 5x"}[mode.name],
			mode.name != "FULL" || ours >= 5*theirs,
		})
		if err := errors.Join(shared.close(), single.close()); err != nil {
			return err
		}
	}
	return nil
}

// creator is a CRM that only creates.
type creator struct {
	store database
	app   *crm.CRM
	actor crm.Actor
}

func openCreates(ctx context.Context, path string, mode sqlite.SyncMode) (*creator, error) {
	var store database
	var err error
	if isURL(path) {
		store, err = openDatabase(ctx, path)
	} else {
		store, err = sqlite.OpenWith(ctx, path, sqlite.Options{Sync: mode})
	}
	if err != nil {
		return nil, err
	}
	app, err := crm.New(crm.Config{Store: store})
	return &creator{store, app, crm.Actor{Workspace: crm.WorkspaceID(crm.NamedID("creates")), Role: crm.RoleOwner}}, err
}

func (c *creator) create(ctx context.Context, person crm.NewContact) error {
	_, err := c.app.Contacts.Create(ctx, c.actor, person)
	return err
}

func (c *creator) close() error { return errors.Join(c.app.Close(), c.store.Close()) }

func invent(n int) []crm.NewContact {
	g := fakedata.New(seed + 1)
	out := make([]crm.NewContact, n)
	for i := range out {
		out[i] = contactOf(g.Person())
	}
	return out
}
