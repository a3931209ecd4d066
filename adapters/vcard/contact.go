package vcard

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/omnicrm/omnicrm/adapters/internal/contactfile"
	"github.com/omnicrm/omnicrm/crm"
)

// reading turns the properties of a card into a record.
type reading struct {
	rec   crm.ImportRecord
	props []property
	enc   contactfile.Encoding
	v21   bool
	// own says that the card is one of our own: it is taken as it stands.
	own            bool
	productID, uid string
	labels         map[string]string // of groups, by X-ABLabel
	usedLabels     map[string]bool
	prefix, suffix string
	role           string
	formatted      []string // LABEL properties
	record         string   // X-OMNICRM-RECORD
	// The rank of the primary email and phone so far, 0 for none.
	emailRank, phoneRank int
}

// contact reads the card's properties.
func (c *card) contact() crm.ImportRecord {
	r := &reading{v21: c.v21, enc: c.enc}
	for _, s := range c.spans {
		line := c.raw[s.from:s.to]
		p, ok := parseProperty(line)
		if !ok {
			r.extra("line", strings.TrimSpace(contactfile.Text(line)))
			continue
		}
		p.cut, p.enc = s.cut, c.enc
		p.size = s.size - int64(len(line)-len(p.value))
		r.look(&p)
		r.props = append(r.props, p)
	}
	for i := range r.props {
		r.property(&r.props[i])
		r.encoding(&r.props[i])
	}
	r.finish()
	return r.rec
}

// encoding tells of a property whose text was not in the encoding it should be.
func (r *reading) encoding(p *property) {
	if p.odd != "" {
		r.rec.Remarks = append(r.rec.Remarks, crm.FieldError{Field: p.name, Code: contactfile.CodeEncoding, Message: p.odd})
	}
	if p.enc.Wide() && bytes.ContainsRune(p.value, contactfile.BadUnit) {
		r.rec.Problems = append(r.rec.Problems, crm.FieldError{Field: p.name, Code: contactfile.CodeEncoding, Message: contactfile.BadUTF16})
	}
}

// look finds what the other properties depend on.
func (r *reading) look(p *property) {
	switch p.name {
	case "PRODID":
		if r.productID == "" {
			r.productID = r.text(p)
			r.own = r.productID == productID
		}
	case "UID":
		if r.uid == "" {
			r.uid = r.text(p)
		}
	case "X-ABLABEL":
		if p.group != "" {
			if r.labels == nil {
				r.labels, r.usedLabels = map[string]string{}, map[string]bool{}
			}
			r.labels[p.group] = unescape(p.text(), r.v21)
		}
	}
}

// text returns the value of a text property, without outer blanks unless the
// card is our own.
func (r *reading) text(p *property) string { return r.trim(unescape(p.text(), r.v21)) }

func (r *reading) trim(s string) string {
	if r.own {
		return s
	}
	return strings.TrimSpace(s)
}

func (r *reading) extra(name, value string) {
	if value != "" {
		r.rec.Extra = append(r.rec.Extra, crm.ExtraValue{Name: name, Value: value})
	}
}

// label returns the label of a property: that of its group, or its types.
func (r *reading) label(p *property) string {
	label, ok := r.labels[p.group]
	if !ok || p.group == "" {
		return p.label()
	}
	r.usedLabels[p.group] = true
	if !r.own { // Apple's own labels stand in a frame
		label = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(label), "_$!<"), ">!$_")
	}
	return label
}

func (r *reading) property(p *property) {
	switch p.name {
	case "BEGIN", "END", "VERSION", "PRODID", "X-ABLABEL":
	case "UID":
		if v := r.text(p); v != r.uid {
			r.extra(p.name, v)
		}
	case "FN":
		r.once(&r.rec.Contact.DisplayName, p)
	case "N":
		r.name(p)
	case "ORG":
		r.organization(p)
	case "TITLE":
		r.once(&r.rec.Contact.JobTitle, p)
	case "ROLE":
		r.once(&r.role, p)
	case "EMAIL":
		r.email(p)
	case "TEL":
		r.phone(p)
	case "ADR":
		r.address(p)
	case "BDAY":
		r.birthday(p)
	case "LABEL", "URL", "CATEGORIES", "NOTE":
		r.listed(p)
	case "PHOTO", "LOGO", "SOUND", "KEY":
		r.binary(p)
	default:
		r.other(p)
	}
}

