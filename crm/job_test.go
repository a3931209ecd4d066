package crm_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

var tagAll = crm.BulkAction{Verb: crm.BulkTag, AddTags: []string{"t"}}

func (e *env) bulk(f crm.ContactFilter, a crm.BulkAction) crm.Job {
	e.t.Helper()
	j, err := e.Contacts.BulkByFilter(context.Background(), e.owner, f, a)
	if err != nil {
		e.t.Fatalf("bulk: %v", err)
	}
	return j
}

// gate lets the first calls of a method pass and stops the next ones until it
// is opened.
type gate struct {
	method string
	pass   atomic.Int64
	inside atomic.Int64
	most   atomic.Int64
	begun  atomic.Int64 // transactions asked for
	open   chan struct{}
	once   sync.Once
}

func newGate(method string, pass int64) *gate {
	g := &gate{method: method, open: make(chan struct{})}
	g.pass.Store(pass)
	return g
}

func (g *gate) call(method string) error {
	if method == "InTx" {
		g.begun.Add(1)
	}
	if method != g.method || g.pass.Add(-1) >= 0 {
		return nil
	}
	n := g.inside.Add(1)
	for most := g.most.Load(); n > most && !g.most.CompareAndSwap(most, n); most = g.most.Load() {
	}
	<-g.open
	g.inside.Add(-1)
	return nil
}

// releaseAfter opens the gate as soon as f, in another goroutine, has asked for
// a transaction, which then is the next one, and waits for f.
func (g *gate) releaseAfter(t testing.TB, f func() error) error {
	t.Helper()
	before := g.begun.Load()
	done := make(chan error, 1)
	go func() { done <- f() }()
	await(t, "the next transaction", func() bool { return g.begun.Load() > before })
	g.release()
	return <-done
}

func (g *gate) release() { g.once.Do(func() { close(g.open) }) }

func TestAFailingJobIsTriedAgainLaterAndLater(t *testing.T) {
	t.Parallel()
	var failures atomic.Int64
	var mu sync.Mutex
	var tries []time.Time
	e := setupOn(t, hook(openStore(t), func(method string) error {
		if method == "PutContacts" && failures.Load() > 0 {
			failures.Add(-1)
			mu.Lock()
			tries = append(tries, time.Now())
			mu.Unlock()
			return errors.New("disk full")
		}
		return nil
	}))
	e.crowd(300, nil)
	failures.Store(3)
	j := e.succeeded(e.bulk(crm.ContactFilter{}, tagAll).ID)
	equal(t, "attempt", j.Attempt, 4)
	equal(t, "changed", bulkResult(t, j).Changed, 300)
	for i, least := range []time.Duration{200 * time.Millisecond, 400 * time.Millisecond} { // Half of 200 ms * 2^n; the rest is random.
		if pause := tries[i+1].Sub(tries[i]); pause < least {
			t.Errorf("pause %d: got %s, want at least %s", i+1, pause, least)
		}
	}
	failures.Store(1_000)
	j = e.finished(e.bulk(crm.ContactFilter{}, crm.BulkAction{Verb: crm.BulkDelete}).ID)
	equal(t, "status", j.Status, crm.JobFailed)
	equal(t, "attempt", j.Attempt, 5)
	equal(t, "code", j.ErrorCode, "internal")
	failures.Store(0)
	if _, err := e.Jobs.Retry(context.Background(), e.owner, j.ID, 0); err != nil {
		t.Fatal(err)
	}
	equal(t, "changed by the retry", bulkResult(t, e.succeeded(j.ID)).Changed, 300)
	_, err := e.Jobs.Retry(context.Background(), e.owner, j.ID, 0)
	wantConflict(t, err, crm.ConflictState)
	e.sound()
}

func TestAPanicFailsTheJobAndNothingElse(t *testing.T) {
	t.Parallel()
	var panics atomic.Bool
	e := setupOn(t, hook(openStore(t), func(method string) error {
		if method == "PutContacts" && panics.Load() {
			panic("secret of the handler")
		}
		return nil
	}))
	e.people("Ana")
	panics.Store(true)
	j := e.finished(e.bulk(crm.ContactFilter{}, tagAll).ID)
	panics.Store(false)
	equal(t, "status", j.Status, crm.JobFailed)
	if strings.Contains(j.ErrorText, "secret") || strings.Contains(j.ErrorText, ".go") || j.ErrorText == "" {
		t.Errorf("error text: got %q, want a sentence without the inside", j.ErrorText)
	}
	e.succeeded(e.bulk(crm.ContactFilter{}, tagAll).ID)
	e.sound()
}

