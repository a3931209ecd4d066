package crm_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/omnicrm/omnicrm/adapters/csv"
	"github.com/omnicrm/omnicrm/adapters/vcard"
	"github.com/omnicrm/omnicrm/crm"
)

func withFormats(c *crm.Config) { c.Formats = []crm.Format{csv.New(), vcard.New()} }

func csvFile(rows ...string) crm.NewImport {
	return crm.NewImport{FileName: "people.csv", Body: lines(rows...)}
}

func mapTo(pairs ...string) []crm.ImportColumn {
	var m []crm.ImportColumn
	for i := 0; i < len(pairs); i += 2 {
		m = append(m, crm.ImportColumn{Column: pairs[i], Target: pairs[i+1]})
	}
	return m
}

func (e *env) imports() []crm.Import {
	e.t.Helper()
	list, err := e.Imports.List(context.Background(), e.owner, crm.ID{}, 200)
	if err != nil {
		e.t.Fatalf("list imports: %v", err)
	}
	return list
}

func (e *env) theImport(id crm.ID) crm.Import {
	e.t.Helper()
	i, err := e.Imports.Get(context.Background(), e.owner, id)
	if err != nil {
		e.t.Fatalf("get import: %v", err)
	}
	return i
}

func TestAMappingIsHeldAgainstTheHeaderAtOnce(t *testing.T) {
	t.Parallel()
	e := setup(t, withFormats)
	ctx := context.Background()
	wrong := crm.ImportOptions{Mapping: mapTo("Name", "displayName", "Nobody", "tags", "Mail", "emails[0].address", "Mail", "notes")}
	complains := func(t *testing.T, err error) {
		t.Helper()
		wantInvalid(t, err, "mapping[1]", "mapping[3]")
		for _, word := range []string{`"Nobody"`, `"Name", "Mail", "Rest"`} {
			if err == nil || !strings.Contains(err.Error(), word) {
				t.Errorf("error: got %v, want it to say %s", err, word)
			}
		}
	}
	file := func() crm.NewImport { return csvFile("Name,Mail,Rest", "Ana,ana@x.com,r") }
	t.Run("a run starts no job and leaves no import", func(t *testing.T) {
		_, err := e.Imports.Run(ctx, e.owner, crm.RunImport{NewImport: withOptions(file(), wrong)})
		complains(t, err)
		_, err = e.Imports.Create(ctx, e.owner, withOptions(file(), wrong))
		complains(t, err)
		equal(t, "imports", len(e.imports()), 0)
		equal(t, "jobs", len(jobsOf(e).Items), 0)
	})
	t.Run("a commit leaves the import as it was", func(t *testing.T) {
		i, err := e.Imports.Create(ctx, e.owner, file())
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = e.Imports.Commit(ctx, e.owner, i.ID, 0, wrong)
		complains(t, err)
		equal(t, "version", e.theImport(i.ID).Version, i.Version)
		_, _, err = e.Imports.Commit(ctx, e.owner, i.ID, 0, crm.ImportOptions{Mapping: mapTo("Name", "shoeSize")})
		wantInvalid(t, err, "mapping[0]")
		equal(t, "jobs", len(jobsOf(e).Items), 0)
	})
	t.Run("a format without columns takes no mapping", func(t *testing.T) {
		_, err := e.Imports.Create(ctx, e.owner, withOptions(jsonl(lines(`{"displayName":"x"}`)), wrong))
		wantInvalid(t, err, "mapping")
	})
}

func jobsOf(e *env) crm.JobList {
	e.t.Helper()
	l, err := e.Jobs.List(context.Background(), e.owner, crm.JobListQuery{})
	if err != nil {
		e.t.Fatalf("list jobs: %v", err)
	}
	return l
}

