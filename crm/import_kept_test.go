package crm_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// long returns words of n characters in all that are all different.
func long(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "w%d ", i)
	}
	return b.String()[:n-1] + "."
}

func TestALongValueWithoutAFieldIsSplit(t *testing.T) {
	t.Parallel()
	e := setup(t, withFormats)
	ctx := context.Background()
	bio := long(12_345)
	i, err := e.Imports.Run(ctx, e.owner, crm.RunImport{NewImport: csvFile("Name,Email,Essay,Essay 2", `Ana,ana@x.com,`+bio+`,taken`)})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "figures", i.Counts, crm.ImportCounts{Rows: 1, Created: 1, Kept: 2})
	c := e.get(e.rows(i.ID)[0].Contact)
	var joined string
	for _, key := range []string{"essay", "essay_2", "essay_3"} {
		joined += fmt.Sprint(c.Fields[key])
	}
	if joined != bio {
		t.Errorf("the parts joined: got %d characters, want the %d of the file", len(joined), len(bio))
	}
	equalList(t, "fields", slices.Sorted(maps.Keys(c.Fields)), []string{"essay", "essay_2", "essay_2_2", "essay_3"})
	equal(t, "the column of that name", c.Fields["essay_2_2"], any("taken"))
}

func TestNotesThatAreTooLongGoOnInAField(t *testing.T) {
	t.Parallel()
	e := setup(t, withFormats)
	notes := long(5_800)
	i, err := e.Imports.Run(context.Background(), e.owner, crm.RunImport{NewImport: csvFile("Name,Notes", "Ana,"+notes)})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "figures", i.Counts, crm.ImportCounts{Rows: 1, Created: 1, Kept: 1})
	c := e.get(e.rows(i.ID)[0].Contact)
	equal(t, "notes and field", c.Notes+fmt.Sprint(c.Fields["notes"]), notes)
}

func TestWhatNoContactCanHoldIsCountedAndNamed(t *testing.T) {
	t.Parallel()
	e := setup(t, withFormats)
	ctx := context.Background()
	// 200 fields and the notes are full; what is left over has 1,000 characters
	// and more.
	head, row := "Name,Email", "Ana,ana@x.com"
	for n := range crm.MaxFields {
		head += fmt.Sprintf(",fields.f%d", n)
		row += ",x"
	}
	i, err := e.Imports.Run(ctx, e.owner, crm.RunImport{NewImport: csvFile(head+",Essay,More of it", row+","+long(6_000)+","+long(70))})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "figures", i.Counts, crm.ImportCounts{Rows: 1, Created: 1, Kept: 1, Dropped: 2})
	r := e.rows(i.ID)[0]
	equalList(t, "kept", r.Kept, []string{"Essay"})
	equalList(t, "dropped", r.Dropped, []string{"Essay (1007 characters)", "More of it (70 characters)"})
	notes := e.get(r.Contact).Notes
	if !strings.HasPrefix(notes, "Essay: w0 w1 ") || len(notes) != crm.MaxNotes {
		t.Errorf("notes: got %d characters %.20q, want %d that begin with the bio", len(notes), notes, crm.MaxNotes)
	}
	photo := "BEGIN:VCARD\nVERSION:3.0\nFN:Bo\nPHOTO;ENCODING=b:AAAAAAAA\nX-SHOE:42\nEND:VCARD\n"
	i, err = e.Imports.Run(ctx, e.owner, crm.RunImport{NewImport: crm.NewImport{Body: strings.NewReader(photo)}})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "figures of a card with a photo", i.Counts, crm.ImportCounts{Rows: 1, Created: 1, Kept: 1, Dropped: 1})
	equalList(t, "dropped of the card", e.rows(i.ID)[0].Dropped, []string{"PHOTO (6 bytes)"})
}

func TestTheEncodingIsOnTheImportAndOddTextOnItsRow(t *testing.T) {
	t.Parallel()
	e := setup(t, withFormats)
	i, err := e.Imports.Run(context.Background(), e.owner, crm.RunImport{NewImport: csvFile("Name,Email", "Zoë,z@x.com", "Ren\xe9,r@x.com")})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "encoding", i.Encoding, "utf-8")
	equal(t, "created", i.Counts.Created, 2)
	r := e.rows(i.ID)[1]
	equal(t, "name", e.get(r.Contact).DisplayName, "René")
	if len(r.Problems) != 1 || r.Problems[0].Field != "Name" || r.Problems[0].Code != "encoding" {
		t.Errorf("problems: got %v, want a note on the name", r.Problems)
	}
}

