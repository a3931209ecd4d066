package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/internal/fakedata"
)

// What is killed or shared must come out as if it had been left alone.

// writePeople writes n invented people as a CSV file.
func (h *home) writePeople(name string, seed uint64, n int) {
	h.t.Helper()
	var file bytes.Buffer
	if err := fakedata.New(seed).WriteCSV(&file, n); err != nil {
		h.t.Fatal(err)
	}
	h.write(name, file.String())
}

func TestKilledImportEndsAsIfItHadNotBeen(t *testing.T) {
	t.Parallel()
	const rows, kills = 60_000, 5
	whole, killed := newHome(t), newHome(t)
	whole.writePeople("people.csv", 21, rows)
	killed.writePeople("people.csv", 21, rows)
	want := whole.importFile("people.csv")

	db := killed.database()
	written := func() int64 { return killed.number(db, "SELECT coalesce(sum(live), 0) FROM contact_figures") }
	for _, moment := range moments(t, rows, kills) {
		c := killed.command("import", "people.csv", "--email", email)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		until(t, "the import reaches the moment", func() bool { return written() >= moment })
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = c.Wait()
		t.Logf("killed at %d of %d contacts", written(), rows)
		// The lease of the dead process would run out by itself, 15 seconds on.
		killed.exec(db, "UPDATE jobs SET lease_until = 1 WHERE status = 'running'")
	}
	if got := written(); got >= rows {
		t.Errorf("contacts before the last run: got %d, want fewer than %d: nothing was interrupted", got, rows)
	}

	got := killed.importFile("people.csv")
	killed.agree(got, figures{Rows: want.Rows, Created: want.Created, Updated: want.Updated, Unchanged: want.Unchanged, Ambiguous: want.Ambiguous, Problems: want.Problems})
	if sum := got.Created + got.Updated + got.Unchanged + got.Ambiguous + got.Problems; sum != rows || got.Rows != rows || got.Kept != want.Kept {
		t.Errorf("figures: got %+v, want a sum of %d and %d kept", got, rows, want.Kept)
	}
	if got := killed.number(db, "SELECT count(*) FROM imports"); got != 1 {
		t.Errorf("imports: got %d, want the one that was gone on with", got)
	}
	a, b := sansIDs(t, whole.export("jsonl")), sansIDs(t, killed.export("jsonl"))
	if !slices.Equal(a, b) {
		t.Errorf("the contacts differ: got %d, want %d", len(b), len(a))
	}
	if got := killed.clean(); got != len(a) {
		t.Errorf("contacts: got %d, want %d", got, len(a))
	}
	killed.agree(killed.importFile("people.csv"), figures{Rows: rows, Unchanged: rows})
}

func TestKilledImportGoesOnByTheOptionsItBeganWith(t *testing.T) {
	t.Parallel()
	const rows = 30_000
	h := newHome(t)
	h.writePeople("people.csv", 24, rows)
	h.write("mapping.json", `[{"column": "Display Name", "target": "displayName"}]`)
	db := h.database()
	c := h.command("import", "people.csv", "--email", email, "--on-duplicate", "skip")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "the import has begun", func() bool { return h.number(db, "SELECT coalesce(sum(live), 0) FROM contact_figures") > 0 })
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	h.exec(db, "UPDATE jobs SET lease_until = 1 WHERE status = 'running'")
	h.fails(h.run("import", "people.csv", "--email", email, "--on-duplicate", "create"), exitFailed, "has begun with onDuplicate skip", "undo import ")
	h.fails(h.run("import", "people.csv", "--email", email, "--mapping", "mapping.json"), exitFailed, "has begun with another mapping")
	r := h.ok(h.run("import", "people.csv", "--email", email, "--json"))
	if !strings.Contains(r.err, "Going on with the import of ") || !strings.Contains(r.err, "--on-duplicate skip and the mapping that it began with") {
		t.Errorf("stderr: got %q, want it to say what is kept", r.err)
	}
	if got := decode[figures](t, r); got.Rows != rows {
		t.Errorf("figures: got %+v, want %d rows", got, rows)
	}
	h.clean()
}

// moments are rising numbers of contacts at which to kill: the first is 0,
// while the file is still being stored or right after.
func moments(t *testing.T, rows int64, n int) []int64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("moments by seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	at := []int64{0}
	for range n - 1 {
		at = append(at, 1+r.Int64N(rows*9/10))
	}
	slices.Sort(at)
	return at
}

func TestImportBesideABusyServer(t *testing.T) {
	t.Parallel()
	const rows, callers = 20_000, 4
	h := newHome(t)
	h.writePeople("people.csv", 22, rows)
	s := h.serve()
	c := h.caller(s)

	var group sync.WaitGroup
	var acknowledged syncSet
	var searches, longest atomic.Int64
	over := make(chan struct{})
	for n := range callers {
		group.Go(func() {
			for i := 0; !closed(over); i++ {
				begin := time.Now()
				id, err := c.create(fmt.Sprintf("Busy Caller%d Number%d", n, i))
				if took := int64(time.Since(begin)); took > longest.Load() { // About; it is only logged.
					longest.Store(took)
				}
				if err != nil {
					t.Errorf("create beside the import: %v", err)
					return
				}
				acknowledged.add(id)
			}
		})
		group.Go(func() {
			for !closed(over) {
				if status, text, err := c.send("GET", "/api/v1/contacts?search=busy", "", nil); err != nil || status != 200 {
					t.Errorf("search beside the import: got %d %s (%v), want 200", status, text, err)
					return
				}
				searches.Add(1)
			}
		})
	}
	r := h.run("import", "people.csv", "--email", email, "--json")
	close(over)
	group.Wait()
	h.ok(r)
	h.agree(decode[figures](t, r), figures{Rows: rows, Created: rows})

	made := acknowledged.all()
	t.Logf("beside the import: %d creates, the longest %s, %d searches", len(made), time.Duration(longest.Load()).Round(time.Millisecond), searches.Load())
	if len(made) < callers || searches.Load() < callers {
		t.Errorf("creates and searches: got %d and %d, want both to go on", len(made), searches.Load())
	}
	s.stop()
	for _, text := range []string{s.log.String(), r.out, r.err} {
		if strings.Contains(text, "locked") || strings.Contains(text, "BUSY") {
			t.Errorf("got %q, want nobody to hear of locks", text)
		}
	}
	export := h.export("jsonl")
	for _, id := range made {
		if !strings.Contains(export, id) {
			t.Errorf("contact %s was acknowledged and is gone", id)
		}
	}
	if got, want := h.clean(), rows+len(made); got != want {
		t.Errorf("contacts: got %d, want %d", got, want)
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// syncSet collects ids from several goroutines.
type syncSet struct {
	mu  sync.Mutex
	ids []string
}

func (s *syncSet) add(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids = append(s.ids, id)
}

func (s *syncSet) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ids)
}

func TestKilledServerLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	const rounds, callers, before = 3, 8, 150
	h := newHome(t)
	var acknowledged syncSet
	names := sync.Map{}
	var c *caller
	for round := range rounds {
		s := h.serve()
		if c == nil {
			c = h.caller(s)
		}
		c.base = s.hello.URL
		var group sync.WaitGroup
		for n := range callers {
			group.Go(func() {
				for i := 0; ; i++ {
					name := fmt.Sprintf("Kept r%dc%dn%d", round, n, i)
					id, err := c.create(name)
					if err != nil { // The server is gone.
						return
					}
					names.Store(id, name)
					acknowledged.add(id)
				}
			})
		}
		until(t, "the server is in the midst of it", func() bool { return len(acknowledged.all()) > (round+1)*before })
		s.kill()
		group.Wait()
	}

	c.base = h.serve().hello.URL
	made := acknowledged.all()
	t.Logf("%d contacts were acknowledged in %d rounds", len(made), rounds)
	until(t, "the index is loaded", func() bool { return !c.search("kept").Degraded })
	for i, id := range made {
		name, _ := names.Load(id)
		if got := get[foundContact](c, "/api/v1/contacts/"+id).DisplayName; got != name {
			t.Fatalf("contact %s: got %q, want %q", id, got, name)
		}
		if i%10 != 0 { // Every one is there; every tenth is searched for.
			continue
		}
		if got := c.search(name.(string)); !slices.ContainsFunc(got.Items, func(f foundContact) bool { return f.ID == id }) {
			t.Fatalf("search for %q: got %d others, want it", name, got.Total)
		}
	}
	// What was written and not acknowledged any more may be there as well: at
	// most one for each caller and round.
	if got, most := h.clean(), len(made)+rounds*callers; got < len(made) || got > most {
		t.Errorf("contacts: got %d, want %d to %d", got, len(made), most)
	}
}

// TestKilledServerRunsNoKeyedRequestTwice kills the server among creates that
// carry an Idempotency-Key and sends all of them again.
func TestKilledServerRunsNoKeyedRequestTwice(t *testing.T) {
	t.Parallel()
	const rounds, callers, before = 3, 8, 150
	h := newHome(t)
	var sent syncSet
	var c *caller
	post := func(key string) (int, []byte, error) {
		return c.send("POST", "/api/v1/contacts", "application/json", strings.NewReader(fmt.Sprintf(`{"displayName":%q}`, key)), "Idempotency-Key", key)
	}
	for round := range rounds {
		s := h.serve()
		if c == nil {
			c = h.caller(s)
		}
		c.base = s.hello.URL
		var group sync.WaitGroup
		for n := range callers {
			group.Go(func() {
				for i := 0; ; i++ {
					key := fmt.Sprintf("r%dc%dn%d", round, n, i)
					sent.add(key)
					if status, text, err := post(key); err != nil { // The server is gone.
						return
					} else if status != 201 {
						t.Errorf("create: got %d %s", status, text)
						return
					}
				}
			})
		}
		until(t, "the server is in the midst of it", func() bool { return len(sent.all()) > (round+1)*before })
		s.kill()
		group.Wait()
	}

	// Those in progress are free again two minutes on.
	h.exec(h.database(), "UPDATE idempotency_records SET created_at = created_at - 600000000")
	c.base = h.serve().hello.URL
	keys := sent.all()
	for _, key := range keys {
		if status, text, err := post(key); err != nil || status != 201 {
			t.Fatalf("the same request again: got %d %s (%v), want 201", status, text, err)
		}
	}
	if got := h.clean(); got != len(keys) {
		t.Errorf("contacts: got %d, want one for each of %d keys", got, len(keys))
	}
}

// TestProgressOnATerminal looks at the bar through a real terminal.
func TestProgressOnATerminal(t *testing.T) {
	t.Parallel()
	script, err := exec.LookPath("script")
	if err != nil || runtime.GOOS != "linux" { // Elsewhere it takes other flags.
		t.Skip("left out: the script(1) of util-linux, which gives a terminal, is not installed")
	}
	h := newHome(t)
	h.writePeople("people.csv", 23, 5_000)
	c := h.command()
	c.Path, c.Args = script, []string{script, "-qec", binary + " import people.csv --email " + email, "/dev/null"}
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{"\r\x1b[KImporting [", "#] 100 %\r\n", "Imported 5000 rows in "} {
		if !strings.Contains(string(out), want) {
			t.Errorf("got %q, want %q", out, want)
		}
	}
}
