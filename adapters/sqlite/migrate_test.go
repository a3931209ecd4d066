package sqlite_test

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
)

// execute runs statements on a file behind the store's back.
func execute(t *testing.T, path, text string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), text)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestMigrations(t *testing.T) {
	t.Parallel()
	t.Run("a file that is not there has everything pending and is not made", func(t *testing.T) {
		t.Parallel()
		path := newFile(t)
		all, err := sqlite.MigrationStatus(t.Context(), path)
		if err != nil || len(all) < 2 || !all[0].Pending() || all[0].Version != 1 || all[0].Name != "0001_core.sql" {
			t.Fatalf("status: got %+v, %v", all, err)
		}
		text, err := sqlite.PendingSQL(t.Context(), path)
		if err != nil || !strings.Contains(text, "CREATE TABLE contacts") || strings.Contains(text, "+goose") {
			t.Errorf("pending: got %.80q, %v, want the statements alone", text, err)
		}
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the file: got %v, want it not made", err)
		}
	})
	t.Run("migrate applies all, once", func(t *testing.T) {
		t.Parallel()
		path := newFile(t)
		for range 2 {
			if err := sqlite.Migrate(t.Context(), path); err != nil {
				t.Fatal(err)
			}
		}
		all, err := sqlite.MigrationStatus(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			if m.Pending() {
				t.Errorf("%s: got pending, want applied", m.Name)
			}
		}
		if text, err := sqlite.PendingSQL(t.Context(), path); err != nil || text != "" {
			t.Errorf("pending: got %q, %v, want none", text, err)
		}
	})
	t.Run("an older schema is upgraded, with a copy beside it", func(t *testing.T) {
		t.Parallel()
		path := newFile(t)
		if err := sqlite.MigrateTo(t.Context(), path, 1); err != nil {
			t.Fatal(err)
		}
		execute(t, path, "INSERT INTO workspace_numbers VALUES (1, zeroblob(16)); INSERT INTO tags VALUES (1, 'a', 'A', 3)")
		s := open(t, path, sqlite.Options{})
		tags, err := s.ListTags(t.Context(), crm.WorkspaceID{})
		if err != nil || len(tags) != 1 {
			t.Errorf("tags after the upgrade: got %v, %v, want the one before it", tags, err)
		}
		all, err := sqlite.MigrationStatus(t.Context(), path)
		if err != nil || all[len(all)-1].Pending() {
			t.Errorf("status: got %+v, %v, want all applied", all, err)
		}
		copies, err := filepath.Glob(path + ".before-*")
		if err != nil || len(copies) != 1 {
			t.Fatalf("copies: got %v, %v, want one", copies, err)
		}
		old, err := sqlite.MigrationStatus(t.Context(), copies[0])
		if err != nil || old[0].Pending() || !old[1].Pending() {
			t.Errorf("the copy's status: got %+v, %v, want schema 1", old, err)
		}
	})
	t.Run("a newer schema is refused with the reason", func(t *testing.T) {
		t.Parallel()
		path := newFile(t)
		if err := sqlite.Migrate(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		execute(t, path, "INSERT INTO schema_versions (version_id, is_applied) VALUES (999, 1)")
		_, err := sqlite.Open(t.Context(), path)
		if !errors.Is(err, crm.ErrUnavailable) || !strings.Contains(err.Error(), "newer program") {
			t.Errorf("open: got %v, want ErrUnavailable that names the newer program", err)
		}
		if err := sqlite.Migrate(t.Context(), path); !errors.Is(err, crm.ErrUnavailable) {
			t.Errorf("migrate: got %v, want ErrUnavailable", err)
		}
	})
	t.Run("ping tells when the schema changed under an open store", func(t *testing.T) {
		t.Parallel()
		path := newFile(t)
		s := open(t, path, sqlite.Options{})
		if err := s.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		execute(t, path, "INSERT INTO schema_versions (version_id, is_applied) VALUES (999, 1)")
		if err := s.Ping(t.Context()); !errors.Is(err, crm.ErrUnavailable) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
	})
	t.Run("what is no database is refused", func(t *testing.T) {
		t.Parallel()
		path := newFile(t)
		if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := sqlite.Open(t.Context(), path); !errors.Is(err, crm.ErrUnavailable) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
	})
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, path, field string
		o                 sqlite.Options
	}{
		{"no path", "", "path", sqlite.Options{}},
		{"an unknown mode", ":memory:", "Sync", sqlite.Options{Sync: 7}},
		{"too many readers", ":memory:", "Readers", sqlite.Options{Readers: 65}},
		{"a negative cache", ":memory:", "CacheKB", sqlite.Options{CacheKB: -1}},
		{"a negative timeout", ":memory:", "BusyTimeout", sqlite.Options{BusyTimeout: -1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := sqlite.OpenWith(t.Context(), c.path, c.o)
			var invalid *crm.ValidationError
			if !errors.As(err, &invalid) || invalid.Fields[0].Field != c.field {
				t.Errorf("got %v, want a ValidationError of %s", err, c.field)
			}
		})
	}
	t.Run("a folder that is not there is unavailable", func(t *testing.T) {
		t.Parallel()
		if _, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "no", "crm.db")); !errors.Is(err, crm.ErrUnavailable) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
	})
	t.Run("a path may hold anything", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "a?b#c %41 é.db")
		open(t, path, sqlite.Options{})
		if _, err := os.Stat(path); err != nil {
			t.Errorf("the file: got %v, want it under its name", err)
		}
	})
}

