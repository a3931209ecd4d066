package main

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

const (
	// chaosSeed names the environment variable that repeats a run: what clients
	// draw and when the server is killed, by the number of answers.
	chaosSeed = "OMNICRM_CHAOS_SEED"
	// jobLease is how long a dead process holds its jobs, see docs/adr/0014.
	jobLease = 10 * time.Second
	// closeTimeout is how long closing the database may take, when requests have ended.
	closeTimeout = 10 * time.Second
)

// TestServerKilledAtRandomUnderLoad kills a server again and again while clients
// write, import, run jobs, read and listen, and then holds all that is there
// against what was acknowledged. OMNICRM_SOAK=1 makes it 30 rounds.
func TestServerKilledAtRandomUnderLoad(t *testing.T) {
	t.Parallel()
	rounds := soakSize(5, 30)
	seed := seedOfChaos(t)
	random := rand.New(rand.NewPCG(seed, 0))
	x := &chaos{home: newHome(t), ledger: newLedger()}
	clients, listeners := x.load(seed)
	var dead time.Time
	kills := 0
	for round := range rounds {
		for range random.IntN(3) / 2 { // Some die before they have begun.
			x.killEarly(time.Duration(random.IntN(60)) * time.Millisecond)
			kills++
		}
		s := x.begin(dead, random.IntN(2) == 0)
		var worker *running
		if round%3 == 2 {
			worker = x.background("worker", "--workers=2")
		}
		moment := x.ledger.written() + 30 + random.IntN(500)
		stop := x.start(clients, listeners)
		until(t, "the moment of a kill", func() bool { return x.ledger.written() >= moment || s.over() })
		if s.over() {
			t.Fatalf("the server ended by itself: %s", s.log)
		}
		dead = time.Now()
		s.kill()
		if worker != nil {
			worker.kill()
		}
		stop()
		kills++
		t.Logf("round %d: killed after %d writes", round, x.ledger.written())
	}
	x.settle(clients, listeners, dead)
	t.Logf("%d kills; %d walks, exports and searches", kills, x.pages.Load())
}

// seedOfChaos is another one each time, unless one is given.
func seedOfChaos(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv(chaosSeed); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%s=%d", chaosSeed, seed)
	return seed
}

// load makes the clients and the streams.
func (x *chaos) load(seed uint64) (clients []*client, listeners []*listener) {
	kinds := []func(*client) func() step{writer, writer, writer, writer, jobber, jobber, importer, importer, reader, reader}
	for n, kind := range kinds {
		clients = append(clients, x.client(n, seed, kind))
	}
	for n := range 3 {
		quiet := func(*client) func() step { return nil }
		listeners = append(listeners, &listener{client: x.client(len(kinds)+n, seed, quiet)})
	}
	return clients, listeners
}

// begin starts a server and sees that it has all that was acknowledged. With
// quick, the jobs of the dead one run again at once.
func (x *chaos) begin(dead time.Time, quick bool) *running {
	s := x.serve()
	by := time.Now().Add(5 * time.Second)
	if x.c == nil {
		x.c = x.caller(s)
	}
	x.c.base = s.hello.URL
	// The keys of requests that were under way are free two minutes on, and jobs
	// when their lease ends.
	x.beside(func(db *sql.DB) error {
		_, err := db.Exec("UPDATE idempotency_records SET created_at = created_at - 600000000")
		if err == nil && quick {
			_, err = db.Exec("UPDATE jobs SET lease_until = 1 WHERE status = 'running' AND lease_until < ?", dead.Add(jobLease).UnixMicro())
		}
		return err
	})
	x.recovered(by)
	return s
}

