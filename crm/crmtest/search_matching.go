package crmtest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/omnicrm/omnicrm/crm"
)

// wanted is a query and the numbers of the people it finds.
type wanted struct {
	text string
	want []int
}

func finds(text string, want ...int) wanted { return wanted{text, want} }

func matchingTests() []searchTest {
	var tests []searchTest
	for name, queries := range map[string][]wanted{
		"one typo is forgiven in words of 5 to 8 letters, two from 9 on": {
			finds("brawn", 3), finds("borwn", 3), finds("browwn", 3), finds("morgna", 8), finds("andersen", 6), finds("cantwlel", 1),
			finds("andresen"), finds("adnersno"), finds("fitgrald"), finds("fitgrad"), finds("wsingtno"),
			finds("fitzgreald", 4), finds("fitzgrald", 4), finds("washingtno", 5), finds("wasingtno", 5), finds("observatry", 18),
			finds("шевчнко", 16), finds("washingtno george", 5),
		},
		"no typo is forgiven in shorter words": {
			finds("khan", 7), finds("khn"), finds("khna"), finds("kahn"), finds("brwn"), finds("borw"), finds("bwn"), finds("mrgn"),
		},
		"a wrong first letter counts as two typos": {
			finds("xrown"), finds("xnderson"), finds("xitzgerald", 4), finds("xitzgerld"),
		},
		"no typo is forgiven in digits": {
			finds("1234567", 20), finds("123456", 20), finds("1234568"), finds("12345678"), finds("1243567"), finds("unit12345", 20), finds("unit12346"),
		},
		"the last word also matches as a prefix, with typos": {
			finds("cant", 1), finds("c", 1), finds("washin", 5), finds("wahin", 5), finds("fitzegr", 4), finds("washington geo", 5), finds("geo washington"),
			finds("key acc", 18), finds("observ", 18),
		},
		"all words must match, in any order and field": {
			finds("maria cantwell", 1), finds("cantwell maria", 1), finds("george brown"), finds("maria senate", 1), finds("maria zzzqqq"),
			finds("maria maria", 1), finds("lucy lucy morgan", 8),
		},
		"a run of four characters inside a word of name, email or company finds it": {
			finds("ntwe", 1), finds("rown", 3), finds("2345", 20), finds("ntwel", 1), finds("ntwle"), finds("twe"), finds("rnationa", 21), finds("nternation ivy", 21),
			finds("elpde", 19), finds("servator"), finds("ccoun"),
		},
		"case and accents do not matter": {
			finds("CANTWELL", 1), finds("zoe lukasz", 2), finds("ZOË ŁUKASZ", 2), finds("Zoe\u0308", 2), finds("soren", 11), finds("sørén", 11),
			finds("aeroskobing", 11), finds("strasse", 11), finds("STRAẞE", 11), finds("isil", 12), finds("yılmaz", 12), finds("IŞIL YILMAZ", 12),
			finds("шевченко", 16), finds("ШЕВЧЕНКО", 16), finds("כהן", 17),
		},
		"apostrophes vanish, hyphens and punctuation separate": {
			finds("obrien", 9), finds("o'brien", 9), finds("O’Brien", 9), finds("o`brien", 9), finds("jean-luc", 10), finds("jean luc", 10),
			finds("luc jean", 10), finds("picard, jean", 10), finds("(morgan) lucy!", 8),
		},
		"Han, Kana and Hangul match by any run of characters": {
			finds("山田太郎", 13), finds("太", 13), finds("田太", 13), finds("田山"), finds("山田 太郎", 13), finds("太郎 花子"), finds("철수", 14), finds("김", 14),
			finds("수철"), finds("なかさ", 15), finds("さくら", 15),
		},
		"four digits of a phone find it, however it is written": {
			finds("2022243441", 1), finds("(202) 224-3441", 1), finds("+1 202 224 3441", 1), finds("+12022243441", 1), finds("224-3441", 1),
			finds("2243441", 1), finds("3441", 1), finds("0222", 1), finds("202.224", 1), finds("441"), finds("2022243442"), finds("maria 3441", 1), finds("3441 brown"),
		},
		"an email is found whole, by its beginning and by its words": {
			finds("maria.cantwell@senate.example", 1), finds("Maria.Cantwell@SENATE.example", 1), finds("maria.cantwell@sen", 1),
			finds("helpdesk@example.org", 19), finds("helpdesk", 19), finds("helpdesk@other.org"),
		},
		"tags and notes are searched": {
			finds("key account", 18), finds("observatory", 18), finds("2024", 18), finds("met observatory account", 18),
		},
		"a query without words finds nothing": {
			finds(""), finds("   "), finds("!!!"), finds("' - ."), finds("@"), finds("()"), finds("\x00"), finds("\u0301"),
		},
	} {
		tests = append(tests, searchTest{name, func(f *searchFixture) { f.wantFound(queries) }})
	}
	return append(tests, searchTest{"no text makes a search fail", testAnyText})
}