// A dry run that only looks needs no workspace, no file in the store and no
// name in the temporary folder.
func TestADryRunLeavesNothingBehind(t *testing.T) { //nolint:paralleltest // It sets the temporary folder of the process.
	ctx := context.Background()
	store := openStore(t) // One in memory lies in the temporary folder of now.
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	var calls []string
	e := setupOn(t, hook(store, func(method string) error {
		if method == "InTx" {
			calls = append(calls, method)
		}
		return nil
	}), withFormats, func(c *crm.Config) { c.Workers = -1 })
	calls = nil
	path := filepath.Join(t.TempDir(), "people.csv")
	if err := os.WriteFile(path, []byte("Name,Email\nAna,a@x.com\nBo,b@x.com\nAna,a@x.com\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // It was only read.
	for name, in := range map[string]crm.NewImport{
		"a file": {FileName: "people.csv", Body: file}, "a pipe": csvFile("Name,Email", "Ana,a@x.com", "Bo,b@x.com", "Ana,a@x.com"),
	} {
		var during []os.DirEntry
		in.ImportOptions = crm.ImportOptions{Mapping: mapTo("Name", "displayName")}
		i, err := e.Imports.Run(ctx, e.owner, crm.RunImport{NewImport: in, DryRun: true, Progress: func(int64, int64) {
			if during, err = os.ReadDir(folder); err != nil {
				t.Error(err)
			}
		}})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		equal(t, name+": figures", i.Counts, crm.ImportCounts{Rows: 3, Created: 2, Unchanged: 1, Kept: 2})
		equal(t, name+": names in the temporary folder", len(during), 0)
	}
	equal(t, "writes", len(calls), 0)
	files, err := store.ListBlobs(ctx, e.owner.Workspace, time.Now().Add(time.Hour), crm.ID{}, 10)
	if err != nil || len(files) != 0 {
		t.Errorf("files: got %v (%v), want none", files, err)
	}
	_, err = store.GetWorkspace(ctx, e.owner.Workspace)
	wantError(t, err, crm.ErrNotFound)
	if _, err = e.Imports.Run(ctx, e.owner, crm.RunImport{DryRun: true}); err == nil {
		t.Error("a dry run of nothing: got no error")
	}
}

func TestFilesThatNothingNamesAreRemovedAfterADay(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	store := openStore(t)
	now := newClock(time.Now().UTC().Format(time.RFC3339))
	idle := func(c *crm.Config) { c.Workers = -1 }
	e := setupOn(t, store, now.config, idle)
	named, err := e.Imports.Create(ctx, e.owner, jsonl(lines(`{"displayName":"x"}`)))
	if err != nil {
		t.Fatal(err)
	}
	set := e.bulk(crm.ContactFilter{}, tagAll) // Nobody works here, and later it is not due.
	set.RunAt, set.Version = time.Now().Add(time.Hour), set.Version+1
	if err := store.PutJob(ctx, e.owner.Workspace, set, set.Version-1); err != nil {
		t.Fatal(err)
	}
	lost := crm.NewID()
	for _, id := range []crm.ID{set.ID, lost} {
		if _, err := store.PutBlob(ctx, e.owner.Workspace, id, lines("x")); err != nil {
			t.Fatal(err)
		}
	}
	now.forward(12 * time.Hour)
	young := setupOn(t, store, now.config)
	await(t, "the first sweep", func() bool {
		p, err := young.Jobs.Periodic(ctx, young.owner)
		return err == nil && len(p) == 1 && p[0].Status == crm.JobSucceeded
	})
	if err := young.Close(); err != nil {
		t.Fatal(err)
	}
	equal(t, "after half a day", e.hasFile(lost), true)
	now.forward(25 * time.Hour)
	setupOn(t, store, now.config)
	await(t, "the file that nothing names to go", func() bool { return !e.hasFile(lost) })
	equal(t, "the file of the import", e.hasFile(named.Blob), true)
	equal(t, "the set of the job", e.hasFile(set.ID), true)
}