func TestAPreviewThatIsRefusedCanBeCorrected(t *testing.T) {
	t.Parallel()
	e := setup(t, withFormats)
	ctx := context.Background()
	i, err := e.Imports.Create(ctx, e.owner, csvFile("Name,Mail", "Ana,ana@x.com"))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "status before", i.Status, crm.ImportPreviewing)
	wrong := crm.ImportOptions{Mapping: mapTo("Nobody", "tags")}
	_, err = e.Imports.Preview(ctx, e.owner, i.ID, wrong)
	wantInvalid(t, err, "mapping[0]")
	refused := e.theImport(i.ID)
	equal(t, "status after", refused.Status, crm.ImportReady)
	if !strings.Contains(refused.ErrorText, "Nobody") || len(refused.Mapping) != 2 || refused.Counts.Rows != 0 {
		t.Errorf("refused import: got %+v, want the reason, the guessed mapping and no figures", refused)
	}
	right, err := e.Imports.Preview(ctx, e.owner, i.ID, crm.ImportOptions{Mapping: mapTo("Mail", "emails[0].address", "Name", "displayName")})
	if err != nil || right.Status != crm.ImportReady || right.Counts.Created != 1 || right.ErrorText != "" {
		t.Fatalf("corrected: got %+v (%v), want it ready with one created", right, err)
	}
	_, err = e.Imports.Preview(ctx, e.owner, i.ID, wrong)
	wantInvalid(t, err, "mapping[0]")
	if got := e.theImport(i.ID); got.Version != right.Version || len(e.rows(i.ID)) != 1 {
		t.Errorf("refused again: got version %d and %d rows, want the good dry run to stand", got.Version, len(e.rows(i.ID)))
	}
	_, j, err := e.Imports.Commit(ctx, e.owner, i.ID, 0, crm.ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	e.succeeded(j.ID)
	equal(t, "found", len(e.found("ana@x.com")), 1)
}

func TestADryRunThatBreaksDownLeavesTheImportReady(t *testing.T) {
	t.Parallel()
	e := setup(t, func(c *crm.Config) { c.Formats = []crm.Format{panicking{}} })
	i, err := e.Imports.Create(context.Background(), e.owner, crm.NewImport{Format: "panicking", Body: lines(numbered(0, 3_000)...)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = e.Imports.Preview(context.Background(), e.owner, i.ID, crm.ImportOptions{}); err == nil {
		t.Error("preview: got no error, want one")
	}
	i = e.theImport(i.ID)
	equal(t, "status", i.Status, crm.ImportReady)
	equal(t, "counts", i.Counts, crm.ImportCounts{})
	equal(t, "rows", len(e.rows(i.ID)), 0)
	equal(t, "reason", i.ErrorText != "", true)
}

// interrupted leaves an import of 3,500 rows that some rows of are written.
func interrupted(t *testing.T, in func() crm.NewImport) *env {
	t.Helper()
	ctx, interrupt := context.WithCancel(context.Background())
	defer interrupt()
	var chunks atomic.Int64
	e := setupOn(t, hook(openStore(t), func(method string) error {
		if method == "PutContacts" && chunks.Add(1) == 3 {
			interrupt()
		}
		return nil
	}), withFormats)
	_, err := e.Imports.Run(ctx, e.owner, crm.RunImport{NewImport: in()})
	wantError(t, err, context.Canceled)
	if list := e.imports(); len(list) != 1 || list[0].Checkpoint == 0 {
		t.Fatalf("imports: got %+v, want one that has begun", list)
	}
	return e
}

func TestAResumedRunKeepsItsOptionsAndSaysSo(t *testing.T) {
	t.Parallel()
	rows := []string{"Who,Mail,Rest"}
	for _, r := range numbered(0, severalChunks) {
		name, _, _ := strings.Cut(strings.TrimPrefix(r, `{"displayName":"`), `"`)
		rows = append(rows, name+","+strings.ReplaceAll(strings.ToLower(name), " ", "")+"@x.com,r")
	}
	first := crm.ImportOptions{Mapping: mapTo("Who", "displayName", "Rest", "ignore"), OnDuplicate: crm.DuplicateSkip}
	e := interrupted(t, func() crm.NewImport { return withOptions(csvFile(rows...), first) })
	ctx := context.Background()
	old := e.imports()[0]
	for name, c := range map[string]struct {
		o    crm.ImportOptions
		says string
	}{
		"another policy":  {crm.ImportOptions{OnDuplicate: crm.DuplicateCreate}, "onDuplicate skip"},
		"another mapping": {crm.ImportOptions{Mapping: mapTo("Who", "displayName", "Rest", "notes")}, "another mapping"},
	} {
		_, err := e.Imports.Run(ctx, e.owner, crm.RunImport{NewImport: withOptions(csvFile(rows...), c.o)})
		wantConflict(t, err, crm.ConflictState)
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), old.ID.String()) {
			t.Errorf("%s: got %v, want it to say %q and to name the import", name, err, c.says)
		}
		_, _, err = e.Imports.Commit(ctx, e.owner, old.ID, 0, c.o)
		wantConflict(t, err, crm.ConflictState)
	}
	equal(t, "imports", len(e.imports()), 1)
	var resumed crm.Import
	again := crm.ImportOptions{Mapping: mapTo("Rest", "ignore", "Mail", "", "Who", "displayName")} // The same, said in another order.
	i, err := e.Imports.Run(ctx, e.owner, crm.RunImport{
		NewImport: withOptions(csvFile(rows...), again), OnResume: func(i crm.Import) { resumed = i },
	})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "import", i.ID, old.ID)
	equal(t, "policy", i.OnDuplicate, crm.DuplicateSkip)
	equal(t, "resumed at", resumed.Checkpoint, old.Checkpoint)
	equal(t, "rows", i.Counts.Rows, severalChunks)
	equal(t, "contacts", e.list(crm.ContactListQuery{}).Total, severalChunks)
	e.sound()
}

