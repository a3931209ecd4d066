package crm_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

// committed returns an import of one contact whose file is gone with its commit,
// in a CRM whose jobs wait where they are.
func committed(t *testing.T) (*env, crm.Import) {
	t.Helper()
	ctx := context.Background()
	store := openStore(t)
	e := setupOn(t, store)
	i, err := e.Imports.Create(ctx, e.owner, jsonl(lines(`{"displayName":"Ana"}`)))
	if err != nil {
		t.Fatal(err)
	}
	if i, _, err = e.Imports.Commit(ctx, e.owner, i.ID, 0, crm.ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	e.succeeded(i.JobID)
	await(t, "the file to go", func() bool { return e.stored(i.ID).Blob.IsZero() })
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return setupIdle(t, store), i
}

func TestAnImportWhoseUndoWasCancelledSaysWhereItsFileIs(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	e, i := committed(t)
	e.cancelled(e.undoOf(i.JobID).ID)
	if got := e.theImport(i.ID).ErrorText; !strings.Contains(got, "undo it again") || strings.Contains(got, "commit") {
		t.Errorf("error text: got %q, want the way that is open and no other", got)
	}
	_, _, err := e.Imports.Commit(ctx, e.owner, i.ID, 0, crm.ImportOptions{})
	wantConflict(t, err, crm.ConflictState)
	text := fmt.Sprint(err)
	if strings.Contains(text, "30 days") || !strings.Contains(text, "removed when the commit ends") || !strings.Contains(text, "undo the import to its end") {
		t.Errorf("commit: got %v, want what is true of the file and what to do", err)
	}
	e.undoOf(e.theImport(i.ID).JobID)
}

func TestAJobOfAnImportThatHasGoneOnIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	e := setupIdle(t, openStore(t))
	i, err := e.Imports.Create(ctx, e.owner, jsonl(lines(`{"displayName":"Ana"}`)))
	if err != nil {
		t.Fatal(err)
	}
	_, old, err := e.Imports.Commit(ctx, e.owner, i.ID, 0, crm.ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	e.cancelled(old.ID)
	u := e.undoOf(old.ID)
	_, err = e.Jobs.Retry(ctx, e.owner, old.ID, 0)
	wantInTheWay(t, err, u.ID, "gone on with job")
	e.cancelled(u.ID)
	_, err = e.Jobs.Retry(ctx, e.owner, old.ID, 0)
	wantInTheWay(t, err, u.ID, "gone on with job")
	if got := e.theImport(i.ID).ErrorText; !strings.Contains(got, "or commit it again") {
		t.Errorf("error text: got %q, want both ways, as the file is there", got)
	}
	if _, err := e.Jobs.Retry(ctx, e.owner, u.ID, 0); err != nil {
		t.Errorf("retry of the undo: got %v, want no error", err)
	}
}

func TestAnUndoOfAnImportThatStoppedGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	g := newGate("PutContacts", 1<<30)
	defer g.release()
	e := setupOn(t, hook(openStore(t), g.call))
	rows := func(notes string) (all []string) {
		for n := range 2_000 {
			all = append(all, fmt.Sprintf(`{"displayName":"Person %d","primaryEmail":"p%d@x.com","notes":%q}`, n, n, notes))
		}
		return all
	}
	e.run(crm.ImportOptions{}, rows("old")...)
	i := e.run(crm.ImportOptions{}, rows("new")...)
	equal(t, "updated", i.Counts.Updated, 2_000)
	made, err := e.store.ListContactIDs(ctx, e.owner.Workspace, crm.ContactCriteria{}, crm.ID{}, 2_000)
	if err != nil {
		t.Fatal(err)
	}
	g.pass.Store(1) // The first page.
	u := e.undoOf(i.JobID)
	await(t, "the second page of the undo", func() bool { return g.inside.Load() == 1 })
	err = g.releaseAfter(t, func() error {
		_, err := e.Jobs.Cancel(ctx, e.owner, u.ID, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "undo", e.finished(u.ID).Status, crm.JobCancelled)
	equal(t, "notes that were taken back", e.get(made[0]).Notes, "old")
	equal(t, "notes that were not", e.get(made[1_999]).Notes, "new")
	if _, err := e.Contacts.Update(ctx, e.owner, made[0], crm.ContactPatch{Notes: new("new")}); err != nil {
		t.Fatal(err)
	}
	equal(t, "kept", e.undo(i.ID).Kept, 0)
	equal(t, "notes set by hand behind the first attempt", e.get(made[0]).Notes, "new")
	equal(t, "notes that the first attempt did not reach", e.get(made[1_999]).Notes, "old")
	equal(t, "import", e.theImport(i.ID).Status, crm.ImportUndone)
	e.sound()
}
