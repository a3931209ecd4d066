package csv

import (
	"strings"

	"github.com/omnicrm/omnicrm/adapters/internal/contactfile"
	"github.com/omnicrm/omnicrm/crm"
)

// googleSep stands between the values of one cell in Google's exports.
const googleSep = " ::: "

// tags adds the tags of a cell, separated as the layout does it.
func (b *rowBuilder) tags(st *step, v string) {
	c := &b.rec.Contact
	if b.layout != googleLayout {
		sep := ","
		if b.layout != ownLayout {
			for _, s := range [...]string{";", "|", "\n"} {
				if strings.Contains(v, s) {
					sep = s
					break
				}
			}
		}
		c.Tags = append(c.Tags, splitTags(v, sep)...)
		return
	}
	for _, t := range splitTags(v, strings.TrimSpace(googleSep)) {
		system, isSystem := strings.CutPrefix(t, "* ")
		switch {
		case !isSystem:
			c.Tags = append(c.Tags, t)
		case compact(system) != "mycontacts": // which every contact has
			b.extra(st.name, t)
		}
	}
}

// splitTags cuts a text into tags without outer blanks.
func splitTags(v, sep string) []string {
	if v == "" {
		return nil
	}
	tags := make([]string, 0, strings.Count(v, sep)+1)
	for t := range strings.SplitSeq(v, sep) {
		if t = strings.TrimSpace(t); t != "" {
			tags = append(tags, t)
		}
	}
	return tags
}

// finish puts together what stood in several cells.
func (b *rowBuilder) finish() {
	c := &b.rec.Contact
	b.names()
	if n := len(b.emails); n > 0 {
		c.Emails = make([]crm.Email, 0, n)
		b.each(b.emails, true, func(v, label string, primary bool) {
			c.Emails = append(c.Emails, crm.Email{Address: v, Label: label, Primary: primary})
		})
	}
	if n := len(b.phones); n > 0 {
		c.Phones = make([]crm.Phone, 0, n)
		b.each(b.phones, false, func(v, label string, primary bool) {
			c.Phones = append(c.Phones, crm.Phone{Number: v, Label: label, Primary: primary})
		})
	}
	if n := len(b.websites); n > 0 {
		c.Websites = make([]string, 0, n)
		b.each(b.websites, false, func(v, _ string, _ bool) { c.Websites = append(c.Websites, v) })
	}
	for i := range b.places {
		b.address(&b.places[i])
	}
	for _, it := range b.custom {
		b.pair(it)
	}
	if b.moreColumn > 0 && !readMore(b.more, c) {
		b.extra(b.name(b.moreColumn-1), b.more)
		readMore("", c)
	}
	if b.layout == hubspotLayout && c.SourceID != "" && c.Source == "" {
		c.Source = "hubspot"
	}
	b.nilBlankLists()
}

// nilBlankLists makes lists without items nil, as contacts have them.
func (b *rowBuilder) nilBlankLists() {
	c := &b.rec.Contact
	if len(c.Emails) == 0 {
		c.Emails = nil
	}
	if len(c.Phones) == 0 {
		c.Phones = nil
	}
	if len(c.Websites) == 0 {
		c.Websites = nil
	}
	if len(c.Tags) == 0 {
		c.Tags = nil
	}
}

// names joins the parts of the name that we do not keep apart.
func (b *rowBuilder) names() {
	c := &b.rec.Contact
	c.GivenName = contactfile.JoinNonBlank(" ", c.GivenName, b.middle.value)
	prefix, suffix := b.prefix.value, b.suffix.value
	if prefix == "" && suffix == "" {
		return
	}
	if c.DisplayName == "" && (c.GivenName != "" || c.FamilyName != "") {
		c.DisplayName = contactfile.JoinNonBlank(" ", prefix, c.GivenName, c.FamilyName, suffix)
		return
	}
	for _, it := range [...]item{b.prefix, b.suffix} {
		if it.value != "" && !contactfile.Covers(it.value, c.DisplayName) {
			b.extra(b.name(it.fromValue-1), it.value)
		}
	}
}

