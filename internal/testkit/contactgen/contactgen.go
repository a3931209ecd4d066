// Package contactgen draws contacts that are hard to write to a file and read
// back: separators, quotes, formulas, escapes, control characters, scripts,
// long lists. They keep the rules of package crm, so that a format must give
// them back exactly.
package contactgen

import (
	"fmt"
	"strings"
	"unicode"

	"pgregory.net/rapid"

	"github.com/omnicrm/omnicrm/crm"
)

// pieces are what texts are made of besides random characters.
func pieces() []string {
	return []string{
		"", "a", "Ana", "Zoë Łukasz", "=1+1", "+49 30", "-5", "@cmd", "'", "''=", `"`, `""`, ",", ";", "|", ":", "\\", `\n`, `\,`, `\\`, "::: ", "* ", "^n", "%0A",
		"_$!<Work>!$_", "BEGIN:VCARD", "END:VCARD", "{", "[1]", "null", "true", "0", "é", "日本語", "👩‍👩‍👧", "مرحبا", "\u2028", "\u0085", "\u00a0", "\ufeff", "=C3=A9", "=",
		strings.Repeat("x", 80), strings.Repeat("ü", 40), "sep=;", "X-ABLabel", "item1.", "\U0010ffff",
	}
}

// Line draws text on one line, without outer blanks, at most n characters.
func Line(n int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return tidy(strings.Join(strings.FieldsFunc(words(t), func(r rune) bool { return strings.ContainsRune("\r\n\t\v\f", r) }), " "), n)
	})
}

// Text draws text of several lines, without outer blanks, at most n characters.
func Text(n int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return tidy(words(t), n)
	})
}

func words(t *rapid.T) string {
	piece := rapid.OneOf(rapid.SampledFrom(pieces()), rapid.SampledFrom([]string{"\n", "\r\n", "\r", "\t", " ", "\v", "\x1f"}),
		rapid.StringOfN(rapid.Rune(), 0, 5, -1))
	return strings.Join(rapid.SliceOfN(piece, 0, 6).Draw(t, "pieces"), "")
}

// tidy makes text what the rules of contacts make of it.
func tidy(s string, n int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", "")
	if runes := []rune(s); len(runes) > n {
		s = string(runes[:n])
	}
	return strings.TrimFunc(s, unicode.IsSpace)
}

// filled draws until the text is not blank.
func filled(g *rapid.Generator[string]) *rapid.Generator[string] {
	return g.Filter(func(s string) bool { return s != "" })
}

// Contact draws a contact as a store holds it, times left out.
func Contact() *rapid.Generator[crm.Contact] {
	return rapid.Custom(func(t *rapid.T) crm.Contact {
		line := Line(crm.MaxShortText)
		c := crm.Contact{
			ID:          crm.NamedID(rapid.String().Draw(t, "id")),
			DisplayName: filled(line).Draw(t, "display name"), GivenName: line.Draw(t, "given name"), FamilyName: line.Draw(t, "family name"),
			Company: line.Draw(t, "company"), JobTitle: line.Draw(t, "job title"), Notes: Text(crm.MaxNotes).Draw(t, "notes"),
			Birthday: rapid.SampledFrom([]string{"", "1958-10-13", "--10-13", "--02-29", "0001-01-01", "9999-12-31"}).Draw(t, "birthday"),
			Stage:    rapid.SampledFrom(crm.Stages()).Draw(t, "stage"),
			Source:   filled(line).Draw(t, "source"), SourceID: line.Draw(t, "source id"),
			Websites: list(t, "websites", filled(line)), Tags: list(t, "tags", filled(Line(crm.MaxTag))),
		}
		label := rapid.OneOf(rapid.SampledFrom([]string{"", "work", "Work", "home", "mobile", "cell", "fax", "work fax", "voice", "pref"}), line)
		for i := range rapid.IntRange(0, 5).Draw(t, "emails") {
			c.Emails = append(c.Emails, crm.Email{Address: fmt.Sprintf("%s%d@example.com", rapid.SampledFrom([]string{"ana", "=x", "o'neil", "é"}).Draw(t, "address"), i), Label: label.Draw(t, "label")})
		}
		for range rapid.IntRange(0, 5).Draw(t, "phones") {
			number := rapid.OneOf(rapid.SampledFrom([]string{"+1 202 555 0101", "-1", "(202) 555-0101 x5", "=1", "+1 ext. 5", "tel:5", "'5"}), filled(Line(crm.MaxPhone)))
			c.Phones = append(c.Phones, crm.Phone{Number: number.Draw(t, "number"), Label: label.Draw(t, "label")})
		}
		for range rapid.IntRange(0, 4).Draw(t, "addresses") {
			a := crm.Address{
				Label: label.Draw(t, "label"), Street: Text(200).Draw(t, "street"), City: line.Draw(t, "city"), Region: line.Draw(t, "region"),
				PostalCode: line.Draw(t, "postal code"), Country: filled(line).Draw(t, "country"),
			}
			c.Addresses = append(c.Addresses, a)
		}
		if n := len(c.Emails); n > 0 {
			c.Emails[rapid.IntRange(0, n-1).Draw(t, "primary email")].Primary = true
		}
		if n := len(c.Phones); n > 0 {
			c.Phones[rapid.IntRange(0, n-1).Draw(t, "primary phone")].Primary = true
		}
		c.Fields = fields(t)
		return c
	})
}

func list(t *rapid.T, name string, g *rapid.Generator[string]) []string {
	l := rapid.SliceOfN(g, 0, 5).Draw(t, name)
	if len(l) == 0 {
		return nil
	}
	return l
}

func fields(t *rapid.T) map[string]any {
	n := rapid.IntRange(0, 4).Draw(t, "fields")
	if n == 0 {
		return nil
	}
	m := map[string]any{}
	for range n {
		key := rapid.SampledFrom([]string{"size", "größe", "x-1", "a_b", "日本"}).Draw(t, "key")
		m[key] = rapid.OneOf(
			rapid.Map(filled(Text(500)), func(s string) any { return s }),
			rapid.Map(rapid.OneOf(rapid.Float64Range(-1e6, 1e6), rapid.Just(0.1), rapid.Just(9007199254740992.0), rapid.Just(-3.0), rapid.Just(1e-300)), func(f float64) any { return f }),
			rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		).Draw(t, "value")
	}
	return m
}

// Input returns what a reader must give back for a contact: everything but the
// derived values.
func Input(c crm.Contact) crm.NewContact {
	in := crm.NewContact{
		DisplayName: c.DisplayName, GivenName: c.GivenName, FamilyName: c.FamilyName, Emails: c.Emails, Company: c.Company,
		JobTitle: c.JobTitle, Addresses: c.Addresses, Websites: c.Websites, Birthday: c.Birthday, Stage: c.Stage, Tags: c.Tags,
		Notes: c.Notes, Source: c.Source, SourceID: c.SourceID, Fields: c.Fields,
	}
	for _, p := range c.Phones {
		p.E164 = ""
		in.Phones = append(in.Phones, p)
	}
	return in
}
