package main

import (
	"database/sql"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/internal/testkit/pgtest"
)

// reach is how soon what one server has acknowledged is in the streams, the
// searches and the dashboards of all: the bar is 300 ms on a machine that has
// nothing else to do, and the tests share theirs.
const reach = 5 * time.Second

// fleet is many processes over one database.
type fleet struct {
	*home
	servers, workers []*running
	callers          []*caller // one for each server, with one key
}

// newFleet starts three servers that run no jobs and three workers.
func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{home: newHomeOn(t, pgtest.URL(t))}
	for range 3 {
		s := f.serve("--workers=0", "--debug-addr=0")
		f.servers = append(f.servers, s)
		f.callers = append(f.callers, f.callerOf(s))
	}
	for range 3 {
		f.workers = append(f.workers, f.background("worker", "--workers=2", "--debug-addr=0"))
	}
	return f
}

// callerOf has the key of the first caller.
func (f *fleet) callerOf(s *running) *caller {
	if len(f.callers) == 0 {
		return f.caller(s)
	}
	return &caller{t: f.t, base: s.hello.URL, key: f.callers[0].key, http: f.callers[0].http}
}

// arrival waits until all of the conditions hold and returns how long the last
// one took.
func (f *fleet) arrival(what string, conditions ...func() bool) time.Duration {
	f.t.Helper()
	began := time.Now()
	for n, c := range conditions {
		until(f.t, fmt.Sprintf("%s (%d)", what, n), c)
	}
	return time.Since(began)
}

func TestWhatOneServerWritesIsWithAllAtOnce(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	var streams []<-chan string
	for _, c := range f.callers {
		blocks := c.hear("")
		<-blocks // Where it stands.
		streams = append(streams, blocks)
		until(t, "the index answers", func() bool { return !c.search("anything").Degraded })
	}
	words := []string{"Meridional", "Bountiful", "Cardinality", "Dragonfly", "Effervescent", "Fortuitous", "Gargantuan", "Honeycomb", "Illuminate"}
	worst := map[string]time.Duration{}
	for n, word := range words {
		id, err := f.callers[n%len(f.callers)].create("Person " + word)
		if err != nil {
			t.Fatal(err)
		}
		var found, figures []func() bool
		typo := word[:4] + word[5:] // A letter is missing.
		for _, c := range f.callers {
			found = append(found, func() bool { r := c.search(typo); return len(r.Items) == 1 && r.Items[0].ID == id && !r.Degraded })
			figures = append(figures, func() bool {
				return get[struct{ Totals struct{ Contacts int } }](c, "/api/v1/dashboard").Totals.Contacts == n+1
			})
		}
		began := time.Now()
		for at, s := range streams {
			for block := range s {
				if strings.Contains(block, id) {
					break
				}
				if strings.Contains(block, "contact.created") {
					t.Errorf("stream %d: got %s, want the create of %s", at, block, id)
				}
			}
		}
		for what, took := range map[string]time.Duration{
			"streams": time.Since(began), "searches": f.arrival("a search finds "+typo, found...), "dashboards": f.arrival("the dashboard counts", figures...),
		} {
			worst[what] = max(worst[what], took)
		}
	}
	for what, took := range worst {
		t.Logf("%s of all: within %s", what, took.Round(100*time.Microsecond))
		if took > reach {
			t.Errorf("%s of all: got %s, want at most %s", what, took, reach)
		}
	}
}

// ranJobs counts attempts at jobs by kind and outcome, in all processes given.
func ranJobs(t *testing.T, processes ...*running) map[string]int {
	t.Helper()
	all, b := map[string]int{}, browser(t)
	for _, p := range processes {
		_, text := visit(t, b, p.debugURL()+"/metrics", nil)
		for _, m := range regexp.MustCompile(`crm_job_duration_seconds_count\{kind="(\w+)",outcome="(\w+)"\} (\d+)`).FindAllStringSubmatch(text, -1) {
			n, err := strconv.Atoi(m[3])
			if err != nil {
				t.Fatal(err)
			}
			all[m[1]+" "+m[2]] += n
		}
	}
	return all
}

