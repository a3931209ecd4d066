package crm_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// A process dies right after the transaction that ends its job: nobody is left
// to write anything more.
func TestTheEndOfAnImportIsOneTransactionWithItsJob(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(e *env, i crm.Import, g *gate) error{
		"failed": func(_ *env, _ crm.Import, g *gate) error {
			g.release()
			return nil
		},
		"cancelled": func(e *env, i crm.Import, g *gate) error {
			return g.releaseAfter(e.t, func() error {
				_, err := e.Jobs.Cancel(context.Background(), e.owner, i.JobID, 0)
				return err
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			g := newGate("PutContacts", 1)
			killed := &killedAtTheEnd{hookedStore: hook(openStore(t), func(method string) error {
				if err := g.call(method); err != nil {
					return err
				}
				if name == "failed" && method == "PutContacts" && g.pass.Load() < 0 {
					return crm.Invalid("file", crm.CodeInvalid, "is bad")
				}
				return nil
			})}
			e := setupOn(t, killed)
			i, err := e.Imports.Create(ctx, e.owner, jsonl(lines(numbered(0, severalChunks)...)))
			if err != nil {
				t.Fatal(err)
			}
			if i, _, err = e.Imports.Commit(ctx, e.owner, i.ID, 0, crm.ImportOptions{}); err != nil {
				t.Fatal(err)
			}
			killed.job.Store(&i.JobID)
			await(t, "the second chunk", func() bool { return g.inside.Load() == 1 })
			if err := end(e, i, g); err != nil {
				t.Fatal(err)
			}
			await(t, "the kill", killed.dead.Load)
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			left, err := killed.inner.GetImport(ctx, e.owner.Workspace, i.ID)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "status", left.Status, crm.ImportFailed)
			equal(t, "reason", left.ErrorText != "", true)
			next := setupOn(t, killed.inner)
			next.sound()
			next.undo(i.ID)
			equal(t, "contacts after the undo", next.list(crm.ContactListQuery{}).Total, 0)
		})
	}
}

// killedAtTheEnd lets nothing through after the transaction in which a job
// became final.
type killedAtTheEnd struct {
	*hookedStore
	job  atomic.Pointer[crm.ID]
	dead atomic.Bool
}

func (s *killedAtTheEnd) InTx(ctx context.Context, fn func(tx crm.Tx) error) error {
	if s.dead.Load() {
		return errors.New("killed")
	}
	err := s.hookedStore.InTx(ctx, fn)
	if id := s.job.Load(); id != nil && err == nil {
		j, getErr := s.inner.GetJob(context.Background(), actorOf("acme", "olga", crm.RoleOwner).Workspace, *id)
		if getErr == nil && (j.Status == crm.JobFailed || j.Status == crm.JobCancelled) {
			s.dead.Store(true)
		}
	}
	return err
}

