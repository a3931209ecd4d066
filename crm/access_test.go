package crm_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

// operation is one method of a service, with the least role and the scope that
// product J asks for.
type operation struct {
	name  string
	role  crm.Role
	scope crm.Scope
	// call uses the ids of a contact, job and import, which may not exist.
	call func(ctx context.Context, app *crm.CRM, a crm.Actor, id crm.ID) error
	// byID says that the id decides about being found.
	byID bool
}

func operations() []operation {
	const read, write, imports, jobs, admin = crm.ScopeContactsRead, crm.ScopeContactsWrite, crm.ScopeImports, crm.ScopeJobs, crm.ScopeAdmin
	tag := crm.BulkAction{Verb: crm.BulkTag, AddTags: []string{"t"}}
	type app = *crm.CRM
	return []operation{
		{"Contacts.Create", crm.RoleMember, write, func(ctx context.Context, c app, a crm.Actor, _ crm.ID) error {
			_, err := c.Contacts.Create(ctx, a, crm.NewContact{DisplayName: "x"})
			return err
		}, false},
		{"Contacts.Get", crm.RoleViewer, read, func(ctx context.Context, c app, a crm.Actor, id crm.ID) error {
			_, err := c.Contacts.Get(ctx, a, id)
			return err
		}, true},
		{"Contacts.List", crm.RoleViewer, read, func(ctx context.Context, c app, a crm.Actor, _ crm.ID) error {
			_, err := c.Contacts.List(ctx, a, crm.ContactListQuery{})
			return err
		}, false},
		{"Contacts.Update", crm.RoleMember, write, func(ctx context.Context, c app, a crm.Actor, id crm.ID) error {
			_, err := c.Contacts.Update(ctx, a, id, crm.ContactPatch{Notes: new("x")})
			return err
		}, true},
		{"Contacts.Delete", crm.RoleMember, write, func(ctx context.Context, c app, a crm.Actor, id crm.ID) error {
			_, err := c.Contacts.Delete(ctx, a, id, 0)
			return err
		}, true},
		{"Contacts.Restore", crm.RoleMember, write, func(ctx context.Context, c app, a crm.Actor, id crm.ID) error {
			_, err := c.Contacts.Restore(ctx, a, id, 0)
			return err
		}, true},
		{"Contacts.Erase", crm.RoleAdmin, write, func(ctx context.Context, c app, a crm.Actor, id crm.ID) error {
			return c.Contacts.Erase(ctx, a, id, 0)
		}, true},
		{"Contacts.Batch", crm.RoleMember, write, func(ctx context.Context, c app, a crm.Actor, _ crm.ID) error {
			_, err := c.Contacts.Batch(ctx, a, crm.BatchInput{Contacts: []crm.NewContact{{DisplayName: "x"}}})
			return err
		}, false},
		{"Contacts.Bulk", crm.RoleMember, write, func(ctx context.Context, c app, a crm.Actor, id crm.ID) error {
			n, err := c.Contacts.Bulk(ctx, a, []crm.ID{id}, tag)
			if err == nil && n == 0 { // Counted as nothing: what not found is here.
				return crm.ErrNotFound
			}
			return err
		}, true},
		{"Contacts.BulkByFilter", crm.RoleMember, write, func(ctx context.Context, c app, a crm.Actor, _ crm.ID) error {
			_, err := c.Contacts.BulkByFilter(ctx, a, crm.ContactFilter{Tags: []string{"nobody"}}, tag)
			return err
		}, false},
		{"Tags.List", crm.RoleViewer, read, func(ctx context.Context, c app, a crm.Actor, _ crm.ID) error {
			_, err := c.Tags.List(ctx, a)
			return err
		}, false},
		{"Exports.Prepare", crm.RoleViewer, read, func(ctx context.Context, c app, a crm.Actor, _ crm.ID) error {
			_, err := c.Exports.Prepare(ctx, a, crm.ExportQuery{})
			return err
		}, false},
		{"Exports.Resume", crm.RoleViewer, read, func(ctx context.Context, c app, a crm.Actor, id crm.ID) error {
			_, err := c.Exports.Resume(ctx, a, id)
			return err
		}, true},
		{"Workspaces.Get", crm.RoleViewer, read, func(ctx context.Context, c app, a crm.Actor, _ crm.ID) error {
			_, err := c.Workspaces.Get(ctx, a)
			return err
		}, false},
		{"Workspaces.Update", crm.RoleOwner, admin, func(ctx context.Context, c app, a crm.Actor, _ crm.ID) error {
			_, err := c.Workspaces.Update(ctx, a, crm.WorkspacePatch{})
			return err
		}, false},
		{"Imports.Create", crm.RoleMember, imports, func(ctx context.Context, c app, a crm.Actor, _ crm.ID) error {
			_, err := c.Imports.Create(ctx, a, crm.NewImport{Format: "jsonl", Body: strings.NewReader(`{"displayName":"x"}`)})
			return err
		}, false},
		{"Imports.List", crm.RoleMember, imports, func(ctx context.Context, c app, a crm.Actor, _ crm.ID) error {
			_, err := c.Imports.List(ctx, a, crm.ID{}, 10)
			return err
		}, false},
		{"Imports.Get", crm.RoleMember, imports, func(ctx context.Context, c app, a crm.Actor, id crm.ID) error {
			_, err := c.Imports.Get(ctx, a, id)
			return err
		}, true},
		{"Imports.Preview", crm.RoleMember, imports, func(ctx context.Context, c app, a crm.Actor, id crm.ID) error {
			_, err := c.Imports.Preview(ctx, a, id, crm.ImportOptions{})
			return err
		}, true},
		{"Imports.Rows", crm.RoleMember, imports, func(ctx context.Context, c app, a crm.Actor, id crm.ID) error {
			_, err := c.Imports.Rows(ctx, a, id, crm.ImportRowQuery{Limit: 10})
			return err
		}, true},
		{"Imports.WriteReport", crm.RoleMember, imports, func(ctx context.Context, c app, a crm.Actor, id crm.ID) error {
			return c.Imports.WriteReport(ctx, a, id, crm.ImportRowQuery{}, &bytes.Buffer{})
		}, true},
		{"Imports.Commit", crm.RoleMember, imports, func(ctx context.Context, c app, a crm.Actor, id crm.ID) error {
			_, _, err := c.Imports.Commit(ctx, a, id, 0, crm.ImportOptions{})
			return err
		}, true},
		{"Imports.Undo", crm.RoleMember, imports, func(ctx context.Context, c app, a crm.Actor, id crm.ID) error {
			_, _, err := c.Imports.Undo(ctx, a, id, 0)
			return err
		}, true},
		{"Imports.Run", crm.RoleMember, imports, func(ctx context.Context, c app, a crm.Actor, _ crm.ID) error {
			_, err := c.Imports.Run(ctx, a, crm.RunImport{NewImport: crm.NewImport{Format: "jsonl", Body: strings.NewReader(`{"displayName":"x"}`)}, DryRun: true})
			return err
		}, false},
		{"Jobs.Get", crm.RoleMember, jobs, func(ctx context.Context, c app, a crm.Actor, id crm.ID) error {
			_, err := c.Jobs.Get(ctx, a, id)
			return err
		}, true},
		{"Jobs.List", crm.RoleMember, jobs, func(ctx context.Context, c app, a crm.Actor, _ crm.ID) error {
			_, err := c.Jobs.List(ctx, a, crm.JobListQuery{})
			return err
		}, false},
		{"Jobs.Stats", crm.RoleMember, jobs, func(ctx context.Context, c app, a crm.Actor, _ crm.ID) error {
			_, err := c.Jobs.Stats(ctx, a)
			return err
		}, false},
		{"Jobs.Cancel", crm.RoleMember, jobs, func(ctx context.Context, c app, a crm.Actor, id crm.ID) error {
			_, err := c.Jobs.Cancel(ctx, a, id, 0)
			return err
		}, true},
		{"Jobs.Retry", crm.RoleMember, jobs, func(ctx context.Context, c app, a crm.Actor, id crm.ID) error {
			_, err := c.Jobs.Retry(ctx, a, id, 0)
			return err
		}, true},
		{"Jobs.Undo", crm.RoleMember, jobs, func(ctx context.Context, c app, a crm.Actor, id crm.ID) error {
			_, err := c.Jobs.Undo(ctx, a, id, 0)
			return err
		}, true},
	}
}

