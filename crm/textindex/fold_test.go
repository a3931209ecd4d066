package textindex_test

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/omnicrm/omnicrm/crm/textindex"
)

func TestFold(t *testing.T) {
	for in, want := range map[string]string{
		"":                   "",
		"Maria CANTWELL":     "maria cantwell",
		"Zoë Łukasz":         "zoe lukasz",
		"Ærøskøbing":         "aeroskobing",
		"Straße ẞ":           "strasse ss",
		"Işık İstanbul":      "isik istanbul",
		"Đorđe Ðuro Þór":     "dorde duro thor",
		"Œuvre ﬁne":          "oeuvre fine",
		"Nguyễn Văn":         "nguyen van",
		"Ｍａｒｉａ　１２":           "maria 12",
		"ｶﾞｷﾞ":               "ガギ",
		"か\u3099":            "が",
		"\u1100\u1161\u11a8": "각",
		"김철수":                "김철수",
		"ΑΘΉΝΑΣ":             "αθηνασ",
		"Йод Ёж":             "иод еж",
		"مُحَمَّد":           "محمد",
		"אָבִיב":             "אביב",
		"कुमार":              "कुमार",
		"٢٠٢٤ ۱۲ २":          "2024 12 2",
		"co\u00adop\u200dx":  "coopx",
		"Acme™":              "acme ",
		"O´Neill":            "o'neill",
		"\xff\xfe":           "��",
	} {
		if got := textindex.Fold(in); got != want {
			t.Errorf("Fold(%+q): got %+q, want %+q", in, got, want)
		}
	}
}

func TestFoldOfEveryCharacterIsIdempotentAndValid(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		once := textindex.Fold(string(r) + "a")
		if got := textindex.Fold(once); got != once || !utf8.ValidString(once) {
			t.Errorf("Fold of %U: got %+q, folded again %+q", r, once, got)
		}
	}
}

func TestWords(t *testing.T) {
	for in, want := range map[string]string{
		"":                           "",
		" - . ☎ ' ’ ":                "",
		"Maria Cantwell":             "maria|cantwell",
		"O'Brien O’Neill D`Arcy":     "obrien|oneill|darcy",
		"'quoted' rock'n'roll":       "quoted|rocknroll",
		"Jean-Luc/Smith_Jones":       "jean|luc|smith|jones",
		"m.c@senate.gov":             "m|c|senate|gov",
		"(202) 224-3441":             "202|224|3441",
		"田中太郎 さん":                    "田中太郎|さん",
		"東京2024年ABC":                 "東京|2024|年|abc",
		"株式会社ACME・ジャパン":              "株式会社|acme|ジャパン",
		"김철수님, hi":                   "김철수님|hi",
		"ｶﾞｷﾞ か\u3099":               "ガギ|が",
		"कुमार शर्मा":                "कुमार|शर्मा",
		"a\u200bb c\u00add":          "a|b|cd",
		"AT&T \xffx\xfe y":           "at|t|x|y",
		"１２３ ٤٥":                     "123|45",
		"x² ½":                       "x2|1|2",
		"e\u0301te\u0301 \u0301":     "ete",
		"2️⃣":                        "2",
		"👍🏽 ok 👩‍👩‍👧":                "ok",
		strings.Repeat("'", 5):       "",
		"a" + strings.Repeat("'", 3): "a",
	} {
		got := textindex.Words(in)
		if g := strings.Join(got, "|"); g != want {
			t.Errorf("Words(%+q): got %+q, want %+q", in, g, want)
		}
	}
}

func FuzzFold(f *testing.F) {
	for _, s := range []string{"Zoë Łukasz", "ｶﾞ\u3099", "\u1100\u200d\u1161", "\xff\xc3", "ǅ´™", "a\u0345\u3099", "각\u11a8"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := textindex.Fold(s)
		if twice := textindex.Fold(once); twice != once {
			t.Errorf("Fold(%+q): got %+q, folded again %+q", s, once, twice)
		}
		words := textindex.Words(s)
		for _, w := range words {
			if w == "" || !slices.Equal(textindex.Words(w), []string{w}) {
				t.Errorf("Words(%+q): got word %+q, which is %+q", s, w, textindex.Words(w))
			}
		}
		if got := textindex.Words(once); !slices.Equal(got, words) {
			t.Errorf("Words(Fold(%+q)): got %+q, want %+q", s, got, words)
		}
	})
}
