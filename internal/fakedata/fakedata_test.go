package fakedata_test

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/unicode/norm"

	"github.com/omnicrm/omnicrm/internal/fakedata"
)

func people(seed uint64, n int) []fakedata.Person {
	g := fakedata.New(seed)
	all := make([]fakedata.Person, n)
	for i := range all {
		all[i] = g.Person()
	}
	return all
}

func TestTheSameSeedGivesTheSamePeople(t *testing.T) {
	t.Parallel()
	first := people(7, 2000)
	if diff := cmp.Diff(first, people(7, 2000)); diff != "" {
		t.Errorf("two generators of one seed differ (-first +second):\n%s", diff)
	}
	if cmp.Equal(first, people(8, 2000)) {
		t.Error("two seeds gave the same people")
	}
}

func TestGeneratorsShareNothing(t *testing.T) {
	t.Parallel()
	alone := people(7, 1000)
	g, other := fakedata.New(7), fakedata.New(8)
	for i, want := range alone {
		other.Person()
		other.Company()
		if got := g.Person(); !cmp.Equal(got, want) {
			t.Fatalf("person %d beside another generator: got %+v, want %+v", i, got, want)
		}
	}
}

func TestEmailsAreUniqueAndReserved(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool, 120_000)
	numbered := 0
	for _, p := range people(1, 100_000) {
		for _, e := range p.Emails {
			address := strings.ToLower(e.Address)
			if seen[address] {
				t.Fatalf("address %s was given twice", address)
			}
			seen[address] = true
			local, domain, _ := strings.Cut(address, "@")
			if local == "" || strings.Trim(local, "abcdefghijklmnopqrstuvwxyz0123456789._") != "" {
				t.Fatalf("local part of %s: want plain letters", address)
			}
			if !strings.HasSuffix(domain, ".example") && !strings.HasPrefix(domain, "example.") {
				t.Fatalf("domain of %s is not a reserved one", address)
			}
			if strings.ContainsAny(local, "0123456789") {
				numbered++
			}
		}
	}
	if limit := len(seen) / 2; numbered > limit {
		t.Errorf("addresses with a number: got %d of %d, want at most %d", numbered, len(seen), limit)
	}
}

func TestPeopleKeepTheLimitsOfContacts(t *testing.T) {
	t.Parallel()
	stages := map[string]bool{"lead": true, "prospect": true, "customer": true, "advocate": true, "none": true}
	for i, p := range people(2, 20_000) {
		for _, text := range []string{p.DisplayName, p.GivenName, p.FamilyName, p.Company, p.Notes} {
			if !utf8.ValidString(text) || !norm.NFC.IsNormalString(text) || text != strings.TrimSpace(text) {
				t.Fatalf("person %d: %q is not clean text", i, text)
			}
		}
		if n := utf8.RuneCountInString(p.DisplayName); n < 1 || n > 200 {
			t.Fatalf("person %d: display name %q has %d characters, want 1 to 200", i, p.DisplayName, n)
		}
		if !stages[p.Stage] {
			t.Fatalf("person %d: got stage %q", i, p.Stage)
		}
		if p.Birthday != "" {
			if _, err := time.Parse(time.DateOnly, p.Birthday); err != nil {
				t.Fatalf("person %d: birthday %q: %v", i, p.Birthday, err)
			}
		}
		if p.AgeDays < 0 || p.AgeDays > 3650 {
			t.Fatalf("person %d: age of %d days, want 0 to 3650", i, p.AgeDays)
		}
		seen := map[string]bool{}
		for _, tag := range p.Tags {
			if tag == "" || seen[tag] {
				t.Fatalf("person %d: got tags %q", i, p.Tags)
			}
			seen[tag] = true
		}
	}
}

func TestNamesComeInManyScripts(t *testing.T) {
	t.Parallel()
	scripts := map[string]*unicode.RangeTable{
		"Latin": unicode.Latin, "Cyrillic": unicode.Cyrillic, "Greek": unicode.Greek, "Arabic": unicode.Arabic,
		"Hebrew": unicode.Hebrew, "Devanagari": unicode.Devanagari, "Han": unicode.Han, "Hangul": unicode.Hangul,
	}
	counts := map[string]int{}
	countries := map[string]bool{}
	const n = 10_000
	for _, p := range people(3, n) {
		for script, table := range scripts {
			if strings.ContainsFunc(p.DisplayName, func(r rune) bool { return unicode.Is(table, r) }) {
				counts[script]++
			}
		}
		for _, a := range p.Addresses {
			countries[a.Country] = true
		}
	}
	for script := range scripts {
		if got, want := counts[script], n/100; got < want {
			t.Errorf("names in %s: got %d of %d, want at least %d", script, got, n, want)
		}
	}
	if got, want := len(countries), 20; got < want {
		t.Errorf("countries: got %d, want at least %d", got, want)
	}
}

func TestNamesVary(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	const n = 100_000
	for _, p := range people(4, n) {
		names[p.DisplayName] = true
	}
	if got, want := len(names), n/2; got < want {
		t.Errorf("different names: got %d of %d, want at least %d", got, n, want)
	}
}

func TestMostPhonesAreValidNumbers(t *testing.T) {
	t.Parallel()
	valid, total := map[string]int{}, map[string]int{}
	allValid, all := 0, 0
	for _, p := range people(5, 20_000) {
		for _, phone := range p.Phones {
			prefix, _, _ := strings.Cut(phone.Number, " ")
			if !strings.HasPrefix(prefix, "+") || strings.HasPrefix(prefix, "+1") {
				prefix = "+1"
			}
			total[prefix]++
			all++
			number, err := phonenumbers.Parse(phone.Number, "US")
			if err == nil && phonenumbers.IsValidNumber(number) {
				valid[prefix]++
				allValid++
			}
		}
	}
	for prefix := range total {
		if got, want := valid[prefix], total[prefix]*80/100; got < want {
			t.Errorf("valid numbers of %s: got %d of %d, want at least %d", prefix, got, total[prefix], want)
		}
	}
	if got, want := allValid, all*95/100; got < want {
		t.Errorf("valid numbers: got %d of %d, want at least %d", got, all, want)
	}
}

func TestEmployersAreShared(t *testing.T) {
	t.Parallel()
	staff := map[string]int{}
	largest := 0
	for _, p := range people(6, 10_000) {
		if p.Company != "" {
			staff[p.Company]++
			largest = max(largest, staff[p.Company])
		}
	}
	if len(staff) < 500 || largest < 4 {
		t.Errorf("companies: got %d, the largest of %d people; want at least 500 and 4", len(staff), largest)
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		fakedata.New(1)
	}
}

func BenchmarkPerson(b *testing.B) {
	g := fakedata.New(1)
	b.ReportAllocs()
	for b.Loop() {
		g.Person()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "people/s")
}