// listed takes the properties whose values are added to those before.
func (r *reading) listed(p *property) {
	c := &r.rec.Contact
	switch p.name {
	case "LABEL":
		if v := r.text(p); v != "" {
			r.formatted = append(r.formatted, v)
		}
	case "URL":
		if v := r.text(p); v != "" {
			c.Websites = append(c.Websites, v)
		}
	case "CATEGORIES":
		for _, tag := range split(p.text(), ',') {
			if tag = r.trim(unescape(tag, r.v21)); tag != "" {
				c.Tags = append(c.Tags, tag)
			}
		}
	case "NOTE":
		c.Notes = contactfile.JoinNonBlank("\n", c.Notes, r.text(p))
	}
}

// other takes our own properties, and keeps those without a field.
func (r *reading) other(p *property) {
	if r.own && p.name == "REV" || strings.HasPrefix(p.name, ownPrefix) && r.ownProperty(p) {
		return
	}
	name := p.name
	if p.group != "" {
		if label := r.label(p); label != "" && r.usedLabels[p.group] {
			name += " (" + label + ")"
		}
	}
	r.extra(name, r.text(p))
}

// once sets a text that has one value; another one is kept.
func (r *reading) once(dst *string, p *property) {
	v := r.text(p)
	switch {
	case *dst == "":
		*dst = v
	case v != *dst:
		r.extra(p.name, v)
	}
}

// name reads N: family; given; additional; prefixes; suffixes.
func (r *reading) name(p *property) {
	c := &r.rec.Contact
	parts := split(p.text(), ';')
	part := func(i int) string {
		if i >= len(parts) {
			return ""
		}
		if r.own {
			return unescape(parts[i], false)
		}
		var words []string
		for _, w := range split(parts[i], ',') { // several names of one kind
			if w = strings.TrimSpace(unescape(w, r.v21)); w != "" {
				words = append(words, w)
			}
		}
		return strings.Join(words, " ")
	}
	if c.GivenName != "" || c.FamilyName != "" { // another spelling of the name
		r.extra(p.name, contactfile.JoinNonBlank(" ", part(3), part(1), part(2), part(0), part(4)))
		return
	}
	c.FamilyName = part(0)
	c.GivenName = contactfile.JoinNonBlank(" ", part(1), part(2))
	r.prefix, r.suffix = part(3), part(4)
	for i := 5; i < len(parts); i++ {
		r.extra(p.name, part(i))
	}
}

func (r *reading) organization(p *property) {
	for i, part := range split(p.text(), ';') {
		part = r.trim(unescape(part, r.v21))
		switch {
		case i == 0 && r.rec.Contact.Company == "":
			r.rec.Contact.Company = part
		case i == 0 && part != r.rec.Contact.Company:
			r.extra(p.name, part)
		case i > 0:
			r.extra("Department", part)
		}
	}
}

func (r *reading) email(p *property) {
	v := r.text(p)
	if !r.own && len(v) > 7 && strings.EqualFold(v[:7], "mailto:") {
		v = v[7:]
	}
	if v == "" {
		return
	}
	list := &r.rec.Contact.Emails
	e := crm.Email{Address: v, Label: r.label(p)}
	if rank := p.pref(); rank > 0 && (r.emailRank == 0 || rank < r.emailRank) {
		for i := range *list {
			(*list)[i].Primary = false
		}
		e.Primary, r.emailRank = true, rank
	}
	*list = append(*list, e)
}

func (r *reading) phone(p *property) {
	v := r.text(p)
	if !r.own && len(v) > 4 && strings.EqualFold(v[:4], "tel:") {
		v = strings.Replace(v[4:], ";ext=", " ext. ", 1)
	}
	if v == "" {
		return
	}
	list := &r.rec.Contact.Phones
	ph := crm.Phone{Number: v, Label: r.label(p)}
	if rank := p.pref(); rank > 0 && (r.phoneRank == 0 || rank < r.phoneRank) {
		for i := range *list {
			(*list)[i].Primary = false
		}
		ph.Primary, r.phoneRank = true, rank
	}
	*list = append(*list, ph)
}

// address reads ADR: box; extended; street; city; region; code; country.
func (r *reading) address(p *property) {
	parts := split(p.text(), ';')
	part := func(i int) string {
		if i >= len(parts) {
			return ""
		}
		return r.trim(unescape(parts[i], r.v21))
	}
	a := crm.Address{
		Street: contactfile.Street(part(2), part(1), part(0)),
		City:   part(3), Region: part(4), PostalCode: part(5), Country: part(6),
	}
	if label := p.get("LABEL"); label != "" {
		r.formatted = append(r.formatted, strings.ReplaceAll(label, `\n`, "\n"))
	}
	for i := 7; i < len(parts); i++ {
		r.extra(p.name, part(i))
	}
	if a == (crm.Address{}) {
		return
	}
	a.Label = r.label(p)
	r.rec.Contact.Addresses = append(r.rec.Contact.Addresses, a)
}

