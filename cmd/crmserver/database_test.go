package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// TestEveryCommandOnAServer goes through what the embedded database can do.
func TestEveryCommandOnAServer(t *testing.T) {
	t.Parallel()
	h := homeOnServer(t)
	if r := h.ok(h.run("migrate", "--dry-run")); !strings.Contains(r.out, "CREATE TABLE crm.contacts") {
		t.Errorf("migrate --dry-run: got %.200q, want the tables", r.out)
	}
	if r := h.ok(h.run("migrate", "status")); !strings.Contains(r.out, "pending") {
		t.Errorf("migrate status: got %q, want pending migrations", r.out)
	}
	h.ok(h.run("migrate"))
	if r := h.ok(h.run("migrate", "status")); strings.Contains(r.out, "pending") {
		t.Errorf("migrate status afterwards: got %q, want none pending", r.out)
	}
	h.ok(h.give(password+"\n", "user", "create", "--email", email, "--workspace", "Mine", "--password-stdin"))
	if r := h.ok(h.run("user", "list")); !strings.Contains(r.out, email) {
		t.Errorf("user list: got %q, want %s", r.out, email)
	}
	h.writePeople("people.csv", 7, 600)
	first := h.importFile("people.csv")
	if first.Created == 0 || first.Problems != 0 {
		t.Errorf("import: got %+v, want people and no problems", first)
	}
	if again := h.importFile("people.csv"); again.Created != 0 || again.Unchanged != first.Created {
		t.Errorf("the same file again: got %+v, want %d unchanged", again, first.Created)
	}
	h.ok(h.run("reindex"))
	if r := h.ok(h.run("check")); !strings.Contains(r.out, "0 findings") {
		t.Errorf("check: got %q, want no findings", r.out)
	}
	if r := h.ok(h.run("config")); strings.Contains(r.out, "crm-secret") {
		t.Errorf("config shows the password: %q", r.out)
	}
	s := h.serve()
	c := h.caller(s)
	id, err := c.create("Somebody New")
	if err != nil {
		t.Fatal(err)
	}
	status, text, err := c.send(http.MethodGet, "/api/v1/contacts/"+id, "", nil)
	if err != nil || status != http.StatusOK || !strings.Contains(string(text), "Somebody New") {
		t.Errorf("get: status %d %s (%v), want the contact", status, text, err)
	}
	if files := h.files(); len(files) != 1 {
		t.Errorf("in the folder lie %v, want the imported file alone", files)
	}
}

// TestAnInstallationMovesBetweenDatabases goes from the embedded database to a
// server and back again: what is exported is the same, byte for byte.
func TestAnInstallationMovesBetweenDatabases(t *testing.T) {
	t.Parallel()
	small, large, smallAgain := newHome(t), homeOnServer(t), emptyHome(t)
	small.writePeople("people.csv", 11, 500)
	small.importFile("people.csv")
	s := small.serve()
	c := small.caller(s)
	id, err := c.create("Ana Interacts")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.interact(id, "before the move"); err != nil {
		t.Fatal(err)
	}
	said := c.interactions()
	s.stop()
	want := small.export("jsonl")
	move(t, small, large)
	if got := large.export("jsonl"); got != want {
		t.Errorf("contacts on the server differ: %s", firstDifference(got, want))
	}
	move(t, large, smallAgain)
	if got := smallAgain.export("jsonl"); got != want {
		t.Errorf("contacts in the file again differ: %s", firstDifference(got, want))
	}
	// Served last: a server judges contacts anew, and their scores are exported.
	for where, h := range map[string]*home{"on the server": large, "in the file again": smallAgain} {
		s := h.serve()
		if got := h.caller(s).interactions(); got != said {
			t.Errorf("interactions %s: got %s, want %s", where, got, said)
		}
		s.stop()
	}
}

func move(t *testing.T, from, to *home) {
	t.Helper()
	file := filepath.Join(from.dir, "all.omni")
	from.ok(from.run("backup", file))
	to.ok(to.run("restore", file))
	if r := to.ok(to.run("check")); !strings.Contains(r.out, "0 findings") {
		t.Errorf("check after the move: got %q, want no findings", r.out)
	}
}

// firstDifference is the first line in which two texts differ.
func firstDifference(got, want string) string {
	theirs := strings.Split(want, "\n")
	for i, line := range strings.Split(got, "\n") {
		if i >= len(theirs) || line != theirs[i] {
			return fmt.Sprintf("line %d\n got %s\nwant %s", i+1, line, theirs[min(i, len(theirs)-1)])
		}
	}
	return fmt.Sprintf("got %d bytes, want %d", len(got), len(want))
}
