package crm_test

import (
	"context"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

// What somebody has not seen they neither commit nor undo, cancel or retry.
func TestImportsAndJobsRefuseAStaleVersion(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	i, err := e.Imports.Create(ctx, e.owner, jsonl(lines(`{"displayName":"Ana"}`)))
	if err != nil {
		t.Fatal(err)
	}
	seen := i.Version
	if i, err = e.Imports.Preview(ctx, e.owner, i.ID, crm.ImportOptions{OnDuplicate: crm.DuplicateSkip}); err != nil {
		t.Fatal(err)
	}
	_, _, err = e.Imports.Commit(ctx, e.owner, i.ID, seen, crm.ImportOptions{})
	wantConflict(t, err, crm.ConflictStale)
	committed, j, err := e.Imports.Commit(ctx, e.owner, i.ID, i.Version, crm.ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	done := e.succeeded(j.ID)
	_, _, err = e.Imports.Undo(ctx, e.owner, i.ID, committed.Version)
	wantConflict(t, err, crm.ConflictStale)
	for name, act := range map[string]func(context.Context, crm.Actor, crm.ID, int64) (crm.Job, error){
		"cancel": e.Jobs.Cancel, "retry": e.Jobs.Retry, "undo": e.Jobs.Undo,
	} {
		if _, err := act(ctx, e.owner, j.ID, j.Version); !crm.IsStale(err) {
			t.Errorf("%s of a job that has changed: got %v, want a stale version", name, err)
		}
	}
	undo, err := e.Jobs.Undo(ctx, e.owner, j.ID, done.Version)
	if err != nil {
		t.Fatal(err)
	}
	e.succeeded(undo.ID)
}

// Of two who undo what they both have seen, one does.
func TestAVersionIsUsedOnce(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	e.people("Ana", "Bo")
	j, err := e.Contacts.BulkByFilter(ctx, e.owner, crm.ContactFilter{}, crm.BulkAction{Verb: crm.BulkTag, AddTags: []string{"x"}})
	if err != nil {
		t.Fatal(err)
	}
	done := e.succeeded(j.ID)
	_, err = e.Jobs.Undo(ctx, e.owner, j.ID, done.Version-1)
	wantConflict(t, err, crm.ConflictStale)
	i := e.run(crm.ImportOptions{}, `{"displayName":"Cy"}`)
	results := make(chan error)
	for range 2 {
		go func() {
			_, _, err := e.Imports.Undo(ctx, e.owner, i.ID, i.Version)
			results <- err
		}()
	}
	first, second := <-results, <-results
	if (first == nil) == (second == nil) {
		t.Errorf("two undos of one version: got %v and %v, want one of them refused", first, second)
	}
	wantError(t, firstError(first, second), crm.ErrConflict)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
