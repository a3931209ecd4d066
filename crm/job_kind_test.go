package crm_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
)

// withKinds starts a CRM of its own on the store, after register.
func withKinds(t testing.TB, store crm.Store, register func(*crm.CRM) error, change ...func(*crm.Config)) *env {
	t.Helper()
	c := crm.Config{Store: store, Logger: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&c)
	}
	app, err := crm.New(c)
	if err != nil {
		t.Fatalf("new: %v", err)
	}
	if err := register(app); err != nil {
		t.Fatalf("register: %v", err)
	}
	if err := app.Start(context.Background()); err != nil {
		t.Fatalf("start: %v", err)
	}
	t.Cleanup(func() {
		if err := app.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return &env{CRM: app, t: t, store: store, owner: actorOf("acme", "olga", crm.RoleOwner)}
}

// oneKind registers a handler as "work".
func oneKind(handler crm.JobHandler, o crm.JobOptions) func(*crm.CRM) error {
	return func(app *crm.CRM) error { return app.Jobs.Register("work", handler, o) }
}

func (e *env) enqueue(in crm.NewJob) crm.Job {
	e.t.Helper()
	j, err := e.Jobs.Enqueue(context.Background(), e.owner, in)
	if err != nil {
		e.t.Fatalf("enqueue: %v", err)
	}
	return j
}

func (e *env) work(payload any) crm.Job {
	e.t.Helper()
	return e.enqueue(crm.NewJob{Kind: "work", Payload: payload})
}

// twoStores opens one file twice, as two processes do.
func twoStores(t testing.TB) [2]crm.Store {
	t.Helper()
	var stores [2]crm.Store
	path := filepath.Join(t.TempDir(), "crm.db")
	for i := range stores {
		s, err := sqlite.Open(context.Background(), path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Errorf("close store: %v", err)
			}
		})
		stores[i] = s
	}
	return stores
}

func nothing(context.Context, *crm.JobRun) error { return nil }

