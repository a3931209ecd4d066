package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/internal/testkit/faultproxy"
	"github.com/omnicrm/omnicrm/internal/testkit/pgtest"
)

// answerBound is how long a request may take whatever happens to the database and
// the way to it, on a machine that runs other tests too.
const answerBound = 60 * time.Second

// manyServers is two servers and a worker over one PostgreSQL, which they reach
// through a proxy that has faults.
type manyServers struct {
	*home
	database *pgtest.Server
	proxy    *faultproxy.Proxy
	random   *rand.Rand
	faults   map[string]int // how many of each kind there were
	worker   *running

	mu      sync.Mutex
	servers []*running
	next    int
	slowest time.Duration // of all answers
	refused int           // answers that said that something is not available
}

// pick returns the address of the next server.
func (m *manyServers) pick() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.next++
	return m.servers[m.next%len(m.servers)].hello.URL
}

// rest waits before a request is sent again.
func (m *manyServers) rest() {
	timer := time.NewTimer(50 * time.Millisecond)
	<-timer.C // As a client does that was told to try again later.
}

func (m *manyServers) send(c *caller, method, path, contentType string, body io.Reader, headers ...string) (int, []byte, error) {
	one := &caller{t: c.t, base: m.pick(), key: c.key, http: c.http}
	began := time.Now()
	status, text, err := one.send(method, path, contentType, body, headers...)
	took := time.Since(began)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.slowest = max(m.slowest, took)
	running := status == http.StatusConflict && strings.Contains(string(text), "is still running")
	if status == http.StatusServiceUnavailable || running {
		m.refused++
		return 0, nil, errGone
	}
	return status, text, err
}

// ready waits until all servers say so.
func (m *manyServers) ready() {
	m.t.Helper()
	for _, s := range m.servers {
		until(m.t, "a server is ready", func() bool { return status(s) == http.StatusOK })
	}
}

