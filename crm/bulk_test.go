package crm_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

func bulkResult(t testing.TB, j crm.Job) crm.BulkResult {
	t.Helper()
	var r crm.BulkResult
	if err := json.Unmarshal(j.Result, &r); err != nil {
		t.Fatalf("result %q: %v", j.Result, err)
	}
	return r
}

// crowd creates n contacts named P0, P1, ... in a few calls.
func (e *env) crowd(n int, more func(i int, c *crm.NewContact)) {
	e.t.Helper()
	for from := 0; from < n; from += crm.MaxBatch {
		in := crm.BatchInput{Contacts: many(min(crm.MaxBatch, n-from), func(i int) crm.NewContact {
			c := crm.NewContact{DisplayName: fmt.Sprintf("P%d", from+i)}
			if more != nil {
				more(from+i, &c)
			}
			return c
		})}
		if _, err := e.Contacts.Batch(context.Background(), e.owner, in); err != nil {
			e.t.Fatalf("batch: %v", err)
		}
	}
}

func TestBulkByIDs(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	here := e.people("Ana", "Bo", "Cy")
	stranger := actorOf("other", "stan", crm.RoleOwner)
	foreign, err := e.Contacts.Create(ctx, stranger, crm.NewContact{DisplayName: "Foreign"})
	if err != nil {
		t.Fatal(err)
	}
	ids := append(idsOf(here), foreign.ID, here[0].ID, crm.NewID(), crm.ID{})
	bulk := func(want int, a crm.BulkAction) {
		t.Helper()
		n, err := e.Contacts.Bulk(ctx, e.owner, ids, a)
		if err != nil || n != want {
			t.Errorf("%s: got %d (%v), want %d", a.Verb, n, err, want)
		}
	}
	bulk(3, crm.BulkAction{Verb: crm.BulkTag, AddTags: []string{"VIP"}})
	bulk(0, crm.BulkAction{Verb: crm.BulkTag, AddTags: []string{"vip"}})
	bulk(3, crm.BulkAction{Verb: crm.BulkUpdate, Stage: new(crm.StageLead)})
	bulk(0, crm.BulkAction{Verb: crm.BulkUpdate, Stage: new(crm.StageLead)})
	bulk(3, crm.BulkAction{Verb: crm.BulkUpdate, Stage: new(crm.Stage(""))})
	equal(t, "a blank stage", e.get(here[0].ID).Stage, crm.StageNone)
	bulk(3, crm.BulkAction{Verb: crm.BulkTag, AddTags: []string{"b"}, RemoveTags: []string{"VÍP"}})
	equalList(t, "tags", e.get(here[1].ID).Tags, []string{"b"})
	bulk(3, crm.BulkAction{Verb: crm.BulkDelete})
	bulk(0, crm.BulkAction{Verb: crm.BulkDelete})
	bulk(0, crm.BulkAction{Verb: crm.BulkTag, AddTags: []string{"x"}})
	bulk(3, crm.BulkAction{Verb: crm.BulkRestore})
	bulk(0, crm.BulkAction{Verb: crm.BulkRestore})
	after, err := e.Contacts.Get(ctx, stranger, foreign.ID)
	if err != nil || after.Version != 1 {
		t.Errorf("contact of another workspace: got version %d (%v), want 1", after.Version, err)
	}
	e.sound()
}

func TestBulkLeavesAloneWhatTheChangeDoesNotFit(t *testing.T) {
	t.Parallel()
	e := setup(t)
	full := e.create(crm.NewContact{DisplayName: "Full", Tags: many(100, func(i int) string { return fmt.Sprint("t", i) })})
	other := e.people("Other")[0]
	n, err := e.Contacts.Bulk(context.Background(), e.owner, []crm.ID{full.ID, other.ID}, crm.BulkAction{Verb: crm.BulkTag, AddTags: []string{"new"}})
	if err != nil || n != 1 {
		t.Errorf("bulk: got %d (%v), want 1", n, err)
	}
	equal(t, "version of the full one", e.get(full.ID).Version, 1)
}