// The formats of files that people have, through the service itself.
func TestImportsOfCSVAndVCard(t *testing.T) {
	t.Parallel()
	cards := strings.Join([]string{
		"BEGIN:VCARD", "VERSION:3.0", "PRODID:-//Phone//1//EN", "UID:1", "FN:Zoë Łukasz", "EMAIL;TYPE=HOME:zoe@x.com", "TEL;TYPE=CELL:+1 202 224 3441",
		"NOTE:two\\nlines", "X-SHOE:42", "END:VCARD",
		"BEGIN:VCARD", "VERSION:3.0", "PRODID:-//Phone//1//EN", "UID:2", "FN:Bo", "BDAY:2023-02-30", "END:VCARD",
		"BEGIN:VCARD", "VERSION:3.0", "PRODID:-//Phone//1//EN", "UID:1", "FN:Zoë Łukasz", "ORG:ACME", "END:VCARD",
	}, "\r\n")
	table := "Name;E-mail;Phone;Shoe size;Tags\nZoë Łukasz;zoe@x.com;202-224-3441;42;a\n\"Bo\nB\";no address;;;\nZoë Łukasz;ZOE@x.com;;;b\n"
	for name, file := range map[string]string{"people.vcf": cards, "people.csv": table} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := setup(t, withFormats)
			ctx := context.Background()
			in := func() crm.NewImport { return crm.NewImport{FileName: name, Body: strings.NewReader(file)} }
			dry, err := e.Imports.Run(ctx, e.owner, crm.RunImport{NewImport: in(), DryRun: true})
			if err != nil {
				t.Fatal(err)
			}
			i, err := e.Imports.Run(ctx, e.owner, crm.RunImport{NewImport: in()})
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "figures of dry run and commit", i.Counts, dry.Counts)
			rows := e.rows(i.ID)
			equalList(t, "outcomes", rowOutcomes(rows), rowOutcomes(expected(name)))
			c := e.get(rows[0].Contact)
			equal(t, "name", c.DisplayName, "Zoë Łukasz")
			equal(t, "email", c.PrimaryEmail(), "zoe@x.com")
			equal(t, "phone", c.Phones[0].E164, "+12022243441")
			equal(t, "values kept", len(rows[0].Kept), 1)
			again, err := e.Imports.Run(ctx, e.owner, crm.RunImport{NewImport: in()})
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "written the second time", again.Counts.Created+again.Counts.Updated, 0)
			equal(t, "contacts", e.list(crm.ContactListQuery{}).Total, int(i.Counts.Created))
			e.undo(i.ID)
			equal(t, "contacts after the undo", e.list(crm.ContactListQuery{}).Total, 0)
			e.sound()
		})
	}
}

