package crm_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

// roll returns what an import leaves behind that does not depend on when it
// ran: the names with their emails.
func (e *env) roll() string {
	e.t.Helper()
	var b strings.Builder
	for _, id := range e.walk(crm.ContactListQuery{Sort: crm.SortDisplayName, PageSize: 200}) {
		c := e.get(id)
		b.WriteString(c.DisplayName + " " + c.PrimaryEmail() + " " + strings.Join(c.Tags, ",") + "\n")
	}
	return b.String()
}

func wantWholeImport(t *testing.T, e *env, i crm.Import, rows int) {
	t.Helper()
	fresh := setup(t)
	whole := fresh.run(crm.ImportOptions{}, numbered(0, rows)...)
	equal(t, "figures", i.Counts, whole.Counts)
	equal(t, "contacts", e.roll(), fresh.roll())
	e.sound()
	e.undo(i.ID)
	equal(t, "contacts after the undo", e.list(crm.ContactListQuery{}).Total, 0)
	e.sound()
}

// A process that is killed cannot say goodbye: from some call on nothing of it
// reaches the store. Another one takes over when the lease has run out.
func TestAKilledImportGoesOnWithoutLossOrCopies(t *testing.T) {
	t.Parallel()
	var second []*env
	var imports []crm.ID
	for method, after := range map[string]int64{"PutImport": 4, "AppendEvents": 4, "CheckLease": 3} {
		store, i := killImport(t, method, after)
		second, imports = append(second, setupOn(t, store)), append(imports, i)
	}
	for n, e := range second { // All of them wait for the lease at the same time.
		i, err := e.Imports.Get(context.Background(), e.owner, imports[n])
		if err != nil {
			t.Fatal(err)
		}
		e.succeeded(i.JobID)
		if i, err = e.Imports.Get(context.Background(), e.owner, i.ID); err != nil {
			t.Fatal(err)
		}
		equal(t, "status", i.Status, crm.ImportCommitted)
		wantWholeImport(t, e, i, severalChunks)
	}
}

// killImport lets a process die at a call of a method, in the middle of an import.
func killImport(t *testing.T, method string, after int64) (crm.Store, crm.ID) {
	t.Helper()
	store := openStore(t)
	var calls atomic.Int64
	var armed, dead atomic.Bool
	killed := errors.New("killed")
	e := setupOn(t, hook(store, func(called string) error {
		if armed.Load() && called == method && calls.Add(1) >= after {
			dead.Store(true)
		}
		if dead.Load() {
			return killed
		}
		return nil
	}))
	ctx := context.Background()
	i, err := e.Imports.Create(ctx, e.owner, jsonl(lines(numbered(0, severalChunks)...)))
	if err != nil {
		t.Fatal(err)
	}
	armed.Store(true)
	if _, _, err = e.Imports.Commit(ctx, e.owner, i.ID, 0, crm.ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	await(t, "the kill", dead.Load)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return store, i.ID
}

func TestAnInterruptedRunGoesOnWithTheSameFile(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	ctx, interrupt := context.WithCancel(context.Background())
	defer interrupt()
	var chunks atomic.Int64
	e := setupOn(t, hook(store, func(method string) error {
		if method == "PutContacts" && chunks.Add(1) == 3 {
			interrupt()
		}
		return nil
	}))
	_, err := e.Imports.Run(ctx, e.owner, crm.RunImport{NewImport: jsonl(lines(numbered(0, severalChunks)...))})
	wantError(t, err, context.Canceled)
	list, err := e.Imports.List(context.Background(), e.owner, crm.ID{}, 10)
	if err != nil || len(list) != 1 || list[0].Checkpoint == 0 || list[0].Checkpoint == severalChunks {
		t.Fatalf("imports: got %+v (%v), want one that has begun", list, err)
	}
	var last int64
	i, err := e.Imports.Run(context.Background(), e.owner, crm.RunImport{
		NewImport: jsonl(lines(numbered(0, severalChunks)...)),
		Progress: func(done, total int64) {
			if done < last || done > total {
				t.Errorf("progress: got %d after %d of %d", done, last, total)
			}
			last = done
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "import", i.ID, list[0].ID)
	equal(t, "status", i.Status, crm.ImportCommitted)
	wantWholeImport(t, e, i, severalChunks)
}

func TestACancelledImportCanGoOnOrBeUndone(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	begin := func(t *testing.T) (*env, crm.Import) {
		t.Helper()
		g := newGate("PutContacts", 1)
		e := setupOn(t, hook(openStore(t), g.call))
		i, err := e.Imports.Create(ctx, e.owner, jsonl(lines(numbered(0, severalChunks)...)))
		if err != nil {
			t.Fatal(err)
		}
		if i, _, err = e.Imports.Commit(ctx, e.owner, i.ID, 0, crm.ImportOptions{}); err != nil {
			t.Fatal(err)
		}
		await(t, "the second chunk", func() bool { return g.inside.Load() == 1 })
		err = g.releaseAfter(t, func() error {
			_, err := e.Jobs.Cancel(ctx, e.owner, i.JobID, 0)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "job", e.finished(i.JobID).Status, crm.JobCancelled)
		await(t, "the import to know", func() bool {
			i, err = e.Imports.Get(ctx, e.owner, i.ID)
			return err == nil && i.Status == crm.ImportFailed
		})
		return e, i
	}
	t.Run("it goes on", func(t *testing.T) {
		t.Parallel()
		e, i := begin(t)
		_, _, err := e.Imports.Commit(ctx, e.owner, i.ID, 0, crm.ImportOptions{OnDuplicate: crm.DuplicateSkip})
		wantConflict(t, err, crm.ConflictState)
		_, j, err := e.Imports.Commit(ctx, e.owner, i.ID, 0, crm.ImportOptions{OnDuplicate: crm.DuplicateUpdate})
		if err != nil {
			t.Fatal(err)
		}
		e.succeeded(j.ID)
		if i, err = e.Imports.Get(ctx, e.owner, i.ID); err != nil {
			t.Fatal(err)
		}
		wantWholeImport(t, e, i, severalChunks)
	})
	t.Run("it is undone, and its old job stays over", func(t *testing.T) {
		t.Parallel()
		e, i := begin(t)
		old := i.JobID
		e.undo(i.ID)
		equal(t, "contacts", e.list(crm.ContactListQuery{}).Total, 0)
		_, err := e.Jobs.Retry(ctx, e.owner, old, 0)
		wantInTheWay(t, err, e.theImport(i.ID).JobID, "is undone")
		equal(t, "old job", e.finished(old).Status, crm.JobCancelled)
		equal(t, "contacts", e.list(crm.ContactListQuery{}).Total, 0)
		e.sound()
	})
}

func TestTwoImportsOfOneFileAtOnceMakeNoCopies(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	var jobs []crm.Job
	for range 3 {
		i, err := e.Imports.Create(ctx, e.owner, jsonl(lines(numbered(0, 2_000)...)))
		if err != nil {
			t.Fatal(err)
		}
		_, j, err := e.Imports.Commit(ctx, e.owner, i.ID, 0, crm.ImportOptions{})
		if err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, j)
	}
	var created int64
	for _, j := range jobs {
		e.succeeded(j.ID)
		i, err := e.Imports.Get(ctx, e.owner, j.Subject)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "rows", i.Counts.Created+i.Counts.Unchanged, 2_000)
		created += i.Counts.Created
	}
	equal(t, "created", created, 2_000)
	equal(t, "contacts", e.list(crm.ContactListQuery{}).Total, 2_000)
	e.sound()
}
