package vcard_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/omnicrm/omnicrm/adapters/vcard"
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

// readAll reads every card of a file.
func readAll(t rapid.TB, r io.Reader, o crm.ReadOptions) []crm.ImportRecord {
	t.Helper()
	cr, err := vcard.New().NewReader(r, o)
	if err != nil {
		t.Fatalf("NewReader: %v", err)
	}
	var records []crm.ImportRecord
	for {
		rec, err := cr.Next()
		if errors.Is(err, io.EOF) {
			return records
		}
		if err != nil {
			t.Fatalf("Next: %v", err)
		}
		records = append(records, rec)
	}
}

// texts collects every text of a record.
func texts(r crm.ImportRecord) []string {
	c := r.Contact
	all := []string{c.DisplayName, c.GivenName, c.FamilyName, c.Company, c.JobTitle, c.Birthday, c.Notes, c.Source, c.SourceID}
	all = append(append(all, c.Websites...), c.Tags...)
	for _, e := range c.Emails {
		all = append(all, e.Address, e.Label)
	}
	for _, p := range c.Phones {
		all = append(all, p.Number, p.Label)
	}
	for _, a := range c.Addresses {
		all = append(all, a.Label, a.Street, a.City, a.Region, a.PostalCode, a.Country)
	}
	for _, e := range r.Extra {
		all = append(all, e.Value)
	}
	return all
}

func TestRealOffices(t *testing.T) {
	f := sharedFile(t, "contacts-us-congress-offices.vcf")
	whole, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	records := readAll(t, strings.NewReader(string(whole)), crm.ReadOptions{})
	if got, want := len(records), 1312; got != want {
		t.Fatalf("cards: got %d, want %d", got, want)
	}
	counts := map[string]int{}
	cards := strings.Split(strings.NewReplacer("\r\n ", "", "\n ", "").Replace(string(whole)), "BEGIN:VCARD")[1:]
	for i, r := range records {
		if len(r.Problems) > 0 {
			t.Errorf("card %d: problems %v", i+1, r.Problems)
		}
		all := texts(r)
		for line := range strings.Lines(cards[i]) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
			name, _, _ = strings.Cut(name, ";")
			if name == "" || name == "END" || name == "VERSION" {
				continue
			}
			counts[name]++
			requireKept(t, i, name, value, all)
		}
	}
	if counts["TEL"] != 1772 || counts["GEO"] != 1293 || counts["NOTE"] != 253 {
		t.Errorf("properties: got %v, want 1772 TEL, 1293 GEO, 253 NOTE", counts)
	}
	checkJasper(t, records[1].Contact)
}

// requireKept fails unless every part of a value stands in a text of its record.
func requireKept(t *testing.T, card int, name, value string, all []string) {
	t.Helper()
	plain := strings.NewReplacer(`\,`, "\x01", `\;`, "\x02", `\n`, "\n", `\\`, `\`).Replace(value)
	parts := []string{plain}
	switch name {
	case "N", "ADR", "ORG":
		parts = strings.Split(plain, ";")
	case "CATEGORIES":
		parts = strings.Split(plain, ",")
	}
	for _, part := range parts {
		part = strings.TrimSpace(strings.NewReplacer("\x01", ",", "\x02", ";").Replace(part))
		if !slices.ContainsFunc(all, func(s string) bool { return strings.Contains(s, part) }) {
			t.Errorf("card %d: %s %q is lost", card+1, name, part)
		}
	}
}

func checkJasper(t *testing.T, c crm.NewContact) {
	t.Helper()
	got := []string{
		c.DisplayName, c.GivenName, c.FamilyName, c.Company, c.Source, c.SourceID, c.Phones[0].Number, c.Phones[0].Label,
		c.Addresses[0].Street, c.Addresses[0].City, c.Addresses[0].PostalCode, c.Addresses[0].Country, c.Websites[0], strings.Join(c.Tags, "|"),
	}
	want := []string{
		"Office of Robert B. Aderholt, Jasper", "Robert", "Aderholt", "United States House of Representatives",
		"vcard:-//congress-legislators//district offices//EN", "A000055-jasper", "205-221-2310", "work",
		"1710 Alabama Ave.\nCarl Elliott Building, 247", "Jasper", "35501", "USA", "https://aderholt.house.gov", "District office|Republican|AL",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the office in Jasper: got %q, want %q", got, want)
	}
}