// status is what /readyz answers, 0 for nothing.
func status(s *running) int {
	answer, err := (&http.Client{Timeout: answerBound, Transport: &http.Transport{DisableKeepAlives: true}}).Get(s.hello.URL + "/readyz")
	if err != nil {
		return 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// down expects that all servers notice, in bounded time, that the database cannot
// be reached.
func (m *manyServers) down() {
	m.t.Helper()
	began := time.Now()
	for _, s := range m.servers {
		until(m.t, "a server says that it is not ready", func() bool { return status(s) == http.StatusServiceUnavailable })
	}
	if took := time.Since(began); took > answerBound {
		m.t.Errorf("the servers noticed after %s, want at most %s", took, answerBound)
	}
}

// fault has one fault happen and end. busy waits for some more acknowledged
// writes, which come while the fault lasts.
func (m *manyServers) fault(busy func()) string {
	kinds := []struct {
		name string
		do   func()
	}{
		{"server killed", func() {
			n := m.random.IntN(len(m.servers))
			m.servers[n].kill()
			fresh := m.serve("--workers=0")
			m.mu.Lock()
			m.servers[n] = fresh
			m.mu.Unlock()
		}},
		{"worker killed", func() {
			m.worker.kill()
			m.worker = m.background("worker", "--workers=3")
		}},
		{"database killed", func() {
			m.database.Kill()
			if m.random.IntN(2) == 0 {
				m.down()
			}
			if err := m.database.Restart(); err != nil {
				m.t.Fatal(err)
			}
		}},
		{"connections cut", func() { m.proxy.Cut() }},
		{"slow", func() {
			m.lasting(faultproxy.Faults{Latency: time.Duration(1+m.random.IntN(20)) * time.Millisecond}, busy)
		}},
		{"narrow", func() { m.lasting(faultproxy.Faults{Bandwidth: 200_000}, busy) }},
		{"black hole", func() { m.lasting(faultproxy.Faults{BlackHole: true}, m.down) }},
		{"refused", func() {
			m.proxy.Set(faultproxy.Faults{Refuse: true})
			m.proxy.Cut()
			m.down()
			m.proxy.Set(faultproxy.Faults{})
		}},
	}
	k := kinds[m.random.IntN(len(kinds))]
	if unseen := len(m.faults); unseen < len(kinds) { // Each of them comes before one comes again.
		for m.faults[k.name] > 0 {
			k = kinds[m.random.IntN(len(kinds))]
		}
	}
	m.faults[k.name]++
	k.do()
	return k.name
}

func (m *manyServers) lasting(f faultproxy.Faults, until func()) {
	m.proxy.Set(f)
	until()
	m.proxy.Set(faultproxy.Faults{})
}

// forget takes away what requests hold that a fault has ended, as if two minutes
// had gone by: their keys. None of them is at work in the database any more.
func (x *chaos) forget(before time.Time) {
	x.t.Helper()
	x.beside(func(db *sql.DB) error {
		until(x.t, "what was under way in the database ends", func() bool {
			var n int
			err := db.QueryRow("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start < to_timestamp($1)",
				float64(before.UnixMicro())/1e6).Scan(&n)
			return err == nil && n == 0
		})
		_, err := db.Exec("UPDATE crm.idempotency_records SET created_at = created_at - 600000000 WHERE created_at < $1", before.UnixMicro())
		return err
	})
}

// newChaosOfMany starts all processes.
func newChaosOfMany(t *testing.T, seed uint64) *chaos {
	t.Helper()
	database := pgtest.StartDurable(t)
	direct := database.Database(t, pgtest.Template)
	here := fmt.Sprintf("127.0.0.1:%d", database.Port)
	proxy := faultproxy.Start(t, here)
	h := newHomeOn(t, direct)
	h.env = []string{"CRM_DATABASE_URL=" + strings.Replace(direct, here, proxy.Addr(), 1)}
	m := &manyServers{home: h, database: database, proxy: proxy, random: rand.New(rand.NewPCG(seed, 0)), faults: map[string]int{}}
	for range 2 {
		m.servers = append(m.servers, m.serve("--workers=0"))
	}
	m.worker = m.background("worker", "--workers=3")
	x := &chaos{home: h, ledger: newLedger(), many: m}
	x.c = x.caller(m.servers[0])
	x.numbered() // The key's event was made by a process that is over.
	return x
}

// TestEveryProcessOverPostgresDiesAtRandomUnderLoad kills servers, the worker and
// the database again and again, and cuts, slows and swallows what they say to each
// other, while clients write, import, run jobs, read and listen. Then it holds all
// that is there against what was acknowledged, 40 faults long. It belongs to the
// soak alone until what it finds now and then is understood: an import that is
// ready, as it should be, with figures of 0 (docs/ROADMAP.md).
func TestEveryProcessOverPostgresDiesAtRandomUnderLoad(t *testing.T) {
	t.Parallel()
	if os.Getenv("OMNICRM_SOAK") != "1" {
		t.Log("only with OMNICRM_SOAK=1")
		return
	}
	seed := seedOfChaos(t)
	x := newChaosOfMany(t, seed)
	m := x.many
	clients, listeners := x.load(seed)
	ctx, cancel := context.WithCancel(t.Context())
	var group, streams sync.WaitGroup
	defer func() {
		cancel()
		x.settling.Store(true)
		group.Wait()
		streams.Wait()
	}()
	for _, l := range listeners {
		begun := make(chan struct{})
		streams.Go(func() { l.listen(ctx, sync.OnceFunc(func() { close(begun) })) })
		<-begun // It hears all that is written from now on.
	}
	for _, k := range clients {
		group.Go(k.run)
	}
	busy := func() {
		moment := x.ledger.written() + 20 + m.random.IntN(100)
		until(t, "more writes", func() bool { return x.ledger.written() >= moment })
	}
	for round := range soakSize(8, 40) {
		busy()
		began := time.Now()
		name := m.fault(busy)
		ended := time.Now()
		m.ready()
		x.recovered(time.Now().Add(5 * time.Second))
		x.forget(ended)
		t.Logf("round %d: %s for %s, all well %s later, after %d writes", round, name, ended.Sub(began).Round(time.Millisecond),
			time.Since(ended).Round(time.Millisecond), x.ledger.written())
	}
	x.settling.Store(true)
	x.c.base = m.servers[0].hello.URL
	x.end(clients)
	if _, err := x.c.create("The End"); err != nil {
		t.Fatal(err)
	}
	x.compare(listeners)
	t.Logf("faults: %v; slowest answer %s, %d answers of something not available", m.faults, m.slowest.Round(time.Millisecond), m.refused)
	if m.slowest > answerBound {
		t.Errorf("the slowest answer took %s, want at most %s", m.slowest, answerBound)
	}
}

// numbered waits until all events have a position.
func (x *chaos) numbered() {
	x.t.Helper()
	x.beside(func(db *sql.DB) error {
		until(x.t, "all events have a position", func() bool {
			return x.number(db, "SELECT count(*) FROM crm.event_inbox") == 0
		})
		return nil
	})
}

// compare looks at all that is there, while the processes go on, and stops them.
func (x *chaos) compare(listeners []*listener) {
	t, m := x.t, x.many
	t.Helper()
	x.numbered()
	found := x.look(listeners)
	for _, fault := range first(100, x.ledger.faults(found)) {
		t.Error(fault)
	}
	x.findable(x.ledger.settled(), time.Now().Add(5*time.Second))
	t.Log(x.ledger.summary(found))
	for _, p := range append(m.servers, m.worker) {
		p.stop()
	}
	if got := x.clean(); got != len(found.people) {
		t.Errorf("check counts %d contacts, want %d", got, len(found.people))
	}
}
