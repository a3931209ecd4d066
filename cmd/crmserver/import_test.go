package main

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestImportOfRealFiles(t *testing.T) {
	t.Parallel()
	google, offices := sharedFile(t, "contacts-us-congress.google.csv"), sharedFile(t, "contacts-us-congress-offices.vcf")
	h := newHome(t)
	db := h.database()
	head := func() int64 { return h.number(db, "SELECT max(position) FROM events WHERE type LIKE 'contact.%'") }
	contacts := int64(0)
	for _, file := range []struct {
		path string
		rows int64
	}{{google, 537}, {offices, 1312}} {
		dry := h.importFile(file.path, "--dry-run")
		h.agree(dry, figures{Rows: file.rows, Created: file.rows})
		if dry.ImportID != nil || h.number(db, "SELECT count(*) FROM contacts") != contacts {
			t.Errorf("%s: the dry run wrote something: %+v", file.path, dry)
		}
		first := h.importFile(file.path)
		if first.ImportID == nil {
			t.Errorf("%s: got no importId", file.path)
		}
		same := first
		same.ImportID, same.Report = nil, dry.Report
		if same != dry {
			t.Errorf("%s: commit: got %+v, want what the dry run said: %+v", file.path, same, dry)
		}
		if got, want := reportKept(t, first.Report), reportKept(t, dry.Report); got != want || got != first.Kept {
			t.Errorf("%s: values kept: got %d in the report and %d in that of the dry run, want %d", file.path, got, want, first.Kept)
		}
		before := head()
		h.agree(h.importFile(file.path), figures{Rows: file.rows, Unchanged: file.rows})
		h.agree(h.importFile(file.path, "--dry-run"), figures{Rows: file.rows, Unchanged: file.rows})
		if got := head(); got != before {
			t.Errorf("%s: the second time: got the log's head at %d, want it unmoved at %d", file.path, got, before)
		}
		contacts += file.rows
	}
	if got := int64(h.clean()); got != contacts {
		t.Errorf("contacts: got %d, want %d", got, contacts)
	}
	if left, err := filepath.Glob(h.path("*-report.csv.*")); err != nil || len(left) > 0 {
		t.Errorf("unfinished reports: got %v (%v), want none", left, err)
	}

	c := h.caller(h.serve())
	until(t, "the index is loaded", func() bool { return !c.search("cantwel").Degraded })
	for _, words := range []string{"cantwel", "Cantwlel", "CANTWELL", "cant", "maria cantwell", "224-3441", "3441", "2022243"} {
		got := c.search(words)
		if !slices.ContainsFunc(got.Items, func(i foundContact) bool { return i.DisplayName == "Maria Cantwell" }) {
			t.Errorf("%q: got %d contacts, want Maria Cantwell among them", words, got.Total)
		}
	}
	i := slices.IndexFunc(c.search("maria cantwell").Items, func(i foundContact) bool { return i.Birthday != "" })
	if i < 0 {
		t.Fatal("nobody named Maria Cantwell has a birthday")
	}
	maria := c.search("maria cantwell").Items[i]
	if got, want := maria.Birthday, "1958-10-13"; got != want {
		t.Errorf("birthday: got %q, want %q", got, want)
	}
	if got, want := maria.Notes, "Maria Cantwell\nParty: Democrat\nTerm: 2025-01-03 to 2031-01-03\nTwitter: @SenatorCantwell"; !strings.HasPrefix(got, want) {
		t.Errorf("notes: got %q, want the line breaks of %q", got, want)
	}
	if got, want := strings.Join(maria.Tags, ","), "Congress,Democrat,WA"; got != want {
		t.Errorf("tags: got %s, want %s", got, want)
	}
	if got, want := maria.Phones[0].E164+maria.Phones[0].Label, "+12022243441"; !strings.HasPrefix(got, want) || !strings.EqualFold(maria.Phones[0].Label, "work") {
		t.Errorf("phone: got %q, want %q at work", got, want)
	}
	for _, tag := range get[struct{ Items []struct{ Name string } }](c, "/api/v1/tags").Items {
		if strings.Contains(tag.Name, "*") || strings.Contains(tag.Name, "myContacts") {
			t.Errorf("tag %q is a system label", tag.Name)
		}
	}
}

