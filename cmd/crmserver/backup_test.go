package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// interact adds an interaction with a contact and returns its id.
func (c *caller) interact(contact, subject string) (string, error) {
	body := fmt.Sprintf(`{"type":"call","occurredAt":"2026-01-02T03:04:05Z","subject":%q,"body":"spoke of %s"}`, subject, subject)
	status, text, err := c.send(http.MethodPost, "/api/v1/contacts/"+contact+"/interactions", "application/json", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	if status != http.StatusCreated {
		return "", fmt.Errorf("status %d: %s", status, text)
	}
	_, id, _ := strings.Cut(string(text), `"id":"`)
	return id[:36], nil
}

// interactions returns all of them as JSON lines.
func (c *caller) interactions() string {
	c.t.Helper()
	status, text, err := c.send(http.MethodGet, "/api/v1/exports/interactions", "", nil)
	if err != nil || status != http.StatusOK {
		c.t.Fatalf("export of interactions: got %d %s (%v)", status, text, err)
	}
	return string(text)
}

// other is a second home whose commands start in the same folder, with a data
// folder of its own.
func (h *home) other() *home {
	h.t.Helper()
	return emptyHome(h.t)
}

// TestBackupUnderLoad writes contacts and interactions without a pause while
// backups are made: each holds what was acknowledged before it began, whole, and
// nothing that was never sent.
func TestBackupUnderLoad(t *testing.T) {
	t.Parallel()
	const callers, rounds, before = 6, 3, 150
	h := newHome(t)
	h.writePeople("people.csv", 41, 2_000)
	h.importFile("people.csv")
	s := h.serve()
	c := h.caller(s)
	var contacts, touches syncSet
	over := make(chan struct{})
	var group sync.WaitGroup
	for n := range callers {
		group.Go(func() {
			for i := 0; !closed(over); i++ {
				id, err := c.create(fmt.Sprintf("Load c%dn%d", n, i))
				if err != nil {
					t.Errorf("create beside a backup: %v", err)
					return
				}
				contacts.add(id)
				touch, err := c.interact(id, fmt.Sprintf("call c%dn%d", n, i))
				if err != nil {
					t.Errorf("interaction beside a backup: %v", err)
					return
				}
				touches.add(touch)
			}
		})
	}
	type backup struct {
		file              string
		contacts, touches []string
	}
	var made []backup
	for round := range rounds {
		until(t, "there is load", func() bool { return len(touches.all()) > (round+1)*before })
		b := backup{h.path(fmt.Sprintf("b%d.omni", round)), contacts.all(), touches.all()}
		h.ok(h.run("backup", b.file))
		made = append(made, b)
	}
	close(over)
	group.Wait()
	sent := contacts.all()

	for _, b := range made {
		r := h.other()
		r.ok(r.run("restore", b.file))
		total := r.clean()
		export := r.export("jsonl")
		server := r.serve()
		history := (&caller{t: t, base: server.hello.URL, key: c.key, http: c.http}).interactions() // The key is still good.
		for what, missing := range map[string][]string{"contact": absent(export, b.contacts), "interaction": absent(history, b.touches)} {
			if len(missing) > 0 {
				t.Errorf("%s: %d of those acknowledged before it are missing, such as %s %s", b.file, len(missing), what, missing[0])
			}
		}
		if got := 2_000 + len(b.contacts); total < got || total > 2_000+len(sent)+callers {
			t.Errorf("%s: got %d contacts, want %d to %d", b.file, total, got, 2_000+len(sent)+callers)
		}
		server.stop()
		// A backup of what was restored restores the same again.
		r.ok(r.run("backup", r.path("again.omni")))
		twice := r.other()
		twice.ok(twice.run("restore", r.path("again.omni")))
		if withoutScores(twice.export("jsonl")) != withoutScores(export) {
			t.Errorf("%s: the contacts differ when it is restored, backed up and restored again", b.file)
		}
	}
	t.Logf("%d contacts and %d interactions were acknowledged, %d to %d contacts before the backups", len(sent), len(touches.all()), len(made[0].contacts), len(made[rounds-1].contacts))
}

// absent returns the ids that a text does not have.
func absent(text string, ids []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return strings.Contains(text, id) })
}

// withoutScores leaves out what a server judges by itself, at any moment.
func withoutScores(lines string) string {
	return regexp.MustCompile(`"score":(null|\d+)`).ReplaceAllString(lines, "")
}

