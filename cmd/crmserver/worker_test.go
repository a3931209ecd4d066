package main

import (
	"bytes"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/omnicrm/omnicrm/internal/fakedata"
)

// upload imports people over HTTP as far as the job that does it.
func (c *caller) upload(seed uint64, rows int) (importID string) {
	c.t.Helper()
	var file bytes.Buffer
	if err := fakedata.New(seed).WriteCSV(&file, rows); err != nil {
		c.t.Fatal(err)
	}
	status, text, err := c.send(http.MethodPost, "/api/v1/imports?fileName=people.csv", "text/csv", &file)
	if err != nil || status != http.StatusCreated {
		c.t.Fatalf("upload: got %d %s (%v), want 201", status, text, err)
	}
	made := decode[struct{ ID string }](c.t, result{out: string(text)})
	if status, text, err = c.send(http.MethodPost, "/api/v1/imports/"+made.ID+"/commit", "", nil); err != nil || status != http.StatusAccepted {
		c.t.Fatalf("commit: got %d %s (%v), want 202", status, text, err)
	}
	return made.ID
}

// importState is what the API says of an import.
type importState struct {
	Status string
	Counts struct{ Rows, Created, Problems int }
}

func TestKilledWorkersLoseNoJob(t *testing.T) {
	t.Parallel()
	const rows, kills = 30_000, 3
	h := newHome(t)
	s := h.serve("--workers=0")
	c := h.caller(s)
	id := c.upload(31, rows)
	db := h.database()
	if got := h.number(db, "SELECT count(*) FROM jobs WHERE status = 'queued'"); got != 1 {
		t.Fatalf("jobs that wait: got %d, want the import's: a server without workers runs none", got)
	}
	written := func() int64 { return h.number(db, "SELECT coalesce(sum(live), 0) FROM contact_figures") }
	for round := range int64(kills) {
		w := h.background("worker", "--workers=2")
		until(t, "the worker is in the midst of it", func() bool { return written() > round*5_000 })
		w.kill()
		// The lease of the dead process would run out by itself, 15 seconds on.
		h.exec(db, "UPDATE jobs SET lease_until = 1 WHERE status = 'running'")
	}
	if got := written(); got >= rows {
		t.Errorf("contacts before the last worker: got %d, want fewer than %d: nothing was interrupted", got, rows)
	}
	w := h.background("worker", "--workers=2")
	until(t, "the import ends", func() bool { return get[importState](c, "/api/v1/imports/"+id).Status == "committed" })
	if got := get[importState](c, "/api/v1/imports/"+id).Counts; got.Rows != rows || got.Created != rows || got.Problems != 0 {
		t.Errorf("figures: got %+v, want %d rows, all created once", got, rows)
	}
	w.stop()
	s.stop()
	if got := h.clean(); got != rows {
		t.Errorf("contacts: got %d, want %d", got, rows)
	}
}

func TestSIGTERMParksAWorkersJobs(t *testing.T) {
	t.Parallel()
	const rows = 20_000
	h := newHome(t)
	c := h.caller(h.serve("--workers=0"))
	id := c.upload(32, rows)
	db := h.database()
	w := h.background("worker", "--debug-addr=0")
	if got, want := w.out.String(), "OmniCRM works on data, 4 jobs at once\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if status, text := visit(t, browser(t), w.debugURL()+"/readyz", nil); status != http.StatusOK || !strings.Contains(text, `"queue":{"status":"ok"`) {
		t.Errorf("readiness of a worker: got %d %s, want 200", status, text)
	}
	until(t, "the job runs", func() bool { return h.number(db, "SELECT coalesce(sum(live), 0) FROM contact_figures") > 0 })
	w.signal(syscall.SIGTERM)
	if got := w.await(); got != exitDone {
		t.Errorf("exit code: got %d, want 0\n%s", got, w.log)
	}
	if got := h.number(db, "SELECT count(*) FROM jobs WHERE status = 'running'"); got != 0 {
		t.Errorf("running jobs without a worker: got %d, want 0", got)
	}
	h.background("worker")
	until(t, "the parked job goes on to its end", func() bool { return get[importState](c, "/api/v1/imports/"+id).Status == "committed" })
	if got := h.clean(); got != rows {
		t.Errorf("contacts: got %d, want %d", got, rows)
	}
}

func TestReindexBesideAServer(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	s := h.serve("--debug-addr=0")
	c := h.caller(s)
	for _, name := range []string{"Ana Reyes", "Zoë Łukasz"} {
		if _, err := c.create(name); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "the index is loaded", func() bool { got := c.search("lukasz"); return !got.Degraded && got.Total == 1 })
	b := browser(t)
	rebuilds := func(n string) bool {
		_, text := visit(t, b, s.debugURL()+"/metrics", nil)
		return strings.Contains(text, "\ncrm_search_rebuilds_total "+n+"\n")
	}
	if !rebuilds("0") {
		t.Error("rebuilds before: want 0")
	}
	r := h.ok(h.run("reindex", "--json", "--workspace", "mine"))
	if got := decode[reindexed](t, r); got.Documents != 2 || got.Name != "Mine" {
		t.Errorf("got %+v, want 2 documents of Mine", got)
	}
	until(t, "the server makes its own anew", func() bool {
		if got := c.search("lukasz"); got.Degraded || got.Total != 1 {
			t.Fatalf("a search meanwhile: got %+v, want the one from the index", got)
		}
		return rebuilds("1")
	})
	if got := h.ok(h.run("reindex")).out; !strings.HasPrefix(got, "Mine: an index of 2 contacts") {
		t.Errorf("got %q, want the workspace and its contacts", got)
	}
	h.fails(h.run("reindex", "--workspace", "nobody's"), exitMisuse, "--workspace", "nobody's")
}
