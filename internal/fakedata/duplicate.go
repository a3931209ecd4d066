package fakedata

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Duplicate returns the same person as another source would have written them,
// for tests of matching: what the copy shares with p is always enough to know
// it by. Where p has an email, the copy keeps it, perhaps in other case, and its
// name may carry a typo. Where p has only a phone, the copy keeps the number,
// perhaps with other punctuation, and the words of the name in other order, case
// or accents. With neither only the spelling of the name's case differs. Labels,
// tags and notes are those of the other source, so mostly absent.
func (g *Generator) Duplicate(p Person) Person {
	twin := Person{
		DisplayName: p.DisplayName, GivenName: p.GivenName, FamilyName: p.FamilyName,
		Company: p.Company, JobTitle: p.JobTitle, Birthday: p.Birthday,
		Stage: "none", Source: g.source(), AgeDays: min(int(g.rng.ExpFloat64()*400), 3650),
	}
	if g.chance(30) {
		twin.JobTitle, twin.Birthday = "", ""
	}
	if g.chance(30) {
		twin.Company = g.withoutForm(p.Company)
	}
	switch {
	case len(p.Emails) > 0:
		twin.Emails = []Email{{g.recase(pick(g, p.Emails).Address), "work"}}
		twin.DisplayName = g.misspell(p.DisplayName)
		twin.GivenName, twin.FamilyName = "", ""
	case len(p.Phones) > 0:
		twin.Phones = []Phone{{g.repunctuate(pick(g, p.Phones).Number), "work"}}
		twin.DisplayName = g.reorder(p.DisplayName)
		twin.GivenName, twin.FamilyName = "", ""
	default:
		twin.DisplayName = g.recase(p.DisplayName)
	}
	return twin
}

// recase writes text as it is, in capitals or in small letters, where that can
// be undone.
func (g *Generator) recase(text string) string {
	other := text
	switch g.rng.IntN(3) {
	case 0:
		other = strings.ToUpper(text)
	case 1:
		other = strings.ToLower(text)
	}
	// Equal under folding is not enough: ß, ς and İ must come back as they were.
	was, is := strings.ToLower(text), strings.ToLower(other)
	if is != was {
		return text
	}
	return other
}

// misspell writes a name with a typo inside, or as reorder does.
func (g *Generator) misspell(text string) string {
	runes := []rune(text)
	if len(runes) < 5 || g.chance(40) {
		return g.reorder(text)
	}
	i := 1 + g.rng.IntN(len(runes)-3)
	if !unicode.IsLetter(runes[i]) || !unicode.IsLetter(runes[i+1]) {
		return g.reorder(text)
	}
	switch g.rng.IntN(3) {
	case 0:
		runes[i], runes[i+1] = runes[i+1], runes[i]
	case 1:
		runes = slices.Delete(runes, i, i+1)
	default:
		runes = slices.Insert(runes, i, runes[i])
	}
	return string(runes)
}

// reorder writes the same words last name first, without accents, or in other
// case.
func (g *Generator) reorder(text string) string {
	switch g.rng.IntN(3) {
	case 0:
		if i := strings.LastIndexByte(text, ' '); i > 0 {
			return text[i+1:] + ", " + text[:i]
		}
		return text
	case 1:
		return unaccented(text)
	default:
		return g.recase(text)
	}
}

// repunctuate keeps a number's digits and plus and changes what is between.
func (g *Generator) repunctuate(number string) string {
	between := pick(g, []string{"", " ", "-", "."})
	var b strings.Builder
	gap := false
	for _, r := range number {
		switch {
		case r == '+' || r >= '0' && r <= '9':
			if gap && b.Len() > 0 {
				b.WriteString(between)
			}
			gap = false
			b.WriteRune(r)
		default:
			gap = true
		}
	}
	return b.String()
}

// unaccented drops the accents of Latin and Greek letters; other scripts would
// lose more than accents.
func unaccented(text string) string {
	for _, r := range text {
		if r >= utf8.RuneSelf && !unicode.In(r, unicode.Latin, unicode.Greek) && !unicode.Is(unicode.Mn, r) {
			return text
		}
	}
	return norm.NFC.String(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(text)))
}

// withoutForm drops what a company of any country has before or after its name
// as its legal form.
func (g *Generator) withoutForm(company string) string {
	for i := range g.cultures {
		c := &g.cultures[i]
		for _, form := range c.forms {
			if bare, ok := strings.CutSuffix(company, c.companySpace+form); ok && !c.legalFirst {
				return bare
			}
			if bare, ok := strings.CutPrefix(company, form+c.companySpace); ok && c.legalFirst {
				return bare
			}
		}
	}
	return company
}
