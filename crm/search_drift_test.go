package crm_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// smuggle changes the store behind the event log's back, so that an index
// cannot know: one contact renamed, one put into the trash, one added.
func (e *env) smuggle(rename, trash crm.Contact, add string) {
	e.t.Helper()
	ctx := context.Background()
	write := func(c crm.Contact, expect int64) {
		e.t.Helper()
		if err := e.store.PutContacts(ctx, e.owner.Workspace, []crm.ContactWrite{{Contact: c, Expect: expect}}); err != nil {
			e.t.Fatal(err)
		}
	}
	changed := e.get(rename.ID)
	changed.DisplayName, changed.Version = "Smuggled", changed.Version+1
	write(changed, changed.Version-1)
	gone := e.get(trash.ID)
	gone.DeletedAt, gone.Version = gone.UpdatedAt, gone.Version+1
	write(gone, gone.Version-1)
	added := e.get(rename.ID)
	added.ID, added.DisplayName, added.Version = crm.NewID(), add, 1
	write(added, 0)
}

func TestTheRunningIndexIsHeldAgainstTheStoreAndMended(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	e.crowd(1_200, nil) // More than a page of the check.
	made := e.people("Ana", "Bo", "Cy")
	equalList(t, "found", e.found("ana"), []string{"Ana"})
	proof, err := e.CheckSearch(ctx)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "contacts proved", proof.Contacts, 1_203)
	equal(t, "wrong before", proof.Wrong, 0)

	e.smuggle(made[0], made[1], "Zoe")
	equalList(t, "found by the index, which cannot know", e.found("zoe"), []string{})
	if proof, err = e.CheckSearch(ctx); err != nil {
		t.Fatal(err)
	}
	equal(t, "wrong", proof.Wrong, 3)
	equal(t, "repaired", proof.Repaired, 3)
	equalList(t, "found of what was added", e.found("zoe"), []string{"Zoe"})
	equalList(t, "found by the old name", e.found("ana"), []string{})
	equalList(t, "found by the new name", e.found("smuggled"), []string{"Smuggled"})
	h := e.Health(ctx)
	equal(t, "health", h.Search.Status, crm.ProbeOK)
	equal(t, "wrong by health", h.SearchProof.Wrong, 3)
	if proof, err = e.CheckSearch(ctx); err != nil || proof.Wrong != 0 || proof.CheckedAt.IsZero() {
		t.Errorf("the next check: got %+v (%v), want nothing wrong", proof, err)
	}
}

func TestTheServerChecksItsIndexByItself(t *testing.T) {
	t.Parallel()
	e := setup(t, func(c *crm.Config) { c.SearchCheck = 20 * time.Millisecond })
	made := e.people("Ana", "Bo")
	equalList(t, "found", e.found("ana"), []string{"Ana"})
	await(t, "a check", func() bool { return !e.Health(context.Background()).SearchProof.CheckedAt.IsZero() })
	e.smuggle(made[0], made[1], "Zoe")
	await(t, "the index to be mended", func() bool { return len(e.found("zoe")) == 1 && len(e.found("bo")) == 0 })
}

func TestWritesDuringACheckAreNotTakenForDrift(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	e, other := setupOn(t, store), setupOn(t, store)
	ctx := context.Background()
	e.people("First")
	equalList(t, "found", e.found("first"), []string{"First"})
	var writers sync.WaitGroup
	done := make(chan struct{})
	for w := range 4 {
		writers.Go(func() {
			app := []*env{e, other}[w%2]
			for i := range 60 {
				c, err := app.Contacts.Create(ctx, app.owner, crm.NewContact{DisplayName: fmt.Sprint("Person ", w, i)})
				if err == nil && i%2 == 0 {
					_, err = app.Contacts.Update(ctx, app.owner, c.ID, crm.ContactPatch{Company: new("Acme")})
				}
				if err == nil && i%3 == 0 {
					_, err = app.Contacts.Delete(ctx, app.owner, c.ID, 0)
				}
				if err != nil {
					t.Errorf("write: %v", err)
					return
				}
			}
		})
	}
	go func() {
		writers.Wait()
		close(done)
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		if proof, err := e.CheckSearch(ctx); err != nil || proof.Wrong != 0 {
			t.Errorf("check: got %+v (%v), want nothing wrong", proof, err)
		}
	}
	e.sound()
}

// forgetful is an index that never takes a document with a name.
type forgetful struct {
	*crm.MemoryIndex
	name string
}

func (x forgetful) PutDocuments(ctx context.Context, ws crm.WorkspaceID, docs []crm.SearchDocument) error {
	var kept []crm.SearchDocument
	for _, d := range docs {
		if d.Contact.DisplayName != x.name {
			kept = append(kept, d)
		}
	}
	return x.MemoryIndex.PutDocuments(ctx, ws, kept)
}

func TestCheckReportsWhatTheIndexLacks(t *testing.T) {
	t.Parallel()
	e := setup(t, func(c *crm.Config) { c.Search = forgetful{crm.NewMemoryIndex(), "Bo"} })
	e.people("Ana", "Bo", "Cy")
	r, err := e.Check(context.Background(), crm.CheckOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Findings) != 1 || r.Findings[0].Part != "search" || r.Findings[0].Repaired {
		t.Errorf("findings: got %+v, want one of the search", r.Findings)
	}
}

func TestTheBusiestWorkspacesAreLoadedAtTheStart(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	writer := setupOn(t, store, storeSearched)
	workspace := func(name string, people int) crm.WorkspaceID {
		a := actorOf(name, "u", crm.RoleOwner)
		for i := range people {
			if _, err := writer.Contacts.Create(context.Background(), a, crm.NewContact{DisplayName: fmt.Sprint("Person ", i)}); err != nil {
				t.Fatal(err)
			}
		}
		return a.Workspace
	}
	large, small := workspace("large", 500), workspace("small", 50)

	x := newService()
	x.shared = false
	setupOn(t, store, func(c *crm.Config) { c.Search = x })
	await(t, "the busiest", func() bool { return x.holds(t, large) == 500 })
	await(t, "the next", func() bool { return x.holds(t, small) == 50 })

	y := newService()
	y.shared = false
	setupOn(t, store, func(c *crm.Config) { c.Search, c.SearchMemory = y, 200_000 })
	await(t, "what fits", func() bool { return y.holds(t, small) == 50 })
	equal(t, "documents of what does not fit", y.holds(t, large), 0)
}
