package fakedata

import (
	"strconv"
	"strings"
)

// emails draws none to two addresses: at work in the employer's domain, at home
// in one of the reserved ones.
func (g *Generator) emails(who bearer, employer Company) []Email {
	if !g.chance(93) {
		return nil
	}
	home := func() Email { return Email{g.newAddress(who, pick(g, g.words.homeDomains)), "home"} }
	if employer.Domain == "" {
		return []Email{home()}
	}
	all := make([]Email, 1, 2)
	all[0] = Email{g.newAddress(who, employer.Domain), "work"}
	if g.chance(20) {
		all = append(all, home())
	}
	return all
}

// newAddress returns an address that the generator has not given before. A
// filter that may err to one side only decides whether a number is needed.
func (g *Generator) newAddress(who bearer, domain string) string {
	local := g.localPart(who.given.ascii, who.family.ascii)
	address := local + "@" + domain
	if g.addresses.add(address) {
		g.suffix++
		address = local + strconv.Itoa(g.suffix) + "@" + domain
	}
	if g.chance(3) {
		return strings.ToUpper(address[:1]) + address[1:]
	}
	return address
}

func (g *Generator) localPart(given, family string) string {
	switch g.rng.IntN(10) {
	case 0, 1:
		return given[:1] + "." + family
	case 2:
		return given[:1] + family
	case 3:
		return family + "." + given
	case 4:
		return given + "_" + family
	case 5:
		return given + family
	default:
		return given + "." + family
	}
}

// phones draws none to two numbers.
func (g *Generator) phones(c *tables) []Phone {
	if !g.chance(76) {
		return nil
	}
	all := make([]Phone, 1, 2)
	all[0] = Phone{g.number(c), pick(g, g.words.firstPhones)}
	if g.chance(18) {
		all = append(all, Phone{g.number(c), pick(g, g.words.otherPhones)})
	}
	return all
}

func (g *Generator) number(c *tables) string {
	pattern := pick(g, c.numbers)
	area, american := strings.CutPrefix(pattern, "+1 ")
	if !american {
		return g.fill(pattern)
	}
	exchange := g.fill("~##")
	for exchange[1:] == "11" { // 411, 911 and their like are no exchanges
		exchange = g.fill("~##")
	}
	line := g.fill("####")
	switch g.rng.IntN(6) {
	case 0:
		return "+1 " + area + "-" + exchange + "-" + line
	case 1:
		return "+1" + area + exchange + line
	case 2:
		return area + "-" + exchange + "-" + line
	case 3:
		return area + "." + exchange + "." + line
	default:
		return "(" + area + ") " + exchange + "-" + line
	}
}

func (g *Generator) address(c *tables) Address {
	place := pick(g, c.places)
	label := "work"
	if g.chance(45) {
		label = "home"
	}
	before, after, _ := strings.Cut(pick(g, c.roads), "%")
	return Address{
		Label:      label,
		Street:     before + strconv.Itoa(1+g.rng.IntN(299)) + after,
		City:       place.name,
		Region:     place.region,
		PostalCode: g.fill(place.postal),
		Country:    c.country,
	}
}

// birthday draws a day from 1938 to 2006, now and then the 29th of February.
func (g *Generator) birthday() string {
	year, month, day := 1938+g.rng.IntN(69), 1+g.rng.IntN(12), 1+g.rng.IntN(28)
	if month == 2 && year%4 == 0 && g.chance(10) {
		day = 29
	}
	b := strconv.AppendInt(g.scratch[:0], int64(year), 10)
	b = append(b, '-', byte('0'+month/10), byte('0'+month%10), '-', byte('0'+day/10), byte('0'+day%10))
	g.scratch = b
	return string(b)
}
