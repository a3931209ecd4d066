package fakedata

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// name is a name as written and the plain letters a to z that its bearer uses
// in an email address.
type name struct{ text, ascii string }

// city is a place with its region and the pattern of its postal codes.
type city struct{ name, region, postal string }

// ending is how a family name's end changes for a woman, as written and in
// plain letters.
type ending struct{ from, to, fromASCII, toASCII string }

// culture is what the people of one country share. Lists are comma-separated,
// patterns hold # for any digit and ~ for one from 2 to 9.
type culture struct {
	country string
	weight  int // share of all people, in a hundred

	feminine, masculine string // given names; all in feminine where names do not tell
	family              string
	endings             []ending
	familyFirst         bool
	separator           string // between the names
	twoFamilies         int    // share of bearers of two family names, in a hundred
	script              bool   // written in other than Latin letters

	phones  string
	cities  string // name|region|postal pattern
	streets string // patterns, with % for a house number from 1 to 299

	trades       string // of companies, as names are
	legal        string // forms of companies
	legalFirst   bool
	companySpace string
}

// tables are a culture's lists, read, and the companies made from them so far.
type tables struct {
	culture
	employers []Company
	given     [2][]name // feminine, masculine
	families  [2][]name
	numbers   []string
	places    []city
	roads     []string
	crafts    []name
	forms     []string
}

func read(c culture) tables {
	t := tables{
		culture: c,
		numbers: list(c.phones),
		roads:   list(c.streets),
		crafts:  names(c.trades),
		forms:   list(c.legal),
	}
	t.given[0] = names(c.feminine)
	t.given[1] = t.given[0]
	if c.masculine != "" {
		t.given[1] = names(c.masculine)
	}
	t.families[1] = names(c.family)
	t.families[0] = t.families[1]
	if len(c.endings) > 0 {
		t.families[0] = feminineForms(t.families[1], c.endings)
	}
	for _, line := range list(c.cities) {
		parts := strings.SplitN(line+"||", "|", 4)
		t.places = append(t.places, city{name: parts[0], region: parts[1], postal: parts[2]})
	}
	return t
}

func list(text string) []string {
	items := strings.Split(text, ",")
	for i, item := range items {
		items[i] = strings.TrimSpace(item)
	}
	return items
}

func names(text string) []name {
	items := list(text)
	all := make([]name, len(items))
	for i, item := range items {
		written, ascii, given := strings.Cut(item, "|")
		if !given {
			ascii = plain(written)
		}
		all[i] = name{norm.NFC.String(written), ascii}
	}
	return all
}

func feminineForms(masculine []name, endings []ending) []name {
	forms := make([]name, len(masculine))
	for i, n := range masculine {
		forms[i] = n
		for _, e := range endings {
			if stem, ok := strings.CutSuffix(n.text, e.from); ok {
				forms[i] = name{stem + e.to, strings.TrimSuffix(n.ascii, e.fromASCII) + e.toASCII}
				break
			}
		}
	}
	return forms
}

// plain writes a Latin name in the letters a to z: without accents, blanks and
// marks.
func plain(text string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(text) {
		r = unicode.ToLower(r)
		if r >= 'a' && r <= 'z' {
			b.WriteRune(r)
			continue
		}
		b.WriteString(undivided(r))
	}
	return b.String()
}

// undivided spells the letters that are no plain letter with an accent.
func undivided(r rune) string {
	switch r {
	case 'ł':
		return "l"
	case 'ø':
		return "o"
	case 'đ':
		return "d"
	case 'ß':
		return "ss"
	case 'ı':
		return "i"
	case 'æ':
		return "ae"
	}
	return ""
}
