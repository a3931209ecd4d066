package csv

import (
	"encoding/binary"
	"strings"

	"github.com/omnicrm/omnicrm/adapters/internal/contactfile"
	"github.com/omnicrm/omnicrm/crm"
)

// step says what becomes of the cells of one column.
type step struct {
	target
	name string
	// label is the one that the column's name implies.
	label string
	// head begins the cell in [crm.ImportRecord.Raw]: the name with its length.
	head []byte
}

// item is an email, phone, website or custom pair in the making. The columns
// are steps' indices plus one, 0 for none.
type item struct {
	value, label         string
	primary              bool
	fromValue, fromLabel int
}

// place is an address in the making.
type place struct {
	crm.Address
	extended, box, formatted string
	fromLabel, fromFormatted int
}

// rowBuilder makes records of rows. It is reused from row to row.
type rowBuilder struct {
	steps  []step
	layout layout

	rec                              crm.ImportRecord
	middle, prefix, suffix           item
	emails, phones, websites, custom []item
	places                           []place
	more                             string
	moreColumn                       int
	raw                              []byte
	// surplus names the cells beyond the last column.
	surplus []step
}

func newRowBuilder(columns []crm.ImportColumn, l layout) *rowBuilder {
	b := &rowBuilder{layout: l}
	for _, c := range columns {
		t, _ := parseTarget(c.Target)
		st := newStep(t, c.Column)
		if l != ownLayout {
			st.label = impliedLabel(c.Column)
		}
		b.steps = append(b.steps, st)
		if t.kind == toMore {
			b.moreColumn = len(b.steps)
		}
	}
	return b
}

func newStep(t target, name string) step {
	return step{target: t, name: name, head: append(binary.AppendUvarint(nil, uint64(len(name))), name...)}
}

// step returns what to do with cell i, also beyond the last column.
func (b *rowBuilder) step(i int) *step {
	if i < len(b.steps) {
		return &b.steps[i]
	}
	i -= len(b.steps)
	if i >= maxColumns {
		st := newStep(target{}, columnName(len(b.steps)+i))
		return &st
	}
	for i >= len(b.surplus) {
		b.surplus = append(b.surplus, newStep(target{}, columnName(len(b.steps)+len(b.surplus))))
	}
	return &b.surplus[i]
}

func (b *rowBuilder) name(i int) string { return b.step(i).name }

// build makes the record of the splitter's row; false when all cells are blank.
func (b *rowBuilder) build(s *splitter) (crm.ImportRecord, bool) {
	b.reset()
	text := string(s.text)
	from, any := 0, false
	for i, to := range s.ends {
		cell := text[from:to]
		from = to
		if b.layout == ownLayout {
			cell = unprotect(cell)
		} else {
			cell = strings.TrimSpace(cell)
		}
		if cell == "" {
			continue
		}
		any = true
		st := b.step(i)
		b.raw = append(b.raw, st.head...)
		b.raw = binary.AppendUvarint(b.raw, uint64(len(cell)))
		b.raw = append(b.raw, cell...)
		b.put(st, i+1, cell)
	}
	if !any {
		return crm.ImportRecord{}, false
	}
	b.rec.Raw = append([]byte(nil), b.raw...)
	b.finish()
	return b.rec, true
}

func (b *rowBuilder) reset() {
	b.rec = crm.ImportRecord{}
	b.middle, b.prefix, b.suffix = item{}, item{}, item{}
	clear(b.emails)
	clear(b.phones)
	clear(b.websites)
	clear(b.custom)
	clear(b.places)
	b.emails, b.phones, b.websites, b.custom, b.places = b.emails[:0], b.phones[:0], b.websites[:0], b.custom[:0], b.places[:0]
	b.more, b.raw = "", b.raw[:0]
}

// put takes one cell that is not blank; col is its 1-based place.
func (b *rowBuilder) put(st *step, col int, v string) {
	c := &b.rec.Contact
	switch st.kind {
	case toExtra:
		b.extra(st.name, v)
	case toNothing:
	case toDisplayName:
		b.text(&c.DisplayName, st, v)
	case toGivenName:
		b.text(&c.GivenName, st, v)
	case toFamilyName:
		b.text(&c.FamilyName, st, v)
	case toCompany:
		b.text(&c.Company, st, v)
	case toJobTitle:
		b.text(&c.JobTitle, st, v)
	case toSource:
		b.text(&c.Source, st, v)
	case toSourceID:
		b.text(&c.SourceID, st, v)
	case toMore:
		b.text(&b.more, st, v)
	case toNotes:
		c.Notes = contactfile.JoinNonBlank("\n", c.Notes, v)
	case toMiddleName:
		b.item(&b.middle, st, col, v)
	case toNamePrefix:
		b.item(&b.prefix, st, col, v)
	case toNameSuffix:
		b.item(&b.suffix, st, col, v)
	case toEmail, toPhone, toWebsite, toCustomValue:
		b.item(grow(b.list(st.kind), st.index), st, col, v)
	case toEmailLabel, toPhoneLabel, toCustomLabel:
		b.label(grow(b.list(st.kind), st.index), st, col, v)
	case toEmailPrimary, toPhonePrimary:
		b.primary(grow(b.list(st.kind), st.index), st, v)
	case toID, toBirthday, toStage, toTags, toField:
		b.converted(st, v)
	default:
		b.addressPart(grow(&b.places, st.index), st, col, v)
	}
}

