package crm_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

// inbox notes what a consumer was handed.
type inbox struct {
	mu     sync.Mutex
	events []crm.WorkspaceEvent
	calls  int
	fail   func(events []crm.WorkspaceEvent) error
}

func (i *inbox) consume(_ context.Context, events []crm.WorkspaceEvent) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.calls++
	if i.fail != nil {
		if err := i.fail(events); err != nil {
			return err
		}
	}
	i.events = append(i.events, events...)
	return nil
}

func (i *inbox) mend() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.fail = nil
}

// subjects returns what the events were about, in order.
func (i *inbox) subjects() []crm.ID {
	i.mu.Lock()
	defer i.mu.Unlock()
	var ids []crm.ID
	for _, e := range i.events {
		ids = append(ids, e.Subject.ID)
	}
	return ids
}

// consuming starts a CRM with consumers on a store.
func consuming(t *testing.T, store crm.Store, boxes map[string]*inbox) *env {
	t.Helper()
	app, err := crm.New(crm.Config{Store: store, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for name, box := range boxes {
		app.RegisterConsumer(name, box.consume)
	}
	if err := app.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := app.Close(); err != nil {
			t.Error(err)
		}
	})
	return &env{CRM: app, t: t, store: store, owner: actorOf("acme", "olga", crm.RoleOwner)}
}

func (e *env) consumer(name string) crm.ConsumerHealth {
	e.t.Helper()
	all := e.Health(context.Background()).Consumers
	i := slices.IndexFunc(all, func(c crm.ConsumerHealth) bool { return c.Name == name })
	if i < 0 {
		e.t.Fatalf("consumers: got %+v, want one named %s", all, name)
	}
	return all[i]
}

func TestAConsumerGetsEveryEventOnceAndInOrder(t *testing.T) {
	t.Parallel()
	store, box := openStore(t), &inbox{}
	e := consuming(t, store, map[string]*inbox{"box": box})
	var want []crm.ID
	for n := range 30 {
		want = append(want, e.create(crm.NewContact{DisplayName: fmt.Sprint("Ana ", n)}).ID)
	}
	await(t, "the consumer", func() bool { return len(box.subjects()) >= 30 && e.consumer("box").Lag == 0 })
	equalList(t, "subjects", box.subjects(), want)
	// The next process goes on where this one stopped.
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	next := &inbox{}
	e = consuming(t, store, map[string]*inbox{"box": next})
	last := e.create(crm.NewContact{DisplayName: "Bo"}).ID
	await(t, "the next process", func() bool { return len(next.subjects()) > 0 })
	equalList(t, "subjects after a restart", next.subjects(), []crm.ID{last})
}

func TestAFailingConsumerIsSeenTriedAgainAndBlocksNoOther(t *testing.T) {
	t.Parallel()
	broken, sound := &inbox{fail: func([]crm.WorkspaceEvent) error { return fmt.Errorf("secret text: %w", crm.ErrUnavailable) }}, &inbox{}
	e := consuming(t, openStore(t), map[string]*inbox{"broken": broken, "sound": sound})
	made := idsOf(e.people("Ana", "Bo", "Cleo"))
	await(t, "the sound consumer", func() bool { return len(sound.subjects()) == 3 })
	await(t, "the failure to be seen", func() bool { return e.consumer("broken").Failure != "" })
	got := e.consumer("broken")
	if got.Failure != "unavailable" || got.FailingSince.IsZero() || got.Lag < 3 || got.Age <= 0 {
		t.Errorf("got %+v, want the code unavailable, since when, and a lag", got)
	}
	if health := e.Health(t.Context()); !health.Ready() {
		t.Error("a failing consumer takes the readiness away")
	}
	broken.mend()
	await(t, "the consumer to recover", func() bool { return e.consumer("broken").Lag == 0 })
	equalList(t, "subjects", broken.subjects(), made)
	if got := e.consumer("broken"); got.Failure != "" || !got.FailingSince.IsZero() {
		t.Errorf("after it recovered: got failure %q since %s", got.Failure, got.FailingSince)
	}
}

func TestAnEventThatCannotBeWorkedOnIsFoundAmongOthers(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	before := setupOn(t, store) // So that they come in one batch.
	made := idsOf(before.people("Ana", "Bo", "Cleo", "Dora", "Eva", "Fay", "Gil"))
	poison := made[4]
	for name, fail := range map[string]func([]crm.WorkspaceEvent) error{
		"by an error": func(events []crm.WorkspaceEvent) error {
			if slices.ContainsFunc(events, func(e crm.WorkspaceEvent) bool { return e.Subject.ID == poison }) {
				return errors.New("poison")
			}
			return nil
		},
		"by a panic": func(events []crm.WorkspaceEvent) error {
			if slices.ContainsFunc(events, func(e crm.WorkspaceEvent) bool { return e.Subject.ID == poison }) {
				panic("poison")
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			box := &inbox{fail: fail}
			e := consuming(t, store, map[string]*inbox{name: box})
			await(t, "the failure to be seen", func() bool { return e.consumer(name).Failure == "internal" })
			equalList(t, "subjects before it", box.subjects(), made[:4])
			box.mend()
			await(t, "the rest", func() bool { return len(box.subjects()) == len(made) })
			equalList(t, "subjects", box.subjects(), made)
		})
	}
}

func TestOneOfManyProcessesReadsForAConsumer(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	one, two := &inbox{}, &inbox{}
	e := consuming(t, store, map[string]*inbox{"box": one})
	consuming(t, store, map[string]*inbox{"box": two})
	var made []crm.ID
	for n := range 100 {
		made = append(made, e.create(crm.NewContact{DisplayName: fmt.Sprint("Ana ", n)}).ID)
	}
	await(t, "the consumer", func() bool { return e.consumer("box").Lag == 0 })
	got := slices.Concat(one.subjects(), two.subjects())
	byID := func(a, b crm.ID) int { return slices.Compare(a[:], b[:]) }
	slices.SortFunc(got, byID)
	slices.SortFunc(made, byID)
	equalList(t, "subjects of both", got, made)
}
