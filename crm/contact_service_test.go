package crm_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

func TestUpdate(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	full := e.create(crm.NewContact{
		DisplayName: "Ana Pérez", Emails: []crm.Email{{Address: "ana@x.com"}}, Tags: []string{"a", "b"}, Birthday: "--02-29",
		Fields: map[string]any{"keep": "1", "change": "1", "drop": "1"}, Company: "ACME", SourceID: "7", Source: "crm",
	})

	t.Run("merges custom fields by key", func(t *testing.T) {
		c, err := e.Contacts.Update(ctx, e.owner, full.ID, crm.ContactPatch{Fields: map[string]any{"change": 2.0, "drop": nil, "new": true, "absent": nil}, Version: full.Version})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]any{"keep": "1", "change": 2.0, "new": true}
		if !reflect.DeepEqual(c.Fields, want) {
			t.Errorf("fields: got %v, want %v", c.Fields, want)
		}
		equal(t, "version", c.Version, full.Version+1)
		equal(t, "source id", c.SourceID, "7")
		equal(t, "birthday", c.Birthday, "--02-29")
		full = c
	})
	t.Run("clears all custom fields before it merges", func(t *testing.T) {
		c, err := e.Contacts.Update(ctx, e.owner, full.ID, crm.ContactPatch{ClearFields: true, Fields: map[string]any{"x": "y"}})
		if err != nil || !reflect.DeepEqual(c.Fields, map[string]any{"x": "y"}) {
			t.Errorf("fields: got %v (%v), want only x", c.Fields, err)
		}
		full = c
	})
	t.Run("refuses a stale version and tells the current one", func(t *testing.T) {
		_, err := e.Contacts.Update(ctx, e.owner, full.ID, crm.ContactPatch{Notes: new("late"), Version: full.Version - 1})
		var c *crm.ConflictError
		if !errors.As(err, &c) || !crm.IsStale(err) || c.Version != full.Version || c.ID != full.ID {
			t.Errorf("error: got %v, want a stale conflict with version %d", err, full.Version)
		}
	})
	t.Run("writes nothing when nothing changes", func(t *testing.T) {
		before := e.head()
		c, err := e.Contacts.Update(ctx, e.owner, full.ID, crm.ContactPatch{
			DisplayName: new("  Ana Pérez "), Tags: &[]string{"a", "A", "b"}, Fields: map[string]any{"x": "y", "gone": nil}, Emails: &[]crm.Email{{Address: "ana@x.com"}},
		})
		if err != nil || !reflect.DeepEqual(c, full) {
			t.Errorf("contact: got %+v (%v), want %+v", c, err, full)
		}
		equal(t, "head of the log", e.head(), before)
	})
	t.Run("names the changed fields in its event and nothing else", func(t *testing.T) {
		before := e.head()
		c, err := e.Contacts.Update(ctx, e.owner, full.ID, crm.ContactPatch{Company: new(""), Stage: new(crm.StageLead), JobTitle: new("")})
		if err != nil {
			t.Fatal(err)
		}
		list, err := e.store.ListEvents(ctx, e.owner.Workspace, before, 10)
		if err != nil || len(list) != 1 {
			t.Fatalf("events: got %v (%v), want one", list, err)
		}
		equalList(t, "changed", list[0].Changed, []string{"company", "stage"})
		equal(t, "version", list[0].Version, c.Version)
		equal(t, "actor", list[0].Actor.ID, e.owner.User)
		full = c
	})
	t.Run("names what breaks a rule and changes nothing", func(t *testing.T) {
		_, err := e.Contacts.Update(ctx, e.owner, full.ID, crm.ContactPatch{
			DisplayName: new(""), Birthday: new("2023-02-29"), Emails: &[]crm.Email{{Address: "a@x.com", Primary: true}, {Address: "b@x.com", Primary: true}},
		})
		wantInvalid(t, err, "emails", "birthday")
		if got := e.get(full.ID); !reflect.DeepEqual(got, full) {
			t.Errorf("contact: got %+v, want %+v", got, full)
		}
	})
	t.Run("makes a cleared display name from the other fields", func(t *testing.T) {
		c, err := e.Contacts.Update(ctx, e.owner, full.ID, crm.ContactPatch{DisplayName: new("")})
		if err != nil || c.DisplayName != "ana@x.com" {
			t.Errorf("display name: got %q (%v), want the email", c.DisplayName, err)
		}
	})
}

