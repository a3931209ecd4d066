package crmtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// delivery is a store with a queue of its own in front.
type delivery struct {
	*testing.T
	store crm.Store
	queue crm.JobQueue
	actor crm.Actor
}

// TestJobDelivery checks that every job of a CRM runs whose Config.Queue is the
// queue under test: at once, after a failure, after the death of its worker,
// when the queue lost it, and beside the backlog of another workspace. open returns a new, empty store, whose own queue
// is not used, and a new, empty queue.
func TestJobDelivery(t *testing.T, open func(testing.TB) (crm.Store, crm.JobQueue)) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(d *delivery)
	}{
		{"jobs of several workspaces run, each once", testDeliverMany},
		{"a job that failed is tried again", testDeliverRetry},
		{"a job whose worker died runs again", testDeliverLostWorker},
		{"a job whose ticket was lost runs", testDeliverLostTicket},
		{"a job that was put while the queue was down runs", testDeliverAfterOutage},
		{"the backlog of one workspace does not hide another's job", testDeliverFair},
		{"an empty queue answers at once with nothing", func(d *delivery) {
			got, err := d.queue.ReceiveJobs(d.Context(), wants(crm.JobBulkUpdate), 10)
			if err != nil || len(got) != 0 {
				d.Errorf("ReceiveJobs: got %d tickets (%v), want none", len(got), err)
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			store, queue := open(t)
			test.run(&delivery{T: t, store: store, queue: queue, actor: crm.Actor{
				Workspace: workspaceNamed(t.Name()), User: crm.NamedID(t.Name()), Role: crm.RoleOwner,
			}})
		})
	}
}

// open wires a CRM that ends with the test; the work is not started.
func (d *delivery) open(change func(c *crm.Config)) *crm.CRM {
	d.Helper()
	c := crm.Config{Store: d.store, Queue: d.queue, Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&c)
	}
	app, err := crm.New(c)
	d.ok("New", err)
	d.Cleanup(func() {
		if err := app.Close(); err != nil {
			d.Errorf("Close: %v", err)
		}
	})
	return app
}

func (d *delivery) start(app *crm.CRM) {
	d.Helper()
	// Not the test's own context: that ends before the clean-up.
	d.ok("Start", app.Start(context.WithoutCancel(d.Context())))
}

func (d *delivery) ok(what string, err error) {
	d.Helper()
	if err != nil {
		d.Fatalf("%s: %v", what, err)
	}
}

// bulk makes a contact and starts a job on it.
func (d *delivery) bulk(app *crm.CRM, actor crm.Actor) crm.Job {
	d.Helper()
	_, err := app.Contacts.Create(d.Context(), actor, crm.NewContact{DisplayName: "Somebody"})
	d.ok("Create", err)
	j, err := app.Contacts.BulkByFilter(d.Context(), actor, crm.ContactFilter{}, crm.BulkAction{Verb: crm.BulkTag, AddTags: []string{"x"}})
	d.ok("BulkByFilter", err)
	return j
}

// succeeds waits until a job has succeeded. It waits longer than others do:
// leases have to run out first.
func (d *delivery) succeeds(app *crm.CRM, actor crm.Actor, id crm.ID) crm.Job {
	d.Helper()
	var j crm.Job
	done := func() bool {
		var err error
		j, err = app.Jobs.Get(d.Context(), actor, id)
		d.ok("Get", err)
		return j.Status.Final()
	}
	for range 3 {
		if await(d.T, done) {
			break
		}
	}
	if j.Status != crm.JobSucceeded {
		d.Fatalf("the job: got %s after %d attempts (%s), want succeeded", j.Status, j.Attempt, j.ErrorText)
	}
	return j
}

func testDeliverMany(d *delivery) {
	app := d.open(nil)
	d.start(app)
	type mine struct {
		actor crm.Actor
		job   crm.Job
	}
	var all []mine
	for i := range 10 {
		actor := d.actor
		actor.Workspace = workspaceNamed(fmt.Sprint(d.Name(), i%5))
		all = append(all, mine{actor, d.bulk(app, actor)})
	}
	for _, m := range all {
		if j := d.succeeds(app, m.actor, m.job.ID); j.Attempt != 1 {
			d.Errorf("attempts of a job that never failed: got %d, want 1", j.Attempt)
		}
	}
}

// failingOnce is a store of files whose first write fails.
type failingOnce struct {
	crm.Blobs
	once *sync.Once
}

