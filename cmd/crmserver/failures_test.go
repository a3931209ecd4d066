package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

// touching are the commands that open the database.
func touching() [][]string {
	return [][]string{
		{"user", "list"},
		{"check"},
		{"reindex"},
		{"export", "--email", email},
		{"import", "people.csv", "--email", email},
		{"apikey", "create", "--email", email},
		{"migrate"},
		{"migrate", "status"},
		{"serve"},
		{"worker"},
	}
}

// TestADamagedDatabaseIsRefusedAndLeftAlone damages the file in the ways that
// disks and people do, and expects of every command one message with a way out,
// and the file as it was.
func TestADamagedDatabaseIsRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	const page = 8_192
	whole := newHome(t)
	whole.writePeople("people.csv", 41, 2_000)
	whole.importFile("people.csv")
	whole.ok(whole.run("export", "--email", email, "--out", "all.csv")) // It leaves no log behind.
	file := []byte(whole.read("data/crm.db"))
	for name, c := range map[string]struct {
		damage func(h *home, file []byte) []byte
		words  string
	}{
		"a text":            {func(*home, []byte) []byte { return bytes.Repeat([]byte("no database "), 10_000) }, "put the right file back"},
		"zeros":             {func(*home, []byte) []byte { return make([]byte, 100_000) }, "put the right file back"},
		"cut in the middle": {func(_ *home, f []byte) []byte { return f[:len(f)/2/page*page] }, "from a backup"},
		"cut in the header": {func(_ *home, f []byte) []byte { return f[:100] }, "from a backup"},
		"a first page of ff": {func(_ *home, f []byte) []byte {
			return slices.Concat(f[:100], bytes.Repeat([]byte{0xff}, page-100), f[page:])
		}, "from a backup"},
		"from a newer version": {func(h *home, _ []byte) []byte {
			h.exec(h.database(), "INSERT INTO schema_versions (version_id, is_applied) VALUES (999, 1)")
			return nil
		}, "use the newer program"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := emptyHome(t)
			h.write("people.csv", "Name\nAna\n")
			if err := os.Mkdir(h.path("data"), 0o700); err != nil {
				t.Fatal(err)
			}
			h.write("data/crm.db", string(file))
			if damaged := c.damage(h, slices.Clone(file)); damaged != nil {
				h.write("data/crm.db", string(damaged))
			} else if _, err := h.database().ExecContext(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
				t.Fatal(err)
			}
			before := h.read("data/crm.db")
			for _, args := range touching() {
				h.fails(h.run(args...), exitFailed, c.words)
			}
			if h.read("data/crm.db") != before {
				t.Error("the file was written to")
			}
		})
	}
}

// TestDamageInTheMiddleIsNamedWhereItIsMet writes over pages of contacts: what
// does not meet them goes on.
func TestDamageInTheMiddleIsNamedWhereItIsMet(t *testing.T) {
	t.Parallel()
	const page = 8_192
	h := newHome(t)
	h.writePeople("people.csv", 42, 5_000)
	h.importFile("people.csv")
	h.ok(h.run("export", "--email", email, "--out", "all.csv"))
	file := []byte(h.read("data/crm.db"))
	for at := len(file) / page / 3; at < len(file)/page; at += 7 {
		copy(file[at*page:], bytes.Repeat([]byte{0xde}, page))
	}
	h.write("data/crm.db", string(file))
	for _, args := range [][]string{{"check"}, {"export", "--email", email}} {
		h.fails(h.run(args...), exitFailed, "the file is damaged", "keep a copy of the folder")
	}
	h.fails(h.run("reindex"), exitFailed, "malformed", "damaged")
}

// TestWhatAJobMetLeadsToTheCheck: a job keeps no more of an error than its text
// and its code.
func TestWhatAJobMetLeadsToTheCheck(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{"unavailable": true, "invalid": false} {
		err := fmt.Errorf("reindex: %w", &crm.JobError{Job: crm.Job{ErrorCode: code, ErrorText: "malformed"}, What: "failed"})
		if got := explain(err); !strings.HasPrefix(got, "reindex: failed: malformed") || strings.Contains(got, "`crmserver check`") != want {
			t.Errorf("%s: got %q, want the check named: %t", code, got, want)
		}
	}
}

func TestAnotherProgramsDatabaseAndAMissingLog(t *testing.T) {
	t.Parallel()
	t.Run("another program's", func(t *testing.T) {
		t.Parallel()
		h := emptyHome(t)
		if err := os.Mkdir(h.path("data"), 0o700); err != nil {
			t.Fatal(err)
		}
		h.exec(h.database(), "CREATE TABLE songs (title TEXT)")
		before := h.read("data/crm.db")
		for _, args := range touching() {
			h.write("people.csv", "Name\nAna\n")
			h.fails(h.run(args...), exitFailed, "another program", "choose another data folder")
		}
		if h.read("data/crm.db") != before {
			t.Error("the file was written to")
		}
	})
	t.Run("a log that was removed", func(t *testing.T) {
		t.Parallel()
		h := newHome(t)
		s := h.serve()
		s.kill()
		if err := os.Remove(h.path("data/crm.db-wal")); err != nil {
			t.Fatal(err)
		}
		h.fails(h.run("user", "list"), exitFailed, "crm.db-wal")
		h.fails(h.run("serve"), exitFailed, "crm.db-wal", "crm.db-shm")
		if err := os.Remove(h.path("data/crm.db-shm")); err != nil {
			t.Fatal(err)
		}
		if got := h.ok(h.run("user", "list")).out; !strings.Contains(got, email) {
			t.Errorf("users: got %q, want the one from before", got)
		}
	})
}