func TestTrash(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	c := e.create(crm.NewContact{DisplayName: "Ana", Tags: []string{"vip"}})
	gone, err := e.Contacts.Delete(ctx, e.owner, c.ID, c.Version)
	if err != nil || !gone.InTrash() || gone.Version != 2 {
		t.Fatalf("delete: got %+v (%v), want version 2 in the trash", gone, err)
	}
	head := e.head()
	again, err := e.Contacts.Delete(ctx, e.owner, c.ID, 0)
	if err != nil || !reflect.DeepEqual(again, gone) || e.head() != head {
		t.Errorf("second delete: got %+v (%v), want %+v and no event", again, err, gone)
	}
	_, err = e.Contacts.Update(ctx, e.owner, c.ID, crm.ContactPatch{Notes: new("x")})
	wantConflict(t, err, crm.ConflictState)
	_, err = e.Contacts.Restore(ctx, e.owner, c.ID, 1)
	wantConflict(t, err, crm.ConflictStale)
	equal(t, "live", e.list(crm.ContactListQuery{}).Total, 0)
	equal(t, "trashed", e.list(crm.ContactListQuery{Filter: crm.ContactFilter{Trash: true}}).Total, 1)
	equalList(t, "found", e.found("ana"), []string{})
	equalList(t, "found in the trash", names(e.list(crm.ContactListQuery{Filter: crm.ContactFilter{Trash: true, Search: "an"}}).Items), []string{"Ana"})
	if tags, _ := e.Tags.List(ctx, e.owner); len(tags) != 0 {
		t.Errorf("tags of the trash: got %v, want none", tags)
	}
	back, err := e.Contacts.Restore(ctx, e.owner, c.ID, gone.Version)
	if err != nil || back.InTrash() || back.Version != 3 {
		t.Errorf("restore: got %+v (%v), want version 3, live", back, err)
	}
	equalList(t, "found", e.found("ana"), []string{"Ana"})
	wantConflict(t, e.Contacts.Erase(ctx, e.owner, c.ID, back.Version-1), crm.ConflictStale)
	if err := e.Contacts.Erase(ctx, e.owner, c.ID, back.Version); err != nil {
		t.Fatalf("erase: %v", err)
	}
	_, err = e.Contacts.Get(ctx, e.owner, c.ID)
	wantError(t, err, crm.ErrNotFound)
	wantError(t, e.Contacts.Erase(ctx, e.owner, c.ID, 0), crm.ErrNotFound)
	_, err = e.Contacts.Restore(ctx, e.owner, c.ID, 0)
	wantError(t, err, crm.ErrNotFound)
	equalList(t, "found", e.found("ana"), []string{})
	want := []crm.EventType{crm.EventContactCreated, crm.EventContactDeleted, crm.EventContactRestored, crm.EventContactErased}
	equalList(t, "events", e.events(0), want)
	e.sound()
}

func TestCreateConflictsOnlyWithTheSameSourceAndSourceID(t *testing.T) {
	t.Parallel()
	e := setup(t)
	in := crm.NewContact{DisplayName: "Ana", Source: "api", SourceID: "1", Emails: []crm.Email{{Address: "a@x.com"}}}
	first := e.create(in)
	_, err := e.Contacts.Create(context.Background(), e.owner, in)
	var c *crm.ConflictError
	if !errors.As(err, &c) || c.Reason != crm.ConflictExists || c.ID != first.ID {
		t.Errorf("error: got %v, want a conflict with %s", err, first.ID)
	}
	in.SourceID = ""
	e.create(in) // The same email is no conflict.
	in.SourceID, in.Source = "1", "other"
	e.create(in)
	e.sound()
}

func TestAFailedWriteLeavesNothing(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk full")
	fail := false
	store := openStore(t)
	e := setupOn(t, hook(store, func(method string) error {
		if fail && method == "AppendEvents" {
			return broken
		}
		return nil
	}))
	e.people("Ana")
	before := e.export()
	fail = true
	_, err := e.Contacts.Create(context.Background(), e.owner, crm.NewContact{DisplayName: "Bo", Tags: []string{"t"}})
	wantError(t, err, broken)
	_, err = e.Contacts.Batch(context.Background(), e.owner, crm.BatchInput{Contacts: []crm.NewContact{{DisplayName: "Cy"}}})
	wantError(t, err, broken)
	fail = false
	equal(t, "contacts", e.export(), before)
	equalList(t, "found", e.found("bo"), []string{})
	e.sound()
}

