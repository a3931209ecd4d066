package crmtest

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

// scripts returns texts that stores are known to damage.
func scripts() map[string]string {
	return map[string]string{
		"accents":                   "Ærøskøbing Zażółć gęślą jaźń ÀÉÎÕÜ",
		"combining marks":           "e\u0301 vs \u00e9, a\u0328\u0308",
		"case":                      "ǅ İstanbul ıI ß ẞ ΣσςΣ",
		"emoji":                     "👩‍👩‍👧‍👦 🇵🇱 🧑🏿‍🚀 ❤️",
		"right to left":             "שלום עליכם مرحبا بالعالم \u200f(1)\u200e",
		"Han, Kana and Hangul":      "東京都 たなか タナカ 김철수",
		"four-byte characters":      "𠮷野家 𝒜𝒷𝒸 𐍈 \U0010FFFD",
		"NUL":                       "before\x00after\x00",
		"control characters":        "a\x01b\x1fc\x7fd\u0085e",
		"line breaks":               "one\ntwo\r\nthree\rfour\u2028five",
		"quotes and backslashes":    `it''s "quoted" \n \\ \x00 \u0041 $1 ? :name {}`,
		"pattern characters":        `100% _under_ [a-z] * ? ^ \%`,
		"blanks":                    "  outer  and   inner \u00a0 \u3000",
		"looks like something else": "null",
		"numbers":                   "0012.50e3",
		"markup":                    "<b>&amp;</b> <!-- -->",
	}
}

func testText(t *testing.T, open func(testing.TB) crm.Store) {
	var tests []storeTest
	for name, text := range scripts() {
		tests = append(tests, storeTest{name + " come back exactly in every field", func(f *fixture) {
			want := textContact(f, text)
			f.create(want)
			if d := diffContact(f.one(want.ID), want); d != "" {
				f.Errorf("GetContacts: %s", d)
			}
			f.wantHolders(crm.NewContactWrite(want, 0).Keys, hitsOf(want)...)
		}})
	}
	tests = append(tests,
		storeTest{"the longest values come back whole", testLongest},
		storeTest{"numbers and truth values of custom fields keep their kind", testFieldKinds},
		storeTest{"names are ordered by their key, without case and accents", testCollation},
		storeTest{"plain search finds folded words anywhere and takes no pattern", testPlainSearch},
		storeTest{"keys and criteria tell texts apart that only fold alike elsewhere", testExactKeys},
	)
	runTests(t, open, tests)
}

// textContact puts the text in every field that holds text.
func textContact(f *fixture, text string) crm.Contact {
	return f.contact(1, func(c *crm.Contact) {
		c.DisplayName, c.GivenName, c.FamilyName, c.Company, c.JobTitle, c.Notes = text, text, text, text, text, text
		c.Emails = []crm.Email{{Address: text, Label: text, Primary: true}}
		c.Phones = []crm.Phone{{Number: text, Label: text, Primary: true}}
		c.Addresses = []crm.Address{{Label: text, Street: text, City: text, Region: text, PostalCode: text, Country: text}}
		c.Websites, c.Tags = []string{text, "x"}, []string{text, "x" + text}
		c.Source, c.SourceID = text, text
		c.Fields = map[string]any{text: text, "x" + text: true}
	})
}

func testLongest(f *fixture) {
	wide := func(n int) string { return strings.Repeat("𠮷", n) }
	want := f.contact(1, func(c *crm.Contact) {
		c.DisplayName, c.GivenName, c.FamilyName = wide(crm.MaxDisplayName), wide(crm.MaxShortText), wide(crm.MaxShortText)
		c.Company, c.JobTitle, c.Notes = wide(crm.MaxShortText), wide(crm.MaxShortText), wide(crm.MaxNotes)
		c.Source, c.SourceID = wide(crm.MaxSource), wide(crm.MaxSourceID)
		c.Fields = map[string]any{}
		for i := range crm.MaxListed {
			tail := fmt.Sprintf("%03d", i)
			c.Emails = append(c.Emails, crm.Email{Address: strings.Repeat("a", crm.MaxEmail-15) + tail + "@example.com", Primary: i == 0})
			c.Phones = append(c.Phones, crm.Phone{Number: strings.Repeat("5", crm.MaxPhone-3) + tail, Label: wide(crm.MaxShortText), Primary: i == 0})
			c.Addresses = append(c.Addresses, crm.Address{Street: wide(crm.MaxShortText), City: tail})
			c.Websites = append(c.Websites, strings.Repeat("w", crm.MaxWebsite-3)+tail)
			c.Tags = append(c.Tags, wide(crm.MaxTag-3)+tail)
		}
		for i := range crm.MaxFields {
			c.Fields[wide(crm.MaxFieldKey-3)+fmt.Sprintf("%03d", i)] = "short"
		}
		c.Fields["long"] = wide(crm.MaxFieldValue)
	})
	f.create(want)
	if d := diffContact(f.one(want.ID), want); d != "" {
		f.Errorf("GetContacts: %s", d)
	}
	f.wantHolders(crm.NewContactWrite(want, 0).Keys, hitsOf(want)...)
}