// agree compares the outcomes of rows.
func (h *home) agree(got, want figures) {
	h.t.Helper()
	got.ImportID, got.Report, got.Kept = nil, "", 0
	if got != want {
		h.t.Errorf("figures: got %+v, want %+v", got, want)
	}
}

// reportKept counts the names of kept values in a report.
func reportKept(t *testing.T, path string) int64 {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	n := int64(0)
	for _, row := range rows[1:] {
		if kept := row[5]; kept != "" {
			n += int64(strings.Count(kept, "; ")) + 1
		}
	}
	return n
}

func TestImportForPeople(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.write("people.csv", "Name,Email,Shoe size\nAna,ana@x.org,38\nBob,no address,\nEve,,\n")
	r := h.ok(h.run("import", "people.csv", "--email", email, "--dry-run"))
	if want := "Would import 3 rows in "; !strings.HasPrefix(r.out, want) {
		t.Errorf("dry run: got %q, want %q", r.out, want)
	}
	r = h.ok(h.run("import", "people.csv", "--email", email))
	for _, want := range []string{"Imported 3 rows in ", "2 created, 0 updated, 0 unchanged, 0 ambiguous, 1 problem\n", "custom fields or notes: 1 value\n", "people.csv.import-report.csv\n"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("import: got %q, want %q", r.out, want)
		}
	}
	report := h.read("people.csv.import-report.csv")
	if !strings.HasPrefix(report, "row,outcome,contactId,candidates,problems,kept,dropped\n1,created,") || !strings.Contains(report, "\n2,problem,,,emails[0].address must") {
		t.Errorf("report: got %q, want rows 1 and 2", report)
	}
	if dry := h.read("people.csv.dry-run-report.csv"); strings.Count(dry, "\n") != strings.Count(report, "\n") {
		t.Errorf("dry run's report: got %q, want as many rows as %q", dry, report)
	}
}

func TestImportFromStandardInput(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	args := []string{"import", "-", "--email", email, "--json"}
	h.agree(decode[figures](t, h.ok(h.give("Name,Email\nAna,ana@x.org\n", args...))), figures{Rows: 1, Created: 1})
	h.agree(decode[figures](t, h.ok(h.give("Name,Email\nAna,ana@x.org\n", args...))), figures{Rows: 1, Unchanged: 1})
	h.agree(decode[figures](t, h.ok(h.give("{\"displayName\":\"Bob\"}\n", args...))), figures{Rows: 1, Created: 1})
	h.fails(h.give("", args...), exitFailed, "file must not be empty")
	h.fails(h.give("Name,Email\n", args...), exitFailed, "a header row and no contact below it")
}

func TestImportWithMapping(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.write("people.csv", "Wer,Post,Rest\nAna Łukasz,ana@x.org,secret\n")
	h.write("unknown.json", `[{"column": "Nobody", "target": "tags"}]`)
	h.write("target.json", `[{"column": "Wer", "target": "shoeSize"}]`)
	h.write("good.json", `[{"column": "Wer", "target": "displayName"}, {"column": "Post", "target": "emails[0].address"}, {"column": "Rest", "target": "ignore"}]`)
	h.fails(h.run("import", "people.csv", "--email", email, "--mapping", "none.json"), exitFailed, "none.json")
	h.fails(h.run("import", "people.csv", "--email", email, "--mapping", "target.json"), exitFailed, "mapping[0]", "unknown target")
	h.fails(h.run("import", "people.csv", "--email", email, "--mapping", "unknown.json"), exitFailed, "mapping[0]", "Nobody", `its columns are "Wer", "Post", "Rest"`)
	if got := h.number(h.database(), "SELECT (SELECT count(*) FROM imports) + (SELECT count(*) FROM jobs) + (SELECT count(*) FROM blobs)"); got != 0 {
		t.Errorf("imports, jobs and files after refused mappings: got %d, want none", got)
	}
	// A refused mapping does not stand in the way of a good one.
	h.agree(h.importFile("people.csv", "--mapping", "good.json"), figures{Rows: 1, Created: 1})
	got := h.export("jsonl")
	if !strings.Contains(got, `"displayName":"Ana Łukasz"`) || !strings.Contains(got, "ana@x.org") || strings.Contains(got, "secret") {
		t.Errorf("got %s, want the name and the address alone", got)
	}
}