func TestBatchCreate(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.create(crm.NewContact{DisplayName: "Ana", Source: "api", SourceID: "1", Emails: []crm.Email{{Address: "a@x.com"}}})
	got, err := e.Contacts.Batch(context.Background(), e.owner, crm.BatchInput{Contacts: []crm.NewContact{
		{DisplayName: "Ana", Emails: []crm.Email{{Address: "a@x.com"}}},
		{},
		{DisplayName: "Other", Source: "api", SourceID: "1"},
		{DisplayName: "New", Source: "api", SourceID: "2"},
		{DisplayName: "New again", Source: "api", SourceID: "2"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	equalList(t, "outcomes", outcomes(got), []crm.RowOutcome{crm.RowCreated, crm.RowProblem, crm.RowProblem, crm.RowCreated, crm.RowProblem})
	wantInvalid(t, got[1].Err, "displayName")
	wantConflict(t, got[2].Err, crm.ConflictExists)
	wantConflict(t, got[4].Err, crm.ConflictExists)
	equal(t, "contacts", e.list(crm.ContactListQuery{}).Total, 3)
	e.sound()
}

func outcomes(results []crm.BatchResult) []crm.RowOutcome {
	var out []crm.RowOutcome
	for _, r := range results {
		out = append(out, r.Outcome)
	}
	return out
}

func TestBatchLimits(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	for name, in := range map[string]crm.BatchInput{
		"contacts": {},
		"mode":     {Mode: "merge", Contacts: []crm.NewContact{{DisplayName: "x"}}},
	} {
		_, err := e.Contacts.Batch(ctx, e.owner, in)
		wantInvalid(t, err, name)
	}
	thousand := many(1_000, func(i int) crm.NewContact { return crm.NewContact{DisplayName: fmt.Sprint("P", i)} })
	_, err := e.Contacts.Batch(ctx, e.owner, crm.BatchInput{Contacts: append(slices.Clone(thousand), thousand[0])})
	wantInvalid(t, err, "contacts")
	got, err := e.Contacts.Batch(ctx, e.owner, crm.BatchInput{Contacts: thousand})
	if err != nil || len(got) != 1_000 {
		t.Fatalf("batch of 1,000: got %d (%v), want 1000 results", len(got), err)
	}
	e.sound()
}

func TestBatchUpsertWritesEachContactOnce(t *testing.T) {
	t.Parallel()
	e := setup(t)
	old := e.create(crm.NewContact{DisplayName: "Ana", Emails: []crm.Email{{Address: "a@x.com"}}, Notes: "old", Tags: []string{"x"}})
	head := e.head()
	got, err := e.Contacts.Batch(context.Background(), e.owner, crm.BatchInput{Mode: crm.BatchUpsert, Contacts: []crm.NewContact{
		{DisplayName: "Ana", Emails: []crm.Email{{Address: "A@X.com"}}},                                        // nothing new
		{DisplayName: "Ana P", Emails: []crm.Email{{Address: "a@x.com"}, {Address: "b@x.com", Primary: true}}}, // renames, adds
		{DisplayName: "Ana P", Emails: []crm.Email{{Address: "b@x.com"}}, Tags: []string{"X", "y"}},            // by the email just added
		{DisplayName: "New", Emails: []crm.Email{{Address: "n@x.com"}}},
		{DisplayName: "New", Emails: []crm.Email{{Address: "n@x.com"}}, Company: "ACME"}, // of the same batch
	}})
	if err != nil {
		t.Fatal(err)
	}
	equalList(t, "outcomes", outcomes(got), []crm.RowOutcome{crm.RowUnchanged, crm.RowUpdated, crm.RowUpdated, crm.RowCreated, crm.RowUpdated})
	c := e.get(old.ID)
	equal(t, "version", c.Version, old.Version+1)
	equal(t, "notes", c.Notes, "old")
	equalList(t, "emails", c.Emails, []crm.Email{{Address: "a@x.com", Primary: true}, {Address: "b@x.com"}})
	equalList(t, "tags", c.Tags, []string{"x", "y"})
	equal(t, "company of the new one", e.get(got[3].Contact.ID).Company, "ACME")
	equalList(t, "events", e.events(head), []crm.EventType{crm.EventContactUpdated, crm.EventContactCreated})
	e.sound()
}

func TestAnUnnamedContactRenamesNobody(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ana := e.create(crm.NewContact{DisplayName: "Ana Pérez", Emails: []crm.Email{{Address: "a@x.com"}}})
	got, err := e.Contacts.Batch(context.Background(), e.owner, crm.BatchInput{Mode: crm.BatchUpsert, Contacts: []crm.NewContact{
		{Emails: []crm.Email{{Address: "a@x.com"}}, Company: "ACME"},
	}})
	if err != nil || got[0].Outcome != crm.RowUpdated {
		t.Fatalf("batch: got %+v (%v), want updated", got, err)
	}
	equal(t, "display name", e.get(ana.ID).DisplayName, "Ana Pérez")
	equal(t, "company", e.get(ana.ID).Company, "ACME")
}

func TestUnitingStopsAtTheLimits(t *testing.T) {
	t.Parallel()
	e := setup(t)
	emails := func(from, n int) []crm.Email {
		return many(n, func(i int) crm.Email { return crm.Email{Address: fmt.Sprintf("a%d@x.com", from+i)} })
	}
	c := e.create(crm.NewContact{DisplayName: "Ana", Emails: emails(0, 100)})
	got, err := e.Contacts.Batch(context.Background(), e.owner, crm.BatchInput{Mode: crm.BatchUpsert, Contacts: []crm.NewContact{{DisplayName: "Ana", Emails: emails(99, 2)}}})
	if err != nil || got[0].Outcome != crm.RowProblem {
		t.Fatalf("batch: got %+v (%v), want a problem", got, err)
	}
	wantInvalid(t, got[0].Err, "emails")
	equal(t, "version", e.get(c.ID).Version, 1)
}
