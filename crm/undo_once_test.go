package crm_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

// setupIdle returns a CRM whose jobs wait where they are.
func setupIdle(t *testing.T, store crm.Store) *env {
	t.Helper()
	app, err := crm.New(crm.Config{Store: store, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatalf("new: %v", err)
	}
	return &env{CRM: app, t: t, store: store, owner: actorOf("acme", "olga", crm.RoleOwner)}
}

func (e *env) undoOf(id crm.ID) crm.Job {
	e.t.Helper()
	u, err := e.Jobs.Undo(context.Background(), e.owner, id, 0)
	if err != nil {
		e.t.Fatalf("undo: %v", err)
	}
	return u
}

func (e *env) cancelled(id crm.ID) crm.Job {
	e.t.Helper()
	j, err := e.Jobs.Cancel(context.Background(), e.owner, id, 0)
	if err != nil {
		e.t.Fatalf("cancel: %v", err)
	}
	return j
}

func (e *env) setStage(id crm.ID, s crm.Stage) {
	e.t.Helper()
	if _, err := e.Contacts.Update(context.Background(), e.owner, id, crm.ContactPatch{Stage: &s}); err != nil {
		e.t.Fatalf("set stage: %v", err)
	}
}

// wantInTheWay expects a conflict that names the job and says so in words.
func wantInTheWay(t *testing.T, err error, job crm.ID, words string) {
	t.Helper()
	var c *crm.ConflictError
	if !errors.As(err, &c) || c.ID != job || !strings.Contains(c.Message, job.String()) || !strings.Contains(c.Message, words) {
		t.Errorf("error: got %v, want a conflict that names job %s and says %q", err, job, words)
	}
}

var setLead = crm.BulkAction{Verb: crm.BulkUpdate, Stage: new(crm.StageLead)}

func TestABulkActionIsUndoneOnce(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	ana := e.people("Ana")[0]
	j := e.bulk(crm.ContactFilter{}, setLead)
	equal(t, "undo before there is one", e.succeeded(j.ID).UndoneBy(), crm.ID{})
	u := e.undoOf(j.ID)
	equal(t, "changed", bulkResult(t, e.succeeded(u.ID)).Changed, 1)
	e.setStage(ana.ID, crm.StageLead)
	_, err := e.Jobs.Undo(ctx, e.owner, j.ID, 0)
	wantInTheWay(t, err, u.ID, "undone already")
	wantConflict(t, err, crm.ConflictState)
	equal(t, "a stage set by hand after the undo", e.get(ana.ID).Stage, crm.StageLead)
	equal(t, "undo of the action", e.finished(j.ID).UndoneBy(), u.ID)
	equal(t, "undo of the undo", e.finished(u.ID).UndoneBy(), crm.ID{})
}

// halfUndone returns an action on 2,000 contacts whose undo was cancelled after
// the first page, and the contacts. The second contact was edited before, so
// that the undo has left it.
func halfUndone(t *testing.T) (*env, crm.Job, crm.Job, []crm.ID) {
	t.Helper()
	g := newGate("PutContacts", 14) // Two of the crowd, ten of the action, the edit and a page of the undo.
	t.Cleanup(g.release)
	e := setupOn(t, hook(openStore(t), g.call))
	e.crowd(2_000, nil)
	made, err := e.store.ListContactIDs(context.Background(), e.owner.Workspace, crm.ContactCriteria{}, crm.ID{}, 2_000)
	if err != nil {
		t.Fatal(err)
	}
	j := e.bulk(crm.ContactFilter{}, setLead)
	e.succeeded(j.ID)
	e.setStage(made[1], crm.StageCustomer)
	u := e.undoOf(j.ID)
	await(t, "the second page of the undo", func() bool { return g.inside.Load() == 1 })
	err = g.releaseAfter(t, func() error {
		_, err := e.Jobs.Cancel(context.Background(), e.owner, u.ID, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	u = e.finished(u.ID)
	if r := bulkResult(t, u); u.Status != crm.JobCancelled || r.Changed < 199 || r.Changed > 1_800 {
		t.Fatalf("undo: got %s with %d changed, want it cancelled half way", u.Status, r.Changed)
	}
	return e, j, u, made
}

func TestAnUndoThatStoppedGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	check := func(t *testing.T, e *env, u crm.Job, made []crm.ID) {
		t.Helper()
		equalResult(t, "result", bulkResult(t, e.succeeded(u.ID)), crm.BulkResult{Changed: 1_998, Kept: 2})
		equal(t, "a stage set by hand behind the first attempt", e.get(made[0]).Stage, crm.StageLead)
		equal(t, "a contact that the first attempt did not reach", e.get(made[1_998]).Stage, crm.StageNone)
		rows, err := e.Jobs.Kept(ctx, e.owner, u.ID, 0, 10)
		if err != nil || len(rows) != 2 || rows[0].Contact != made[1] || rows[1].Contact != made[1_999] {
			t.Errorf("contacts that stay: got %v (%v), want those of both attempts", rows, err)
		}
		e.sound()
	}
	t.Run("asked for again", func(t *testing.T) {
		t.Parallel()
		e, j, first, made := halfUndone(t)
		e.setStage(made[0], crm.StageLead)
		e.setStage(made[1_999], crm.StageCustomer)
		second := e.undoOf(j.ID)
		check(t, e, second, made)
		equal(t, "undo of the action", e.finished(j.ID).UndoneBy(), second.ID)
		_, err := e.Jobs.Retry(ctx, e.owner, first.ID, 0)
		wantInTheWay(t, err, second.ID, "another undo")
		_, err = e.Jobs.Undo(ctx, e.owner, j.ID, 0)
		wantInTheWay(t, err, second.ID, "undone already")
	})
	t.Run("tried again", func(t *testing.T) {
		t.Parallel()
		e, j, first, made := halfUndone(t)
		e.setStage(made[0], crm.StageLead)
		e.setStage(made[1_999], crm.StageCustomer)
		if _, err := e.Jobs.Retry(ctx, e.owner, first.ID, 0); err != nil {
			t.Fatal(err)
		}
		check(t, e, first, made)
		_, err := e.Jobs.Undo(ctx, e.owner, j.ID, 0)
		wantInTheWay(t, err, first.ID, "undone already")
	})
}

func TestAnActionThatWasUndoneIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	g := newGate("PutContacts", 3) // Two of the crowd and the first page.
	defer g.release()
	e := setupOn(t, hook(openStore(t), g.call))
	e.crowd(2_000, nil)
	j := e.bulk(crm.ContactFilter{}, setLead)
	await(t, "the second page", func() bool { return g.inside.Load() == 1 })
	err := g.releaseAfter(t, func() error {
		_, err := e.Jobs.Cancel(ctx, e.owner, j.ID, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "action", e.finished(j.ID).Status, crm.JobCancelled)
	u := e.undoOf(j.ID)
	e.succeeded(u.ID)
	_, err = e.Jobs.Retry(ctx, e.owner, j.ID, 0)
	wantInTheWay(t, err, u.ID, "start the action anew")
	wantConflict(t, err, crm.ConflictState)
	equal(t, "changed by the action anew", bulkResult(t, e.succeeded(e.bulk(crm.ContactFilter{}, setLead).ID)).Changed, 2_000)
}

func TestAnActionWhoseUndoStoppedHalfWayIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	e, j, u, _ := halfUndone(t)
	failed := e.finished(j.ID)
	failed.Status = crm.JobFailed // As if its last page had failed.
	failed.Version++
	if err := e.store.PutJob(context.Background(), e.owner.Workspace, failed, failed.Version-1); err != nil {
		t.Fatal(err)
	}
	_, err := e.Jobs.Retry(context.Background(), e.owner, j.ID, 0)
	wantInTheWay(t, err, u.ID, "undo it to the end")
}

func TestAnActionIsNotTriedAgainWhileItsUndoWaits(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	e := setupIdle(t, openStore(t))
	e.people("Ana")
	j := e.bulk(crm.ContactFilter{}, setLead)
	e.cancelled(j.ID)
	u := e.undoOf(j.ID)
	_, err := e.Jobs.Retry(ctx, e.owner, j.ID, 0)
	wantInTheWay(t, err, u.ID, "being undone")
	_, err = e.Jobs.Undo(ctx, e.owner, j.ID, 0)
	wantInTheWay(t, err, u.ID, "being undone already")
	// An undo that has taken nothing back is nothing.
	e.cancelled(u.ID)
	if _, err := e.Jobs.Retry(ctx, e.owner, j.ID, 0); err != nil {
		t.Fatalf("retry after an undo that did not begin: %v", err)
	}
	_, err = e.Jobs.Undo(ctx, e.owner, j.ID, 0)
	wantConflict(t, err, crm.ConflictState)
	_, err = e.Jobs.Retry(ctx, e.owner, u.ID, 0)
	wantConflict(t, err, crm.ConflictState)
	e.cancelled(j.ID)
	_, err = e.Jobs.Retry(ctx, e.owner, u.ID, 0)
	wantInTheWay(t, err, j.ID, "again")
}

func TestOfRetryAndUndoAtOnceOneWins(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	e := setupIdle(t, openStore(t))
	e.people("Ana")
	race := func(what string, one, other func() error) {
		t.Helper()
		results := make(chan error)
		for _, f := range []func() error{one, other} {
			go func() { results <- f() }()
		}
		first, second := <-results, <-results
		if (first == nil) == (second == nil) {
			t.Fatalf("%s: got %v and %v, want one of them refused", what, first, second)
		}
		wantError(t, firstError(first, second), crm.ErrConflict)
	}
	retry := func(id crm.ID) func() error {
		return func() error { _, err := e.Jobs.Retry(ctx, e.owner, id, 0); return err }
	}
	undo := func(id crm.ID) func() error {
		return func() error { _, err := e.Jobs.Undo(ctx, e.owner, id, 0); return err }
	}
	for range 20 {
		j := e.bulk(crm.ContactFilter{}, setLead)
		e.cancelled(j.ID)
		race("retry and undo", retry(j.ID), undo(j.ID))
		j = e.bulk(crm.ContactFilter{}, setLead)
		e.cancelled(j.ID)
		race("two undos", undo(j.ID), undo(j.ID))
		u := e.finished(j.ID).UndoneBy()
		e.cancelled(u)
		race("retry of the undo and undo", retry(u), undo(j.ID))
		u = e.finished(j.ID).UndoneBy()
		e.cancelled(u)
		race("retry of the undo and of the action", retry(u), retry(j.ID))
	}
}