func (r *reading) birthday(p *property) {
	v := r.text(p)
	if omit := p.get("X-APPLE-OMIT-YEAR"); omit != "" && len(v) > 5 {
		if rest, ok := strings.CutPrefix(v, omit); ok {
			v = "-" + rest
			if !strings.HasPrefix(rest, "-") {
				v = "--" + rest
			}
		}
	}
	day, ok := contactfile.Birthday(v, contactfile.OrderUnknown)
	if !ok || r.rec.Contact.Birthday != "" && r.rec.Contact.Birthday != day {
		r.extra(p.name, v)
		return
	}
	r.rec.Contact.Birthday = day
}

// binary names a picture, sound or key, which are not kept; a link to one is.
func (r *reading) binary(p *property) {
	head := bytes.TrimSpace(p.value[:min(len(p.value), 200)])
	if strings.EqualFold(p.get("VALUE"), "text") && !p.cut {
		r.extra(p.name, r.text(p))
		return
	}
	inline := p.cut || p.get("ENCODING") != "" || len(head) >= 5 && bytes.EqualFold(head[:5], []byte("data:")) ||
		!bytes.Contains(head, []byte("://")) && !bytes.HasPrefix(bytes.ToLower(head), []byte("cid:"))
	switch {
	case len(head) == 0:
	case !inline:
		r.extra(p.name, r.text(p))
	default:
		// Base64 writes three bytes as four.
		r.rec.Dropped = append(r.rec.Dropped, fmt.Sprintf("%s (%s)", p.name, sizeText(p.size*3/4)))
	}
}

func sizeText(n int64) string {
	switch {
	case n >= 1<<20:
		return strconv.FormatFloat(float64(n)/(1<<20), 'f', 1, 64) + " MB"
	case n >= 1<<10:
		return strconv.FormatInt(n>>10, 10) + " KB"
	}
	return strconv.FormatInt(n, 10) + " bytes"
}

// finish settles what depends on the whole card.
func (r *reading) finish() {
	c := &r.rec.Contact
	r.names()
	switch {
	case c.JobTitle == "":
		c.JobTitle = r.role
	case r.role != c.JobTitle:
		r.extra("ROLE", r.role)
	}
	for _, f := range r.formatted {
		r.formattedAddress(f)
	}
	for _, p := range r.props { // labels of nothing, in the card's order
		if p.name == "X-ABLABEL" && !r.usedLabels[p.group] {
			r.extra(p.name, r.text(&p))
		}
	}
	if r.own {
		r.finishOwn()
		return
	}
	switch {
	case c.SourceID != "" || !r.rec.ID.IsZero(): // our own export, saved again by another program
		if r.uid != "urn:uuid:"+r.rec.ID.String() {
			r.extra("UID", r.uid)
		}
	case r.uid != "":
		c.Source, c.SourceID = "vcard:"+r.productID, r.uid
	case r.productID != "":
		c.Source = "vcard:" + r.productID
	}
}

// names puts prefix and suffix where they are not lost.
func (r *reading) names() {
	c := &r.rec.Contact
	if r.prefix == "" && r.suffix == "" {
		return
	}
	if c.DisplayName == "" && (c.GivenName != "" || c.FamilyName != "") {
		c.DisplayName = contactfile.JoinNonBlank(" ", r.prefix, c.GivenName, c.FamilyName, r.suffix)
		return
	}
	if !contactfile.Covers(r.prefix, c.DisplayName) {
		r.extra("Name prefix", r.prefix)
	}
	if !contactfile.Covers(r.suffix, c.DisplayName) {
		r.extra("Name suffix", r.suffix)
	}
}

// formattedAddress takes an address as text: it is the address of a card that
// has no other, and kept where it says more than the others.
func (r *reading) formattedAddress(text string) {
	c := &r.rec.Contact
	if len(c.Addresses) == 0 {
		c.Addresses = append(c.Addresses, crm.Address{Street: text})
		return
	}
	covered := len(c.Addresses) <= crm.MaxListed && slices.ContainsFunc(c.Addresses, func(a crm.Address) bool {
		return contactfile.Covers(text, a.Street, a.City, a.Region, a.PostalCode, a.Country)
	})
	if !covered {
		r.extra("LABEL", text)
	}
}