func (b failingOnce) PutBlob(ctx context.Context, ws crm.WorkspaceID, id crm.ID, r io.Reader) (int64, error) {
	var err error
	b.once.Do(func() { err = errors.New("the disk is away") })
	if err != nil {
		return 0, err
	}
	return b.Blobs.PutBlob(ctx, ws, id, r)
}

func testDeliverRetry(d *delivery) {
	app := d.open(func(c *crm.Config) { c.Blobs = failingOnce{d.store, &sync.Once{}} })
	d.start(app)
	if j := d.succeeds(app, d.actor, d.bulk(app, d.actor).ID); j.Attempt != 2 {
		d.Errorf("attempts: got %d, want 2", j.Attempt)
	}
}

// taken receives tickets until the job's is among them, or the queue, which
// may have lost it, has none.
func (d *delivery) taken(j crm.Job) {
	d.Helper()
	await(d.T, func() bool {
		tickets, err := d.queue.ReceiveJobs(d.Context(), wants(crm.JobBulkUpdate), 10)
		d.ok("ReceiveJobs", err)
		return len(tickets) == 0
	})
	if _, err := d.store.GetJob(d.Context(), j.Workspace, j.ID); err != nil {
		d.Fatalf("GetJob: %v", err)
	}
}

func testDeliverLostWorker(d *delivery) {
	j := d.bulk(d.open(nil), d.actor)
	d.taken(j)
	claimed, err := d.store.ClaimJobs(d.Context(), []crm.JobTicket{ticketOf(j)}, crm.JobClaim{Lease: recordID(j.Workspace, 900), Valid: time.Millisecond})
	d.ok("ClaimJobs", err)
	if len(claimed) != 1 {
		d.Fatalf("ClaimJobs: got %d jobs, want the one", len(claimed))
	}
	app := d.open(nil)
	d.start(app)
	d.succeeds(app, d.actor, j.ID)
}

func testDeliverLostTicket(d *delivery) {
	app := d.open(nil)
	j := d.bulk(app, d.actor)
	d.taken(j)
	d.start(app) // It has handed the ticket over and does not know that it is gone.
	d.succeeds(app, d.actor, j.ID)
}

// down is a queue that cannot be reached for now.
type down struct{ crm.JobQueue }

func (down) DispatchJobs(context.Context, []crm.JobTicket) error {
	return fmt.Errorf("dial: %w", crm.ErrUnavailable)
}

func testDeliverAfterOutage(d *delivery) {
	j := d.bulk(d.open(func(c *crm.Config) { c.Queue = down{d.queue} }), d.actor)
	app := d.open(nil)
	d.start(app)
	d.succeeds(app, d.actor, j.ID)
}

// testDeliverFair enqueues a job while thousands of another workspace wait, and
// looks how many of those still do when it has run.
func testDeliverFair(d *delivery) {
	const kind, backlog, pace = crm.JobKind("paced"), 3_000, time.Millisecond
	app := d.open(nil)
	d.ok("Register", app.Jobs.Register(kind, func(ctx context.Context, _ *crm.JobRun) error {
		select {
		case <-ctx.Done():
		case <-time.After(pace): // It stands for work.
		}
		return ctx.Err()
	}, crm.JobOptions{Short: true}))
	d.start(app)
	busy, quiet := d.actor, d.actor
	quiet.Workspace = workspaceNamed(d.Name() + " quiet")
	for done := 0; done < backlog; done += crm.MaxBatch {
		in := make([]crm.NewJob, min(crm.MaxBatch, backlog-done))
		for i := range in {
			in[i].Kind = kind
		}
		_, err := app.Jobs.EnqueueBatch(d.Context(), busy, in)
		d.ok("EnqueueBatch", err)
	}
	j, err := app.Jobs.Enqueue(d.Context(), quiet, crm.NewJob{Kind: kind})
	d.ok("Enqueue", err)
	d.succeeds(app, quiet, j.ID)
	counts, err := app.Jobs.Stats(d.Context(), busy)
	d.ok("Stats", err)
	waiting := backlog
	for _, c := range counts {
		if c.Status.Final() {
			waiting -= c.Count
		}
	}
	if waiting < backlog/4 {
		d.Errorf("of %d jobs of another workspace %d were left when the one had run, want at least a quarter", backlog, waiting)
	}
}
