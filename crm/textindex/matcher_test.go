package textindex_test

import (
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/crm/textindex"
)

func TestMatcherSpans(t *testing.T) {
	text := func(s string) textindex.Field { return textindex.Field{Text: s, Infix: true} }
	for _, c := range []struct {
		query string
		field textindex.Field
		want  string // the text with [ ] around the spans
	}{
		{"maria cant", text("Maria Cantwell"), "[Maria] [Cant]well"},
		{"cantwlel", text("Maria Cantwell"), "Maria [Cantwell]"},
		{"zoe lukasz", text("Zoë Łukasz"), "[Zoë] [Łukasz]"},
		{"zo", text("Zoe\u0308"), "[Zo]e\u0308"},
		{"zoe", text("Zoe\u0308 x"), "[Zoe\u0308] x"},
		{"obr", text("the O’Brien"), "the [O’Br]ien"},
		{"twel", text("Cantwell"), "Can[twel]l"},
		{"twel", notes("Cantwell"), "Cantwell"},
		{"strass", text("Straße 1"), "[Straß]e 1"},
		{"中太", text("田中太郎"), "田[中太]郎"},
		{"が", text("か\u3099く"), "[か\u3099]く"},
		{"철", text("김철수"), "김[철]수"},
		{"202.224", phone("+1 (202) 224-3441"), "+1 ([202) 224]-3441"},
		{"3441", phone("(202) 224-3441"), "(202) 224-[3441]"},
		{"20", phone("(202) 224-3441"), "([20]2) 224-3441"},
		{"441", phone("(202) 224-3441"), "(202) 224-3441"},
		{"12 34", notes("12 and 34"), "[12] and [34]"},
		{"12 34", notes("only 12"), "only 12"},
		{"maria@senate.gov", email(" Maria@senate.gov "), " [Maria@senate.gov] "},
		{"maria@sen", email("maria@senate.gov"), "[maria@sen]ate.gov"},
		{"gov", email("maria@senate.gov"), "maria@senate.[gov]"},
		{"maria", text("\xffmaria\xfe maria"), "\xff[maria]\xfe [maria]"},
		{"", text("Maria"), "Maria"},
		{"x", text(""), ""},
	} {
		var b strings.Builder
		end := 0
		for _, s := range textindex.NewMatcher(c.query).Spans(c.field) {
			b.WriteString(c.field.Text[end:s.Start] + "[" + c.field.Text[s.Start:s.End] + "]")
			end = s.End
		}
		b.WriteString(c.field.Text[end:])
		if got := b.String(); got != c.want {
			t.Errorf("spans of %q in %q: got %q, want %q", c.query, c.field.Text, got, c.want)
		}
	}
}
