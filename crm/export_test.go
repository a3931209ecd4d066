package crm_test

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func (e *env) prepare(q crm.ExportQuery) *crm.Export {
	e.t.Helper()
	q.Format = "jsonl"
	x, err := e.Exports.Prepare(context.Background(), e.owner, q)
	if err != nil {
		e.t.Fatalf("prepare export: %v", err)
	}
	return x
}

func written(t testing.TB, x *crm.Export) string {
	t.Helper()
	var b bytes.Buffer
	n, err := x.WriteTo(context.Background(), &b, nil)
	if err != nil {
		t.Fatalf("write export: %v", err)
	}
	equal(t, "contacts in the file", strings.Count(b.String(), "\n"), n)
	equal(t, "contacts and those left out", n+x.LeftOut(), x.Total)
	return b.String()
}

func TestTheSetOfAnExportIsFixedUpFront(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	tagged := crm.ContactFilter{Tags: []string{"t"}}
	for name, filter := range map[string]crm.ContactFilter{
		"by the store": tagged, "by the search": {Search: "fixed", Tags: []string{"t"}},
	} {
		var made []crm.Contact
		for _, n := range []string{"Edited", "Trashed", "Erased", "Untagged"} {
			made = append(made, e.create(crm.NewContact{DisplayName: "Fixed " + n, Tags: []string{"t"}}))
		}
		late := e.create(crm.NewContact{DisplayName: "Fixed Late"})
		x := e.prepare(crm.ExportQuery{Filter: filter})
		equal(t, name+": total", x.Total, 4)
		e.create(crm.NewContact{DisplayName: "Fixed New", Tags: []string{"t"}})
		patch := func(id crm.ID, p crm.ContactPatch) {
			t.Helper()
			if _, err := e.Contacts.Update(ctx, e.owner, id, p); err != nil {
				t.Fatal(err)
			}
		}
		patch(late.ID, crm.ContactPatch{Tags: &[]string{"t"}})
		patch(made[0].ID, crm.ContactPatch{Company: new("ACME")})
		patch(made[3].ID, crm.ContactPatch{Tags: &[]string{}})
		if _, err := e.Contacts.Delete(ctx, e.owner, made[1].ID, 0); err != nil {
			t.Fatal(err)
		}
		if err := e.Contacts.Erase(ctx, e.owner, made[2].ID, 0); err != nil {
			t.Fatal(err)
		}
		file := written(t, x)
		equal(t, name+": left out", x.LeftOut(), 2)
		for word, want := range map[string]bool{
			"Fixed Edited": true, "ACME": true, "Fixed Untagged": true, "Fixed Trashed": false, "Fixed Erased": false, "Fixed New": false, "Fixed Late": false,
		} {
			if got := strings.Contains(file, word); got != want {
				t.Errorf("%s: %s in the file: got %t, want %t", name, word, got, want)
			}
		}
		ids := idsOf(e.list(crm.ContactListQuery{PageSize: 200}).Items)
		if _, err := e.Contacts.Bulk(ctx, e.owner, ids, crm.BulkAction{Verb: crm.BulkDelete}); err != nil {
			t.Fatal(err)
		}
	}
	x := e.prepare(crm.ExportQuery{Filter: crm.ContactFilter{Trash: true}})
	trashed := e.list(crm.ContactListQuery{Filter: crm.ContactFilter{Trash: true}}).Items
	if _, err := e.Contacts.Restore(ctx, e.owner, trashed[0].ID, 0); err != nil {
		t.Fatal(err)
	}
	written(t, x)
	equal(t, "restored from the trash meanwhile", x.LeftOut(), 1)
}

// A set of more than 10,000 is stored: the file can be begun again, here or in
// another process, and what changed meanwhile changes nothing in the set.
func TestALargeExportCanBeBegunAgainWithTheSameSet(t *testing.T) {
	t.Parallel()
	const people = 12_000
	store := openStore(t)
	e := setupOn(t, store)
	ctx := context.Background()
	e.crowd(people, nil)
	x := e.prepare(crm.ExportQuery{})
	equal(t, "total", x.Total, people)
	if x.ID.IsZero() {
		t.Fatal("id: got none, want the set to be stored")
	}
	full := errors.New("disk full")
	_, err := x.WriteTo(ctx, &limitedWriter{left: 100_000, err: full}, nil)
	wantError(t, err, full)
	e.create(crm.NewContact{DisplayName: "New"})
	newest := e.list(crm.ContactListQuery{Sort: crm.SortCreatedAt, PageSize: 2}).Items[1] // But for the new one.
	if _, err := e.Contacts.Delete(ctx, e.owner, newest.ID, 0); err != nil {
		t.Fatal(err)
	}

	other := setupOn(t, store)
	stranger := actorOf("acme", "mia", crm.RoleMember)
	for name, a := range map[string]crm.Actor{"another user": stranger, "another workspace": actorOf("umbrella", "olga", crm.RoleOwner)} {
		_, err := other.Exports.Resume(ctx, a, x.ID)
		if !errors.Is(err, crm.ErrNotFound) {
			t.Errorf("%s: got %v, want not found", name, err)
		}
	}
	again, err := other.Exports.Resume(ctx, other.owner, x.ID)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "total of the resumed", again.Total, people)
	equal(t, "file name", again.FileName, x.FileName)
	file := written(t, again)
	equal(t, "written", strings.Count(file, "\n"), people-1)
	equal(t, "left out", again.LeftOut(), 1)
	equal(t, "the new one is in it", strings.Contains(file, `"displayName":"New"`), false)

	_, err = store.OpenBlob(ctx, e.owner.Workspace, x.ID, 0)
	wantError(t, err, crm.ErrNotFound)
	_, err = other.Exports.Resume(ctx, other.owner, x.ID)
	wantConflict(t, err, crm.ConflictState)
	j := e.finished(x.ID)
	equal(t, "job", j.Status, crm.JobSucceeded)
	equal(t, "kind", j.Kind, crm.JobContactExport)
	equal(t, "result", string(j.Result), `{"contacts":`+strconv.Itoa(people-1)+`,"leftOut":1}`)
	_, err = x.WriteTo(ctx, &bytes.Buffer{}, nil)
	wantError(t, err, crm.ErrNotFound)

	closed := e.prepare(crm.ExportQuery{})
	closed.Close(ctx)
	closed.Close(ctx)
	_, err = store.OpenBlob(ctx, e.owner.Workspace, closed.ID, 0)
	wantError(t, err, crm.ErrNotFound)
	equal(t, "closed", e.finished(closed.ID).Status, crm.JobCancelled)
}

func TestAnExportThatNobodyFetchesIsRemovedAfterADay(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	ctx := context.Background()
	e := setupOn(t, store)
	e.crowd(10_001, nil)
	// An export that was prepared a day ago, by a process that is gone.
	yesterday := newClock(time.Now().Add(-24 * time.Hour).UTC().Format(time.RFC3339))
	gone := setupOn(t, store, yesterday.config, func(c *crm.Config) { c.Workers = -1 })
	x := gone.prepare(crm.ExportQuery{})
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	j := e.finished(x.ID)
	equal(t, "job", j.Status, crm.JobFailed)
	if !strings.Contains(j.ErrorText, "export again") {
		t.Errorf("reason: got %q, want it to say what to do", j.ErrorText)
	}
	_, err := store.OpenBlob(ctx, e.owner.Workspace, x.ID, 0)
	wantError(t, err, crm.ErrNotFound)
}

type limitedWriter struct {
	left int
	err  error
}

func (w *limitedWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, w.err
	}
	return len(p), nil
}
