package sqlite_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
)

// refused opens, migrates and looks at a file in every way and expects the same
// words of each, and the file as it was.
func refused(t *testing.T, path, words, hint string) {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, do := range map[string]func() error{
		"open":    func() error { _, err := sqlite.Open(context.Background(), path); return err },
		"migrate": func() error { return sqlite.Migrate(context.Background(), path) },
		"status":  func() error { _, err := sqlite.MigrationStatus(context.Background(), path); return err },
		"pending": func() error { _, err := sqlite.PendingSQL(context.Background(), path); return err },
	} {
		err := do()
		if !errors.Is(err, crm.ErrUnavailable) || !strings.Contains(err.Error(), words) || !strings.Contains(sqlite.Hint(err), hint) {
			t.Errorf("%s: got %v, hint %q, want ErrUnavailable with %q and a hint with %q", name, err, sqlite.Hint(err), words, hint)
		}
	}
	after, err := os.ReadFile(path)
	if err != nil || string(after) != string(before) {
		t.Errorf("the file was written to (%v)", err)
	}
}

func TestTheDatabaseOfAnotherProgramIsLeftAlone(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	execute(t, path, "CREATE TABLE contacts (name TEXT); INSERT INTO contacts VALUES ('theirs')")
	refused(t, path, "another program", "no database of ours")
}

func TestADatabaseWhoseLogIsGoneIsRefused(t *testing.T) {
	t.Parallel()
	from := newFile(t)
	s := open(t, from, sqlite.Options{})
	if err := s.ProbeWrite(t.Context()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "crm.db")
	for _, name := range []string{"", "-shm"} { // As one who forgets what else there is.
		text, err := os.ReadFile(from + name)
		if err == nil {
			err = os.WriteFile(path+name, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	refused(t, path, "log that belongs to the database is gone", "crm.db-wal")
	if err := os.Remove(path + "-shm"); err != nil {
		t.Fatal(err)
	}
	open(t, path, sqlite.Options{})
}

func TestALockFileThatCannotBeRemovedHoldsNothingUp(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	// Nobody can remove a folder that is not empty.
	lock := path + "-open"
	if err := errors.Join(os.Remove(lock), os.MkdirAll(filepath.Join(lock, "x"), 0o700)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("close: got %v, want it to work without", err)
	}
}

func TestUnused(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	want := func(what string, want bool) {
		t.Helper()
		if got, err := sqlite.Unused(path); err != nil || got != want {
			t.Errorf("%s: got %t, %v, want %t", what, got, err, want)
		}
	}
	want("a file that is not there", true)
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	want("an open one", false)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	want("a closed one", true)
	if err := os.WriteFile(path+"-open", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	want("one that a killed process had open", true)
}