func TestBulkRefusesBadInput(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	id := e.people("Ana")[0].ID
	for _, c := range []struct {
		a     crm.BulkAction
		field string
	}{
		{crm.BulkAction{}, "verb"},
		{crm.BulkAction{Verb: "erase"}, "verb"},
		{crm.BulkAction{Verb: crm.BulkTag}, "add"},
		{crm.BulkAction{Verb: crm.BulkTag, AddTags: []string{" "}}, "add"},
		{crm.BulkAction{Verb: crm.BulkTag, AddTags: []string{"\x00"}}, "add[0]"},
		{crm.BulkAction{Verb: crm.BulkUpdate}, "set"},
		{crm.BulkAction{Verb: crm.BulkUpdate, Stage: new(crm.Stage("boss"))}, "stage"},
	} {
		_, err := e.Contacts.Bulk(ctx, e.owner, []crm.ID{id}, c.a)
		wantInvalid(t, err, c.field)
		_, err = e.Contacts.BulkByFilter(ctx, e.owner, crm.ContactFilter{}, c.a)
		wantInvalid(t, err, c.field)
	}
	remove := crm.BulkAction{Verb: crm.BulkDelete}
	for _, ids := range [][]crm.ID{nil, make([]crm.ID, 1_001)} {
		_, err := e.Contacts.Bulk(ctx, e.owner, ids, remove)
		wantInvalid(t, err, "ids")
	}
	_, err := e.Contacts.BulkByFilter(ctx, e.owner, crm.ContactFilter{TimeZone: "Mars/Olympus", Stages: []crm.Stage{"x"}}, remove)
	wantInvalid(t, err, "stage", "tz")
	equal(t, "version", e.get(id).Version, 1)
}

func TestBulkByFilterChangesEveryMatchAndUndoBringsTheExactStateBack(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	e.crowd(2_300, func(i int, c *crm.NewContact) {
		if i%2 == 0 {
			c.Company = "Globex Corporation"
		}
	})
	before := e.export()
	for _, test := range []struct {
		name   string
		filter crm.ContactFilter
		a      crm.BulkAction
		want   int64
	}{
		{"a search with a typo", crm.ContactFilter{Search: "globxe"}, crm.BulkAction{Verb: crm.BulkTag, AddTags: []string{"g"}}, 1_150},
		{"everything", crm.ContactFilter{}, crm.BulkAction{Verb: crm.BulkUpdate, Stage: new(crm.StageLead)}, 2_300},
		{"a delete", crm.ContactFilter{Search: "corporation"}, crm.BulkAction{Verb: crm.BulkDelete}, 1_150},
		{"nobody", crm.ContactFilter{Tags: []string{"nobody"}}, crm.BulkAction{Verb: crm.BulkDelete}, 0},
		{"a search without words", crm.ContactFilter{Search: "!?"}, crm.BulkAction{Verb: crm.BulkDelete}, 0},
	} {
		j, err := e.Contacts.BulkByFilter(ctx, e.owner, test.filter, test.a)
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		equal(t, test.name, bulkResult(t, e.succeeded(j.ID)).Changed, test.want)
		e.sound()
		u, err := e.Jobs.Undo(ctx, e.owner, j.ID, 0)
		if err != nil {
			t.Fatalf("undo of %s: %v", test.name, err)
		}
		equalResult(t, "undo of "+test.name, bulkResult(t, e.succeeded(u.ID)), crm.BulkResult{Changed: test.want})
		if e.export() != before {
			t.Errorf("export after the undo of %s differs", test.name)
		}
		e.sound()
		_, err = e.Jobs.Undo(ctx, e.owner, u.ID, 0)
		wantConflict(t, err, crm.ConflictState)
		_, err = e.Jobs.Undo(ctx, e.owner, j.ID, 0)
		wantInTheWay(t, err, u.ID, "undone already")
	}
}

func TestABulkActionKeepsToTheSetItBeganWith(t *testing.T) {
	t.Parallel()
	e := setup(t)
	// Tagging takes contacts out of the filter that selects them: a job that
	// looked again for every page would miss some.
	e.crowd(1_000, func(_ int, c *crm.NewContact) { c.Tags = []string{"todo"} })
	j, err := e.Contacts.BulkByFilter(context.Background(), e.owner, crm.ContactFilter{Tags: []string{"todo"}}, crm.BulkAction{Verb: crm.BulkTag, RemoveTags: []string{"todo"}, AddTags: []string{"done"}})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "changed", bulkResult(t, e.succeeded(j.ID)).Changed, 1_000)
	e.sound()
}

