package postgres_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/adapters/postgres"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/internal/testkit/pgtest"
)

// database opens plain connections to a database, until the end of the test.
func database(tb testing.TB, url string) *sqlx.DB {
	tb.Helper()
	db, err := sqlx.Open("postgres", url)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	return db
}

func mustExec(tb testing.TB, db *sqlx.DB, text string, args ...any) {
	tb.Helper()
	if _, err := db.ExecContext(tb.Context(), text, args...); err != nil {
		tb.Fatalf("%s: %v", text, err)
	}
}

func ask[T any](tb testing.TB, db *sqlx.DB, text string, args ...any) T {
	tb.Helper()
	var value T
	if err := db.GetContext(tb.Context(), &value, text, args...); err != nil {
		tb.Fatalf("%s: %v", text, err)
	}
	return value
}

func TestOpenMakesTheSchemaOnceForAllWhoComeAtOnce(t *testing.T) {
	t.Parallel()
	url := pgtest.EmptyURL(t)
	var all sync.WaitGroup
	stores, errs := make([]*postgres.Store, 4), make([]error, 4)
	for i := range stores {
		all.Go(func() { stores[i], errs[i] = postgres.OpenWith(t.Context(), url, postgres.Options{MaxConns: 2}) })
	}
	all.Wait()
	for i, s := range stores {
		if errs[i] != nil {
			t.Errorf("open: %v", errs[i])
			continue
		}
		if err := errors.Join(s.Ping(t.Context()), s.Close()); err != nil {
			t.Error(err)
		}
	}
	db := database(t, url)
	if n := ask[int](t, db, "SELECT count(*) - count(DISTINCT version_id) FROM crm.schema_versions"); n != 0 {
		t.Errorf("%d migrations were applied twice", n)
	}
	if n := ask[int](t, db, "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"); n != 0 {
		t.Errorf("%d tables lie outside of the schema", n)
	}
}

func TestTheTablesLieInTheSchemaThatWasAskedFor(t *testing.T) {
	t.Parallel()
	url := pgtest.EmptyURL(t)
	db := database(t, url)
	mustExec(t, db, "CREATE TABLE contacts (host text)")
	s := openAt(t, url, postgres.Options{Schema: "customers"})
	ws := workspace("acme")
	put(t, s, ws, people(40))
	if n, err := s.CountContacts(t.Context(), ws, crm.ContactCriteria{}, 0); err != nil || n != 40 {
		t.Errorf("count: got %d (%v), want 40", n, err)
	}
	if n := ask[int](t, db, "SELECT count(*) FROM customers.contacts"); n != 40 {
		t.Errorf("customers.contacts: got %d rows, want 40", n)
	}
	if n := ask[int](t, db, "SELECT count(*) FROM information_schema.schemata WHERE schema_name = 'crm'"); n != 0 {
		t.Error("the schema crm was made too")
	}
}

func TestMigrationsCanBeLookedAtFirst(t *testing.T) {
	t.Parallel()
	url := pgtest.EmptyURL(t)
	text, err := postgres.PendingSQL(t.Context(), url, postgres.Options{})
	if err != nil || !strings.Contains(text, "CREATE TABLE crm.contacts") {
		t.Errorf("pending: got %.100q (%v), want the tables", text, err)
	}
	all, err := postgres.MigrationStatus(t.Context(), url, postgres.Options{})
	if err != nil || len(all) < 2 || !all[0].Pending() {
		t.Errorf("status: got %+v (%v), want all pending", all, err)
	}
	if n := ask[int](t, database(t, url), "SELECT count(*) FROM information_schema.schemata WHERE schema_name = 'crm'"); n != 0 {
		t.Error("looking made the schema")
	}
	if err := postgres.Migrate(t.Context(), url, postgres.Options{}); err != nil {
		t.Fatal(err)
	}
	if text, err = postgres.PendingSQL(t.Context(), url, postgres.Options{}); err != nil || text != "" {
		t.Errorf("pending afterwards: got %.100q (%v), want nothing", text, err)
	}
	if all, err = postgres.MigrationStatus(t.Context(), url, postgres.Options{}); err != nil || all[len(all)-1].Pending() {
		t.Errorf("status afterwards: got %+v (%v), want none pending", all, err)
	}
}

func TestAnotherSchemaVersionIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ change, want string }{
		"newer": {"INSERT INTO crm.schema_versions (version_id, is_applied) VALUES (9999, true)", "use the newer program"},
		"older": {"DELETE FROM crm.schema_versions WHERE version_id > 1", "crmserver migrate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := pgtest.URL(t)
			open := openAt(t, url, postgres.Options{})
			mustExec(t, database(t, url), c.change)
			if _, err := postgres.Open(t.Context(), url); !errors.Is(err, crm.ErrUnavailable) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("open: got error %v, want crm.ErrUnavailable with %q", err, c.want)
			}
			if err := open.Ping(t.Context()); !errors.Is(err, crm.ErrUnavailable) {
				t.Errorf("ping of a store that is open: got error %v, want crm.ErrUnavailable", err)
			}
		})
	}
}

func TestAnUpgradeLeavesAnOpenStoreAtWork(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	s := openAt(t, url, postgres.Options{})
	if err := postgres.Migrate(context.WithoutCancel(t.Context()), url, postgres.Options{}); err != nil {
		t.Fatal(err)
	}
	put(t, s, workspace("acme"), people(3))
}
