package crm

import (
	"fmt"
	"strings"
	"sync"

	"github.com/omnicrm/omnicrm/crm/textindex"
)

// The ranks of fields in a search: name before email and company before the
// rest.
const (
	rankName uint8 = iota
	rankReach
	rankRest
)

// fieldNames are the names of what is looked in of the elements of a list, made
// once for the first of them.
type fieldNames struct {
	format string
	first  [4]string
}

func newFieldNames(format string) *fieldNames {
	n := &fieldNames{format: format}
	for i := range n.first {
		n.first[i] = fmt.Sprintf(format, i)
	}
	return n
}

func (n *fieldNames) at(i int) string {
	if i < len(n.first) {
		return n.first[i]
	}
	return fmt.Sprintf(n.format, i)
}

var (
	emailNames = newFieldNames("emails[%d].address")
	phoneNames = newFieldNames("phones[%d].number")
	e164Names  = newFieldNames("phones[%d].e164")
	tagNames   = newFieldNames("tags[%d]")
)

// appendSearchFields appends what a search looks in, under the API's field names.
func appendSearchFields(dst []textindex.Field, c *Contact) []textindex.Field {
	text := func(name, s string, rank uint8, infix bool) {
		if s != "" {
			dst = append(dst, textindex.Field{Name: name, Text: s, Kind: textindex.KindText, Rank: rank, Infix: infix})
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
	for i := range c.Emails {
		dst = append(dst, textindex.Field{Name: emailNames.at(i), Text: c.Emails[i].Address, Kind: textindex.KindEmail, Rank: rankReach, Infix: true})
	}
	text("company", c.Company, rankReach, true)
	for i := range c.Phones {
		p := &c.Phones[i]
		dst = append(dst, textindex.Field{Name: phoneNames.at(i), Text: p.Number, Kind: textindex.KindPhone, Rank: rankRest})
		if p.E164 != "" {
			dst = append(dst, textindex.Field{Name: e164Names.at(i), Text: p.E164, Kind: textindex.KindPhone, Rank: rankRest})
		}
	}
	for i, t := range c.Tags {
		text(tagNames.at(i), t, rankRest, false)
	}
	text("notes", c.Notes, rankRest, false)
	return dst
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

// documentPage makes documents of the text index, all in the same few lists: the
// index keeps nothing of them.
type documentPage struct {
	docs    []textindex.Document
	fields  []textindex.Field
	numbers []int64
	terms   []string
	text    []byte // the sort key and the terms of one document
	ends    []int  // where each of them ends in text
}

// documentPages are those that wait for the next Put.
var documentPages = sync.Pool{New: func() any { return new(documentPage) }}

// release gives the page back; its documents end.
func (p *documentPage) release() {
	clear(p.docs)
	clear(p.fields)
	clear(p.terms)
	p.docs, p.fields, p.numbers, p.terms = p.docs[:0], p.fields[:0], p.numbers[:0], p.terms[:0]
	documentPages.Put(p)
}

func (p *documentPage) add(c *Contact) {
	fields, numbers, terms := len(p.fields), len(p.numbers), len(p.terms)
	p.fields = appendSearchFields(p.fields, c)
	p.numbers = append(p.numbers, make([]int64, columnCount)...)
	columns := p.numbers[numbers:]
	columns[columnCreated], columns[columnUpdated] = Micros(c.CreatedAt), Micros(c.UpdatedAt)
	columns[columnInteraction], columns[columnScore] = Micros(c.LastInteractionAt), ScoreNumber(c.Score)
	// "The more recently active": the last interaction, or where there was
	// none yet, the day the contact was added.
	columns[columnActive] = max(columns[columnInteraction], columns[columnCreated])
	key := p.addTerms(c)
	p.docs = append(p.docs, textindex.Document{
		ID: c.ID, Version: c.Version, Fields: p.fields[fields:], SortKey: key, Numbers: columns, Terms: p.terms[terms:],
	})
}

// addTerms adds the terms of a contact and returns its sort key: all of them
// parts of one string.
func (p *documentPage) addTerms(c *Contact) (key string) {
	p.text, p.ends = appendNameKey(p.text[:0], c.DisplayName), p.ends[:0]
	keyLen := len(p.text)
	p.term(termStage, string(c.Stage))
	p.term(termSource, c.Source)
	if c.Company != "" {
		p.term(termCompany, c.Company)
	}
	p.term(either(len(c.Emails) > 0, termEmail, termNoEmail), "")
	p.term(either(len(c.Phones) > 0, termPhone, termNoPhone), "")
	for _, t := range c.Tags {
		p.term(termTag, FoldKey(t))
	}
	for k, v := range c.Fields {
		p.term(termField, FieldKey(k, v).Value)
	}
	all, from := string(p.text), keyLen
	for _, end := range p.ends {
		p.terms = append(p.terms, all[from:end])
		from = end
	}
	return all[:keyLen]
}

func (p *documentPage) term(prefix, value string) {
	p.text = append(append(p.text, prefix...), value...)
	p.ends = append(p.ends, len(p.text))
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