// each calls add for every value of a list, in order. Google puts several
// values into one cell, and so do people with emails. At most one is primary.
func (b *rowBuilder) each(list []item, emails bool, add func(v, label string, primary bool)) {
	primary := false
	for _, it := range list {
		if it.value == "" {
			if it.label != "" {
				b.extra(b.name(it.fromLabel-1), it.label)
			}
			continue
		}
		label := it.label
		if label == "" {
			label = b.step(it.fromValue - 1).label
		}
		one := it.primary && !primary
		primary = primary || it.primary
		if b.layout == ownLayout {
			add(it.value, label, one)
			continue
		}
		for _, v := range b.values(it.value, emails) {
			add(v, label, one)
			one = false
		}
	}
}

// values cuts a cell that holds several values.
func (b *rowBuilder) values(v string, emails bool) []string {
	if b.layout == googleLayout && strings.Contains(v, googleSep) {
		return splitTags(v, googleSep)
	}
	if emails && strings.ContainsAny(v, ",;") {
		parts := strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ';' })
		for i, p := range parts {
			if parts[i] = strings.TrimSpace(p); !strings.Contains(p, "@") {
				return []string{v}
			}
		}
		return parts
	}
	return []string{v}
}

// address adds an address, or several where Google put them into one.
func (b *rowBuilder) address(p *place) {
	a := crm.Address{Label: p.Label, City: p.City, Region: p.Region, PostalCode: p.PostalCode, Country: p.Country}
	if b.layout == googleLayout && b.severalAddresses(p) {
		return
	}
	a.Street = contactfile.Street(p.Street, p.extended, p.box)
	blank := a == crm.Address{Label: p.Label}
	switch {
	case blank && p.formatted != "":
		a.Street = p.formatted
	case blank:
		if p.fromLabel > 0 {
			b.extra(b.name(p.fromLabel-1), p.Label)
		}
		return
	case p.formatted != "" && !contactfile.Covers(p.formatted, a.Street, a.City, a.Region, a.PostalCode, a.Country):
		b.extra(b.name(p.fromFormatted-1), p.formatted)
	}
	b.rec.Contact.Addresses = append(b.rec.Contact.Addresses, a)
}

// severalAddresses cuts an address whose parts hold several values each: the
// first of all parts is one address, the second another.
func (b *rowBuilder) severalAddresses(p *place) bool {
	parts := [...]*string{&p.Street, &p.City, &p.Region, &p.PostalCode, &p.Country, &p.extended, &p.box, &p.formatted}
	var lists [len(parts)][]string
	n := 1
	for i, s := range parts {
		lists[i] = strings.Split(*s, googleSep)
		n = max(n, len(lists[i]))
	}
	if n == 1 {
		return false
	}
	for i := range n {
		one := place{Address: crm.Address{Label: p.Label}, fromFormatted: p.fromFormatted}
		for j, s := range [...]*string{&one.Street, &one.City, &one.Region, &one.PostalCode, &one.Country, &one.extended, &one.box, &one.formatted} {
			*s = strings.TrimSpace(at(lists[j], i))
		}
		b.address(&one)
	}
	return true
}

// pair keeps Google's pairs of a label and a value as one extra value.
func (b *rowBuilder) pair(it item) {
	switch {
	case it.value == "" && it.label == "":
	case it.value == "":
		b.extra(b.name(it.fromLabel-1), it.label)
	case it.label == "":
		b.extra(b.name(it.fromValue-1), it.value)
	default:
		column := b.name(it.fromValue - 1)
		if kind, _, _ := strings.Cut(column, " "); kind == "Relation" || kind == "Event" {
			b.extra(kind+" ("+it.label+")", it.value)
			return
		}
		b.extra(it.label, it.value)
	}
}
