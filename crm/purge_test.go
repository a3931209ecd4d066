package crm_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// More contacts of one workspace are due than one look shows; another
// workspace's are purged at the same start all the same.
func TestAThousandDuePurgesOfOneWorkspaceHideNoOther(t *testing.T) {
	t.Parallel()
	const many = 1_100
	ctx := context.Background()
	store := openStore(t)
	now := newClock("2026-01-01T00:00:00Z")
	idle := func(c *crm.Config) { c.Workers = -1 }
	first := setupOn(t, store, now.config, idle)
	first.crowd(many, nil)
	trash := func(ids []crm.ID) {
		t.Helper()
		if _, err := first.Contacts.Bulk(ctx, first.owner, ids, crm.BulkAction{Verb: crm.BulkDelete}); err != nil {
			t.Fatal(err)
		}
	}
	all := first.walk(crm.ContactListQuery{PageSize: 200})
	trash(all[:1_000])
	trash(all[1_000:])
	other := actorOf("umbrella", "olga", crm.RoleOwner)
	c, err := first.Contacts.Create(ctx, other, crm.NewContact{DisplayName: "Other"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.Contacts.Delete(ctx, other, c.ID, 0); err != nil {
		t.Fatal(err)
	}
	now.forward(31 * 24 * time.Hour)
	worker := setupOn(t, store, now.config)
	await(t, "the purge of both workspaces", func() bool {
		_, err := worker.Contacts.Get(ctx, other, c.ID)
		return errors.Is(err, crm.ErrNotFound) && worker.list(crm.ContactListQuery{Filter: crm.ContactFilter{Trash: true}}).Total == 0
	})
	purges, err := worker.Jobs.List(ctx, worker.owner, crm.JobListQuery{Kinds: []crm.JobKind{crm.JobPurge}})
	if err != nil || len(purges.Items) != 1 {
		t.Errorf("purges of the first workspace: got %d (%v), want 1", len(purges.Items), err)
	}
	worker.sound()
}

func (e *env) hasFile(blob crm.ID) bool {
	e.t.Helper()
	f, err := e.store.OpenBlob(context.Background(), e.owner.Workspace, blob, 0)
	if err != nil && !errors.Is(err, crm.ErrNotFound) {
		e.t.Fatalf("open blob: %v", err)
	}
	if err == nil {
		f.Close() //nolint:errcheck // It was only opened.
	}
	return err == nil
}

// stored returns an import as the store has it, with its file.
func (e *env) stored(id crm.ID) crm.Import {
	e.t.Helper()
	i, err := e.store.GetImport(context.Background(), e.owner.Workspace, id)
	if err != nil {
		e.t.Fatalf("get import: %v", err)
	}
	return i
}

func TestFilesOfImportsAreRemoved(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	t.Run("when the import is committed", func(t *testing.T) {
		t.Parallel()
		e := setup(t)
		i, err := e.Imports.Create(ctx, e.owner, jsonl(lines(`{"displayName":"x"}`)))
		if err != nil {
			t.Fatal(err)
		}
		file := e.stored(i.ID).Blob
		equal(t, "before the commit", e.hasFile(file), true)
		_, j, err := e.Imports.Commit(ctx, e.owner, i.ID, 0, crm.ImportOptions{})
		if err != nil {
			t.Fatal(err)
		}
		e.succeeded(j.ID)
		await(t, "the file to go", func() bool { return !e.hasFile(file) && e.stored(i.ID).Blob.IsZero() })
	})
	t.Run("when what was cancelled is undone, and the report stays", func(t *testing.T) {
		t.Parallel()
		e := interrupted(t, func() crm.NewImport { return jsonl(lines(numbered(0, severalChunks)...)) })
		i := e.imports()[0]
		file := e.stored(i.ID).Blob
		equal(t, "after the cancel", e.hasFile(file), true)
		rows := len(e.rows(i.ID))
		e.undo(i.ID)
		await(t, "the file to go", func() bool { return !e.hasFile(file) && e.stored(i.ID).Blob.IsZero() })
		equal(t, "rows of the report", len(e.rows(i.ID)), rows)
	})
}

func TestFilesThatNobodyGoesOnWithAreRemovedAfterThirtyDays(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	store := openStore(t)
	now := newClock("2026-01-01T00:00:00Z")
	idle := func(c *crm.Config) { c.Workers = -1 }
	e := setupOn(t, store, now.config, idle)
	upload := func() crm.Import {
		t.Helper()
		i, err := e.Imports.Create(ctx, e.owner, jsonl(lines(`{"displayName":"x"}`)))
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	change := func(i crm.Import, f func(*crm.Import)) crm.Import {
		t.Helper()
		i = e.stored(i.ID)
		f(&i)
		if err := store.PutImport(ctx, e.owner.Workspace, i, i.Version); err != nil {
			t.Fatal(err)
		}
		return i
	}
	forgotten := upload()
	cancelled := change(upload(), func(i *crm.Import) { i.Status, i.Checkpoint = crm.ImportFailed, 1 })
	left := change(upload(), func(i *crm.Import) { i.Status = crm.ImportCommitted }) // By a kill right after the commit.
	running := upload()
	_, j, err := e.Imports.Commit(ctx, e.owner, running.ID, 0, crm.ImportOptions{}) // Nobody works here, and later it is not due.
	if err != nil {
		t.Fatal(err)
	}
	j.RunAt, j.Version = time.Now().Add(time.Hour), j.Version+1
	if err := store.PutJob(ctx, e.owner.Workspace, j, j.Version-1); err != nil {
		t.Fatal(err)
	}
	now.forward(20 * 24 * time.Hour)
	fresh := upload()

	setupOn(t, store, now.config)
	await(t, "the file of the committed one to go", func() bool { return !e.hasFile(left.Blob) })
	for name, i := range map[string]crm.Import{"forgotten": forgotten, "cancelled": cancelled, "running": running, "fresh": fresh} {
		equal(t, name+" after 20 days", e.hasFile(i.Blob), true)
	}
	now.forward(11 * 24 * time.Hour)
	setupOn(t, store, now.config)
	await(t, "the files of the forgotten to go", func() bool { return !e.hasFile(forgotten.Blob) && !e.hasFile(cancelled.Blob) })
	await(t, "their imports to know", func() bool { return e.stored(forgotten.ID).Blob.IsZero() && e.stored(cancelled.ID).Blob.IsZero() })
	equal(t, "running", e.hasFile(running.Blob), true)
	equal(t, "fresh", e.hasFile(fresh.Blob), true)
	_, _, err = e.Imports.Commit(ctx, e.owner, forgotten.ID, 0, crm.ImportOptions{})
	wantConflict(t, err, crm.ConflictState)
	_, err = e.Imports.Preview(ctx, e.owner, forgotten.ID, crm.ImportOptions{})
	wantConflict(t, err, crm.ConflictState)
	equal(t, "version of the forgotten", e.theImport(forgotten.ID).Version, forgotten.Version)
}

func TestAnUndoIsRefusedWhenWhatWasThereBeforeIsGone(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	now := newClock("2026-01-01T00:00:00Z")
	e := setupOn(t, openStore(t), now.config)
	i := e.run(crm.ImportOptions{}, `{"displayName":"x"}`)
	j := e.succeeded(e.bulk(crm.ContactFilter{}, tagAll).ID)
	now.forward(31 * 24 * time.Hour)
	_, _, err := e.Imports.Undo(ctx, e.owner, i.ID, 0)
	wantConflict(t, err, crm.ConflictState)
	equal(t, "import", e.theImport(i.ID).Status, crm.ImportCommitted)
	_, err = e.Jobs.Undo(ctx, e.owner, j.ID, 0)
	wantConflict(t, err, crm.ConflictState)
	_, err = e.Jobs.Undo(ctx, e.owner, i.JobID, 0)
	wantConflict(t, err, crm.ConflictState)
}

func TestSetsOfBulkActionsAreRemoved(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	store := openStore(t)
	g := newGate("PutContacts", 3) // The crowd's two calls and the first page.
	defer g.release()
	e := setupOn(t, hook(store, g.call))
	e.crowd(1_100, nil)
	j := e.bulk(crm.ContactFilter{}, tagAll)
	await(t, "the second page", func() bool { return g.inside.Load() == 1 })
	err := g.releaseAfter(t, func() error {
		_, err := e.Jobs.Cancel(ctx, e.owner, j.ID, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "job", e.finished(j.ID).Status, crm.JobCancelled)
	equal(t, "set of the cancelled", e.hasFile(j.ID), true)
	done := e.succeeded(e.bulk(crm.ContactFilter{}, tagAll).ID)
	await(t, "the set of the finished to go", func() bool { return !e.hasFile(done.ID) })
	// A kill right after the last page would have left it.
	if _, err := store.PutBlob(ctx, e.owner.Workspace, done.ID, lines("set")); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}

	soon := setupOn(t, store, newClock(time.Now().Add(25*time.Hour).UTC().Format(time.RFC3339)).config) // Files are looked for daily.
	await(t, "the set of the finished to go", func() bool { return !e.hasFile(done.ID) })
	equal(t, "set of the cancelled at the next start", soon.hasFile(j.ID), true)
	later := newClock(time.Now().Add(31 * 24 * time.Hour).UTC().Format(time.RFC3339))
	setupOn(t, store, later.config)
	await(t, "the set of the cancelled to go, and its job to know", func() bool {
		now, err := store.GetJob(ctx, e.owner.Workspace, j.ID)
		return err == nil && !e.hasFile(j.ID) && strings.Contains(string(now.Checkpoint), `"removed":true`)
	})
	now := setupOn(t, store)
	if _, err := now.Jobs.Retry(ctx, now.owner, j.ID, 0); err != nil {
		t.Fatal(err)
	}
	again := now.finished(j.ID)
	equal(t, "tried again", again.Status, crm.JobFailed)
	if !strings.Contains(again.ErrorText, "start the action anew") {
		t.Errorf("reason: got %q, want it to say what to do", again.ErrorText)
	}
}

func TestJobsThatEndedLongAgoAreRemoved(t *testing.T) {
	t.Parallel()
	store, now := openStore(t), newClock("2026-01-01T00:00:00Z")
	e := setupOn(t, store, now.config)
	e.crowd(3, nil)
	id := e.succeeded(e.bulk(crm.ContactFilter{}, tagAll).ID).ID
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	// sweep lets a process begin after some days, and waits for its sweep.
	sweep := func(days int, retention time.Duration) error {
		now.forward(time.Duration(days) * 24 * time.Hour)
		begin := now.now()
		later := setupOn(t, store, now.config, func(c *crm.Config) { c.JobRetention = retention })
		await(t, "the sweep", func() bool {
			all, err := later.Jobs.Periodic(t.Context(), later.owner)
			return err == nil && slices.ContainsFunc(all, func(p crm.PeriodicJob) bool {
				return p.Kind == crm.JobPurge && p.Status == crm.JobSucceeded && !p.FinishedAt.Before(begin)
			})
		})
		_, err := later.Jobs.Get(t.Context(), later.owner, id)
		return errors.Join(err, later.Close())
	}
	if err := sweep(89, 0); err != nil {
		t.Errorf("after 89 days: got %v, want the job", err)
	}
	if err := sweep(2, -1); err != nil {
		t.Errorf("kept for ever: got %v, want the job", err)
	}
	if err := sweep(1, 0); !errors.Is(err, crm.ErrNotFound) {
		t.Errorf("after 92 days: got %v, want ErrNotFound", err)
	}
}
