package textindex_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/crm/textindex"
)

// named is a document whose sort key is its name.
func named(n int, name string, fields ...textindex.Field) textindex.Document {
	d := textindex.Document{ID: id(n), Version: int64(n), SortKey: name, Numbers: []int64{int64(n)}}
	d.Fields = append(d.Fields, textindex.Field{Name: "name", Text: name, Infix: true})
	d.Fields = append(d.Fields, fields...)
	return d
}

func email(text string) textindex.Field {
	return textindex.Field{Name: "email", Text: text, Kind: textindex.KindEmail, Rank: 1, Infix: true}
}

func phone(text string) textindex.Field {
	return textindex.Field{Name: "phone", Text: text, Kind: textindex.KindPhone, Rank: 2}
}

func notes(text string) textindex.Field {
	return textindex.Field{Name: "notes", Text: text, Rank: 2}
}

// find returns the names of the hits in order.
func find(t *testing.T, x *textindex.Index, docs []textindex.Document, text string) []string {
	t.Helper()
	r, err := x.Search(context.Background(), textindex.Query{Text: text, Limit: 100})
	if err != nil {
		t.Fatalf("search %q: %v", text, err)
	}
	var names []string
	for _, h := range r.Hits {
		i := slices.IndexFunc(docs, func(d textindex.Document) bool { return d.ID == h.ID })
		names = append(names, docs[i].SortKey)
		if got, want := h.Version, docs[i].Version; got != want {
			t.Errorf("search %q: got version %d of %s, want %d", text, got, docs[i].SortKey, want)
		}
	}
	return names
}

func TestSearchRules(t *testing.T) {
	docs := []textindex.Document{
		named(1, "Maria Cantwell", email("maria.cantwell@senate.gov"), phone("(202) 224-3441")),
		named(2, "Zoë Łukasz", email("zl@example.com"), phone("+44 20 7946 0958")),
		named(3, "Brown"), named(4, "Khan"), named(5, "Morgan"), named(6, "Anderson"),
		named(7, "Fitzgerald"), named(8, "Washington"),
		named(9, "O'Brien-Smith", notes("met in 2024, call 12-34 after the internationalization")),
		named(10, "田中太郎"), named(11, "김철수"), named(12, "サクラ 王伟"),
		named(13, "Smithers", notes("Brownie 東京で会った")),
		named(14, "Office", phone("911"), phone("1-800-FLOWERS")),
		named(15, "٠١٢٣", phone("٠٢٠٢٥٥٥")),
	}
	x := textindex.New(textindex.Options{Columns: 1})
	x.Put(docs...)
	for _, c := range []struct{ about, text, want string }{
		{"a whole word in any case", "CANTWELL", "Maria Cantwell"},
		{"words in any order", "cantwell maria", "Maria Cantwell"},
		{"all words must match", "maria zzzz", ""},
		{"the last word as a prefix", "maria cant", "Maria Cantwell"},
		{"another word not as a prefix", "mar cantwell", ""},
		{"a letter missing", "cantwel x", ""},
		{"a letter missing at the end", "cantwel", "Maria Cantwell"},
		{"two neighbours swapped", "cantwlel", "Maria Cantwell"},
		{"accents off", "zoe lukasz", "Zoë Łukasz"},
		{"accents on in the query", "Zoé ŁÚKASZ", "Zoë Łukasz"},
		{"four letters forgive none", "khna", ""},
		{"four letters forgive none missing", "kahn", ""},
		{"five letters forgive one", "borwn", "Brown|Smithers"},
		{"one added", "browwn", "Brown|Smithers"},
		{"one replaced", "brawn", "Brown|Smithers"},
		{"a wrong first letter counts as two", "xrown", ""},
		{"a missing first letter counts as two", "nderson", "Anderson"}, // found inside
		{"four letters inside", "rown", "Brown"},
		{"three letters inside find nothing", "row", ""},
		{"swapped and replaced are two", "andresen", ""},
		{"a wrong first letter in eight letters", "xnderson", ""},
		{"a wrong first letter in ten letters", "xitzgerald", "Fitzgerald"},
		{"a wrong first letter and one more", "xitzgerld", ""},
		{"one missing in nine letters", "fitzgrald", "Fitzgerald"},
		{"two missing in eight letters", "fitgrald", ""},
		{"two typos in ten letters", "washingtno", "Washington"},
		{"two typos in nine letters", "wasingtno", "Washington"},
		{"three typos in nine letters", "wsingtno", ""},
		{"a prefix", "washin", "Washington"},
		{"a prefix with a typo", "wahin", "Washington"},
		{"a prefix with a swap", "fitzegr", "Fitzgerald"},
		{"apostrophes vanish", "obrien", "O'Brien-Smith"},
		{"an apostrophe of another kind", "O’Brien", "O'Brien-Smith"},
		{"hyphens separate", "smith obrien", "O'Brien-Smith"},
		{"a prefix comes after the whole word", "smith", "O'Brien-Smith|Smithers"},
		{"inside words of notes nothing is found", "nationalization", ""},
		{"digits forgive nothing", "20225", ""},
		{"digits of the text", "2024", "O'Brien-Smith"},
		{"digit words apart", "12 34", "O'Brien-Smith"},
		{"a part of a phone", "4344", "Maria Cantwell"},
		{"the end of a phone", "3441", "Maria Cantwell"},
		{"a phone as written", "(202) 224-3441", "Maria Cantwell"},
		{"a phone with dots", "202.224", "Maria Cantwell"},
		{"the beginning of a phone", "2022", "Maria Cantwell"},
		{"three digits that begin a phone or a word", "202", "O'Brien-Smith|Maria Cantwell"},
		{"three digits inside a phone find nothing", "441", ""},
		{"three digits that are a phone", "911", "Office"},
		{"a phone and a name", "maria 202 224", "Maria Cantwell"},
		{"letters of a phone", "flowers", "Office"},
		{"digits of another script", "２０２５５５", "٠١٢٣"},
		{"an address", "Maria.Cantwell@Senate.GOV", "Maria Cantwell"},
		{"an address not written to the end", "maria.c@", "Maria Cantwell"},
		{"an address of another domain", "maria.cantwell@house", ""},
		{"the beginning of an address until it ends", "maria.cantwell@sen", "Maria Cantwell"},
		{"inside an address", "twell@senate", "Maria Cantwell"},
		{"one Han character", "中", "田中太郎"},
		{"a run of Han", "中太", "田中太郎"},
		{"another order of Han", "太中", ""},
		{"Hangul", "철수", "김철수"},
		{"Kana", "クラ", "サクラ 王伟"},
		{"Han in notes", "京で", "Smithers"},
		{"Han not at the end of the query", "京 smithers", "Smithers"},
		{"no words", " -- ☎ ", ""},
		{"nothing at all", "", ""},
		{"invalid UTF-8", "\xff\xfe", ""},
		{"a word twice is a whole word", "brown brown", "Brown"},
	} {
		t.Run(c.about, func(t *testing.T) {
			if got := strings.Join(find(t, x, docs, c.text), "|"); got != c.want {
				t.Errorf("search %q: got %q, want %q", c.text, got, c.want)
			}
		})
	}
}