func TestTwentyLostLeasesFailAJobAndItsImport(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	store := openStore(t)
	idle := setupOn(t, store, func(c *crm.Config) { c.Workers = -1 })
	i, err := idle.Imports.Create(ctx, idle.owner, jsonl(lines(numbered(0, 10)...)))
	if err != nil {
		t.Fatal(err)
	}
	i, j, err := idle.Imports.Commit(ctx, idle.owner, i.ID, 0, crm.ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	lose := func(times int) {
		t.Helper()
		ticket := crm.JobTicket{Workspace: idle.owner.Workspace, Job: j.ID, Kind: j.Kind}
		for range times {
			await(t, "the claim", func() bool {
				claimed, err := store.ClaimJobs(ctx, []crm.JobTicket{ticket}, crm.JobClaim{Lease: crm.NewID(), Valid: time.Microsecond})
				return err == nil && len(claimed) == 1
			})
			await(t, "the lease to be lost", func() bool {
				n, err := store.ReleaseLost(ctx, 1_000, 10)
				return err == nil && n == 1
			})
		}
	}
	lose(20)
	worker := setupOn(t, store)
	failed := worker.finished(j.ID)
	equal(t, "status", failed.Status, crm.JobFailed)
	equal(t, "code", failed.ErrorCode, "lost")
	equal(t, "attempts", failed.Attempt, 0)
	i = worker.theImport(i.ID)
	equal(t, "import", i.Status, crm.ImportFailed)
	equal(t, "its reason", i.ErrorText, failed.ErrorText)
	equal(t, "contacts", worker.list(crm.ContactListQuery{}).Total, 0)
	worker.sound()
	if _, err := worker.Jobs.Retry(ctx, worker.owner, j.ID, 0); err != nil {
		t.Fatal(err)
	}
	worker.succeeded(j.ID)
	equal(t, "contacts after the retry", worker.list(crm.ContactListQuery{}).Total, 10)
	worker.sound()
}

func TestNineteenLostLeasesDoNotFailAJob(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	store := openStore(t)
	idle := setupOn(t, store, func(c *crm.Config) { c.Workers = -1 })
	idle.people("Ana")
	j := idle.bulk(crm.ContactFilter{}, tagAll)
	held, err := store.GetJob(ctx, idle.owner.Workspace, j.ID)
	if err != nil {
		t.Fatal(err)
	}
	lost := held
	lost.Losses, lost.Version = 19, held.Version+1
	if err := store.PutJob(ctx, idle.owner.Workspace, lost, held.Version); err != nil {
		t.Fatal(err)
	}
	done := setupOn(t, store).succeeded(j.ID)
	equal(t, "changed", bulkResult(t, done).Changed, 1)
	equal(t, "losses after progress", done.Losses, 0)
}

// A run whose process was killed is taken over by the same command, as soon as
// the lease has run out by itself in the database's own time.
func TestARunGoesOnWhenTheLeaseOfAKilledOneHasRunOut(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	var calls atomic.Int64
	var dead atomic.Bool
	killed := errors.New("killed")
	first := setupOn(t, hook(store, func(method string) error {
		if method == "PutContacts" && calls.Add(1) == 3 {
			dead.Store(true)
		}
		if dead.Load() {
			return killed
		}
		return nil
	}))
	_, err := first.Imports.Run(context.Background(), first.owner, crm.RunImport{NewImport: jsonl(lines(numbered(0, severalChunks)...))})
	wantError(t, err, killed)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := setupOn(t, store, func(c *crm.Config) { c.Workers = -1 }) // Nobody else takes it.
	left := second.imports()[0]
	equal(t, "status", left.Status, crm.ImportCommitting)
	held, err := second.Jobs.Get(context.Background(), second.owner, left.JobID)
	if err != nil || held.Status != crm.JobRunning {
		t.Fatalf("job: got %s (%v), want it to be held still", held.Status, err)
	}
	i := second.run(crm.ImportOptions{}, numbered(0, severalChunks)...)
	equal(t, "import", i.ID, left.ID)
	equal(t, "status", i.Status, crm.ImportCommitted)
	equal(t, "rows", i.Counts.Rows, severalChunks)
	equal(t, "created", i.Counts.Created, severalChunks)
	equal(t, "contacts", second.list(crm.ContactListQuery{}).Total, severalChunks)
	second.sound()
}

// What a dry run foretold is not what was written.
func TestAnImportThatWroteNothingHasNoFigures(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(e *env, i crm.Import, g *gate) error{
		"failed at the first chunk": func(_ *env, _ crm.Import, g *gate) error {
			g.release()
			return nil
		},
		"cancelled at once": func(e *env, i crm.Import, g *gate) error {
			return g.releaseAfter(e.t, func() error {
				_, err := e.Jobs.Cancel(context.Background(), e.owner, i.JobID, 0)
				return err
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			g := newGate("PutContacts", 0)
			e := setupOn(t, hook(openStore(t), func(method string) error {
				if err := g.call(method); err != nil {
					return err
				}
				if method == "PutContacts" {
					return crm.Invalid("file", crm.CodeInvalid, "is bad")
				}
				return nil
			}))
			i, err := e.Imports.Create(ctx, e.owner, jsonl(lines(numbered(0, 50)...)))
			if err != nil {
				t.Fatal(err)
			}
			if i, err = e.Imports.Preview(ctx, e.owner, i.ID, crm.ImportOptions{}); err != nil {
				t.Fatal(err)
			}
			equal(t, "created by the dry run", i.Counts.Created, 50)
			if i, _, err = e.Imports.Commit(ctx, e.owner, i.ID, 0, crm.ImportOptions{}); err != nil {
				t.Fatal(err)
			}
			equal(t, "figures when it began", i.Counts, crm.ImportCounts{})
			await(t, "the first chunk", func() bool { return g.inside.Load() == 1 })
			if err := end(e, i, g); err != nil {
				t.Fatal(err)
			}
			e.finished(i.JobID)
			i = e.theImport(i.ID)
			equal(t, "status", i.Status, crm.ImportFailed)
			equal(t, "figures", i.Counts, crm.ImportCounts{})
			equal(t, "rows", len(e.rows(i.ID)), 0)
		})
	}
}

// A job that is cancelled before anybody took it leaves no rows of the dry run.
func TestAnImportThatNeverBeganHasNoFigures(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	e := setup(t, func(c *crm.Config) { c.Workers = -1 })
	i, err := e.Imports.Create(ctx, e.owner, jsonl(lines(numbered(0, 5)...)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = e.Imports.Preview(ctx, e.owner, i.ID, crm.ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	_, j, err := e.Imports.Commit(ctx, e.owner, i.ID, 0, crm.ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Jobs.Cancel(ctx, e.owner, j.ID, 0); err != nil {
		t.Fatal(err)
	}
	i = e.theImport(i.ID)
	equal(t, "status", i.Status, crm.ImportFailed)
	equal(t, "figures", i.Counts, crm.ImportCounts{})
	equal(t, "rows", len(e.rows(i.ID)), 0)
}
