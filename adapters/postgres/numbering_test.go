package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/adapters/postgres"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/internal/testkit/pgtest"
)

func appendOne(t *testing.T, s *postgres.Store, ws crm.WorkspaceID) crm.ID {
	t.Helper()
	e := created(person(1))
	if err := s.AppendEvents(t.Context(), ws, []crm.Event{e}); err != nil {
		t.Fatal(err)
	}
	return e.ID
}

func eventsOf(t *testing.T, s *postgres.Store, ws crm.WorkspaceID) []crm.ID {
	t.Helper()
	events, err := s.ListEvents(t.Context(), ws, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]crm.ID, len(events))
	for i, e := range events {
		ids[i] = e.ID
	}
	return ids
}

// Somebody takes a place in the inbox and commits long after others who came
// later: the event stands behind theirs, which were read already.
func TestALateCommitIsNotSkipped(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	s, late := openAt(t, url, postgres.Options{}), openAt(t, url, postgres.Options{})
	ws := workspace("acme")
	written, goOn := make(chan struct{}), make(chan struct{})
	first := created(person(1))
	var all sync.WaitGroup
	all.Go(func() {
		err := late.InTx(t.Context(), func(tx crm.Tx) error {
			err := tx.AppendEvents(t.Context(), ws, []crm.Event{first})
			close(written)
			<-goOn
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-written
	second := appendOne(t, s, ws)
	before := eventsOf(t, s, ws)
	close(goOn)
	all.Wait()
	deadline := time.Now().Add(20 * time.Second)
	after := eventsOf(t, s, ws)
	for len(after) < 2 && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
		after = eventsOf(t, s, ws)
	}
	if want := []crm.ID{second}; !slices.Equal(before, want) {
		t.Errorf("before the late commit: got %v, want %v", before, want)
	}
	if want := []crm.ID{second, first.ID}; !slices.Equal(after, want) {
		t.Errorf("after the late commit: got %v, want %v", after, want)
	}
}

// A transaction that holds an id in another database of the server holds back
// what the server thinks is finished, for as long as it lasts.
func TestAForeignTransactionFreezesNothing(t *testing.T) {
	t.Parallel()
	for name, where := range map[string]func(url string) string{
		"in another database": func(string) string { return pgtest.EmptyURL(t) },
		"in the same":         func(url string) string { return url },
	} {
		t.Run(name, func(t *testing.T) {
			url := pgtest.URL(t)
			s := openAt(t, url, postgres.Options{})
			foreign := database(t, where(url))
			tx, err := foreign.BeginTxx(context.Background(), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Rollback() //nolint:errcheck // It only held an id.
			if _, err := tx.ExecContext(t.Context(), "CREATE TABLE held (id integer)"); err != nil {
				t.Fatal(err)
			}
			ws := workspace("acme")
			for i := range 3 {
				appendOne(t, s, ws)
				if got := len(eventsOf(t, s, ws)); got != i+1 {
					t.Errorf("events: got %d, want %d", got, i+1)
				}
			}
		})
	}
}

// What a process committed that died at once is numbered by another.
func TestEventsOfADeadProcessAreNumbered(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	s := openAt(t, url, postgres.Options{})
	ws := workspace("acme")
	mustExec(t, database(t, url), `INSERT INTO crm.event_inbox (workspace, id, type, at, actor_kind, actor, subject_kind, subject, changed, version,
		batch, contacts, owner, feed) SELECT $1, gen_random_uuid(), 'contact.created', 1, 'user', gen_random_uuid(), 'contact', gen_random_uuid(), '', 1,
		'00000000-0000-0000-0000-000000000000', '{}', '00000000-0000-0000-0000-000000000000', 2`, crm.ID(ws).String())
	deadline := time.Now().Add(20 * time.Second)
	for len(eventsOf(t, s, ws)) == 0 {
		if time.Now().After(deadline) {
			t.Fatal("the event has got no position")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestADeadlockRunsAgain(t *testing.T) {
	t.Parallel()
	s := open(t, postgres.Options{})
	ws := workspace("acme")
	writes := people(2)
	put(t, s, ws, writes)
	ids := []crm.ID{writes[0].Contact.ID, writes[1].Contact.ID}
	var all sync.WaitGroup
	var meet sync.WaitGroup
	meet.Add(2)
	for i := range 2 {
		all.Go(func() {
			first := true
			err := s.InTx(t.Context(), func(tx crm.Tx) error {
				for n, id := range []crm.ID{ids[i], ids[1-i]} {
					c, err := tx.GetContacts(t.Context(), ws, []crm.ID{id})
					if err != nil {
						return err
					}
					changed := c[0]
					changed.Version++
					changed.Notes += fmt.Sprint(i)
					if err := tx.PutContacts(t.Context(), ws, []crm.ContactWrite{crm.NewContactWrite(changed, c[0].Version)}); err != nil {
						return err
					}
					if n == 0 && first {
						first = false
						meet.Done()
						meet.Wait()
					}
				}
				return nil
			})
			if err != nil {
				t.Errorf("transaction %d: %v", i, err)
			}
		})
	}
	all.Wait()
	got, err := s.GetContacts(t.Context(), ws, ids)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range got {
		if c.Version != 3 {
			t.Errorf("version of %s: got %d, want 3", c.ID, c.Version)
		}
	}
	if s.Figures().Retries == 0 {
		t.Error("nothing ran again: the two did not meet")
	}
}

// A race that is lost each time ends with an error, after six tries.
func TestAnEndlessRaceIsGivenUp(t *testing.T) {
	t.Parallel()
	s := open(t, postgres.Options{})
	tries := 0
	err := s.InTx(t.Context(), func(tx crm.Tx) error {
		tries++
		e := created(person(1))
		return errors.Join(tx.AppendEvents(t.Context(), workspace("acme"), []crm.Event{e}), s.Conflict(t.Context(), tx))
	})
	if !errors.Is(err, crm.ErrUnavailable) || tries != 6 {
		t.Errorf("got error %v after %d tries, want crm.ErrUnavailable after 6", err, tries)
	}
	if head, err := s.EventHead(t.Context(), workspace("acme")); err != nil || head != 0 {
		t.Errorf("head: got %d (%v), want nothing written", head, err)
	}
}
