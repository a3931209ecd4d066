package fakedata

import (
	"math/rand/v2"
	"strings"
)

// Generator draws people. Two generators share nothing; one is for one
// goroutine at a time.
type Generator struct {
	rng       *rand.Rand
	words     vocabulary
	cultures  []tables
	shares    []uint8 // indices of cultures, each as often as its weight says
	addresses filter
	suffix    int // makes the next address unique that would not be
	scratch   []byte
}

// New returns a generator of the people that belong to the seed. It takes about
// a millisecond and two megabytes.
func New(seed uint64) *Generator {
	g := &Generator{
		// The second half of the source's seed is any constant; this is the golden ratio's.
		rng:       rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)),
		words:     readVocabulary(),
		addresses: newFilter(),
	}
	for i, c := range append(latinCultures(), scriptCultures()...) {
		g.cultures = append(g.cultures, read(c))
		for range c.weight {
			g.shares = append(g.shares, uint8(i))
		}
	}
	return g
}

// Person draws the next person: one of about twenty countries, most of them
// with an email, three of four with a phone, two of three with an employer.
func (g *Generator) Person() Person {
	c := &g.cultures[g.shares[g.rng.IntN(len(g.shares))]]
	who := g.names(c)
	p := Person{
		DisplayName: who.display,
		GivenName:   who.given.text,
		FamilyName:  who.family.text,
		Stage:       g.stage(),
		Source:      g.source(),
		AgeDays:     min(int(g.rng.ExpFloat64()*400), 3650),
	}
	if g.chance(3) {
		p.GivenName, p.FamilyName = "", ""
	}
	var employer Company
	if g.chance(68) {
		employer = g.employer(c)
		p.Company = employer.Name
		if g.chance(85) {
			p.JobTitle = g.title()
		}
	}
	p.Emails = g.emails(who, employer)
	p.Phones = g.phones(c)
	if g.chance(40) {
		p.Addresses = []Address{g.address(c)}
	}
	if employer.Website != "" && g.chance(10) {
		p.Websites = []string{employer.Website}
	}
	if g.chance(25) {
		p.Birthday = g.birthday()
	}
	p.Tags = g.tags()
	if g.chance(22) {
		p.Notes = g.notes()
	}
	return p
}

// bearer is a person's names, with the plain letters for addresses.
type bearer struct {
	display       string
	given, family name
}

func (g *Generator) names(c *tables) bearer {
	form := g.rng.IntN(2)
	given := pick(g, c.given[form])
	family := pick(g, c.families[form])
	if g.chance(c.twoFamilies) {
		second := pick(g, c.families[form])
		family.text += " " + second.text
	}
	if c.script && g.chance(20) {
		// Many write their name in Latin letters for strangers, given name first.
		given.text, family.text = capitalised(given.ascii), capitalised(family.ascii)
		return bearer{given.text + " " + family.text, given, family}
	}
	who := bearer{given: given, family: family}
	switch {
	case c.familyFirst:
		who.display = family.text + c.separator + given.text
	case c.country == "United States" && g.chance(15):
		who.display = given.text + " " + string(rune('A'+g.rng.IntN(26))) + ". " + family.text
	default:
		who.display = given.text + c.separator + family.text
	}
	return who
}

func capitalised(ascii string) string {
	if ascii == "" {
		return ""
	}
	return strings.ToUpper(ascii[:1]) + ascii[1:]
}

// chance is true in percent of a hundred cases.
func (g *Generator) chance(percent int) bool {
	return g.rng.IntN(100) < percent
}

func pick[T any](g *Generator, from []T) T {
	return from[g.rng.IntN(len(from))]
}

// fill writes the pattern with random digits: # is any, ~ is 2 to 9.
func (g *Generator) fill(pattern string) string {
	b := g.scratch[:0]
	for i := range len(pattern) {
		switch pattern[i] {
		case '#':
			b = append(b, byte('0'+g.rng.IntN(10)))
		case '~':
			b = append(b, byte('2'+g.rng.IntN(8)))
		default:
			b = append(b, pattern[i])
		}
	}
	g.scratch = b
	return string(b)
}
