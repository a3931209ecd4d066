package crmtest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// dice makes contacts and criteria that often meet, the same ones every time.
type dice struct{ *rand.Rand }

func newDice(seed uint64) dice { return dice{rand.New(rand.NewPCG(seed, 42))} } //nolint:gosec // Repeatable on purpose.

// sometimes answers true once in n times.
func (d dice) sometimes(n int) bool { return d.IntN(n) == 0 }

func pick[T any](d dice, values ...T) T { return values[d.IntN(len(values))] }

// some returns a few of the values, none twice.
func some[T any](d dice, most int, values ...T) []T {
	var few []T
	for _, i := range d.Perm(len(values))[:d.IntN(most+1)] {
		few = append(few, values[i])
	}
	return few
}

func tagNames() []string { return []string{"VIP", "vendor", "Größe", "größer", "a b", "a"} }

func fieldValues() []any {
	return []any{"Red", "rot", "", 12.0, 12.5, true, false, strings.Repeat("long ", 60) + "end"}
}

func sourceNames() []string { return []string{"manual", "import", "API", "api"} }

func personNames() []string {
	return []string{"Zoë Łukasz", "zoe lukasz", "Ann-Marie O’Brien", "Brown", "Washington Fitzgerald", "山田太郎", "김철수", "Ærøskøbing"}
}

// moment returns one of a few times, an hour apart from each other.
func (d dice) moment() time.Time { return day().Add(time.Duration(d.IntN(8)) * time.Hour) }

// contact returns a random contact with the n-th id.
func (d dice) contact(ws crm.WorkspaceID, n int) crm.Contact {
	return contactOf(ws, n, func(c *crm.Contact) {
		c.DisplayName = pick(d, personNames()...)
		c.Stage, c.Source = pick(d, crm.Stages()...), pick(d, sourceNames()...)
		c.Company = pick(d, "", "acme", "Øster & Co", "Fitzwilliam Museum")
		c.CreatedAt, c.UpdatedAt = d.moment(), d.moment()
		c.Tags = some(d, 4, tagNames()...)
		if d.sometimes(2) {
			c.Emails = []crm.Email{{Address: fmt.Sprintf("Person%d@example.com", n), Primary: true}}
		}
		if d.sometimes(2) {
			c.Phones = []crm.Phone{{Number: fmt.Sprintf("202 555 %04d", n), E164: fmt.Sprintf("+1202555%04d", n), Primary: true}}
		}
		if d.sometimes(2) {
			c.LastInteractionAt = d.moment()
			score := d.IntN(4) * 25
			c.Score = &score
		}
		if d.sometimes(2) {
			c.Fields = map[string]any{"colour": pick(d, fieldValues()...)}
			if d.sometimes(2) {
				c.Fields["Colour"] = pick(d, fieldValues()...)
			}
		}
	})
}

// span returns a random range, either end of which may be open.
func (d dice) span() crm.TimeRange {
	var span crm.TimeRange
	if d.sometimes(2) {
		span.From = d.moment().Add(pick(d, 0, time.Microsecond))
	}
	if d.sometimes(2) {
		span.To = d.moment().Add(pick(d, 0, time.Microsecond))
	}
	return span
}

// choices returns functions that each set one criterion.
func (d dice) choices() []func(*crm.ContactCriteria) {
	return []func(*crm.ContactCriteria){
		func(w *crm.ContactCriteria) { w.Stages = append(some(d, 2, crm.Stages()...), pick(d, crm.Stages()...)) },
		func(w *crm.ContactCriteria) {
			w.Sources = append(some(d, 1, sourceNames()...), pick(d, sourceNames()...))
		},
		func(w *crm.ContactCriteria) { w.Tags = []string{d.tagKey(), d.tagKey()} },
		func(w *crm.ContactCriteria) { w.Tags, w.AllTags = []string{d.tagKey()}, true },
		func(w *crm.ContactCriteria) { w.Tags, w.AllTags = []string{d.tagKey(), d.tagKey()}, true },
		func(w *crm.ContactCriteria) { has := d.sometimes(2); w.HasEmail = &has },
		func(w *crm.ContactCriteria) { has := d.sometimes(2); w.HasPhone = &has },
		func(w *crm.ContactCriteria) { w.CreatedAt = d.span() },
		func(w *crm.ContactCriteria) { w.UpdatedAt = d.span() },
		func(w *crm.ContactCriteria) { w.LastInteractionAt = d.span() },
		func(w *crm.ContactCriteria) { w.Fields = map[string]string{"colour": d.fieldKey()} },
		func(w *crm.ContactCriteria) {
			w.Fields = map[string]string{"colour": d.fieldKey(), "Colour": d.fieldKey()}
		},
	}
}

func (d dice) tagKey() string { return crm.FoldKey(pick(d, append(tagNames(), "unheard of")...)) }

func (d dice) fieldKey() string { return crm.FieldValueKey(pick(d, fieldValues()...)) }

// criteria returns a mix of up to three criteria.
func (d dice) criteria() crm.ContactCriteria {
	var w crm.ContactCriteria
	for _, set := range some(d, 3, d.choices()...) {
		set(&w)
	}
	return w
}