// panicking is a format whose reader breaks down.
type panicking struct{ crm.JSONLines }

func (panicking) FormatName() string { return "panicking" }
func (p panicking) NewReader(file io.Reader, o crm.ReadOptions) (crm.ContactReader, error) {
	r, err := p.JSONLines.NewReader(file, o)
	return &panickingReader{ContactReader: r}, err
}

type panickingReader struct {
	crm.ContactReader
	n int
}

func (r *panickingReader) Next() (crm.ImportRecord, error) {
	if r.n++; r.n > 2_100 {
		panic("bad format")
	}
	return r.ContactReader.Next()
}

func TestAFormatThatPanicsFailsItsImportOnly(t *testing.T) {
	t.Parallel()
	e := setup(t, func(c *crm.Config) { c.Formats = []crm.Format{panicking{}} })
	in := crm.NewImport{Format: "panicking", Body: lines(numbered(0, 3_000)...)}
	_, err := e.Imports.Run(context.Background(), e.owner, crm.RunImport{NewImport: in, DryRun: true})
	if err == nil {
		t.Error("dry run: got no error, want one")
	}
	in.Body = lines(numbered(0, 3_000)...)
	i, err := e.Imports.Create(context.Background(), e.owner, in)
	if err != nil {
		t.Fatal(err)
	}
	_, j, err := e.Imports.Commit(context.Background(), e.owner, i.ID, 0, crm.ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "status", e.finished(j.ID).Status, crm.JobFailed)
	await(t, "the import to know", func() bool {
		i, err = e.Imports.Get(context.Background(), e.owner, i.ID)
		return err == nil && i.Status == crm.ImportFailed
	})
	equal(t, "rows done and contacts", int(i.Checkpoint), e.list(crm.ContactListQuery{}).Total)
	equal(t, "something was done", i.Checkpoint > 0, true)
	e.undo(i.ID)
	equal(t, "contacts", e.list(crm.ContactListQuery{}).Total, 0)
	e.sound()
}

func numbered(from, to int) []string {
	var rows []string
	for i := from; i < to; i++ {
		rows = append(rows, fmt.Sprintf(`{"displayName":"Person %d","primaryEmail":"p%d@x.com","tags":["t%d"]}`, i, i, i%7))
	}
	return rows
}

func TestCancelEndsAJobThatRunsAndOneThatWaits(t *testing.T) {
	t.Parallel()
	g := newGate("PutContacts", 6) // The crowd's five calls and the first page.
	defer g.release()
	e := setupOn(t, hook(openStore(t), g.call), func(c *crm.Config) { c.Workers = 1 })
	ctx := context.Background()
	e.crowd(5_000, nil)
	running := e.bulk(crm.ContactFilter{}, tagAll)
	await(t, "the second page", func() bool { return g.inside.Load() == 1 })
	waiting := e.bulkOutside(crm.ContactFilter{}, crm.BulkAction{Verb: crm.BulkDelete}, g)
	j := e.finished(waiting.ID)
	equal(t, "waiting job", j.Status, crm.JobCancelled)
	equal(t, "its attempts", j.Attempt, 0)
	if _, err := e.Jobs.Cancel(ctx, e.owner, running.ID, 0); err != nil {
		t.Fatal(err)
	}
	j = e.finished(running.ID)
	equal(t, "running job", j.Status, crm.JobCancelled)
	changed := bulkResult(t, j).Changed
	if changed < 200 || changed >= 5_000 {
		t.Errorf("changed before the cancel: got %d, want some but not all", changed)
	}
	_, err := e.Jobs.Cancel(ctx, e.owner, running.ID, 0)
	wantConflict(t, err, crm.ConflictState)
	e.sound()
	u, err := e.Jobs.Undo(ctx, e.owner, running.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "undone", bulkResult(t, e.succeeded(u.ID)).Changed, changed)
	if tags, err := e.Tags.List(ctx, e.owner); err != nil || len(tags) != 0 {
		t.Errorf("tags: got %v (%v), want none", tags, err)
	}
}