func TestImportOfDuplicates(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.write("one.csv", "Name,Email,Company\nAna,ana@x.org,Old Ltd\n")
	h.write("two.csv", "Name,Email,Company\nAna,ANA@x.org,New Ltd\n")
	h.write("three.csv", "Name,Email,Company\nAna,ana@X.org,Third Ltd\n")
	h.agree(h.importFile("one.csv"), figures{Rows: 1, Created: 1})
	h.agree(h.importFile("two.csv", "--on-duplicate", "skip"), figures{Rows: 1, Unchanged: 1})
	if got := h.export("jsonl"); !strings.Contains(got, "Old Ltd") {
		t.Errorf("skip: got %s, want the old company", got)
	}
	h.agree(h.importFile("three.csv", "--on-duplicate", "update"), figures{Rows: 1, Updated: 1})
	if got := h.export("jsonl"); !strings.Contains(got, "Third Ltd") || strings.Count(got, "\n") != 1 {
		t.Errorf("update: got %s, want the third company alone", got)
	}
	h.write("four.csv", "Name,Email,Company\nAna,ana@x.org,Fourth Ltd\n")
	h.agree(h.importFile("four.csv", "--on-duplicate", "create"), figures{Rows: 1, Created: 1})
	if got := h.clean(); got != 2 {
		t.Errorf("create: got %d contacts, want 2", got)
	}
}

func TestImportOfBadFiles(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	tests := map[string]struct{ content, words string }{
		"empty.csv":    {"", "must not be empty"},
		"blank.csv":    {" \n\n\t\n", "must not be empty"},
		"photo.png":    {"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x02\x00", "csv, jsonl, vcard"},
		"named.csv":    {"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x02\x00", "PNG image"},
		"unclosed.csv": {"Name,Email\n\"Ana,ana@x.org\n", "no row of the file could be read"},
		"cut.vcf":      {"BEGIN:VCARD\nVERSION:3.0\nFN:Ana\n", "no row of the file could be read"},
		"cut.jsonl":    {"{\"displayName\":\"Ana\"", "no row of the file could be read"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := &home{t: t, dir: h.dir}
			h.write(name, test.content)
			for _, more := range [][]string{{}, {"--dry-run"}} {
				h.fails(h.run(append([]string{"import", name, "--email", email}, more...)...), exitFailed, test.words)
			}
		})
	}
	h.write("good.csv", "Name\nAna\n")
	if err := os.Mkdir(h.path("folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	h.fails(h.run("import", "nowhere.csv", "--email", email), exitFailed, "nowhere.csv", "no such file")
	h.fails(h.run("import", "folder", "--email", email), exitFailed, "folder is a folder")
	h.fails(h.run("import", "good.csv", "--email", email, "--format", "pdf"), exitMisuse, "--format must be one of")
	h.fails(h.run("import", "good.csv", "--email", email, "--workspace", "Other"), exitFailed, "workspace must")
	h.fails(h.run("import", "good.csv", "--email", "nobody@example.com"), exitFailed, "nobody@example.com", "crmserver user list")
	h.fails(h.run("export", "--email", "nobody@example.com"), exitFailed, "nobody@example.com")
	h.fails(h.run("export", "--email", email, "--out", "nowhere/x.csv"), exitFailed, "nowhere/x.csv", "no such file")
	if got, want := h.clean(), 0; got != want {
		t.Errorf("contacts: got %d, want %d", got, want)
	}
}

func TestReportWhereTheFolderIsNotWritable(t *testing.T) {
	t.Parallel()
	if !fileExists("/proc/self") {
		t.Skip("left out: there is no /proc, where nobody, root either, may make files")
	}
	h := newHome(t)
	h.write("people.csv", "Name,Email\nAna,nowhere\nBob,\n")
	c := h.command("import", h.path("people.csv"), "--email", email, "--json", "--data", h.path("data"))
	c.Dir, c.Env = "/proc", append(c.Env, "TMPDIR="+t.TempDir())
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v", err)
	}
	got := decode[figures](t, result{args: c.Args, out: string(out)})
	h.agree(got, figures{Rows: 2, Created: 1, Problems: 1})
	if text, err := os.ReadFile(got.Report); err != nil || !strings.Contains(string(text), "problem") {
		t.Errorf("report: got %q (%v), want the problem", text, err)
	}
}
