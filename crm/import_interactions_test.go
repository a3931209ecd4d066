package crm_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

const (
	anaLine  = `{"displayName":"Ana","emails":[{"address":"ana@example.com"}]}`
	mailLine = `{"type":"email","direction":"inbound","subject":"Hello","body":"Hi","occurredAt":"2026-01-05T09:00:00Z",` +
		`"participants":[{"role":"from","address":"ana@example.com","contactId":"0190b5d0-0000-7000-8000-000000000001"}],"source":"gmail","sourceId":"<1@x>","threadId":"t"}`
	callLine = `{"type":"call","occurredAt":"2026-01-04T09:00:00+02:00","participants":[{"address":"nobody@example.com"}],"mood":"good"}`
)

// dry returns what an import of the lines would do.
func (e *env) dry(o crm.ImportOptions, rows ...string) crm.ImportCounts {
	e.t.Helper()
	i, err := e.Imports.Run(context.Background(), e.owner, crm.RunImport{NewImport: withOptions(jsonl(lines(rows...)), o), DryRun: true})
	if err != nil {
		e.t.Fatalf("dry run: %v", err)
	}
	return i.Counts
}

func (e *env) history() string {
	e.t.Helper()
	var b bytes.Buffer
	if _, err := e.Interactions.Export(context.Background(), e.owner, &b); err != nil {
		e.t.Fatalf("export interactions: %v", err)
	}
	return b.String()
}

func (e *env) lone(search string) crm.Contact {
	e.t.Helper()
	found := e.list(crm.ContactListQuery{Filter: crm.ContactFilter{Search: search}}).Items
	if len(found) != 1 {
		e.t.Fatalf("%q finds %q, want one", search, names(found))
	}
	return found[0]
}

func TestImportOfInteractions(t *testing.T) {
	t.Parallel()
	e := setup(t)
	file := []string{mailLine, anaLine, callLine, callLine, `{"occurredAt":"2026-13-01T00:00:00Z","type":"email"}`, `{"occurredAt":"2026-01-01T00:00:00Z","type":"fax"}`}
	would := e.dry(crm.ImportOptions{}, file...)
	i := e.run(crm.ImportOptions{}, file...)
	want := []crm.RowOutcome{crm.RowCreated, crm.RowCreated, crm.RowCreated, crm.RowUnchanged, crm.RowProblem, crm.RowProblem}
	rows := e.rows(i.ID)
	if got := rowOutcomes(rows); !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	if i.Counts != would {
		t.Errorf("the dry run says %+v, the import did %+v", would, i.Counts)
	}
	if rows[0].Interaction.IsZero() || !rows[0].Contact.IsZero() || rows[1].Contact.IsZero() || rows[3].Interaction != rows[2].Interaction {
		t.Errorf("got rows %+v", rows)
	}
	if got := rows[2].Dropped; !slices.Equal(got, []string{"mood"}) || i.Counts.Dropped != 1 {
		t.Errorf("dropped: got %q, counted %d", got, i.Counts.Dropped)
	}
	if rows[4].Problems[0].Field != "occurredAt" || rows[5].Problems[0].Field != "type" {
		t.Errorf("problems: got %+v and %+v", rows[4].Problems, rows[5].Problems)
	}
	ana := e.lone("ana")
	line := e.timeline(ana.ID)
	if len(line) != 1 || line[0].Subject != "Hello" || line[0].Batch != i.ID || line[0].ThreadID != "t" || !ana.LastInteractionAt.Equal(past(0)) {
		t.Errorf("timeline: got %+v, last %s", line, ana.LastInteractionAt)
	}
	again := e.run(crm.ImportOptions{}, file...)
	if again.Counts.Unchanged != 4 || again.Counts.Created != 0 {
		t.Errorf("the same file again: got %+v", again.Counts)
	}
	before := e.history()
	reworded := e.run(crm.ImportOptions{}, strings.Replace(mailLine, "Hello", "Other", 1))
	if reworded.Counts.Unchanged != 1 || e.history() != before {
		t.Errorf("the same source id with another text: got %+v", reworded.Counts)
	}
	if ours := e.run(crm.ImportOptions{}, strings.Split(strings.TrimSpace(before), "\n")...); ours.Counts.Unchanged != 2 || e.history() != before {
		t.Errorf("our own export: got %+v", ours.Counts)
	}
	twice := e.run(crm.ImportOptions{OnDuplicate: crm.DuplicateCreate}, strings.Replace(mailLine, "Hello", "Third", 1))
	if twice.Counts.Created != 1 || len(e.timeline(ana.ID)) != 2 {
		t.Errorf("create another: got %+v", twice.Counts)
	}
}

func TestUndoOfImportedInteractions(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	e.create(crm.NewContact{DisplayName: "Bo", Emails: []crm.Email{{Address: "bo@example.com"}}})
	contacts, history := e.export(), e.history()
	bo := strings.ReplaceAll(callLine, "nobody", "bo")
	first := e.run(crm.ImportOptions{}, anaLine, mailLine, bo)
	if got := e.undo(first.ID); got.Kept != 0 {
		t.Errorf("undo: kept %d", got.Kept)
	}
	if e.export() != contacts || e.history() != history {
		t.Errorf("after the undo: got\n%s%s\nwant\n%s%s", e.export(), e.history(), contacts, history)
	}
	if got := e.lone("bo").LastInteractionAt; !got.IsZero() {
		t.Errorf("last interaction after the undo: got %s", got)
	}
	second := e.run(crm.ImportOptions{}, anaLine, mailLine, bo)
	if second.Counts.Created != 3 {
		t.Fatalf("the same file after the undo: got %+v", second.Counts)
	}
	mail := e.timeline(e.lone("ana").ID)[0]
	text := "edited"
	if _, err := e.Interactions.Update(ctx, e.owner, mail.ID, crm.InteractionPatch{Subject: &text}); err != nil {
		t.Fatal(err)
	}
	e.undo(second.ID)
	left := e.timeline(e.lone("ana").ID) // Somebody works with her.
	if len(left) != 1 || left[0].Subject != text || len(e.timeline(e.lone("bo").ID)) != 0 {
		t.Errorf("after the undo: got %q", subjects(left))
	}
	i := e.theImport(second.ID)
	kept := slices.DeleteFunc(e.rows(second.ID), func(r crm.ImportRow) bool { return r.Outcome != crm.RowKept })
	if i.KeptEdited != 2 || len(kept) != 2 {
		t.Errorf("kept: got %d and rows %+v, want the contact and the interaction", i.KeptEdited, kept)
	}
}

func TestUndoLeavesContactsInUse(t *testing.T) {
	t.Parallel()
	e := setup(t)
	i := e.run(crm.ImportOptions{}, anaLine)
	e.talk(e.lone("ana").ID, crm.NewInteraction{Subject: "call"})
	if got := e.undo(i.ID); got.Kept != 1 {
		t.Errorf("undo: kept %d, want 1", got.Kept)
	}
	e.lone("ana")
}
