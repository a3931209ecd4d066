package crm

import (
	"fmt"
	"strings"

	"github.com/omnicrm/omnicrm/crm/textindex"
)

// The ranks of fields in a search: name before email and company before the
// rest.
const (
	rankName uint8 = iota
	rankReach
	rankRest
)

// searchFields returns what a search looks in, under the API's field names.
func searchFields(c Contact) []textindex.Field {
	fields := make([]textindex.Field, 0, 6+len(c.Emails)+2*len(c.Phones)+len(c.Tags))
	text := func(name, s string, rank uint8, infix bool) {
		if s != "" {
			fields = append(fields, textindex.Field{Name: name, Text: s, Kind: textindex.KindText, Rank: rank, Infix: infix})
		}
	}
	text("displayName", c.DisplayName, rankName, true)
	// Mostly the display name says it all; then there is nothing to add.
	if !strings.Contains(c.DisplayName, c.GivenName) {
		text("givenName", c.GivenName, rankName, true)
	}
	if !strings.Contains(c.DisplayName, c.FamilyName) {
		text("familyName", c.FamilyName, rankName, true)
	}
	for i, e := range c.Emails {
		fields = append(fields, textindex.Field{Name: fmt.Sprintf("emails[%d].address", i), Text: e.Address, Kind: textindex.KindEmail, Rank: rankReach, Infix: true})
	}
	text("company", c.Company, rankReach, true)
	for i, p := range c.Phones {
		fields = append(fields, textindex.Field{Name: fmt.Sprintf("phones[%d].number", i), Text: p.Number, Kind: textindex.KindPhone, Rank: rankRest})
		if p.E164 != "" {
			fields = append(fields, textindex.Field{Name: fmt.Sprintf("phones[%d].e164", i), Text: p.E164, Kind: textindex.KindPhone, Rank: rankRest})
		}
	}
	for i, t := range c.Tags {
		text(fmt.Sprintf("tags[%d]", i), t, rankRest, false)
	}
	text("notes", c.Notes, rankRest, false)
	return fields
}

// The columns of numbers in the index.
const (
	columnCreated = iota
	columnUpdated
	columnInteraction
	columnScore
	columnActive
	columnCount
)

// The prefixes of terms in the index.
const (
	termStage   = "stage\x00"
	termTag     = "tag\x00"
	termSource  = "source\x00"
	termCompany = "company\x00"
	termField   = "field\x00"
	termEmail   = "has\x00email"
	termPhone   = "has\x00phone"
	termNoEmail = "no\x00email"
	termNoPhone = "no\x00phone"
)

func indexDocument(c Contact) textindex.Document {
	d := textindex.Document{
		ID: c.ID, Version: c.Version, Fields: searchFields(c), SortKey: string(NameKey(c.DisplayName)),
		Numbers: make([]int64, columnCount),
		Terms:   append(make([]string, 0, 5+len(c.Tags)+len(c.Fields)), termStage+string(c.Stage), termSource+c.Source),
	}
	d.Numbers[columnCreated], d.Numbers[columnUpdated] = Micros(c.CreatedAt), Micros(c.UpdatedAt)
	d.Numbers[columnInteraction], d.Numbers[columnScore] = Micros(c.LastInteractionAt), ScoreNumber(c.Score)
	// "The more recently active": the last interaction, or where there was
	// none yet, the day the contact was added.
	d.Numbers[columnActive] = max(d.Numbers[columnInteraction], d.Numbers[columnCreated])
	if c.Company != "" {
		d.Terms = append(d.Terms, termCompany+c.Company)
	}
	d.Terms = append(d.Terms, either(len(c.Emails) > 0, termEmail, termNoEmail), either(len(c.Phones) > 0, termPhone, termNoPhone))
	for _, t := range c.Tags {
		d.Terms = append(d.Terms, termTag+FoldKey(t))
	}
	for k, v := range c.Fields {
		d.Terms = append(d.Terms, termField+FieldKey(k, v).Value)
	}
	return d
}

func either(yes bool, a, b string) string {
	if yes {
		return a
	}
	return b
}

// indexQuery translates a query for the text index.
func indexQuery(q SearchQuery) textindex.Query {
	x := textindex.Query{Text: q.Text, MatchAll: q.MatchAll, After: q.After, Offset: q.Offset, Limit: q.Limit, FacetLimit: maxFacetValues}
	any := func(prefix string, values []string) {
		group := make([]string, len(values))
		for i, v := range values {
			group[i] = prefix + v
		}
		if len(group) > 0 {
			x.Terms = append(x.Terms, group)
		}
	}
	stages := make([]string, len(q.Where.Stages))
	for i, s := range q.Where.Stages {
		stages[i] = string(s)
	}
	any(termStage, stages)
	any(termSource, q.Where.Sources)
	if q.Where.AllTags {
		for _, t := range q.Where.Tags {
			any(termTag, []string{t})
		}
	} else {
		any(termTag, q.Where.Tags)
	}
	if q.Where.HasEmail != nil {
		x.Terms = append(x.Terms, []string{either(*q.Where.HasEmail, termEmail, termNoEmail)})
	}
	if q.Where.HasPhone != nil {
		x.Terms = append(x.Terms, []string{either(*q.Where.HasPhone, termPhone, termNoPhone)})
	}
	for k, v := range q.Where.Fields {
		any(termField, []string{k + "\x00" + v})
	}
	for _, r := range []struct {
		column int
		t      TimeRange
	}{{columnCreated, q.Where.CreatedAt}, {columnUpdated, q.Where.UpdatedAt}, {columnInteraction, q.Where.LastInteractionAt}} {
		if !r.t.IsZero() {
			x.Ranges = append(x.Ranges, indexRange(r.column, r.t))
		}
	}
	for _, f := range q.Facets {
		x.FacetPrefixes = append(x.FacetPrefixes, facetPrefix(f))
	}
	x.Order = indexOrder(q.Order)
	return x
}