// recovered looks at the newest contacts.
func (x *chaos) recovered(by time.Time) {
	all := x.ledger.settled()
	few := 40
	if x.many != nil { // Clients go on meanwhile, and the machine has much to do.
		few = 10
	}
	all = all[max(0, len(all)-few):]
	x.findable(all, by)
	for _, want := range all {
		status, text, err := x.send(http.MethodGet, "/api/v1/contacts/"+want.ID, "", nil)
		if err != nil || status != http.StatusOK {
			if x.ledger.sure(want.ID) {
				x.t.Errorf("after a kill: contact %s: got %d %s (%v)", want.ID, status, text, err)
			}
			continue
		}
		if diff := want.differ(read[person](x.t, text)); diff != "" && x.ledger.sure(want.ID) && x.ledger.person(want.ID).Version == want.Version {
			x.t.Errorf("after a kill: contact %s %s", want.ID, diff)
		}
	}
}

// killEarly kills a server on its way up.
func (x *chaos) killEarly(after time.Duration) {
	c := x.command("serve", "--json")
	if err := c.Start(); err != nil {
		x.t.Fatal(err)
	}
	timer := time.NewTimer(after)
	<-timer.C // The moment is the point.
	_ = c.Process.Kill()
	_ = c.Wait()
}

// start has all clients go on; the function it returns waits until each has
// noticed that the server is gone.
func (x *chaos) start(clients []*client, listeners []*listener) (stop func()) {
	ctx, cancel := context.WithCancel(x.t.Context())
	var streams, group sync.WaitGroup
	for _, l := range listeners {
		begun := make(chan struct{})
		streams.Go(func() { l.listen(ctx, sync.OnceFunc(func() { close(begun) })) })
		select { // It hears all that is written from now on.
		case <-begun:
		case <-time.After(patience):
			x.t.Fatal("a stream does not begin")
		}
	}
	for _, k := range clients {
		group.Go(k.run)
	}
	return func() {
		group.Wait()
		cancel()
		streams.Wait()
	}
}

// settle has the clients end what they have begun, waits until all jobs have
// ended and all is heard, and compares.
func (x *chaos) settle(clients []*client, listeners []*listener, dead time.Time) {
	t := x.t
	x.settling.Store(true)
	s := x.begin(dead, true)
	recovered := time.Now()
	stop := x.start(clients, listeners)
	x.end(clients)
	t.Logf("settled %s after the last start", time.Since(recovered).Round(time.Millisecond))
	last := "The End"
	if _, err := x.c.create(last); err != nil {
		t.Fatal(err)
	}
	found := x.look(listeners)
	for _, fault := range first(100, x.ledger.faults(found)) {
		t.Error(fault)
	}
	x.findable(x.ledger.settled(), recovered.Add(5*time.Second))
	t.Log(x.ledger.summary(found))
	asked := time.Now()
	s.stop()
	stop()
	if took := time.Since(asked); took > drainTimeout+closeTimeout {
		t.Errorf("stopping took %s, want at most %s", took, drainTimeout+closeTimeout)
	}
	x.alone()
	if got := x.clean(); got != len(found.people) {
		t.Errorf("check counts %d contacts, want %d", got, len(found.people))
	}
	x.alone()
}

// end waits until no client has anything under way and every job has ended.
func (x *chaos) end(clients []*client) {
	x.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C {
		busy := slices.DeleteFunc(slices.Clone(clients), func(k *client) bool { return k.idle.Load() })
		if len(busy) == 0 && x.unfinished() == 0 {
			return
		}
		if time.Now().After(end) {
			x.t.Errorf("waited in vain for the end of what %d clients do; jobs: %s", len(busy), x.text("/api/v1/jobs?status=queued")+x.text("/api/v1/jobs?status=running"))
			for _, k := range busy {
				x.t.Errorf("client %d is at step %d, last asked %s", k.n, k.count, k.asked.Load())
			}
			x.t.FailNow()
		}
	}
}

// alone expects the database in the data folder, with who is to be erased from
// backups, and nothing beside that.
func (x *chaos) alone() {
	x.t.Helper()
	entries, err := os.ReadDir(filepath.Join(x.dir, "data"))
	if err != nil {
		x.t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != databaseName && e.Name() != journalName {
			x.t.Errorf("%s is left in the data folder, want the database alone", e.Name())
		}
	}
}

func first(n int, all []string) []string {
	if len(all) > n {
		return append(all[:n:n], fmt.Sprintf("and %d more", len(all)-n))
	}
	return all
}