func TestOrderOfRelevance(t *testing.T) {
	for _, c := range []struct {
		text string
		docs []textindex.Document // in the order wanted
	}{
		{"brown", []textindex.Document{
			named(1, "Brown"), named(2, "a", email("brown@x.org")), named(3, "b", notes("brown")),
			named(4, "Brownie"), named(5, "c", notes("brownie")), named(6, "Browm"), named(7, "MacBrowning"),
		}},
		{"washingtno", []textindex.Document{named(1, "a", notes("washington")), named(2, "Wazhington")}},
		{"maria@x.org", []textindex.Document{
			named(1, "a", email("Maria@X.org")), named(2, "b", email("maria@x.org.uk")), named(3, "Maria X Org"),
		}},
		{"(202) 224-3441", []textindex.Document{
			named(1, "a", phone("2022243441")), named(2, "202 224 3441"), named(3, "b", notes("202-224-3441")), named(4, "c", phone("202224344199")),
			named(5, "d", phone("+1 202 224 3441")),
		}},
		{"m@x.org cantwell", []textindex.Document{ // only at the end of the query an address may go on
			named(9, "Cantwell", email("q@m.x.org")), named(8, "Cantwell", email("m@x.org.uk")),
		}},
		{"12 34", []textindex.Document{named(1, "a", phone("9912349"), notes("12 34")), named(2, "b", phone("91234"))}},
		{"same", []textindex.Document{named(9, "Same"), named(8, "Same"), named(7, "Same")}},
	} {
		t.Run(c.text, func(t *testing.T) {
			x := textindex.New(textindex.Options{Columns: 1})
			x.Put(c.docs...)
			var want []string
			for _, d := range c.docs {
				want = append(want, d.SortKey)
			}
			if got := find(t, x, c.docs, c.text); !slices.Equal(got, want) {
				t.Errorf("search %q: got %q, want %q", c.text, got, want)
			}
			r := search(t, x, textindex.Query{Text: c.text, Limit: 1})
			if got, want := r.Hits[0].ID, c.docs[0].ID; got != want {
				t.Errorf("search %q: got %x first, want %x", c.text, got, want)
			}
		})
	}
}

func TestSearchTakesAnyText(t *testing.T) {
	long := strings.Repeat("x", 5000)
	docs := []textindex.Document{
		named(1, long), named(2, strings.Repeat("wörd ", 1000)), named(3, strings.Repeat("東", 5000)),
		named(4, "\xff\x00\xf0\x9f", email("@@\x00@"), phone("\x00+")), named(5, ""),
		{ID: id(6)},
		named(7, strings.Repeat("\u3099", 500)), named(8, "", phone(strings.Repeat("12345", 1000))),
	}
	x := textindex.New(textindex.Options{})
	x.Put(docs...)
	for text, want := range map[string]int{
		long:                            1,
		long[:4998] + "yy":              1,
		long + "y":                      1,
		long + "yyy":                    0,
		strings.Repeat("東", 4999):       1,
		strings.Repeat("word ", 2000):   1,
		strings.Repeat("23451", 900):    1,
		"\x00":                          0,
		strings.Repeat("(1)-", 3000):    0,
		strings.Repeat("a@b.c ", 500):   0,
		strings.Repeat("é", 3000) + "@": 0,
	} {
		r, err := x.Search(context.Background(), textindex.Query{Text: text, Limit: 10})
		if err != nil || r.Total != want {
			t.Errorf("search %.20q... of %d bytes: got %d (%v), want %d", text, len(text), r.Total, err, want)
		}
	}
}

func TestQueryWords(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "",
		"Zoë zoë O'Brien":             "zoe|obrien",
		"maria (202) 224-3441":        "maria|2022243441",
		"12 3":                        "12|3",
		"maria.cantwell@senate.gov 1": "maria|cantwell|senate|gov|1",
	} {
		if got := strings.Join(textindex.QueryWords(text), "|"); got != want {
			t.Errorf("QueryWords(%q): got %q, want %q", text, got, want)
		}
	}
}
