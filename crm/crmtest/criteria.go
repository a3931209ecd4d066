package crmtest

import (
	"slices"
	"strings"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// matches evaluates criteria plainly: what every store and index must agree
// with. Words are looked for only where the caller says so.
func matches(c crm.Contact, w crm.ContactCriteria) bool {
	write := crm.NewContactWrite(c, 0)
	return c.InTrash() == w.Trash &&
		(len(w.Stages) == 0 || slices.Contains(w.Stages, c.Stage)) &&
		(len(w.Sources) == 0 || slices.Contains(w.Sources, c.Source)) &&
		matchesTags(write, w) &&
		(w.HasEmail == nil || *w.HasEmail == (len(c.Emails) > 0)) &&
		(w.HasPhone == nil || *w.HasPhone == (len(c.Phones) > 0)) &&
		within(c.CreatedAt, w.CreatedAt) && within(c.UpdatedAt, w.UpdatedAt) && within(c.LastInteractionAt, w.LastInteractionAt) &&
		matchesFields(c, w.Fields) && matchesWords(write.SearchText, w.Words)
}

func matchesTags(write crm.ContactWrite, w crm.ContactCriteria) bool {
	has := func(tag string) bool {
		return slices.Contains(write.Keys, crm.ContactKey{Kind: crm.KeyTag, Value: tag})
	}
	if w.AllTags {
		return !slices.ContainsFunc(w.Tags, func(tag string) bool { return !has(tag) })
	}
	return len(w.Tags) == 0 || slices.ContainsFunc(w.Tags, has)
}

func matchesFields(c crm.Contact, fields map[string]string) bool {
	for key, folded := range fields {
		value, ok := c.Fields[key]
		if !ok || crm.FieldValueKey(value) != folded {
			return false
		}
	}
	return true
}

func matchesWords(text string, words []string) bool {
	for _, word := range words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

func within(at time.Time, span crm.TimeRange) bool {
	if span.IsZero() {
		return true
	}
	return !at.IsZero() && (span.From.IsZero() || !at.Before(span.From)) && (span.To.IsZero() || at.Before(span.To))
}

// expectedIDs returns the ids of the matches in their order.
func expectedIDs(contacts []crm.Contact, where crm.ContactCriteria) []crm.ID {
	ids := contactIDs(selected(contacts, where))
	slices.SortFunc(ids, compareIDs)
	return ids
}

func selected(contacts []crm.Contact, where crm.ContactCriteria) []crm.Contact {
	var found []crm.Contact
	for _, c := range contacts {
		if matches(c, where) {
			found = append(found, c)
		}
	}
	return found
}
