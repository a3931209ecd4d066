package postgres_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/adapters/postgres"
	"github.com/omnicrm/omnicrm/crm"
)

// create writes a contact with what a create of the service writes.
func create(tb testing.TB, tx crm.Tx, ws crm.WorkspaceID, c crm.Contact) error {
	tb.Helper()
	return errors.Join(
		tx.PutContacts(tb.Context(), ws, []crm.ContactWrite{crm.NewContactWrite(c, 0)}),
		tx.AddTagCounts(tb.Context(), ws, []crm.TagDelta{{Key: "vip", Name: "vip", Delta: 1}}),
		tx.AppendEvents(tb.Context(), ws, []crm.Event{created(c)}),
	)
}

func TestACreateIsOneStatement(t *testing.T) {
	t.Parallel()
	var seen []string
	o := postgres.Options{MaxConns: 4}
	o.Trace(func(s postgres.Traced) {
		if strings.Contains(s.Text, "crm.contacts") {
			seen = append(seen, s.Text)
		}
	})
	store, ws, c := open(t, o), workspace("one"), person(1)
	if err := store.InTx(t.Context(), func(tx crm.Tx) error { return create(t, tx, ws, c) }); err != nil {
		t.Fatal(err)
	}
	if len(seen) != 1 {
		t.Fatalf("statements: got %q, want one", seen)
	}
	for _, table := range []string{"contacts", "contact_keys", "event_inbox", "pending_counts"} {
		if !strings.Contains(seen[0], "INSERT INTO crm."+table+" ") {
			t.Errorf("got %s, want rows of %s", seen[0], table)
		}
	}
}

// A contact that is there is refused where the function can hear of it, and
// nothing of a refused transaction stays.
func TestAWaitingRowIsRefusedInTheFunction(t *testing.T) {
	t.Parallel()
	store, ws, c := open(t, postgres.Options{MaxConns: 4}), workspace("one"), person(1)
	put(t, store, ws, []crm.ContactWrite{crm.NewContactWrite(c, 0)})
	var heard error
	err := store.InTx(t.Context(), func(tx crm.Tx) error {
		heard = create(t, tx, ws, c)
		return heard
	})
	if !errors.Is(heard, crm.ErrConflict) || !errors.Is(err, crm.ErrConflict) {
		t.Errorf("got %v in the function and %v from the transaction, want conflicts", heard, err)
	}
	if tags, err := store.ListTags(t.Context(), ws); err != nil || len(tags) != 0 {
		t.Errorf("tags: got %v, %v, want none", tags, err)
	}
	if events, err := store.ListEvents(t.Context(), ws, 0, 10); err != nil || len(events) != 0 {
		t.Errorf("events: got %v, %v, want none", events, err)
	}
}

// Rows of one table are written in the order of the calls, and a read of the
// same transaction sees what waits.
func TestWaitingRowsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	store, ws := open(t, postgres.Options{MaxConns: 4}), workspace("one")
	var want []crm.ID
	err := store.InTx(t.Context(), func(tx crm.Tx) error {
		want = nil
		for n := range 3 {
			c := person(n)
			want = append(want, c.ID)
			if err := create(t, tx, ws, c); err != nil {
				return err
			}
		}
		found, err := tx.GetContacts(t.Context(), ws, want)
		if len(found) != len(want) {
			t.Errorf("read in the transaction: got %d contacts, want %d", len(found), len(want))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	events, err := store.ListEvents(t.Context(), ws, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	var got []crm.ID
	for _, e := range events {
		got = append(got, e.Subject.ID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("events: got %v, want %v", got, want)
	}
}

// database/sql runs a statement again when a connection breaks: one that may
// have committed must not be.
func TestAStatementThatCommitsIsSentOnce(t *testing.T) {
	t.Parallel()
	arg := postgres.SentOnce("x")
	if v, err := arg.Value(); err != nil || v != "x" {
		t.Errorf("first: got %v, %v, want x", v, err)
	}
	if _, err := arg.Value(); !errors.Is(err, crm.ErrUnavailable) {
		t.Errorf("second: got %v, want ErrUnavailable", err)
	}
}
