package fakedata

import (
	"slices"
	"strings"
)

func (g *Generator) stage() string {
	switch n := g.rng.IntN(100); {
	case n < 30:
		return "lead"
	case n < 50:
		return "prospect"
	case n < 68:
		return "customer"
	case n < 72:
		return "advocate"
	default:
		return "none"
	}
}

func (g *Generator) source() string {
	switch n := g.rng.IntN(100); {
	case n < 40:
		return "import"
	case n < 65:
		return "manual"
	case n < 83:
		return "gmail"
	case n < 93:
		return "calendar"
	default:
		return "api"
	}
}

func (g *Generator) title() string {
	if g.chance(45) {
		return pick(g, g.words.loneTitles)
	}
	rank, field := pick(g, g.words.ranks), pick(g, g.words.fields)
	if strings.HasSuffix(rank, " of") {
		return rank + " " + field
	}
	return rank + " " + field + " Manager"
}

// tags draws none to five tags; a few of them are frequent.
func (g *Generator) tags() []string {
	count := 0
	for count < 5 && g.chance(45) {
		count++
	}
	if count == 0 {
		return nil
	}
	all := make([]string, 0, count)
	for len(all) < count {
		n := len(g.words.tags)
		tag := g.words.tags[min(g.rng.IntN(n), g.rng.IntN(n))]
		if !slices.Contains(all, tag) {
			all = append(all, tag)
		}
	}
	return all
}

func (g *Generator) notes() string {
	text := pick(g, g.words.occasions) + " " + pick(g, g.words.interests)
	if g.chance(60) {
		text += " " + pick(g, g.words.followUps)
	}
	if g.chance(30) {
		text += "\n" + pick(g, g.words.pleasures)
	}
	return text
}