// list returns the list that a kind belongs to.
func (b *rowBuilder) list(k kind) *[]item {
	switch k {
	case toEmail, toEmailLabel, toEmailPrimary:
		return &b.emails
	case toPhone, toPhoneLabel, toPhonePrimary:
		return &b.phones
	case toWebsite:
		return &b.websites
	}
	return &b.custom
}

// grow returns item i of a list, made where it is not there yet.
func grow[T any](list *[]T, i int) *T {
	for len(*list) <= i {
		var blank T
		*list = append(*list, blank)
	}
	return &(*list)[i]
}

func (b *rowBuilder) extra(name, v string) {
	b.rec.Extra = append(b.rec.Extra, crm.ExtraValue{Name: name, Value: v})
}

// text sets a text that has one value; another one is kept.
func (b *rowBuilder) text(dst *string, st *step, v string) {
	switch {
	case *dst == "":
		*dst = v
	case *dst != v:
		b.extra(st.name, v)
	}
}

func (b *rowBuilder) item(it *item, st *step, col int, v string) {
	b.text(&it.value, st, v)
	if it.fromValue == 0 {
		it.fromValue = col
	}
}

// label sets a label. Google writes "* Work" at the primary one.
func (b *rowBuilder) label(it *item, st *step, col int, v string) {
	if rest, ok := strings.CutPrefix(v, "*"); ok && b.layout == googleLayout {
		it.primary = true
		if v = strings.TrimSpace(rest); v == "" {
			return
		}
	}
	b.text(&it.label, st, v)
	it.fromLabel = col
}

func (b *rowBuilder) primary(it *item, st *step, v string) {
	switch strings.ToLower(v) {
	case "true", "yes", "1", "x", "y":
		it.primary = true
	case "false", "no", "0", "n":
	default:
		b.extra(st.name, v)
	}
}

func (b *rowBuilder) addressPart(p *place, st *step, col int, v string) {
	switch st.kind {
	case toAddressLabel:
		b.text(&p.Label, st, v)
		p.fromLabel = col
		return
	case toStreet:
		p.Street = contactfile.JoinNonBlank("\n", p.Street, v)
	case toExtended:
		p.extended = contactfile.JoinNonBlank("\n", p.extended, v)
	case toCity:
		b.text(&p.City, st, v)
	case toRegion:
		b.text(&p.Region, st, v)
	case toPostalCode:
		b.text(&p.PostalCode, st, v)
	case toCountry:
		b.text(&p.Country, st, v)
	case toPOBox:
		b.text(&p.box, st, v)
	case toFormatted:
		b.text(&p.formatted, st, v)
		p.fromFormatted = col
	}
	if p.Label == "" {
		p.Label = st.label
	}
}

// converted takes a cell whose text must be read as something; what cannot be
// is kept as an extra value.
func (b *rowBuilder) converted(st *step, v string) {
	c := &b.rec.Contact
	switch st.kind {
	case toID:
		id, err := crm.ParseID(v)
		if err != nil {
			b.rec.Problems = append(b.rec.Problems, crm.FieldError{
				Field: "id", Code: crm.CodeInvalid, Message: "must be the id of one of our exports; leave the cell blank for a new contact",
			})
			return
		}
		b.rec.ID = id
	case toBirthday:
		order := contactfile.OrderUnknown
		if b.layout == outlookLayout {
			order = contactfile.MonthFirst
			if v == "0/0/00" { // how Outlook writes that there is none
				return
			}
		}
		if day, ok := contactfile.Birthday(v, order); ok && c.Birthday == "" {
			c.Birthday = day
			return
		}
		b.extra(st.name, v)
	case toStage:
		if stage, ok := contactfile.Stage(v); ok && c.Stage == "" {
			c.Stage = stage
			return
		}
		b.extra(st.name, v)
	case toTags:
		b.tags(st, v)
	case toField:
		if _, taken := c.Fields[st.key]; taken {
			b.extra(st.name, v)
			return
		}
		setField(c, st.key, v)
	}
}
