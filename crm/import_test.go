package crm_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func jsonl(body io.Reader) crm.NewImport {
	return crm.NewImport{Format: "jsonl", FileName: "people.jsonl", Body: body}
}

func withOptions(in crm.NewImport, o crm.ImportOptions) crm.NewImport {
	in.ImportOptions = o
	return in
}

// run imports lines to the end.
func (e *env) run(o crm.ImportOptions, rows ...string) crm.Import {
	e.t.Helper()
	i, err := e.Imports.Run(context.Background(), e.owner, crm.RunImport{NewImport: withOptions(jsonl(lines(rows...)), o)})
	if err != nil {
		e.t.Fatalf("import: %v", err)
	}
	return i
}

func (e *env) undo(id crm.ID) crm.BulkResult {
	e.t.Helper()
	_, j, err := e.Imports.Undo(context.Background(), e.owner, id, 0)
	if err != nil {
		e.t.Fatalf("undo: %v", err)
	}
	return bulkResult(e.t, e.succeeded(j.ID))
}

func (e *env) rows(id crm.ID) []crm.ImportRow {
	e.t.Helper()
	rows, err := e.Imports.Rows(context.Background(), e.owner, id, crm.ImportRowQuery{Limit: 1_000})
	if err != nil {
		e.t.Fatalf("rows: %v", err)
	}
	return rows
}

func rowOutcomes(rows []crm.ImportRow) []crm.RowOutcome {
	var out []crm.RowOutcome
	for _, r := range rows {
		out = append(out, r.Outcome)
	}
	return out
}