// bulkOutside asks for a job and cancels it while the only worker is busy in
// its transaction; the gate opens because the store writes one at a time.
func (e *env) bulkOutside(f crm.ContactFilter, a crm.BulkAction, g *gate) crm.Job {
	e.t.Helper()
	var j crm.Job
	err := g.releaseAfter(e.t, func() error {
		var err error
		if j, err = e.Contacts.BulkByFilter(context.Background(), e.owner, f, a); err == nil {
			_, err = e.Jobs.Cancel(context.Background(), e.owner, j.ID, 0)
		}
		return err
	})
	if err != nil {
		e.t.Fatalf("bulk and cancel: %v", err)
	}
	return j
}

func TestShutdownParksAJobAndTheNextStartGoesOn(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	g := newGate("PutContacts", 6)
	first := setupOn(t, hook(store, g.call))
	first.crowd(5_000, nil)
	j := first.bulk(crm.ContactFilter{}, tagAll)
	await(t, "the second page", func() bool { return g.inside.Load() == 1 })
	closed := make(chan error)
	go func() { closed <- first.Close() }()
	g.release()
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	parked, err := first.Jobs.Get(context.Background(), first.owner, j.ID)
	if err != nil {
		t.Fatal(err)
	}
	if parked.Status == crm.JobSucceeded {
		t.Log("the job was done before the shutdown reached it")
	} else {
		equal(t, "status", parked.Status, crm.JobQueued)
		equal(t, "attempt", parked.Attempt, 0)
	}
	second := setupOn(t, store)
	done := second.succeeded(j.ID)
	equal(t, "changed", bulkResult(t, done).Changed, 5_000)
	equal(t, "attempt", done.Attempt, 1)
	for _, c := range second.list(crm.ContactListQuery{PageSize: 200}).Items {
		equal(t, "version", c.Version, 2)
	}
	second.sound()
}

// A worker that was thought dead wakes up after another has taken its job.
func TestAJobThatLostItsLeaseWritesNothing(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	g := newGate("ListContactIDs", 0)
	defer g.release()
	first := setupOn(t, hook(store, g.call), storeSearched)
	first.crowd(300, nil)
	j := first.bulk(crm.ContactFilter{}, tagAll)
	await(t, "the worker", func() bool { return g.inside.Load() == 1 })
	// The database gives the job to somebody else.
	held, err := store.GetJob(context.Background(), first.owner.Workspace, j.ID)
	if err != nil {
		t.Fatal(err)
	}
	thief := held
	thief.Lease, thief.Version = crm.NewID(), held.Version+1
	if err := store.PutJob(context.Background(), first.owner.Workspace, thief, held.Version); err != nil {
		t.Fatal(err)
	}
	g.release()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	now, err := store.GetJob(context.Background(), first.owner.Workspace, j.ID)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "status", now.Status, crm.JobRunning)
	equal(t, "lease", now.Lease, thief.Lease)
	for _, c := range first.list(crm.ContactListQuery{}).Items {
		equal(t, "version", c.Version, 1)
	}
}

func TestAtMostFiveJobsOfAKindRunAtOnce(t *testing.T) {
	t.Parallel()
	g := newGate("ListContactIDs", 0)
	defer g.release()
	e := setupOn(t, hook(openStore(t), g.call), storeSearched, func(c *crm.Config) { c.Workers = 12 })
	e.people("Ana")
	var jobs []crm.ID
	for range 12 {
		jobs = append(jobs, e.bulk(crm.ContactFilter{}, tagAll).ID)
	}
	await(t, "five to run", func() bool { return g.inside.Load() == 5 })
	running := 0
	for range 20 { // Workers look again every 100 ms; none more may begin.
		l, err := e.Jobs.List(context.Background(), e.owner, crm.JobListQuery{Statuses: []crm.JobStatus{crm.JobRunning}})
		if err != nil {
			t.Fatal(err)
		}
		running = max(running, len(l.Items))
		if s, err := e.Jobs.Stats(context.Background(), e.owner); err != nil || len(s) != 2 {
			t.Errorf("stats: got %v (%v), want running and queued", s, err)
		}
	}
	g.release()
	for _, id := range jobs {
		e.succeeded(id)
	}
	equal(t, "most at once", max(int(g.most.Load()), running), 5)
}