// TestABackupOfAQuietServerIsExact compares exports of both sides.
func TestABackupOfAQuietServerIsExact(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.writePeople("people.csv", 42, 3_000)
	h.importFile("people.csv")
	s := h.serve()
	c := h.caller(s)
	id, err := c.create("Quiet")
	if err != nil {
		t.Fatal(err)
	}
	for n := range 20 {
		if _, err := c.interact(id, fmt.Sprint("call ", n)); err != nil {
			t.Fatal(err)
		}
	}
	h.ok(h.run("backup", "b.omni"))
	info, err := os.Stat(h.path("b.omni"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: got %v, %v, want rights of 0600", info, err)
	}
	piped := h.ok(h.run("backup", "-"))
	h.write("piped.omni", piped.out)
	want, history := withoutScores(h.export("jsonl")), c.interactions()
	for _, file := range []string{"b.omni", "piped.omni"} {
		r := h.other()
		got := decode[struct {
			Contacts, Interactions int
			Check                  struct{ Findings []any }
		}](t, r.ok(r.run("restore", h.path(file), "--json")))
		if got.Contacts != 3_001 || got.Interactions != 20 || len(got.Check.Findings) != 0 {
			t.Errorf("restore %s --json: got %+v", file, got)
		}
		if withoutScores(r.export("jsonl")) != want {
			t.Errorf("%s: the contacts differ", file)
		}
		server := r.serve()
		if (&caller{t: t, base: server.hello.URL, key: c.key, http: c.http}).interactions() != history {
			t.Errorf("%s: the interactions differ", file)
		}
		server.stop()
		if again := r.ok(r.run("user", "list")); !strings.Contains(again.out, email) {
			t.Errorf("%s: users: got %q", file, again.out)
		}
		r.write("people.csv", h.read("people.csv"))
		r.agree(r.importFile("people.csv"), figures{Rows: 3_000, Unchanged: 3_000})
	}
}

func TestBackupsReplaceNothing(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.write("there", "mine")
	h.fails(h.run("backup", "there"), exitMisuse, "there already", "another file")
	h.fails(h.run("backup", "no/such/folder/b"), exitFailed, "no such file")
	if got := h.read("there"); got != "mine" {
		t.Errorf("the file that was there: got %q", got)
	}
	h.ok(h.run("backup", "b.omni"))
	h.fails(h.run("restore", "b.omni"), exitFailed, "not empty", "restore needs")
	h.fails(h.run("restore", "-"), exitMisuse, "twice")
	h.fails(h.run("restore", "there"), exitFailed, "is no backup")
	h.fails(h.run("restore", "absent"), exitFailed, "no such file")
	h.fails(h.run("restore", "b.omni", "--erasures", "there"), exitFailed, "line 1 is no erasure")
	for _, name := range h.files() {
		if strings.Contains(name, "partial") {
			t.Errorf("a failed backup left %s", name)
		}
	}
	r := h.other()
	s := r.serve()
	r.fails(r.run("restore", h.path("b.omni")), exitFailed, "another process", "stop it")
	s.stop()
	text := h.read("b.omni")
	h.write("cut.omni", text[:len(text)-9])
	r.fails(r.run("restore", h.path("cut.omni")), exitFailed, "damaged", "another copy")
	r.ok(r.run("restore", h.path("b.omni")))
}

// TestAKilledRestoreGoesOn kills restores at random moments: until one came to
// its end every other command refuses the database.
func TestAKilledRestoreGoesOn(t *testing.T) {
	t.Parallel()
	const rows, kills = 20_000, 4
	h := newHome(t)
	h.writePeople("people.csv", 43, rows)
	h.importFile("people.csv")
	h.ok(h.run("backup", "b.omni"))
	want := h.export("jsonl")
	seed := uint64(time.Now().UnixNano())
	t.Logf("moments by seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	r := h.other()
	r.ok(r.run("migrate"))
	db := r.database()
	interrupted := 0
	for n := range kills {
		moment := int64(n) * 20_000 / kills * 3
		moment += random.Int64N(5_000)
		c := r.command("restore", h.path("b.omni"))
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		until(t, "the restore reaches the moment", func() bool {
			return r.number(db, "SELECT coalesce(max(done), 0) FROM restores") >= moment
		})
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = c.Wait()
		if r.number(db, "SELECT count(*) FROM restores") == 0 {
			continue
		}
		interrupted++
		t.Logf("killed at %d of the records", r.number(db, "SELECT max(done) FROM restores"))
		for _, args := range [][]string{{"serve"}, {"check"}, {"user", "list"}, {"export", "--email", email}, {"backup", "half.omni"}, {"erasures"}} {
			r.fails(r.run(args...), exitFailed, "unfinished", "run it again")
		}
	}
	if interrupted < 2 {
		t.Errorf("interrupted %d times, want it more often", interrupted)
	}
	r.ok(r.run("restore", h.path("b.omni")))
	if r.export("jsonl") != want {
		t.Errorf("the contacts differ")
	}
	if got := r.clean(); got != rows {
		t.Errorf("contacts: got %d, want %d", got, rows)
	}
}

// TestAKilledBackupIsNone kills backups: what there is has another name.
func TestAKilledBackupIsNone(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.writePeople("people.csv", 44, 20_000)
	h.importFile("people.csv")
	c := h.command("backup", "b.omni")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "the backup is being written", func() bool {
		partial, err := filepath.Glob(h.path("b.omni.partial-*"))
		if err != nil || len(partial) == 0 {
			return false
		}
		info, err := os.Stat(partial[0])
		return err == nil && info.Size() > 0
	})
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	if slices.Contains(h.files(), "b.omni") {
		t.Fatal("a killed backup has its name; it may have been over before the kill")
	}
	partial, err := filepath.Glob(h.path("b.omni.partial-*"))
	if err != nil || len(partial) != 1 {
		t.Fatal(partial, err)
	}
	r := h.other()
	r.fails(r.run("restore", partial[0]), exitFailed, "damaged")
	h.ok(h.run("backup", "b.omni"))
	r.ok(r.run("restore", h.path("b.omni")))
	if got := r.clean(); got != 20_000 {
		t.Errorf("contacts: got %d, want 20000", got)
	}
}