func TestDryRunCommitAndReportGiveTheSameFigures(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	e.create(crm.NewContact{DisplayName: "Ana", Emails: []crm.Email{{Address: "a@x.com"}}})
	e.create(crm.NewContact{DisplayName: "Twin", Emails: []crm.Email{{Address: "t@x.com"}}})
	e.create(crm.NewContact{DisplayName: "Twin", Emails: []crm.Email{{Address: "t@x.com"}}})
	file := []string{
		`{"displayName":"Ana","primaryEmail":"a@x.com","company":"ACME"}`,
		`{"displayName":"Bo","phones":[{"number":"202-224-3441"}],"shoeSize":"42"}`,
		`{"displayName":"Cy","phones":[{"number":"202-224-3441"}]}`,
		`{"displayName":"bo","phones":[{"number":"+12022243441"}]}`,
		`{"displayName":"Twin","primaryEmail":"t@x.com"}`,
		`{"displayName":"","company":""}`,
		`{"displayName":"Di","birthday":"2023-02-29"}`,
		`not json`,
		`{"displayName":"Ana","primaryEmail":"a@x.com","company":"ACME"}`,
		`{"displayName":"Ana","primaryEmail":"A@X.com"}`,
		`{"displayName":"Ana","source":"s","sourceId":"1","primaryEmail":"e@x.com"}`,
		`{"displayName":"Ana","source":"s","sourceId":"2","primaryEmail":"e@x.com"}`,
	}
	for i := range 1_200 { // More than two chunks; names change along the way, phones stay.
		file = append(file, fmt.Sprintf(`{"displayName":"N%d","primaryEmail":"n%d@x.com","phones":[{"number":"202-555-%04d"}]}`, i, i%700, i%350))
	}
	want := []crm.RowOutcome{
		crm.RowUpdated, crm.RowCreated, crm.RowCreated, crm.RowUpdated, crm.RowAmbiguous, crm.RowProblem, crm.RowProblem, crm.RowProblem,
		crm.RowUnchanged, crm.RowUnchanged, crm.RowCreated, crm.RowCreated,
	}
	before, head := e.export(), e.head()
	dry, err := e.Imports.Run(ctx, e.owner, crm.RunImport{NewImport: jsonl(lines(file...)), DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "head after a dry run", e.head(), head)
	i, err := e.Imports.Create(ctx, e.owner, jsonl(lines(file...)))
	if err != nil {
		t.Fatal(err)
	}
	if i, err = e.Imports.Preview(ctx, e.owner, i.ID, crm.ImportOptions{}); err != nil || i.Status != crm.ImportReady {
		t.Fatalf("preview: got %s (%v), want ready", i.Status, err)
	}
	previewed := e.rows(i.ID)
	equalList(t, "previewed outcomes", rowOutcomes(previewed)[:len(want)], want)
	equal(t, "contacts after a preview", e.export(), before)
	equal(t, "figures of dry run and preview", i.Counts, dry.Counts)

	_, j, err := e.Imports.Commit(ctx, e.owner, i.ID, 0, crm.ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	job := e.succeeded(j.ID)
	equal(t, "progress", job.Done, job.Total)
	done, err := e.Imports.Get(ctx, e.owner, i.ID)
	if err != nil || done.Status != crm.ImportCommitted {
		t.Fatalf("import: got %s (%v), want committed", done.Status, err)
	}
	equal(t, "figures of preview and commit", done.Counts, i.Counts)
	equal(t, "values kept", done.Counts.Kept, 1)
	equalList(t, "outcomes of preview and commit", rowOutcomes(e.rows(i.ID)), rowOutcomes(previewed))
	equal(t, "sum of the outcomes", done.Counts.Created+done.Counts.Updated+done.Counts.Unchanged+done.Counts.Ambiguous+done.Counts.Problems, done.Counts.Rows)
	equal(t, "rows", done.Counts.Rows, int64(len(file)))
	equal(t, "custom field of a kept value", e.get(e.rows(i.ID)[1].Contact).Fields["shoesize"], any("42"))

	var report bytes.Buffer
	if err := e.Imports.WriteReport(ctx, e.owner, i.ID, crm.ImportRowQuery{NotAsItStood: true}, &report); err != nil {
		t.Fatal(err)
	}
	equal(t, "lines of the report: head, 1 ambiguous, 3 problems, 1 kept", strings.Count(report.String(), "\n"), 6)
	for _, field := range []string{"birthday must be", "displayName must be", "shoeSize"} {
		if !strings.Contains(report.String(), field) {
			t.Errorf("report: got %s, want it to name %s", report.String(), field)
		}
	}
	e.sound()
	equal(t, "contacts taken back", e.undo(i.ID).Kept, 0)
	equal(t, "contacts after the undo", e.export(), before)
	e.sound()
}

func TestTheSameFileTwiceWritesNothing(t *testing.T) {
	t.Parallel()
	e := setup(t)
	file := []string{
		`{"displayName":"No key at all"}`, `{"displayName":"Bo","primaryEmail":"b@x.com"}`, `{"displayName":"Twin","primaryEmail":"b@x.com","source":"s","sourceId":"1"}`,
		`{"displayName":"Cy","source":"s","sourceId":"2","notes":"x"}`, `{"displayName":"No key at all"}`,
	}
	for _, policy := range []crm.OnDuplicate{"", crm.DuplicateSkip, crm.DuplicateCreate, crm.DuplicateUpdate} {
		i := e.run(crm.ImportOptions{OnDuplicate: policy}, file...)
		if policy == "" {
			equal(t, "created", i.Counts.Created, 3)
			continue
		}
		equal(t, "unchanged with "+string(policy), i.Counts.Unchanged, 5)
	}
	for _, ev := range e.events(0)[5:] {
		if strings.HasPrefix(string(ev), "contact.") {
			t.Errorf("event: got %s, want none of contacts after the first import", ev)
		}
	}
	e.sound()
}

func TestPoliciesForMatches(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ana := e.create(crm.NewContact{DisplayName: "Ana", Emails: []crm.Email{{Address: "a@x.com"}}, Notes: "hers", Tags: []string{"x"}, Source: "s", SourceID: "1"})
	row := func(extra string) string {
		return `{"displayName":"Ana","primaryEmail":"a@x.com","tags":["y"],"company":"` + extra + `"}`
	}
	equal(t, "skip", e.run(crm.ImportOptions{OnDuplicate: crm.DuplicateSkip}, row("1")).Counts.Unchanged, 1)
	equal(t, "version after skip", e.get(ana.ID).Version, 1)
	equal(t, "update", e.run(crm.ImportOptions{OnDuplicate: crm.DuplicateUpdate}, row("2")).Counts.Updated, 1)
	c := e.get(ana.ID)
	equal(t, "company", c.Company, "2")
	equal(t, "notes", c.Notes, "hers")
	equalList(t, "tags", c.Tags, []string{"x", "y"})
	i := e.run(crm.ImportOptions{OnDuplicate: crm.DuplicateCreate}, row("3"), `{"displayName":"Ana","source":"s","sourceId":"1"}`)
	equal(t, "create", i.Counts.Created, 2)
	equal(t, "source id of another contact", e.get(e.rows(i.ID)[1].Contact).SourceID, "")
	amb := e.run(crm.ImportOptions{}, row("4"))
	equal(t, "ambiguous", amb.Counts.Ambiguous, 1)
	equal(t, "candidates", len(e.rows(amb.ID)[0].Candidates), 2)
	equal(t, "create settles the ambiguous", e.run(crm.ImportOptions{OnDuplicate: crm.DuplicateCreate}, row("5")).Counts.Created, 1)
	e.sound()
}

func TestRowsThatMatchTheTrashAreUnchangedAndSaySo(t *testing.T) {
	t.Parallel()
	e := setup(t)
	row := `{"displayName":"Ana","primaryEmail":"a@x.com"}`
	first := e.run(crm.ImportOptions{}, row)
	id := e.rows(first.ID)[0].Contact
	if _, err := e.Contacts.Delete(context.Background(), e.owner, id, 0); err != nil {
		t.Fatal(err)
	}
	for _, again := range []string{row, `{"displayName":"Ana","primaryEmail":"a@x.com","company":"new"}`} {
		r := e.rows(e.run(crm.ImportOptions{}, again).ID)[0]
		equal(t, "outcome", r.Outcome, crm.RowUnchanged)
		if len(r.Problems) != 1 || r.Problems[0].Code != "in_trash" {
			t.Errorf("problems: got %v, want a note on the trash", r.Problems)
		}
	}
	if err := e.Contacts.Erase(context.Background(), e.owner, id, 0); err != nil {
		t.Fatal(err)
	}
	equal(t, "created after the erase", e.run(crm.ImportOptions{}, row).Counts.Created, 1)
}

func TestUndoForgetsFingerprints(t *testing.T) {
	t.Parallel()
	e := setup(t)
	empty := e.export()
	file := []string{`{"displayName":"No key"}`, `{"displayName":"Other"}`}
	first := e.run(crm.ImportOptions{}, file...)
	equalResult(t, "undone", e.undo(first.ID), crm.BulkResult{Changed: 2})
	equal(t, "contacts", e.export(), empty)
	equal(t, "created again", e.run(crm.ImportOptions{}, file...).Counts.Created, 2)
	_, _, err := e.Imports.Undo(context.Background(), e.owner, first.ID, 0)
	wantConflict(t, err, crm.ConflictState)
}

func TestUndoOfAnImportKeepsWhatPeopleEdited(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	old := e.create(crm.NewContact{DisplayName: "Old", Emails: []crm.Email{{Address: "old@x.com"}}, Company: "Before", Fields: map[string]any{"a": "1"}})
	same := e.create(crm.NewContact{DisplayName: "Same", Emails: []crm.Email{{Address: "same@x.com"}}, Company: "Before"})
	i := e.run(crm.ImportOptions{},
		`{"displayName":"Old","primaryEmail":"old@x.com","company":"After","jobTitle":"Boss","fields":{"a":"2","b":"3"}}`,
		`{"displayName":"Same","primaryEmail":"same@x.com","company":"After"}`,
		`{"displayName":"New 1"}`, `{"displayName":"New 2"}`)
	rows := e.rows(i.ID)
	edit := func(id crm.ID, p crm.ContactPatch) crm.Contact {
		t.Helper()
		c, err := e.Contacts.Update(ctx, e.owner, id, p)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	edit(old.ID, crm.ContactPatch{JobTitle: new("Queen"), Notes: new("called"), Fields: map[string]any{"b": "mine"}})
	edited := edit(rows[2].Contact, crm.ContactPatch{Notes: new("called")})
	equalResult(t, "result", e.undo(i.ID), crm.BulkResult{Changed: 2, Kept: 2})
	c := e.get(old.ID)
	equal(t, "company, as the import wrote it", c.Company, "Before")
	if got, err := e.Imports.Get(ctx, e.owner, i.ID); err != nil || slices.ContainsFunc(got.Mapping, func(c crm.ImportColumn) bool { return c.Sample != "" }) {
		t.Errorf("mapping after the end: got %+v (%v), want no sample of people's data", got.Mapping, err)
	}
	equal(t, "job title, edited since", c.JobTitle, "Queen")
	equal(t, "notes, edited since", c.Notes, "called")
	equal(t, "field a", c.Fields["a"], any("1"))
	equal(t, "field b, edited since", c.Fields["b"], any("mine"))
	if got := e.get(same.ID).Record(); !reflect.DeepEqual(got, same.Record()) {
		t.Errorf("untouched contact: got %+v, want %+v", got, same.Record())
	}
	equal(t, "edited contact of the import", e.get(edited.ID).Version, edited.Version)
	_, err := e.Contacts.Get(ctx, e.owner, rows[3].Contact)
	wantError(t, err, crm.ErrNotFound)
	got, err := e.Imports.Get(ctx, e.owner, i.ID)
	if err != nil || got.Status != crm.ImportUndone || got.KeptEdited != 2 {
		t.Errorf("import: got %s with %d kept (%v), want undone with 2", got.Status, got.KeptEdited, err)
	}
	kept, err := e.Imports.Rows(ctx, e.owner, i.ID, crm.ImportRowQuery{Outcomes: []crm.RowOutcome{crm.RowKept}, Limit: 10})
	if err != nil || len(kept) != 2 || kept[0].Contact != old.ID || kept[1].Contact != edited.ID || kept[0].Row != 1 || kept[1].Row != 3 {
		t.Fatalf("rows that were kept: got %+v (%v), want those of %s and %s", kept, err, old.ID, edited.ID)
	}
	equalList(t, "what stays of a contact that was there", fieldsOf(kept[0]), []string{"fields.b", "jobTitle"})
	equalList(t, "what stays of a contact of the import", fieldsOf(kept[1]), []string{"contact"})
	again, err := e.Jobs.Kept(ctx, e.owner, got.JobID, 1, 10)
	if err != nil || len(again) != 1 || again[0].Contact != edited.ID {
		t.Errorf("kept by the job, behind row 1: got %+v (%v)", again, err)
	}
	e.sound()
}

func fieldsOf(row crm.ImportRow) []string {
	var fields []string
	for _, p := range row.Problems {
		fields = append(fields, p.Field)
	}
	return fields
}

func TestBadImports(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	for name, c := range map[string]struct {
		in    crm.NewImport
		field string
	}{
		"no file":        {crm.NewImport{Format: "jsonl"}, "file"},
		"an empty file":  {crm.NewImport{Format: "jsonl", Body: strings.NewReader("")}, "file"},
		"blanks":         {crm.NewImport{Body: strings.NewReader(" \n\t")}, "file"},
		"a picture":      {crm.NewImport{Body: strings.NewReader("\x89PNG\r\n\x1a\n")}, "file"},
		"another format": {crm.NewImport{Format: "xlsx", Body: strings.NewReader("x")}, "format"},
	} {
		_, err := e.Imports.Create(ctx, e.owner, c.in)
		if got := brokenFields(err); !slices.Equal(got, []string{c.field}) {
			t.Errorf("%s: got %v, want an error of %s", name, err, c.field)
		}
	}
	broken := errors.New("line dropped")
	_, err := e.Imports.Create(ctx, e.owner, jsonl(io.MultiReader(strings.NewReader("{}\n"), failing{broken})))
	wantError(t, err, broken)
	i, err := e.Imports.Create(ctx, e.owner, crm.NewImport{FileName: "C:\\tmp\\a\x00\nb.jsonl", Body: lines(`{"displayName":"x"}`)})
	if err != nil || i.Format != "jsonl" || i.FileName != "a b.jsonl" {
		t.Fatalf("create: got %q %q (%v), want jsonl and a b.jsonl", i.Format, i.FileName, err)
	}
	_, err = e.Imports.Preview(ctx, e.owner, i.ID, crm.ImportOptions{OnDuplicate: "merge"})
	wantInvalid(t, err, "onDuplicate")
	_, err = e.Imports.Rows(ctx, e.owner, i.ID, crm.ImportRowQuery{Outcomes: []crm.RowOutcome{"lost"}, Limit: 1_001, After: -1})
	wantInvalid(t, err, "outcome", "limit", "cursor")
	_, err = e.Imports.List(ctx, e.owner, crm.ID{}, 201)
	wantInvalid(t, err, "limit")
	_, _, err = e.Imports.Undo(ctx, e.owner, i.ID, 0)
	wantConflict(t, err, crm.ConflictState)
	_, j, err := e.Imports.Commit(ctx, e.owner, i.ID, 0, crm.ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	e.succeeded(j.ID)
	_, _, err = e.Imports.Commit(ctx, e.owner, i.ID, 0, crm.ImportOptions{})
	wantConflict(t, err, crm.ConflictState)
	_, err = e.Imports.Preview(ctx, e.owner, i.ID, crm.ImportOptions{})
	wantConflict(t, err, crm.ConflictState)
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestAPreviewThatTakesTooLongGoesOnAsAJob(t *testing.T) {
	t.Parallel()
	e := setup(t)
	i, err := e.Imports.Create(context.Background(), e.owner, jsonl(strings.NewReader(strings.Repeat(`{"displayName":"x","tags":["a","b"]}`+"\n", 20_000))))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if i, err = e.Imports.Preview(ctx, e.owner, i.ID, crm.ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	await(t, "the preview", func() bool {
		if i, err = e.Imports.Get(context.Background(), e.owner, i.ID); err != nil {
			t.Fatal(err)
		}
		return i.Status == crm.ImportReady
	})
	equal(t, "counts", i.Counts, crm.ImportCounts{Rows: 20_000, Created: 1, Unchanged: 19_999})
}

func TestAnImportedValueOfAnyLengthIsKept(t *testing.T) {
	t.Parallel()
	e := setup(t)
	long := strings.Repeat("0123456789", 1_200)
	i := e.run(crm.ImportOptions{}, `{"displayName":"Ana","bio":"`+long+`"}`)
	equal(t, "counts", i.Counts, crm.ImportCounts{Rows: 1, Created: 1, Kept: 1})
	c := e.get(e.rows(i.ID)[0].Contact)
	got := fmt.Sprint(c.Fields["bio"], c.Fields["bio_2"], c.Fields["bio_3"])
	equal(t, "the value in its fields", got, long)

	full := make([]string, crm.MaxFields)
	for n := range full {
		full[n] = fmt.Sprintf(`"f%d":"x"`, n)
	}
	i = e.run(crm.ImportOptions{}, `{"displayName":"Bo","fields":{`+strings.Join(full, ",")+`},"bio":"`+long+`"}`)
	equal(t, "counts of one without room", i.Counts, crm.ImportCounts{Rows: 1, Created: 1, Kept: 1, Dropped: 1})
	row := e.rows(i.ID)[0]
	equalList(t, "dropped", row.Dropped, []string{"bio (7005 characters)"})
	equal(t, "notes", e.get(row.Contact).Notes, ("bio: " + long)[:crm.MaxNotes])
}

// A source's own two ids are never one contact, whatever else agrees.
func TestTwoIDsOfASourceStayTwoContacts(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ana := e.create(crm.NewContact{DisplayName: "Ana", Source: "s", SourceID: "1"})
	i := e.run(crm.ImportOptions{}, `{"id":"`+ana.ID.String()+`","displayName":"Ana","source":"s","sourceId":"2","company":"Other"}`)
	equal(t, "counts", i.Counts, crm.ImportCounts{Rows: 1, Created: 1})
	equal(t, "the first", e.get(ana.ID).Company, "")
	equal(t, "the second's id", e.get(e.rows(i.ID)[0].Contact).SourceID, "2")

	i = e.run(crm.ImportOptions{OnDuplicate: crm.DuplicateCreate}, `{"displayName":"Ana again","source":"s","sourceId":"1"}`)
	equal(t, "counts of another one with the first's id", i.Counts, crm.ImportCounts{Rows: 1, Created: 1, Dropped: 1})
	row := e.rows(i.ID)[0]
	equalList(t, "dropped of it", row.Dropped, []string{"sourceId"})
	if len(row.Problems) != 1 || row.Problems[0].Field != "sourceId" || e.get(row.Contact).SourceID != "" {
		t.Errorf("got %+v, want it to say that the id was left out", row)
	}
}

// writesNothing refuses files.
type writesNothing struct{ crm.Blobs }

func (writesNothing) PutBlob(context.Context, crm.WorkspaceID, crm.ID, io.Reader) (int64, error) {
	return 0, errors.New("a file was stored")
}

func TestADryRunWritesNothingIntoTheStore(t *testing.T) {
	t.Parallel()
	first := setup(t)
	e := setupOn(t, hook(first.store, func(method string) error {
		switch method {
		case "InTx", "PutContacts", "AppendEvents", "PutImport":
			return errors.New("written: " + method)
		}
		return nil
	}), func(c *crm.Config) { c.Blobs = writesNothing{first.store} })
	i, err := e.Imports.Run(context.Background(), first.owner, crm.RunImport{NewImport: jsonl(lines(numbered(0, 10)...)), DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "counts", i.Counts, crm.ImportCounts{Rows: 10, Created: 10})
}