// TestTheFeedOfAnOlderFile upgrades a log that was written before it had entries.
func TestTheFeedOfAnOlderFile(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	if err := sqlite.MigrateTo(t.Context(), path, 3); err != nil {
		t.Fatal(err)
	}
	execute(t, path, `INSERT INTO workspace_numbers VALUES (1, zeroblob(16));
		INSERT INTO events (position, ws, id, type, at, actor_kind, actor, subject_kind, subject, changed, version, batch) VALUES
			(1, 1, zeroblob(16), 'contact.created', 0, 'user', x'', 'contact', zeroblob(16), '', 1, x''),
			(2, 1, zeroblob(16), 'job.queued', 0, 'user', x'', 'job', zeroblob(16), '', 1, x'`+strings.Repeat("11", 16)+`'),
			(3, 1, zeroblob(16), 'contact.created', 0, 'user', x'', 'contact', zeroblob(16), '', 1, x'`+strings.Repeat("11", 16)+`'),
			(4, 1, zeroblob(16), 'contact.updated', 0, 'user', x'', 'contact', zeroblob(16), '', 1, x'`+strings.Repeat("11", 16)+`'),
			(5, 1, zeroblob(16), 'contact.updated', 0, 'user', x'', 'contact', zeroblob(16), '', 1, x'`+strings.Repeat("11", 16)+`')`)
	s := open(t, path, sqlite.Options{})
	ws, batch := crm.WorkspaceID{}, crm.ID{}
	for i := range batch {
		batch[i] = 0x11
	}
	for _, want := range []struct {
		types     []crm.EventType
		positions []crm.Position
	}{
		{[]crm.EventType{crm.EventContactCreated, crm.EventContactUpdated, crm.EventJobQueued}, []crm.Position{3, 2, 1}},
		{[]crm.EventType{crm.EventContactUpdated}, []crm.Position{4}},
	} {
		got, err := s.ListFeed(t.Context(), ws, crm.FeedQuery{Types: want.types, Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		var positions []crm.Position
		for _, e := range got {
			positions = append(positions, e.Position)
		}
		if !slices.Equal(positions, want.positions) {
			t.Errorf("entries of %v: got %v, want %v", want.types, positions, want.positions)
		}
	}
	counts, err := s.CountBatches(t.Context(), ws, []crm.ID{batch})
	if err != nil || len(counts) != 2 || counts[0].Count+counts[1].Count != 3 {
		t.Errorf("the batch: got %v, %v, want one create and two updates", counts, err)
	}
}

// TestTheContactsOfAnOlderLog upgrades events that name contacts, and then
// purges them.
func TestTheContactsOfAnOlderLog(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	if err := sqlite.MigrateTo(t.Context(), path, 10); err != nil {
		t.Fatal(err)
	}
	first, second := "x'"+strings.Repeat("01", 16), "x'"+strings.Repeat("02", 16)
	execute(t, path, `INSERT INTO workspace_numbers VALUES (1, zeroblob(16));
		INSERT INTO events (position, ws, id, type, at, actor_kind, actor, subject_kind, subject, changed, version, batch, contacts) VALUES
			(1, 1, zeroblob(16), 'interaction.created', 0, 'user', x'', 'interaction', zeroblob(16), '', 1, x'', `+first+strings.Repeat("02", 16)+`'),
			(2, 1, zeroblob(16), 'interaction.created', 0, 'user', x'', 'interaction', zeroblob(16), '', 1, x'', `+second+`'),
			(3, 1, zeroblob(16), 'contact.created', 0, 'user', x'', 'contact', zeroblob(16), '', 1, x'', x'')`)
	s := open(t, path, sqlite.Options{})
	counts := func(want ...int) {
		t.Helper()
		for i, n := range want {
			id := crm.ID(bytes.Repeat([]byte{byte(i + 1)}, len(crm.ID{})))
			got, err := s.ListSubjectEvents(t.Context(), crm.WorkspaceID{}, id, 0, 10)
			if err != nil || len(got) != n {
				t.Errorf("events that name contact %d: got %d, %v, want %d", i+1, len(got), err, n)
			}
		}
	}
	counts(1, 2)
	if n, err := s.PurgeEvents(t.Context(), time.Now(), 3, 10); err != nil || n != 2 {
		t.Fatalf("purge: got %d, %v, want 2", n, err)
	}
	counts(0, 0)
	// Nothing is left of them: the same position names nobody.
	execute(t, path, "CREATE TRIGGER none BEFORE DELETE ON event_contacts BEGIN SELECT raise(ABORT, 'a name is left'); END; DELETE FROM event_contacts")
}