func TestJobLists(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	var made []crm.ID
	for range 7 {
		j := e.bulk(crm.ContactFilter{}, tagAll)
		made = append(made, e.succeeded(j.ID).ID)
	}
	slices.Reverse(made)
	var got []crm.ID
	q := crm.JobListQuery{Limit: 3, Kinds: []crm.JobKind{crm.JobBulkUpdate}}
	for {
		l, err := e.Jobs.List(ctx, e.owner, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range l.Items {
			got = append(got, j.ID)
		}
		if q.Cursor = l.NextCursor; q.Cursor == "" {
			break
		}
	}
	equalList(t, "jobs", got, made)
	for _, c := range []struct {
		q     crm.JobListQuery
		field string
	}{
		{crm.JobListQuery{Limit: 201}, "limit"},
		{crm.JobListQuery{Limit: -1}, "limit"},
		{crm.JobListQuery{Statuses: []crm.JobStatus{"lost"}}, "status"},
		{crm.JobListQuery{Cursor: "x"}, "cursor"},
	} {
		_, err := e.Jobs.List(ctx, e.owner, c.q)
		wantInvalid(t, err, c.field)
	}
}

func TestPurgeErasesWhatLayInTheTrashForThirtyDays(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	now := newClock("2026-01-01T00:00:00Z")
	idle := func(c *crm.Config) { c.Workers = -1 }
	first := setupOn(t, store, now.config, idle)
	ctx := context.Background()
	made := first.people("Old", "Fresh", "Live", "Back")
	remove := func(i int) {
		t.Helper()
		if _, err := first.Contacts.Delete(ctx, first.owner, made[i].ID, 0); err != nil {
			t.Fatal(err)
		}
	}
	remove(0)
	remove(3)
	now.forward(24 * time.Hour)
	remove(1)
	if _, err := first.Contacts.Restore(ctx, first.owner, made[3].ID, 0); err != nil {
		t.Fatal(err)
	}
	now.forward(29*24*time.Hour + time.Minute)
	// Two processes start; the purge is queued once.
	worker := setupOn(t, store, now.config)
	setupOn(t, store, now.config)
	purges := crm.JobListQuery{Kinds: []crm.JobKind{crm.JobPurge}}
	await(t, "a purge", func() bool {
		l, err := first.Jobs.List(ctx, first.owner, purges)
		return err == nil && len(l.Items) > 0
	})
	l, err := worker.Jobs.List(ctx, worker.owner, purges)
	if err != nil || len(l.Items) != 1 {
		t.Fatalf("purges: got %d (%v), want 1", len(l.Items), err)
	}
	worker.succeeded(l.Items[0].ID)
	_, err = worker.Contacts.Get(ctx, worker.owner, made[0].ID)
	wantError(t, err, crm.ErrNotFound)
	for _, c := range made[1:] {
		worker.get(c.ID)
	}
	worker.sound()
}

// brokenQueue is a queue that cannot be reached.
type brokenQueue struct{ broken *atomic.Bool }

func (q brokenQueue) DispatchJobs(context.Context, []crm.JobTicket) error { return q.err() }

func (q brokenQueue) ReceiveJobs(context.Context, []crm.JobWant, int) ([]crm.JobTicket, error) {
	return nil, q.err()
}

func (q brokenQueue) err() error {
	if q.broken.Load() {
		return errBroken
	}
	return nil
}

func TestJobsAreTakenFromTheStoreWhileTheQueueIsDown(t *testing.T) {
	t.Parallel()
	var broken atomic.Bool
	broken.Store(true)
	e := setup(t, func(c *crm.Config) { c.Queue = brokenQueue{&broken} })
	e.people("Ana")
	e.succeeded(e.bulk(crm.ContactFilter{}, tagAll).ID)
	equal(t, "health", e.Health(context.Background()).Queue.Status, crm.ProbeDegraded)
	broken.Store(false)
	await(t, "the queue", func() bool { return e.Health(context.Background()).Queue.Status == crm.ProbeOK })
}
