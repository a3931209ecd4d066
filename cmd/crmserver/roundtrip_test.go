package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/internal/fakedata"
)

func TestExportImportExport(t *testing.T) {
	t.Parallel()
	from := newHome(t)
	var people bytes.Buffer
	if err := fakedata.New(11).WriteCSV(&people, 300); err != nil {
		t.Fatal(err)
	}
	from.write("people.csv", people.String())
	from.importFile("people.csv")
	for _, name := range []string{"contacts-us-congress.google.csv", "contacts-us-congress-offices.vcf"} {
		if path := "../../../shared/data/" + name; fileExists(path) {
			from.importFile(sharedFile(t, name))
		} else {
			t.Logf("left out: ../shared/data/%s is not there", name)
		}
	}
	want := sansIDs(t, from.export("jsonl"))
	for _, format := range []string{"csv", "vcard", "jsonl"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			into := newHome(t)
			file := into.write("export", from.export(format))
			n := int64(len(want))
			into.agree(into.importFile(file), figures{Rows: n, Created: n})
			got := sansIDs(t, into.export("jsonl"))
			for i := range want {
				if i >= len(got) || got[i] != want[i] {
					t.Fatalf("contact %d of %d: got\n%s\nwant\n%s", i, len(want), at(got, i), want[i])
				}
			}
			if len(got) != len(want) {
				t.Errorf("contacts: got %d, want %d", len(got), len(want))
			}
			if format == "csv" {
				if got, want := withoutIDs(t, into.export(format)), withoutIDs(t, from.export(format)); !slices.Equal(got, want) {
					t.Error("the two files differ beyond ids and times")
				}
			}
			into.agree(into.importFile(file), figures{Rows: n, Unchanged: n})
		})
	}
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "nothing"
}

// sansIDs takes ids, times and what follows from them off an export of JSON
// lines, and sorts it.
func sansIDs(t *testing.T, export string) []string {
	t.Helper()
	var lines []string
	for line := range strings.Lines(export) {
		var c map[string]any
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		for _, name := range []string{"id", "createdAt", "updatedAt", "lastInteractionAt", "version", "score"} {
			delete(c, name)
		}
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(text))
	}
	slices.Sort(lines)
	return lines
}

// withoutIDs takes ids and times off an export of CSV, and sorts it.
func withoutIDs(t *testing.T, export string) []string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(export, "\ufeff"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, row := range rows {
		var kept []string
		for i, name := range rows[0] {
			if name != "OmniCRM ID" && !strings.HasPrefix(name, "Created") && !strings.HasPrefix(name, "Updated") {
				kept = append(kept, row[i])
			}
		}
		lines = append(lines, strings.Join(kept, "\x00"))
	}
	slices.Sort(lines)
	return lines
}

func TestExportToFile(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.write("people.csv", "Name\nAna\nBob\n")
	h.importFile("people.csv")
	for format, begin := range map[string]string{"csv": "", "vcard": "BEGIN:VCARD", "jsonl": "{"} {
		r := h.ok(h.run("export", "--email", email, "--format", format, "--out", "out."+format))
		if got, want := r.err, "Exported 2 contacts\n"; got != want || r.out != "" {
			t.Errorf("%s: got %q and on stdout %q, want %q and nothing", format, got, r.out, want)
		}
		if got, want := h.read("out."+format), h.export(format); got != want || !strings.HasPrefix(got, begin) {
			t.Errorf("%s: got %q, want what goes to stdout: %q", format, got, want)
		}
	}
	got := decode[struct {
		Contacts int
		File     string
	}](t, h.ok(h.run("export", "--email", email, "--out", "again.csv", "--json")))
	if got.Contacts != 2 || got.File != "again.csv" {
		t.Errorf("got %+v, want 2 contacts in again.csv", got)
	}
	for name, target := range map[string]string{"link.csv": "again.csv", "null": os.DevNull} {
		path := h.path(name)
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
		h.ok(h.run("export", "--email", email, "--out", name))
		if after, err := os.Readlink(path); err != nil || after != target {
			t.Errorf("%s: points to %q now (%v), want %q still", name, after, err, target)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if files := h.files(); len(files) != 6 { // The data folder, what was imported, four exports.
		t.Errorf("files: got %v, want 6", files)
	}
}