// people are what the matching tests look in.
func (f *searchFixture) people() []crm.Contact {
	person := func(n int, name string, changes ...func(*crm.Contact)) crm.Contact {
		return f.contact(n, append([]func(*crm.Contact){named(name)}, changes...)...)
	}
	return []crm.Contact{
		person(1, "Maria Cantwell", func(c *crm.Contact) {
			c.Emails = []crm.Email{{Address: "Maria.Cantwell@senate.example", Primary: true}}
			c.Phones = []crm.Phone{{Number: "(202) 224-3441", E164: "+12022243441", Primary: true}}
			c.Company = "Senate"
		}),
		person(2, "Zoë Łukasz"),
		person(3, "James Brown"),
		person(4, "Ana Fitzgerald"),
		person(5, "George Washington"),
		person(6, "Peter Anderson"),
		person(7, "Kim Khan"),
		person(8, "Lucy Morgan"),
		person(9, "Siobhan O’Brien"),
		person(10, "Jean-Luc Picard"),
		person(11, "Søren Ærøskøbing", func(c *crm.Contact) { c.Company = "Straße GmbH" }),
		person(12, "Işıl Yılmaz"),
		person(13, "山田太郎"),
		person(14, "김철수"),
		person(15, "たなかさくら"),
		person(16, "Тарас Шевченко"),
		person(17, "שלום כהן"),
		person(18, "Nora Pike", func(c *crm.Contact) { c.Tags, c.Notes = []string{"Key Account"}, "Met at the observatory in 2024." }),
		person(19, "Support", func(c *crm.Contact) { c.Emails = []crm.Email{{Address: "helpdesk@example.org", Primary: true}} }),
		person(20, "Robot 1234567 unit12345"),
		person(21, "Ivy Poe", func(c *crm.Contact) { c.Company = "Acme Internationale" }),
	}
}

// wantFound checks whom each query finds, in any order, by both methods.
func (f *searchFixture) wantFound(queries []wanted) {
	f.Helper()
	f.put(f.people()...)
	for _, q := range queries {
		got := f.search(crm.SearchQuery{Text: q.text, Limit: 100})
		found := hitIDs(got.Hits)
		slices.SortFunc(found, compareIDs)
		wantIDs(f.T, fmt.Sprintf("SearchContacts(%q)", q.text), found, f.ids(q.want...))
		f.wantTotal(fmt.Sprintf("SearchContacts(%q)", q.text), got, len(q.want))
		matched, err := f.x.MatchContacts(f.Context(), f.ws, crm.SearchQuery{Text: q.text}, crm.ID{}, 100)
		f.ok("MatchContacts", err)
		wantIDs(f.T, fmt.Sprintf("MatchContacts(%q)", q.text), matched, f.ids(q.want...))
	}
}

// testAnyText sends what people and programs send, in documents and queries.
func testAnyText(f *searchFixture) {
	texts := []string{
		strings.Repeat("a", 5_000), strings.Repeat("ab ", 300), strings.Repeat("𠮷", 2_000), strings.Repeat("1", 3_000), strings.Repeat("@", 500),
		"\xff\xfe\x80", "a\x00b", "\u202e\u200f\u0301\u0301", `"quoted" AND (x OR y) NOT z*`, `\`, "%_[]", "a@b@c@", "+++---", "🚀👩‍👩‍👧‍👦", "ﬁ ﬀ Ⅻ ①",
	}
	for _, text := range scripts() {
		texts = append(texts, text)
	}
	var contacts []crm.Contact
	for n, text := range texts {
		contacts = append(contacts, f.contact(n+1, func(c *crm.Contact) {
			c.DisplayName, c.Company, c.Notes, c.Tags = text, text, text, []string{text}
			c.Emails, c.Phones = []crm.Email{{Address: text}}, []crm.Phone{{Number: text}}
		}))
	}
	f.put(contacts...)
	for _, text := range texts {
		for end := range min(len(text), 12) { // A search box sends every keystroke.
			f.search(crm.SearchQuery{Text: text[:end], Limit: 3})
		}
		f.search(crm.SearchQuery{Text: text, Limit: 3, Facets: crm.Facets()})
	}
}
