package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/crmtest"
)

func TestCustomadapterPrintsWhomItSubscribed(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(t.Context(), &out, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	want := "subscribed Ana <Ana@example.com>\nsubscribed Bo <Bo@example.com>\nsubscribed Cleo <Cleo@example.com>\nsucceeded: 3 of 3\n"
	if got := out.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The store passes what every store must pass.
func TestTheDecoratedStoreKeepsThePromises(t *testing.T) {
	t.Parallel()
	crmtest.TestStore(t, func(tb testing.TB) crm.Store { return decorated(tb, io.Discard, time.Hour) })
}

func TestSlowTransactionsAreTold(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	store := decorated(t, &log, 5*time.Millisecond)
	ws := crm.WorkspaceID(crm.NamedID("customer:42"))
	write := func(pause time.Duration) {
		err := store.InTx(t.Context(), func(tx crm.Tx) error {
			time.Sleep(pause) // What is measured.
			contact := crm.Contact{ID: crm.NewID(), DisplayName: "Ana", Version: 1}
			return tx.PutContacts(t.Context(), ws, []crm.ContactWrite{crm.NewContactWrite(contact, 0)})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	write(20 * time.Millisecond)
	if got := log.String(); strings.Count(got, "slow transaction") != 1 || !strings.Contains(got, "contacts=1 events=0") {
		t.Errorf("got %q, want the slow transaction with its contact", got)
	}
	store.after = time.Hour
	log.Reset()
	write(0)
	if got := log.String(); got != "" {
		t.Errorf("a quick one: got %q, want nothing", got)
	}
}

// flaky is a mailing list that fails once after some calls.
type flaky struct {
	mu      sync.Mutex
	failAt  int
	calls   int
	members map[string]int
}

func (f *flaky) Subscribe(_ context.Context, address, _ string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.calls++; f.calls == f.failAt {
		return errors.New("the list is busy")
	}
	f.members[address]++
	return nil
}

// A job that fails goes on behind the last page that was saved.
func TestTheNewsletterGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	list := &flaky{failAt: 6, members: map[string]int{}}
	app, err := crm.New(crm.Config{Store: decorated(t, io.Discard, time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := app.Close(); err != nil {
			t.Error(err)
		}
	})
	job := &newsletterJob{contacts: app.Contacts, list: list, pageSize: 2}
	if err := errors.Join(app.Jobs.Register(kindNewsletter, job.run, crm.JobOptions{Unique: true}), app.Start(t.Context())); err != nil {
		t.Fatal(err)
	}
	actor := crm.Actor{Workspace: crm.WorkspaceID(crm.NamedID("customer:42")), User: crm.NamedID("user:7"), Role: crm.RoleAdmin}
	want := map[string]int{}
	for i := range 7 {
		address := fmt.Sprintf("n%d@example.com", i)
		if _, err := app.Contacts.Create(t.Context(), actor, crm.NewContact{Emails: []crm.Email{{Address: address}}, Tags: []string{"news"}}); err != nil {
			t.Fatal(err)
		}
		want[address] = 1
	}
	want["n4@example.com"] = 2 // It stood on the page that failed.
	queued, err := app.Jobs.Enqueue(t.Context(), actor, crm.NewJob{
		Kind: kindNewsletter, Subject: crm.NamedID("list:monthly"), Payload: newsletter{Tag: "news"},
	})
	if err != nil {
		t.Fatal(err)
	}
	done, err := await(t.Context(), app.Jobs, actor, queued.ID)
	if err != nil || done.Status != crm.JobSucceeded || string(done.Result) != "7" || done.Attempt != 2 {
		t.Fatalf("got %s, result %s, attempt %d, %v, want success in the second attempt", done.Status, done.Result, done.Attempt, err)
	}
	if !maps.Equal(list.members, want) {
		t.Errorf("got %v, want %v", list.members, want)
	}
}

// decorated is a slowLog over a new store.
func decorated(tb testing.TB, log io.Writer, after time.Duration) *slowLog {
	tb.Helper()
	inner, err := sqlite.Open(tb.Context(), ":memory:")
	if err != nil {
		tb.Fatal(err)
	}
	store := &slowLog{Store: inner, after: after, log: slog.New(slog.NewTextHandler(log, nil))}
	tb.Cleanup(func() {
		if err := store.Close(); err != nil {
			tb.Error(err)
		}
	})
	return store
}