func testFieldKinds(f *fixture) {
	want := f.contact(1, func(c *crm.Contact) {
		c.Fields = map[string]any{
			"text of a number": "12", "text of a truth value": "true", "empty text": "", "yes": true, "no": false,
			"zero": 0.0, "tenth": 0.1, "negative": -12.75, "largest": math.MaxFloat64, "smallest": math.SmallestNonzeroFloat64,
			"beyond exact integers": 9007199254740993.0, "large integer": 1e21, "third": 1.0 / 3,
		}
	})
	f.create(want)
	if d := diffContact(f.one(want.ID), want); d != "" {
		f.Errorf("GetContacts: %s", d)
	}
}

func testCollation(f *fixture) {
	// Several scripts and both cases: the bytes of the names would order them otherwise.
	names := []string{"", "123", "_", "Ärger", "Arm", "égal", "Ehre", "Łódź", "Lose", "østlig", "zebra", "Ωμέγα", "Яков", "שלום", "東京"}
	contacts := make([]crm.Contact, len(names))
	for i, name := range names {
		contacts[i] = f.contact((i*7)%len(names)+1, func(c *crm.Contact) { c.DisplayName = name })
	}
	f.create(contacts...)
	want := expectedOrder(contacts, crm.SortDisplayName, false)
	q := crm.ContactQuery{Sort: crm.SortDisplayName, Limit: 100}
	wantIDs(f.T, "ListContacts by name", f.list(q), want)
	slices.Reverse(want)
	q.Desc = true
	wantIDs(f.T, "ListContacts by name, descending", f.list(q), want)
}

func testPlainSearch(f *fixture) {
	f.create(
		f.contact(1, func(c *crm.Contact) { c.DisplayName = "Zoë Łukasz" }),
		f.contact(2, func(c *crm.Contact) { c.DisplayName, c.Notes = "Ann", "met at 100% Café" }),
		f.contact(3, func(c *crm.Contact) {
			c.DisplayName, c.Emails = "Bob", []crm.Email{{Address: "b_c@example.com", Primary: true}}
		}),
		f.contact(4, func(c *crm.Contact) { c.DisplayName, c.Company = "東京太郎", "山田" }),
		f.contact(5, func(c *crm.Contact) { c.DisplayName = "Zoe Unrelated" }, trashed),
	)
	for _, test := range []struct {
		words []string
		want  []int
	}{
		{[]string{"zoe"}, []int{1}},
		{[]string{"oe"}, []int{1}},
		{[]string{"lukasz", "zoe"}, []int{1}},
		{[]string{"lukasz", "ann"}, nil},
		{[]string{"cafe"}, []int{2}},
		{[]string{"%"}, nil},
		{[]string{"z_e"}, nil},
		{[]string{"b_c@ex"}, []int{3}},
		{[]string{"bxc@ex"}, nil},
		{[]string{`\`}, nil},
		{[]string{"*"}, nil},
		{[]string{"京太"}, []int{4}},
		{[]string{"山"}, []int{4}},
	} {
		where := crm.ContactCriteria{Words: test.words}
		wantIDs(f.T, fmt.Sprintf("ListContactIDs with words %q", test.words), f.listIDs(where, crm.ID{}, 10), f.ids(test.want...))
	}
}

func testExactKeys(f *fixture) {
	// A database whose own collation folds would take these for one value.
	sources := []string{"api", "API", "äpi", "api ", "a\u0308pi", "api\x00"}
	for i, source := range sources {
		f.create(f.contact(i+1, func(c *crm.Contact) { c.Source, c.SourceID = source, "1" }))
	}
	for i, source := range sources {
		wantIDs(f.T, fmt.Sprintf("ListContactIDs of source %q", source),
			f.listIDs(crm.ContactCriteria{Sources: []string{source}}, crm.ID{}, 10), f.ids(i+1))
		key := crm.SourceKey(source, "1")
		f.wantHolders([]crm.ContactKey{key}, hit(key, f.id(i+1)))
	}
}