func TestEveryOperationAsksForItsRoleAndScope(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	for _, op := range operations() {
		t.Run(op.name, func(t *testing.T) {
			for _, role := range append(crm.Roles(), "janitor") {
				err := op.call(ctx, e.CRM, actorOf("acme", "ulla", role), crm.NewID())
				if allowed := role.AtLeast(op.role); errors.Is(err, crm.ErrForbidden) == allowed {
					t.Errorf("%s: got %v, want allowed to be %v", role, err, allowed)
				}
			}
			for _, scope := range crm.Scopes() {
				a := actorOf("acme", "ulla", crm.RoleOwner)
				a.Scopes = []crm.Scope{scope}
				err := op.call(ctx, e.CRM, a, crm.NewID())
				if allowed := scope == op.scope; errors.Is(err, crm.ErrForbidden) == allowed {
					t.Errorf("scope %s: got %v, want allowed to be %v", scope, err, allowed)
				}
			}
			a := actorOf("acme", "ulla", crm.RoleOwner)
			a.Scopes = []crm.Scope{}
			wantError(t, op.call(ctx, e.CRM, a, crm.NewID()), crm.ErrForbidden)
			a = actorOf("acme", "ulla", crm.RoleViewer)
			a.Scopes = crm.Scopes() // A key never exceeds its maker's role.
			if err := op.call(ctx, e.CRM, a, crm.NewID()); errors.Is(err, crm.ErrForbidden) == crm.RoleViewer.AtLeast(op.role) {
				t.Errorf("viewer with all scopes: got %v", err)
			}
			wantError(t, op.call(ctx, e.CRM, crm.Actor{}, crm.NewID()), crm.ErrUnauthenticated)
			wantError(t, op.call(ctx, e.CRM, crm.Actor{Role: crm.RoleOwner}, crm.NewID()), crm.ErrUnauthenticated)
			wantError(t, op.call(ctx, e.CRM, crm.Actor{Workspace: a.Workspace}, crm.NewID()), crm.ErrUnauthenticated)
		})
	}
}

