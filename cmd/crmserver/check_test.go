package main

import (
	"strings"
	"testing"
)

func TestCheckFindsAndRepairs(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.write("people.csv", "Name,Email,Tags\nAna,ana@x.org,Friends\nBob,bob@x.org,Friends;Press\nEve,eve@x.org,\n")
	h.importFile("people.csv")
	if got, want := h.clean(), 3; got != want {
		t.Fatalf("contacts: got %d, want %d", got, want)
	}
	db := h.database()
	h.exec(db, "UPDATE contact_figures SET live = live + 7")
	h.exec(db, "UPDATE tags SET count = 40 WHERE key = 'friends'")
	h.exec(db, "DELETE FROM tags WHERE key = 'press'")
	h.exec(db, "UPDATE imports SET doc = json_set(doc, '$.status', 'committing'), status = 'committing'")

	type report struct {
		Workspaces, Contacts int
		Findings             []struct {
			WorkspaceID, Part, Detail string
			Repaired                  bool
		}
	}
	parts := func(r report, repaired bool) string {
		var found []string
		for _, f := range r.Findings {
			found = append(found, f.Part)
			if f.Repaired != repaired || f.WorkspaceID == "" || f.Detail == "" {
				t.Errorf("finding: got %+v, want repaired %v", f, repaired)
			}
		}
		return strings.Join(found, " ")
	}

	r := h.run("check")
	h.fails(r, exitFailed, "--repair")
	if !strings.Contains(r.out, "the figure says 10 contacts, there are 3") || !strings.Contains(r.out, "Checked 3 contacts in 1 workspace: ") {
		t.Errorf("check: got %q, want the figures", r.out)
	}
	r = h.run("check", "--json")
	h.fails(r, exitFailed, "--repair")
	const want = "totals tags imports"
	if got := parts(decode[report](t, r), false); got != want {
		t.Errorf("check: got findings in %s, want %s", got, want)
	}
	if got := parts(decode[report](t, h.ok(h.run("check", "--repair", "--json"))), true); got != want {
		t.Errorf("check --repair: got findings in %s, want %s", got, want)
	}
	if got, want := h.clean(), 3; got != want {
		t.Errorf("contacts after the repair: got %d, want %d", got, want)
	}
	if got := h.number(db, "SELECT sum(live) * 100 + sum(trashed) FROM contact_figures"); got != 300 {
		t.Errorf("figures: got %d, want 300", got)
	}
	if got := h.ok(h.run("check", "--repair")).out; got != "Checked 3 contacts in 1 workspace: 0 findings\n" {
		t.Errorf("check --repair of a sound database: got %q", got)
	}
}
