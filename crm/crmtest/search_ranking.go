package crmtest

import (
	"fmt"
	"slices"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func rankingTests() []searchTest {
	note := func(text string) func(*crm.Contact) { return func(c *crm.Contact) { c.Notes = text } }
	company := func(text string) func(*crm.Contact) { return func(c *crm.Contact) { c.Company = text } }
	email := func(address string) func(*crm.Contact) {
		return func(c *crm.Contact) { c.Emails = []crm.Email{{Address: address, Primary: true}} }
	}
	phone := func(number, e164 string) func(*crm.Contact) {
		return func(c *crm.Contact) { c.Phones = []crm.Phone{{Number: number, E164: e164, Primary: true}} }
	}
	// Each holds people from the best match to the worst.
	cases := map[string]struct {
		text   string
		people []func(*crm.Contact)
	}{
		"exact comes before prefix, typo and inside a word": {
			"carter", []func(*crm.Contact){named("Carter"), named("Carterfield"), named("Cartar"), named("McCarter")},
		},
		"the kind of match counts before the field": {"carter", []func(*crm.Contact){note("carter"), named("Carterfield")}},
		"name comes before email and email before the rest": {
			"carter", []func(*crm.Contact){named("Carter"), email("carter@example.com"), note("carter")},
		},
		"name comes before company and company before the rest": {
			"carter", []func(*crm.Contact){named("Carter"), company("Carter"), note("carter")},
		},
		"a whole email comes before its words elsewhere": {
			"ann@example.com", []func(*crm.Contact){email("ann@example.com"), named("Ann Example Com")},
		},
		"a whole phone number comes before a run in a longer one": {
			"202 555 0123", []func(*crm.Contact){phone("202 555 0123", "+12025550123"), phone("+44 20255501234", "+4420255501234")},
		},
	}
	var tests []searchTest
	for name, test := range cases {
		tests = append(tests, searchTest{name, func(f *searchFixture) { testRank(f, test.text, test.people) }})
	}
	return append(tests,
		searchTest{"among equals the more recently active comes first", testRecency},
		searchTest{"every query has a total order", testTotalOrder},
	)
}

// testRank indexes people from the best match to the worst, the worse the more
// recently active and in both orders of ids, and checks that they come so.
func testRank(f *searchFixture, text string, people []func(*crm.Contact)) {
	for _, reversed := range []bool{false, true} {
		var contacts []crm.Contact
		var want []crm.ID
		for i, change := range people {
			n := i + 1
			if reversed {
				n = len(people) - i
			}
			c := f.contact(n, named("Somebody"), change, activeAt(day().Add(time.Duration(i)*time.Hour)))
			contacts, want = append(contacts, c), append(want, c.ID)
		}
		f.put(contacts...)
		got := f.search(crm.SearchQuery{Text: text, Limit: 10})
		wantIDs(f.T, fmt.Sprintf("SearchContacts(%q)", text), hitIDs(got.Hits), want)
		f.remove(want...)
	}
}

// activeAt makes a contact added, changed and met at a time, so that it is the
// more recently active by any measure.
func activeAt(at time.Time) func(*crm.Contact) {
	return func(c *crm.Contact) { c.CreatedAt, c.UpdatedAt, c.LastInteractionAt = at, at, at }
}

func testRecency(f *searchFixture) {
	hours := []int{5, 1, 9, 3, 7}
	var contacts []crm.Contact
	for i, hour := range hours {
		contacts = append(contacts, f.contact(i+1, named("Ann Carter"), activeAt(day().Add(time.Duration(hour)*time.Hour))))
	}
	f.put(contacts...)
	for _, text := range []string{"carter", "cart", "cartre", "arter", "ann carter"} {
		got := f.search(crm.SearchQuery{Text: text, Limit: 10})
		wantIDs(f.T, fmt.Sprintf("SearchContacts(%q)", text), hitIDs(got.Hits), f.ids(3, 5, 1, 4, 2))
	}
	moved := f.contact(2, named("Ann Carter"), activeAt(day().Add(20*time.Hour)))
	moved.Version = 2
	f.put(moved)
	got := f.search(crm.SearchQuery{Text: "carter", Limit: 10})
	wantIDs(f.T, "SearchContacts after one was met again", hitIDs(got.Hits), f.ids(2, 3, 5, 1, 4))
}

// testTotalOrder searches among many that are equal in everything.
func testTotalOrder(f *searchFixture) {
	var contacts []crm.Contact
	for n := range 20 {
		contacts = append(contacts, f.contact(n+1, named("Ann Carter"), activeAt(day())))
	}
	f.put(contacts...)
	first := hitIDs(f.search(crm.SearchQuery{Text: "carter", Limit: 100}).Hits)
	if len(first) != 20 {
		f.Fatalf("SearchContacts: got %d hits, want 20", len(first))
	}
	f.put(contacts[5], contacts[3]) // Writing them again changes no place.
	for range 3 {
		wantIDs(f.T, "the same search again", hitIDs(f.search(crm.SearchQuery{Text: "carter", Limit: 100}).Hits), first)
	}
	sorted := slices.Clone(first)
	slices.SortFunc(sorted, compareIDs)
	wantIDs(f.T, "the hits, sorted", sorted, contactIDs(contacts))
}