// A foreign id, one that never was, and one of another kind take the same
// calls of the store to the same answer.
func TestAForeignIDCannotBeToldFromAnAbsentOne(t *testing.T) {
	t.Parallel()
	calls := &callLog{}
	e := setupOn(t, hook(openStore(t), calls.call), func(c *crm.Config) { c.Workers = -1 })
	ctx := context.Background()
	mine := e.people("Mine")[0]
	stranger := actorOf("other", "stan", crm.RoleOwner)
	foreign, err := e.Contacts.Create(ctx, stranger, crm.NewContact{DisplayName: "Foreign", Source: "s", SourceID: "1"})
	if err != nil {
		t.Fatal(err)
	}
	imported, err := e.Imports.Create(ctx, stranger, crm.NewImport{Format: "jsonl", Body: lines(`{"displayName":"x"}`)})
	if err != nil {
		t.Fatal(err)
	}
	_, job, err := e.Imports.Commit(ctx, stranger, imported.ID, 0, crm.ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Workspaces.Update(ctx, e.owner, crm.WorkspacePatch{Name: new("Acme")}); err != nil {
		t.Fatal(err)
	}
	for _, op := range operations() {
		if !op.byID {
			continue
		}
		t.Run(op.name, func(t *testing.T) {
			ask := func(id crm.ID) ([]string, string) {
				var err error
				if _, err := e.Workspaces.Get(ctx, e.owner); err != nil { // Settings are cached for a while.
					t.Fatal(err)
				}
				made := calls.during(func() { err = op.call(ctx, e.CRM, e.owner, id) })
				wantError(t, err, crm.ErrNotFound)
				// An index may be loading meanwhile.
				return slices.DeleteFunc(made, func(s string) bool { return s == "GetWorkspace" || s == loadContacts }), strings.ReplaceAll(fmt.Sprint(err), id.String(), "ID")
			}
			want, wantText := ask(crm.NewID())
			for name, id := range map[string]crm.ID{"contact": foreign.ID, "import": imported.ID, "job": job.ID, "zero": {}} {
				got, gotText := ask(id)
				equalList(t, name+": calls", got, want)
				equal(t, name+": answer", gotText, wantText)
			}
		})
	}
	if got, err := e.Contacts.Get(ctx, stranger, foreign.ID); err != nil || got.Version != 1 {
		t.Errorf("foreign contact: got version %d (%v), want 1", got.Version, err)
	}
	equal(t, "own contacts", e.list(crm.ContactListQuery{}).Items[0].ID, mine.ID)
	// Matching does not look across either.
	if _, err := e.Contacts.Create(ctx, e.owner, crm.NewContact{DisplayName: "Same", Source: "s", SourceID: "1"}); err != nil {
		t.Errorf("a source id that another workspace has: got %v, want no error", err)
	}
}

func TestJobsAndUndoBelongToWhoAskedForThem(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	e.people("Ana")
	mia, max, admin := actorOf("acme", "mia", crm.RoleMember), actorOf("acme", "max", crm.RoleMember), actorOf("acme", "ada", crm.RoleAdmin)
	j, err := e.Contacts.BulkByFilter(ctx, mia, crm.ContactFilter{}, crm.BulkAction{Verb: crm.BulkTag, AddTags: []string{"t"}})
	if err != nil {
		t.Fatal(err)
	}
	e.succeeded(j.ID)
	i, err := e.Imports.Run(ctx, mia, crm.RunImport{NewImport: crm.NewImport{Format: "jsonl", Body: lines(`{"displayName":"x"}`)}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.Jobs.Get(ctx, max, j.ID)
	wantError(t, err, crm.ErrNotFound)
	_, err = e.Jobs.Undo(ctx, max, j.ID, 0)
	wantError(t, err, crm.ErrNotFound)
	_, _, err = e.Imports.Undo(ctx, max, i.ID, 0)
	wantError(t, err, crm.ErrNotFound)
	theirs, err := e.Imports.Create(ctx, mia, crm.NewImport{Format: "jsonl", Body: lines(`{"displayName":"y"}`)})
	if err != nil {
		t.Fatal(err)
	}
	for name, use := range map[string]func(crm.Actor) error{
		"get": func(a crm.Actor) error { _, err := e.Imports.Get(ctx, a, theirs.ID); return err },
		"rows": func(a crm.Actor) error {
			_, err := e.Imports.Rows(ctx, a, theirs.ID, crm.ImportRowQuery{Limit: 1})
			return err
		},
		"report": func(a crm.Actor) error {
			return e.Imports.WriteReport(ctx, a, theirs.ID, crm.ImportRowQuery{}, &bytes.Buffer{})
		},
		"preview": func(a crm.Actor) error {
			_, err := e.Imports.Preview(ctx, a, theirs.ID, crm.ImportOptions{})
			return err
		},
		"commit": func(a crm.Actor) error {
			_, _, err := e.Imports.Commit(ctx, a, theirs.ID, 0, crm.ImportOptions{})
			return err
		},
	} {
		if err := use(max); !errors.Is(err, crm.ErrNotFound) {
			t.Errorf("%s another's import: got %v, want %v", name, err, crm.ErrNotFound)
		}
	}
	for name, want := range map[*crm.Actor]int{&max: 0, &mia: 2, &admin: 2} {
		n, err := e.Imports.Count(ctx, *name)
		list, err2 := e.Imports.List(ctx, *name, crm.ID{}, 10)
		if n != want || len(list) != want || err != nil || err2 != nil {
			t.Errorf("imports of a %s: got %d and %d (%v, %v), want %d", name.Role, n, len(list), err, err2, want)
		}
	}
	_, committed, err := e.Imports.Commit(ctx, admin, theirs.ID, 0, crm.ImportOptions{})
	if err != nil {
		t.Fatalf("commit as an admin: %v", err)
	}
	e.succeeded(committed.ID)
	if l, err := e.Jobs.List(ctx, max, crm.JobListQuery{}); err != nil || len(l.Items) != 0 {
		t.Errorf("jobs of another member: got %v (%v), want none", l.Items, err)
	}
	if l, err := e.Jobs.List(ctx, admin, crm.JobListQuery{}); err != nil || len(l.Items) != 3 {
		t.Errorf("jobs for an admin: got %d (%v), want 3", len(l.Items), err)
	}
	// A key for jobs alone cannot write contacts by undoing.
	key := mia
	key.Scopes = []crm.Scope{crm.ScopeJobs}
	for _, version := range []int64{0, 99} { // Also of a version that was never.
		_, err = e.Jobs.Undo(ctx, key, j.ID, version)
		wantError(t, err, crm.ErrForbidden)
	}
	u, err := e.Jobs.Undo(ctx, admin, i.JobID, 0)
	if err != nil {
		t.Fatal(err)
	}
	e.succeeded(u.ID)
	_, err = e.Jobs.Undo(ctx, mia, j.ID, 0)
	wantError(t, err, nil)
}
