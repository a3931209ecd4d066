package fakedata

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// historyDays is how far back histories reach.
const historyDays = 730

// Exchange is one email, call, meeting, note or message with a person. Whoever
// places it gives it the person's own addresses.
type Exchange struct {
	Type      string // email, call, meeting, note, message or web
	Direction string // inbound, outbound or internal; empty for notes
	DaysAgo   int    // 0 to 730, never before the person was added
	Minute    int    // of that day, within office hours
	Subject   string
	Body      string // empty for some calls and visits
	Thread    int    // numbers the person's conversations from 1; 0 for none
}

// temper is how much somebody has to do with us.
type temper struct {
	every   int // days from one conversation to the next
	answers int // percent of what is asked that gets an answer
	quiet   int // percent that stopped months ago
}

func temperOf(stage string) temper {
	switch stage {
	case "advocate":
		return temper{every: 25, answers: 90, quiet: 5}
	case "customer":
		return temper{every: 40, answers: 80, quiet: 15}
	case "prospect":
		return temper{every: 30, answers: 60, quiet: 25}
	case "lead":
		return temper{every: 90, answers: 35, quiet: 30}
	}
	return temper{every: 240, answers: 40, quiet: 40}
}

// History draws what was said with a person, oldest first: conversations, as
// often as the stage makes likely, of which some go unanswered and some people
// stop at some day, and notes between them. Many who are no more than an address
// have none.
func (g *Generator) History(p Person) []Exchange {
	t := temperOf(p.Stage)
	since := min(p.AgeDays, historyDays)
	until := 0
	if g.chance(t.quiet) {
		until = g.rng.IntN(since + 1)
	}
	var all []Exchange
	thread := 0
	for day := since - int(g.rng.ExpFloat64()*float64(t.every)); day >= until; day -= 1 + int(g.rng.ExpFloat64()*float64(t.every)) {
		thread++
		all = append(all, g.conversation(p, t, day, thread)...)
		if g.chance(20) {
			all = append(all, Exchange{Type: "note", DaysAgo: day, Minute: g.minute(), Body: g.notes()})
		}
	}
	all = slices.DeleteFunc(all, func(e Exchange) bool { return e.DaysAgo < until })
	slices.SortStableFunc(all, func(a, b Exchange) int { return cmp.Or(b.DaysAgo-a.DaysAgo, a.Minute-b.Minute) })
	return all
}

// minute is in office hours.
func (g *Generator) minute() int { return 8*60 + g.rng.IntN(10*60) }

// conversation begins on a day and goes on for some.
func (g *Generator) conversation(p Person, t temper, day, thread int) []Exchange {
	topic := pick(g, g.words.topics)
	name := cmp.Or(p.GivenName, p.DisplayName)
	switch n := g.rng.IntN(100); {
	case n < 55:
		return g.mails(name, topic, t, day, thread)
	case n < 75:
		return []Exchange{{Type: "call", Direction: pick(g, []string{"inbound", "outbound", "outbound"}), DaysAgo: day, Minute: g.minute(), Subject: topic, Body: pick(g, g.words.outcomes)}}
	case n < 87:
		return []Exchange{{Type: "meeting", Direction: "internal", DaysAgo: day, Minute: g.minute(), Subject: topic + " with " + name, Body: pick(g, g.words.outcomes)}}
	case n < 95:
		return []Exchange{{Type: "message", Direction: pick(g, []string{"inbound", "outbound"}), DaysAgo: day, Minute: g.minute(), Body: pick(g, g.words.asks), Thread: thread}}
	}
	return []Exchange{{Type: "web", Direction: "inbound", DaysAgo: day, Minute: g.minute(), Subject: "Contact form: " + strings.ToLower(topic), Body: pick(g, g.words.asks)}}
}

// mails go to and fro until one is not answered.
func (g *Generator) mails(name, topic string, t temper, day, thread int) []Exchange {
	ours := g.chance(65)
	var all []Exchange
	for n := 0; n < 6 && day >= 0; n++ {
		e := Exchange{Type: "email", Direction: "inbound", DaysAgo: day, Minute: g.minute(), Subject: topic, Body: pick(g, g.words.replies), Thread: thread}
		if n == 0 {
			e.Body = pick(g, g.words.asks)
		} else {
			e.Subject = "Re: " + topic
		}
		if ours {
			e.Direction = "outbound"
			e.Body = fmt.Sprintf("Hello %s,\n\n%s\n\nBest wishes\nDana", name, e.Body)
		}
		all = append(all, e)
		if likely := t.answers; ours && !g.chance(likely) || !ours && !g.chance(85) {
			break
		}
		ours = !ours
		day -= 1 + g.rng.IntN(4)
	}
	return all
}