func TestRegistrationsThatAreRefused(t *testing.T) {
	t.Parallel()
	app, err := crm.New(crm.Config{Store: openStore(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { app.Close() }) //nolint:errcheck // It never fails.
	if err := app.Jobs.Register("work", nothing, crm.JobOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		kind    crm.JobKind
		handler crm.JobHandler
		o       crm.JobOptions
		fields  []string
	}{
		{"work", nothing, crm.JobOptions{}, []string{"kind"}},
		{crm.JobContactImport, nothing, crm.JobOptions{}, []string{"kind"}},
		{"gmail_sync", nothing, crm.JobOptions{}, []string{"kind"}},
		{"", nothing, crm.JobOptions{}, []string{"kind"}},
		{"Work", nothing, crm.JobOptions{}, []string{"kind"}},
		{"wörk", nothing, crm.JobOptions{}, []string{"kind"}},
		{crm.JobKind(strings.Repeat("w", 65)), nothing, crm.JobOptions{}, []string{"kind"}},
		{"other", nil, crm.JobOptions{}, []string{"handler"}},
		{"other", nothing, crm.JobOptions{Timeout: -1, MaxAttempts: -1, Limit: -1, PerWorkspace: -1, Priority: 2, Permission: "fly"}, []string{"Timeout", "MaxAttempts", "Limit", "PerWorkspace", "Priority", "Permission"}},
	} {
		wantInvalid(t, app.Jobs.Register(c.kind, c.handler, c.o), c.fields...)
	}
	wantInvalid(t, app.Jobs.Every("absent", time.Hour), "kind")
	wantInvalid(t, app.Jobs.Every(crm.JobPurge, time.Hour), "kind", "kind")
	wantInvalid(t, app.Jobs.Every("work", time.Millisecond), "period")
	if err := app.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	wantError(t, app.Jobs.Register("late", nothing, crm.JobOptions{}), crm.ErrUnavailable)
	wantError(t, app.Jobs.Every("work", time.Hour), crm.ErrUnavailable)
}

func TestJobsThatAreNotEnqueued(t *testing.T) {
	t.Parallel()
	e := withKinds(t, openStore(t), func(app *crm.CRM) error {
		return errors.Join(
			app.Jobs.Register("work", nothing, crm.JobOptions{}),
			app.Jobs.Register("account_sync", nothing, crm.JobOptions{Unique: true, Permission: crm.PermContactsErase}),
		)
	}, func(c *crm.Config) { c.Workers = -1 })
	ctx := context.Background()
	for _, c := range []struct {
		in    crm.NewJob
		field string
	}{
		{crm.NewJob{Kind: "absent"}, "kind"},
		{crm.NewJob{Kind: crm.JobPurge}, "kind"},
		{crm.NewJob{Kind: "account_sync"}, "subject"},
		{crm.NewJob{Kind: "work", RunAt: time.Now().AddDate(11, 0, 0)}, "runAt"},
		{crm.NewJob{Kind: "work", Priority: -2}, "priority"},
		{crm.NewJob{Kind: "work", Payload: make(chan int)}, "payload"},
	} {
		_, err := e.Jobs.Enqueue(ctx, e.owner, c.in)
		wantInvalid(t, err, c.field)
	}
	_, err := e.Jobs.Enqueue(ctx, e.owner, crm.NewJob{Kind: "work", Payload: strings.Repeat("x", 65<<10)})
	wantError(t, err, crm.ErrTooLarge)
	_, err = e.Jobs.EnqueueBatch(ctx, e.owner, make([]crm.NewJob, 1_001))
	wantError(t, err, crm.ErrTooLarge)
	_, err = e.Jobs.Enqueue(ctx, actorOf("acme", "vic", crm.RoleViewer), crm.NewJob{Kind: "work"})
	wantError(t, err, crm.ErrForbidden)
	_, err = e.Jobs.Enqueue(ctx, actorOf("acme", "mel", crm.RoleMember), crm.NewJob{Kind: "account_sync", Subject: crm.NewID()})
	wantError(t, err, crm.ErrForbidden)
	_, err = e.Jobs.Enqueue(ctx, crm.Actor{}, crm.NewJob{Kind: "work"})
	wantError(t, err, crm.ErrUnauthenticated)

	account := crm.NewID()
	first := e.enqueue(crm.NewJob{Kind: "account_sync", Subject: account})
	_, err = e.Jobs.EnqueueBatch(ctx, e.owner, []crm.NewJob{{Kind: "work"}, {Kind: "account_sync", Subject: account}})
	wantConflict(t, err, crm.ConflictExists)
	var conflict *crm.ConflictError
	if errors.As(err, &conflict) && conflict.ID != first.ID {
		t.Errorf("the conflict names %s, want %s", conflict.ID, first.ID)
	}
	list, err := e.Jobs.List(ctx, e.owner, crm.JobListQuery{})
	if err != nil || list.Total != 1 {
		t.Errorf("jobs: got %d (%v), want the one that was enqueued", list.Total, err)
	}
	planned := e.enqueue(crm.NewJob{Kind: "work", RunAt: time.Now().Add(time.Hour)})
	equal(t, "planned", planned.Status, crm.JobScheduled)
}

func TestAHandlerOfTheHostGoesOnFromItsCheckpoint(t *testing.T) {
	t.Parallel()
	type place struct{ Row int }
	var seen []int
	e := withKinds(t, openStore(t), oneKind(func(ctx context.Context, run *crm.JobRun) error {
		var rows int
		if err := run.Payload(&rows); err != nil {
			return err
		}
		var at place
		if _, err := run.Checkpoint(&at); err != nil {
			return err
		}
		for at.Row < rows {
			at.Row++
			seen = append(seen, at.Row) // One attempt at a time.
			run.Progress(int64(at.Row), int64(rows))
			if err := run.Save(ctx, at); err != nil {
				return err
			}
			if at.Row == 2 && run.Job.Attempt < 3 {
				return errors.New("the other side is away")
			}
		}
		return run.Result(map[string]int{"rows": at.Row})
	}, crm.JobOptions{}))
	j := e.succeeded(e.work(4).ID)
	equal(t, "rows seen", fmt.Sprint(seen), "[1 2 3 4]")
	equal(t, "attempts", j.Attempt, 2)
	equal(t, "result", string(j.Result), `{"rows":4}`)
	equal(t, "progress", fmt.Sprint(j.Done, "/", j.Total), "4/4")
	bad := e.finished(e.work("four").ID)
	equal(t, "a payload that does not fit", bad.ErrorCode, "invalid")
	equal(t, "its attempts", bad.Attempt, 1)
}

func TestWhatAHandlerMayNotKeep(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", 10<<20)
	e := withKinds(t, openStore(t), oneKind(func(ctx context.Context, run *crm.JobRun) error {
		var what string
		if err := run.Payload(&what); err != nil {
			return err
		}
		switch what {
		case "checkpoint":
			return run.Save(ctx, big)
		case "result":
			return run.Result(big)
		case "last result":
			return run.InTx(ctx, crm.JobStep{Last: true, Result: func() any { return big }}, func(crm.Tx) error { return nil })
		case "beyond":
			run.Progress(120, 100)
		case "below":
			run.Progress(-1, -5)
		}
		return nil
	}, crm.JobOptions{}))
	for _, what := range []string{"checkpoint", "result", "last result"} {
		j := e.finished(e.work(what).ID)
		if j.Status != crm.JobFailed || j.ErrorCode != "too_large" || j.Attempt != 1 || !strings.Contains(j.ErrorText, what[max(0, len(what)-6):]) {
			t.Errorf("%s of 10 MB: got %s, %s after %d attempts (%s), want failed, too_large after 1", what, j.Status, j.ErrorCode, j.Attempt, j.ErrorText)
		}
	}
	for what, want := range map[string]string{"beyond": "120/120", "below": "0/0"} {
		j := e.succeeded(e.work(what).ID)
		equal(t, "progress "+what, fmt.Sprintf("%d/%d", j.Done, j.Total), want)
	}
}

func TestAHandlerEndsItsJobWithItsWrites(t *testing.T) {
	t.Parallel()
	tag := func(name string) func(ctx context.Context, run *crm.JobRun) func(crm.Tx) error {
		return func(ctx context.Context, run *crm.JobRun) func(crm.Tx) error {
			return func(tx crm.Tx) error {
				return tx.AddTagCounts(ctx, run.Job.Workspace, []crm.TagDelta{{Key: name, Name: name, Delta: 1}})
			}
		}
	}
	store := openStore(t)
	var stolen error
	e := withKinds(t, store, func(app *crm.CRM) error {
		return errors.Join(
			app.Jobs.Register("work", func(ctx context.Context, run *crm.JobRun) error {
				if err := run.InTx(ctx, crm.JobStep{Last: true, Result: func() any { return "done" }}, tag("kept")(ctx, run)); err != nil {
					return err
				}
				return run.InTx(ctx, crm.JobStep{}, tag("late")(ctx, run)) // Its lease went with the end.
			}, crm.JobOptions{}),
			app.Jobs.Register("victim", func(ctx context.Context, run *crm.JobRun) error {
				j, err := store.GetJob(ctx, run.Job.Workspace, run.Job.ID)
				if err != nil {
					return err
				}
				j.Lease, j.Version = crm.NewID(), j.Version+1 // Somebody else's now.
				if err := store.PutJob(ctx, run.Job.Workspace, j, j.Version-1); err != nil {
					return err
				}
				stolen = run.InTx(ctx, crm.JobStep{Last: true}, tag("stolen")(ctx, run))
				return stolen
			}, crm.JobOptions{}))
	})
	j := e.succeeded(e.work(nil).ID)
	equal(t, "result", string(j.Result), `"done"`)
	victim := e.enqueue(crm.NewJob{Kind: "victim"})
	await(t, "the victim's handler to end", func() bool {
		j, err := e.Jobs.Get(context.Background(), e.owner, victim.ID)
		return err == nil && j.Status == crm.JobRunning && j.Version > 2
	})
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if stolen == nil {
		t.Error("InTx under a lost lease: got no error, want one")
	}
	tags, err := e.Tags.List(context.Background(), e.owner)
	if err != nil || len(tags) != 1 || tags[0].Key != "kept" || tags[0].Count != 1 {
		t.Errorf("tags: got %+v (%v), want the one that was kept", tags, err)
	}
}

func TestACancelReachesAHandlerInAnotherProcess(t *testing.T) {
	t.Parallel()
	stores := twoStores(t)
	var began, stopped atomic.Int64
	handler := func(ctx context.Context, _ *crm.JobRun) error {
		began.Store(1)
		<-ctx.Done()
		stopped.Store(time.Now().UnixNano())
		return ctx.Err()
	}
	asker := withKinds(t, stores[0], oneKind(handler, crm.JobOptions{}), func(c *crm.Config) { c.Workers = -1 })
	withKinds(t, stores[1], oneKind(handler, crm.JobOptions{}))
	j := asker.work(nil)
	await(t, "the handler", func() bool { return began.Load() == 1 })
	asked := time.Now()
	if _, err := asker.Jobs.Cancel(context.Background(), asker.owner, j.ID, 0); err != nil {
		t.Fatal(err)
	}
	equal(t, "status", asker.finished(j.ID).Status, crm.JobCancelled)
	took := time.Unix(0, stopped.Load()).Sub(asked)
	t.Logf("the handler stopped %s after the cancel", took)
	if took > 2*time.Second { // A second on a machine with nothing else to do; a heartbeat is three.
		t.Errorf("the handler stopped %s after the cancel, want a second", took)
	}
}

func TestAHandlerThatIgnoresItsContextIsReportedAndLeftBehind(t *testing.T) {
	t.Parallel()
	var log syncBuffer
	release := make(chan struct{})
	var running, wrote atomic.Int64
	store := openStore(t)
	app := withKinds(t, store, func(app *crm.CRM) error {
		stubborn := func(_ context.Context, run *crm.JobRun) error {
			running.Add(1)
			defer running.Add(-1)
			<-release
			if run.InTx(context.Background(), crm.JobStep{}, func(crm.Tx) error { return nil }) == nil {
				wrote.Add(1)
			}
			return nil
		}
		return errors.Join(app.Jobs.Register("work", stubborn, crm.JobOptions{Limit: 1}), app.Jobs.Register("brief", stubborn, crm.JobOptions{Timeout: time.Millisecond, MaxAttempts: 1}))
	}, func(c *crm.Config) {
		c.JobGrace, c.Logger = 20*time.Millisecond, slog.New(slog.NewTextHandler(&log, nil))
	})
	cancelled, late := app.work(nil), app.enqueue(crm.NewJob{Kind: "brief"})
	await(t, "both handlers", func() bool { return running.Load() == 2 })
	if _, err := app.Jobs.Cancel(context.Background(), app.owner, cancelled.ID, 0); err != nil {
		t.Fatal(err)
	}
	equal(t, "cancelled", app.finished(cancelled.ID).Status, crm.JobCancelled)
	j := app.finished(late.ID)
	equal(t, "beyond its time", fmt.Sprint(j.Status, j.ErrorCode), "failedtimeout")
	third := app.enqueue(crm.NewJob{Kind: "brief"})
	await(t, "a third handler", func() bool { return running.Load() == 3 })
	if err := app.Close(); err != nil { // It returns although three are still at it.
		t.Fatal(err)
	}
	equal(t, "handlers left", running.Load(), 3)
	if got := strings.Count(log.String(), "ignores the end of its context"); got != 3 {
		t.Errorf("reports: got %d, want 3, in\n%s", got, log.String())
	}
	_ = third
	close(release)
	await(t, "the handlers to end", func() bool { return running.Load() == 0 })
	equal(t, "writes of handlers that were left behind", wrote.Load(), 0)
}

// syncBuffer is a log that goroutines share.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func (e *env) workBatch(n int) []crm.Job {
	e.t.Helper()
	in := make([]crm.NewJob, n)
	for i := range in {
		in[i] = crm.NewJob{Kind: "work", Payload: i}
	}
	jobs, err := e.Jobs.EnqueueBatch(context.Background(), e.owner, in)
	if err != nil {
		e.t.Fatalf("enqueue batch: %v", err)
	}
	return jobs
}

// awaitCounts waits until the figures of a kind and state are so.
func (e *env) awaitCounts(kind crm.JobKind, status crm.JobStatus, n int) {
	e.t.Helper()
	await(e.t, fmt.Sprintf("%d jobs that are %s", n, status), func() bool {
		counts, err := e.Jobs.Stats(context.Background(), e.owner)
		if err != nil {
			e.t.Fatal(err)
		}
		for _, c := range counts {
			if c.Kind == kind && c.Status == status {
				return c.Count == n
			}
		}
		return n == 0
	})
}

func TestASlowJobOfABatchHoldsNoOtherUp(t *testing.T) {
	t.Parallel()
	var done atomic.Int64
	others := make(chan struct{})
	const n = 60
	e := withKinds(t, openStore(t), oneKind(func(ctx context.Context, run *crm.JobRun) error {
		var i int
		if err := run.Payload(&i); err != nil {
			return err
		}
		if i == 3 {
			select {
			case <-others:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if done.Add(1) == n-1 {
			close(others)
		}
		return nil
	}, crm.JobOptions{Short: true}), func(c *crm.Config) { c.Workers = 2 })
	e.workBatch(n)
	e.awaitCounts("work", crm.JobSucceeded, n)
	equal(t, "handled", done.Load(), n)
	list, err := e.Jobs.List(context.Background(), e.owner, crm.JobListQuery{Limit: 200})
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range list.Items {
		equal(t, "attempt", j.Attempt, 1)
	}
}

func TestLongAndShortKindsLeaveRoomToEachOther(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var long atomic.Int64
	e := withKinds(t, openStore(t), func(app *crm.CRM) error {
		return errors.Join(app.Jobs.Register("long", func(ctx context.Context, _ *crm.JobRun) error {
			long.Add(1)
			select {
			case <-release:
			case <-ctx.Done():
			}
			return ctx.Err()
		}, crm.JobOptions{}), app.Jobs.Register("work", nothing, crm.JobOptions{Short: true}))
	}, func(c *crm.Config) { c.Workers = 3 })
	for range 5 {
		e.enqueue(crm.NewJob{Kind: "long"})
	}
	await(t, "two long jobs", func() bool { return long.Load() == 2 })
	e.workBatch(300)
	e.awaitCounts("work", crm.JobSucceeded, 300)
	equal(t, "long jobs that run", long.Load(), 2)
	close(release)
	e.awaitCounts("long", crm.JobSucceeded, 5)
}

func TestABoundOfAWorkspaceHoldsOverProcesses(t *testing.T) {
	t.Parallel()
	stores := twoStores(t)
	var mu sync.Mutex
	now, most := map[crm.WorkspaceID]int{}, map[crm.WorkspaceID]int{}
	handler := func(_ context.Context, run *crm.JobRun) error {
		ws := run.Job.Workspace
		mu.Lock()
		now[ws]++
		most[ws] = max(most[ws], now[ws])
		mu.Unlock()
		defer func() {
			mu.Lock()
			now[ws]--
			mu.Unlock()
		}()
		return run.Save(context.Background(), 1) // It takes a little.
	}
	var e *env
	for _, s := range stores {
		e = withKinds(t, s, oneKind(handler, crm.JobOptions{PerWorkspace: 2}), func(c *crm.Config) { c.Workers = 4 })
	}
	other := *e
	other.owner = actorOf("umbrella", "olga", crm.RoleOwner)
	e.workBatch(40)
	other.workBatch(40)
	e.awaitCounts("work", crm.JobSucceeded, 40)
	other.awaitCounts("work", crm.JobSucceeded, 40)
	for _, ws := range []crm.WorkspaceID{e.owner.Workspace, other.owner.Workspace} {
		if most[ws] > 2 {
			t.Errorf("at once in a workspace: got %d, want at most 2", most[ws])
		}
	}
}

func TestJobsOfAHighPriorityRunFirst(t *testing.T) {
	t.Parallel()
	var order []string
	first := make(chan struct{})
	e := withKinds(t, openStore(t), oneKind(func(_ context.Context, run *crm.JobRun) error {
		var name string
		if err := run.Payload(&name); err != nil {
			return err
		}
		if name == "first" {
			<-first
		}
		order = append(order, name) // One worker.
		return nil
	}, crm.JobOptions{}), func(c *crm.Config) { c.Workers = 1 })
	e.work("first")
	e.awaitCounts("work", crm.JobRunning, 1)
	for _, p := range []crm.JobPriority{crm.PriorityLow, crm.PriorityNormal, crm.PriorityHigh} {
		e.enqueue(crm.NewJob{Kind: "work", Payload: p.String(), Priority: p})
	}
	close(first)
	e.awaitCounts("work", crm.JobSucceeded, 4)
	equal(t, "order", strings.Join(order, " "), "first high normal low")
}

func TestAHandlerThatGivesUpItsGoroutineFailsItsJobOnly(t *testing.T) {
	t.Parallel()
	e := withKinds(t, openStore(t), oneKind(func(_ context.Context, run *crm.JobRun) error {
		if len(run.Job.Payload) > 4 {
			panic("secret")
		}
		return nil
	}, crm.JobOptions{MaxAttempts: 1, Short: true}))
	bad := e.finished(e.work("panic").ID)
	equal(t, "status", bad.Status, crm.JobFailed)
	if strings.Contains(bad.ErrorText, "secret") {
		t.Errorf("error: got %q, want it without the inside", bad.ErrorText)
	}
	e.succeeded(e.work(nil).ID)
	again, err := e.Jobs.Retry(context.Background(), e.owner, bad.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "attempts after a retry by hand", again.MaxAttempts, 2)
	equal(t, "dead again", e.finished(bad.ID).Status, crm.JobFailed)
}

func TestAPeriodicJobRunsOncePerPeriod(t *testing.T) {
	t.Parallel()
	stores := twoStores(t)
	now := newClock("2026-01-01T00:30:00Z")
	var runs atomic.Int64
	var apps []*env
	for _, s := range stores {
		apps = append(apps, withKinds(t, s, func(app *crm.CRM) error {
			err := app.Jobs.Register("nightly", func(_ context.Context, run *crm.JobRun) error {
				if !run.Job.Workspace.IsZero() || run.Actor().May(crm.PermContactsRead) {
					return errors.New("it belongs to a workspace")
				}
				return run.Result(runs.Add(1))
			}, crm.JobOptions{})
			return errors.Join(err, app.Jobs.Every("nightly", time.Hour))
		}, now.config))
	}
	e := apps[0]
	last := func() crm.PeriodicJob {
		t.Helper()
		all, err := e.Jobs.Periodic(context.Background(), e.owner)
		if err != nil || len(all) != 3 {
			t.Fatalf("periodic: got %d (%v), want the host's, insights and the purge", len(all), err)
		}
		return all[1]
	}
	for n, forward := range []time.Duration{0, time.Hour, 50 * time.Hour, time.Hour} {
		now.forward(forward)
		await(t, "the next run", func() bool { return runs.Load() > int64(n) && last().Status == crm.JobSucceeded })
		equal(t, "runs", runs.Load(), int64(n)+1)
	}
	p := last()
	equal(t, "kind", p.Kind, "nightly")
	equal(t, "next", p.NextAt.Format(time.RFC3339), "2026-01-03T05:00:00Z")
	equal(t, "began and ended", p.StartedAt.IsZero() || p.FinishedAt.IsZero(), false)
	// Both have looked since, and nothing is due.
	now.forward(20 * time.Minute)
	looks := func() int {
		l, err := e.Jobs.List(context.Background(), e.owner, crm.JobListQuery{})
		if err != nil {
			t.Fatal(err)
		}
		return l.Total
	}
	equal(t, "jobs that a workspace sees", looks(), 0)
	_, err := e.Jobs.Periodic(context.Background(), actorOf("acme", "mel", crm.RoleMember))
	wantError(t, err, crm.ErrForbidden)
	equal(t, "runs", runs.Load(), 4)
}