// periodic reads the kinds that run periodically, and how many of their runs are
// not over.
func (f *fleet) periodic(db *sql.DB) (kinds []string, open int64) {
	f.t.Helper()
	const ofNoWorkspace = " FROM crm.jobs WHERE workspace = '00000000-0000-0000-0000-000000000000'"
	rows, err := db.QueryContext(f.t.Context(), "SELECT kind"+ofNoWorkspace)
	if err != nil {
		f.t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // Err below has it.
	for rows.Next() {
		var kind string
		if err := rows.Scan(&kind); err != nil {
			f.t.Fatal(err)
		}
		kinds = append(kinds, kind)
	}
	if err := rows.Err(); err != nil {
		f.t.Fatal(err)
	}
	return kinds, f.number(db, "SELECT count(*)"+ofNoWorkspace+" AND status <> 'succeeded'")
}

func TestPeriodicJobsRunOnceHoweverManyProcessesRun(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	db := f.database()
	for period := range 3 {
		var kinds []string
		until(t, "the runs of this period end", func() bool {
			var open int64
			kinds, open = f.periodic(db)
			return len(kinds) > 0 && open == 0
		})
		want := map[string]int{}
		for _, k := range kinds {
			want[k+" succeeded"] = 1
		}
		if got := ranJobs(t, append(f.servers, f.workers...)...); !maps.Equal(got, want) {
			t.Errorf("period %d: got %v, want %v", period, got, want)
		}
		for _, p := range append(f.servers, f.workers...) { // They know when the next period begins; others look anew.
			p.stop()
		}
		f.exec(db, "UPDATE crm.jobs SET created_at = created_at - 8 * 86400000000, version = version + 1")
		*f = fleet{home: f.home, callers: f.callers}
		for range 3 {
			f.servers = append(f.servers, f.serve("--workers=0", "--debug-addr=0"))
			f.workers = append(f.workers, f.background("worker", "--workers=2", "--debug-addr=0"))
		}
	}
}

func TestAJobOfAKilledWorkerRunsAgainInTimeAndCountsOnce(t *testing.T) {
	t.Parallel()
	const rows = 12_000
	f := &fleet{home: newHomeOn(t, pgtest.URL(t))}
	c := f.caller(f.serve("--workers=0"))
	dying := f.background("worker", "--workers=2")
	db := f.database()
	written := func() int64 {
		return f.number(db, "SELECT (SELECT coalesce(sum(live), 0) FROM crm.contact_figures) + (SELECT coalesce(sum(n), 0) FROM crm.pending_counts WHERE what = 0)")
	}
	id := c.upload(41, rows)
	until(t, "the worker is in the midst of it", func() bool { return written() > rows/10 })
	for range 2 {
		f.background("worker", "--workers=2")
	}
	const holder = "SELECT count(*) FROM crm.jobs WHERE kind = 'contact_import' AND status = 'running' AND losses = 0"
	if f.number(db, holder) != 1 {
		t.Fatal("the import does not run when its worker is killed")
	}
	dying.kill()
	killed, before := time.Now(), written()
	if before >= rows {
		t.Fatal("the import has ended: nothing was interrupted")
	}
	until(t, "the import goes on", func() bool { return written() > before })
	took := time.Since(killed)
	t.Logf("killed at %d of %d rows; it went on %s later", before, rows, took.Round(time.Millisecond))
	if took > 15*time.Second {
		t.Errorf("the job went on %s after the kill, want within 15s", took)
	}
	until(t, "the import ends", func() bool { return get[importState](c, "/api/v1/imports/"+id).Status == "committed" })
	if got := get[importState](c, "/api/v1/imports/"+id).Counts; got.Rows != rows || got.Created != rows || got.Problems != 0 {
		t.Errorf("figures: got %+v, want %d rows, all created once", got, rows)
	}
	if got := f.clean(); got != rows {
		t.Errorf("contacts: got %d, want %d", got, rows)
	}
}