// expected is what becomes of the three records: the last one adds to the first.
func expected(name string) []crm.ImportRow {
	second := crm.RowProblem
	if name == "people.vcf" { // A birthday that is none is kept as text.
		second = crm.RowCreated
	}
	return []crm.ImportRow{{Outcome: crm.RowCreated}, {Outcome: second}, {Outcome: crm.RowUpdated}}
}

func TestAnImportAfterAnUndoDoesEverythingAgain(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	e.create(crm.NewContact{DisplayName: "Old", Emails: []crm.Email{{Address: "old@x.com"}}, Company: "Before"})
	e.create(crm.NewContact{DisplayName: "Same", Emails: []crm.Email{{Address: "same@x.com"}}})
	file := []string{
		`{"displayName":"No key"}`,
		`{"displayName":"New","primaryEmail":"new@x.com"}`,
		`{"displayName":"New","primaryEmail":"NEW@x.com"}`, // Changes nothing in the one before.
		`{"displayName":"Old","primaryEmail":"old@x.com","company":"After"}`,
		`{"displayName":"Same","primaryEmail":"same@x.com"}`, // Changes nothing at all.
		`{"displayName":""}`,
	}
	before := e.export()
	for name, o := range map[string]crm.ImportOptions{
		"with skip": {OnDuplicate: crm.DuplicateSkip}, "with update": {OnDuplicate: crm.DuplicateUpdate},
	} {
		first := e.run(o, file...)
		outcomes, contacts := rowOutcomes(e.rows(first.ID)), e.roll()
		e.undo(first.ID)
		equal(t, name+": contacts after the undo", e.export(), before)
		second := e.run(o, file...)
		equal(t, name+": figures", second.Counts, first.Counts)
		equalList(t, name+": outcomes", rowOutcomes(e.rows(second.ID)), outcomes)
		equal(t, name+": contacts", e.roll(), contacts)
		e.undo(second.ID)
		equal(t, name+": contacts after the second undo", e.export(), before)
	}
	t.Run("another policy is obeyed", func(t *testing.T) {
		skipped := e.run(crm.ImportOptions{OnDuplicate: crm.DuplicateSkip}, file...)
		equal(t, "updated by skip", skipped.Counts.Updated, 0)
		e.undo(skipped.ID)
		i := e.run(crm.ImportOptions{OnDuplicate: crm.DuplicateUpdate}, file...)
		equal(t, "updated", i.Counts.Updated, 1)
		equal(t, "company", e.get(e.rows(i.ID)[3].Contact).Company, "After")
		e.undo(i.ID)
	})
	t.Run("a contact that lost what it was matched by is made", func(t *testing.T) {
		i := e.run(crm.ImportOptions{}, file...)
		same := e.rows(i.ID)[4].Contact
		e.undo(i.ID)
		if _, err := e.Contacts.Update(ctx, e.owner, same, crm.ContactPatch{Emails: &[]crm.Email{}}); err != nil {
			t.Fatal(err)
		}
		equal(t, "outcome", e.rows(e.run(crm.ImportOptions{}, file...).ID)[4].Outcome, crm.RowCreated)
	})
	e.sound()
}