func TestUndoOfABulkActionKeepsLaterEdits(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	made := e.people("Ana", "Bo", "Cy", "Di")
	for _, c := range made {
		if _, err := e.Contacts.Update(ctx, e.owner, c.ID, crm.ContactPatch{Tags: &[]string{"old"}}); err != nil {
			t.Fatal(err)
		}
	}
	j, err := e.Contacts.BulkByFilter(ctx, e.owner, crm.ContactFilter{}, crm.BulkAction{Verb: crm.BulkTag, AddTags: []string{"new"}, RemoveTags: []string{"old"}})
	if err != nil {
		t.Fatal(err)
	}
	e.succeeded(j.ID)
	edit := func(i int, p crm.ContactPatch) {
		t.Helper()
		if _, err := e.Contacts.Update(ctx, e.owner, made[i].ID, p); err != nil {
			t.Fatal(err)
		}
	}
	edit(0, crm.ContactPatch{Notes: new("called")})
	edit(1, crm.ContactPatch{Tags: &[]string{"new", "hers"}})
	if err := e.Contacts.Erase(ctx, e.owner, made[2].ID, 0); err != nil {
		t.Fatal(err)
	}
	u, err := e.Jobs.Undo(ctx, e.owner, j.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	equalResult(t, "result", bulkResult(t, e.succeeded(u.ID)), crm.BulkResult{Changed: 3})
	equal(t, "notes", e.get(made[0].ID).Notes, "called")
	equalList(t, "tags of an edited contact", e.get(made[0].ID).Tags, []string{"old"})
	equalList(t, "tags that somebody added since", e.get(made[1].ID).Tags, []string{"hers", "old"})
	equal(t, "version of an untouched contact", e.get(made[3].ID).Version, 2)
	// The next change takes a number that was never used.
	c, err := e.Contacts.Update(ctx, e.owner, made[3].ID, crm.ContactPatch{Notes: new("x")})
	if err != nil || c.Version != 4 {
		t.Errorf("version after the undo: got %d (%v), want 4", c.Version, err)
	}
	e.sound()
}

func TestUndoOfABulkActionListsWhatItLeaves(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	e.crowd(450, nil) // Three pages of the undo.
	made, err := e.store.ListContactIDs(ctx, e.owner.Workspace, crm.ContactCriteria{}, crm.ID{}, 1_000)
	if err != nil {
		t.Fatal(err)
	}
	j, err := e.Contacts.BulkByFilter(ctx, e.owner, crm.ContactFilter{}, crm.BulkAction{Verb: crm.BulkUpdate, Stage: new(crm.StageLead)})
	if err != nil {
		t.Fatal(err)
	}
	e.succeeded(j.ID)
	var want []crm.ID
	for _, n := range []int{3, 199, 200, 449} {
		if _, err := e.Contacts.Update(ctx, e.owner, made[n], crm.ContactPatch{Stage: new(crm.StageCustomer)}); err != nil {
			t.Fatal(err)
		}
		want = append(want, made[n])
	}
	u, err := e.Jobs.Undo(ctx, e.owner, j.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	equalResult(t, "result", bulkResult(t, e.succeeded(u.ID)), crm.BulkResult{Changed: 446, Kept: 4})
	var got []crm.ID
	var after int64
	for {
		rows, err := e.Jobs.Kept(ctx, e.owner, u.ID, after, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			got = append(got, r.Contact)
			equalList(t, "what stays", fieldsOf(r), []string{"stage"})
			after = r.Row
		}
		if len(rows) < 3 {
			break
		}
	}
	equalList(t, "contacts that stay", got, want)
	if rows, err := e.Jobs.Kept(ctx, e.owner, j.ID, 0, 3); err != nil || len(rows) != 0 {
		t.Errorf("kept by the action itself: got %v (%v), want none", rows, err)
	}
	_, err = e.Jobs.Kept(ctx, actorOf("globex", "greg", crm.RoleOwner), u.ID, 0, 3)
	wantError(t, err, crm.ErrNotFound)
	_, err = e.Jobs.Kept(ctx, e.owner, u.ID, 0, 1_001)
	wantInvalid(t, err, "limit")
}

func TestUndoOfABulkDeleteLeavesWhatWasRestored(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	made := e.people("Ana", "Bo")
	j, err := e.Contacts.BulkByFilter(ctx, e.owner, crm.ContactFilter{}, crm.BulkAction{Verb: crm.BulkDelete})
	if err != nil {
		t.Fatal(err)
	}
	e.succeeded(j.ID)
	restored, err := e.Contacts.Restore(ctx, e.owner, made[0].ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	head := e.head()
	u, err := e.Jobs.Undo(ctx, e.owner, j.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	e.succeeded(u.ID)
	equal(t, "version of the restored one", e.get(made[0].ID).Version, restored.Version)
	equal(t, "trash", e.get(made[1].ID).InTrash(), false)
	for _, ev := range e.events(head) {
		if ev == crm.EventContactUpdated {
			t.Errorf("event: got %s, want %s", ev, crm.EventContactRestored)
		}
	}
	e.sound()
}

// The progress commits with what was written; a page that fails takes none.
func TestTheProgressOfABulkActionThatFailedIsWhatItWrote(t *testing.T) {
	t.Parallel()
	var pages atomic.Int64
	var failing atomic.Bool
	e := setupOn(t, hook(openStore(t), func(method string) error {
		if method == "PutContacts" && failing.Load() && pages.Add(1) == 3 {
			return crm.Invalid("contact", crm.CodeInvalid, "is bad")
		}
		return nil
	}))
	e.crowd(700, nil)
	failing.Store(true)
	j := e.finished(e.bulk(crm.ContactFilter{}, tagAll).ID)
	equal(t, "status", j.Status, crm.JobFailed)
	equal(t, "done", j.Done, 400)
	equal(t, "changed", bulkResult(t, j).Changed, 400)
}
