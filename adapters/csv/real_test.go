package csv_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/omnicrm/omnicrm/adapters/csv"
	"github.com/omnicrm/omnicrm/crm"
)

// sharedFile opens a file of the data that lies beside the repository.
func sharedFile(t testing.TB, name string) *os.File {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "..", "shared", "data", name))
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("left out: ../shared/data/%s is not there", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// readAll reads every record of a file.
func readAll(t rapid.TB, r io.Reader, o crm.ReadOptions) []crm.ImportRecord {
	t.Helper()
	_, records := readColumns(t, r, o)
	return records
}

// readColumns reads every record of a file, and its columns.
func readColumns(t rapid.TB, r io.Reader, o crm.ReadOptions) ([]crm.ImportColumn, []crm.ImportRecord) {
	t.Helper()
	cr, err := csv.New().NewReader(r, o)
	if err != nil {
		t.Fatalf("NewReader: %v", err)
	}
	var records []crm.ImportRecord
	for {
		rec, err := cr.Next()
		if errors.Is(err, io.EOF) {
			return cr.Columns(), records
		}
		if err != nil {
			t.Fatalf("Next: %v", err)
		}
		records = append(records, rec)
	}
}

func TestRealGoogleExport(t *testing.T) {
	records := readAll(t, sharedFile(t, "contacts-us-congress.google.csv"), crm.ReadOptions{})
	if got, want := len(records), 537; got != want {
		t.Fatalf("records: got %d, want %d", got, want)
	}
	byName := map[string]crm.ImportRecord{}
	labels, nicknames, dangling := 0, 0, 0
	for _, r := range records {
		if len(r.Problems) > 0 {
			t.Errorf("%s %s: problems %v", r.Contact.GivenName, r.Contact.FamilyName, r.Problems)
		}
		byName[r.Contact.GivenName+" "+r.Contact.FamilyName] = r
		for _, tag := range r.Contact.Tags {
			if strings.Contains(tag, "*") {
				t.Errorf("system label %q became a tag", tag)
			}
		}
		for _, e := range r.Extra {
			switch e.Name {
			case "Website 1 - Label":
				labels++
			case "Nickname":
				nicknames++
			case "Phone 1 - Label", "Address 1 - Label": // one member has a label without a phone, one without an address
				dangling++
			default:
				t.Errorf("unexpected extra value %q=%q", e.Name, e.Value)
			}
		}
	}
	if labels != 537 || nicknames != 29 || dangling != 2 {
		t.Errorf("extra values: got %d website labels, %d nicknames, %d labels of nothing, want 537, 29, 2", labels, nicknames, dangling)
	}
	m := byName["Maria Cantwell"].Contact
	got := []string{
		m.Company, m.JobTitle, m.Birthday, m.Notes, strings.Join(m.Tags, "|"), m.Phones[0].Label, m.Phones[0].Number,
		m.Phones[1].Label, m.Phones[1].Number, m.Addresses[0].Street, m.Addresses[0].City, m.Addresses[0].Region,
		m.Addresses[0].PostalCode, m.Addresses[0].Country, m.Addresses[0].Label, m.Websites[0],
	}
	want := []string{
		"United States Senate", "Senator", "1958-10-13",
		"Maria Cantwell\nParty: Democrat\nTerm: 2025-01-03 to 2031-01-03\nTwitter: @SenatorCantwell", "Congress|Democrat|WA", "Work", "202-224-3441",
		"District office", "425-303-0114", "511 Hart Senate Office Building", "Washington", "DC", "20510", "US", "Work", "https://www.cantwell.senate.gov",
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("Maria Cantwell: got %q, want %q", got[i], want[i])
		}
	}
	if len(m.Addresses) != 1 || len(m.Websites) != 1 || len(m.Phones) != 2 {
		t.Errorf("Maria Cantwell: got %d addresses, %d websites, %d phones", len(m.Addresses), len(m.Websites), len(m.Phones))
	}
	if _, ok := byName["Amy Jean Klobuchar"]; !ok {
		t.Error("the middle name of Amy Jean Klobuchar is gone")
	}
}
