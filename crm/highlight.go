package crm

import (
	"strings"
	"unicode/utf8"

	"github.com/omnicrm/omnicrm/crm/textindex"
)

// snippet is how many bytes of notes stand around the first match, each side.
const snippet = 60

// highlight marks where the search matched in the items.
func (l *ContactList) highlight(search string) {
	m := textindex.NewMatcher(search)
	l.Highlights = make(map[ID][]Highlight, len(l.Items))
	var fields []textindex.Field
	for i := range l.Items {
		c := &l.Items[i]
		fields = appendSearchFields(fields[:0], c)
		var found []Highlight
		for _, f := range fields {
			if spans := m.Spans(f); len(spans) > 0 {
				found = append(found, Highlight{Field: f.Name, Parts: parts(f, spans)})
			}
		}
		if len(found) > 0 {
			l.Highlights[c.ID] = found
		}
	}
}

func parts(f textindex.Field, spans []textindex.Span) []HighlightPart {
	text, begin, end := f.Text, 0, len(f.Text)
	if f.Name == "notes" {
		begin, end = window(text, spans[0])
	}
	var out []HighlightPart
	add := func(from, to int, match bool) {
		if from < to {
			out = append(out, HighlightPart{Text: strings.ToValidUTF8(text[from:to], ""), Match: match})
		}
	}
	at := begin
	for _, s := range spans {
		if s.Start >= end {
			break
		}
		add(at, s.Start, false)
		add(s.Start, min(s.End, end), true)
		at = min(s.End, end)
	}
	add(at, end, false)
	return out
}

// window returns the part of a long text to show, cut between characters.
func window(text string, s textindex.Span) (begin, end int) {
	begin, end = max(s.Start-snippet, 0), min(s.End+snippet, len(text))
	for begin > 0 && !utf8.RuneStart(text[begin]) {
		begin--
	}
	for end < len(text) && !utf8.RuneStart(text[end]) {
		end++
	}
	return begin, end
}
