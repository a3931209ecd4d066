package csv

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/omnicrm/omnicrm/crm"
)

// more is the JSON object of our surplus column: what the other columns of a
// row cannot hold.
type more struct {
	Emails    []labelled     `json:"emails,omitempty"`
	Phones    []labelled     `json:"phones,omitempty"`
	Addresses []crm.Address  `json:"addresses,omitempty"`
	Websites  []string       `json:"websites,omitempty"`
	Tags      []string       `json:"tags,omitempty"`
	Fields    map[string]any `json:"fields,omitempty"`
	// PrimaryEmail and PrimaryPhone are the 0-based places of the primary
	// ones, -1 for none; absent, it is the first.
	PrimaryEmail int `json:"primaryEmail,omitempty"`
	PrimaryPhone int `json:"primaryPhone,omitempty"`
}

// labelled is an email or phone.
type labelled struct {
	Value string `json:"value"`
	Label string `json:"label,omitempty"`
}

// newOwnRow divides a contact between the columns and the surplus.
func newOwnRow(c crm.Contact) (ownRow, error) {
	r := ownRow{Contact: c}
	var m more
	r.emails = columnItems(c.Emails, ownEmails, func(e crm.Email) bool { return e.Address != "" })
	for _, e := range c.Emails[r.emails:] {
		m.Emails = append(m.Emails, labelled{e.Address, e.Label})
	}
	r.phones = columnItems(c.Phones, ownPhones, func(p crm.Phone) bool { return p.Number != "" })
	for _, p := range c.Phones[r.phones:] {
		m.Phones = append(m.Phones, labelled{p.Number, p.Label})
	}
	r.addresses = columnItems(c.Addresses, ownAddresses, func(a crm.Address) bool { return a != crm.Address{Label: a.Label} })
	m.Addresses = c.Addresses[r.addresses:]
	r.websites = columnItems(c.Websites, ownWebsites, func(w string) bool { return w != "" })
	m.Websites = c.Websites[r.websites:]
	m.PrimaryEmail = primaryPlace(c.Emails, func(e crm.Email) bool { return e.Primary })
	m.PrimaryPhone = primaryPlace(c.Phones, func(p crm.Phone) bool { return p.Primary })
	m.Fields = c.Fields
	if r.tags = strings.Join(c.Tags, ", "); !slices.Equal(splitTags(r.tags, ","), c.Tags) {
		r.tags, m.Tags = "", c.Tags
	}
	if m.isZero() {
		return r, nil
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(m); err != nil {
		return r, fmt.Errorf("write custom fields: %w", err)
	}
	r.more = strings.TrimSuffix(out.String(), "\n")
	return r, nil
}

func (m more) isZero() bool {
	return len(m.Emails)+len(m.Phones)+len(m.Addresses)+len(m.Websites)+len(m.Tags)+len(m.Fields) == 0 &&
		m.PrimaryEmail == 0 && m.PrimaryPhone == 0
}

// columnItems returns how many of the first items fit columns: a blank one
// would be lost there, and those after it change places.
func columnItems[T any](list []T, columns int, fits func(T) bool) int {
	n := min(len(list), columns)
	if i := slices.IndexFunc(list[:n], func(v T) bool { return !fits(v) }); i >= 0 {
		return i
	}
	return n
}

func primaryPlace[T any](list []T, primary func(T) bool) int {
	if len(list) == 0 {
		return 0
	}
	return slices.IndexFunc(list, primary)
}

// readMore adds the surplus to what was read from the other columns; false
// when the text is not what we write.
func readMore(text string, c *crm.NewContact) bool {
	var m more
	if text != "" {
		dec := json.NewDecoder(strings.NewReader(text))
		dec.DisallowUnknownFields()
		if dec.Decode(&m) != nil {
			return false
		}
		if _, err := dec.Token(); !errors.Is(err, io.EOF) || !plainValues(m.Fields) {
			return false
		}
	}
	for _, e := range m.Emails {
		c.Emails = append(c.Emails, crm.Email{Address: e.Value, Label: e.Label})
	}
	for _, p := range m.Phones {
		c.Phones = append(c.Phones, crm.Phone{Number: p.Value, Label: p.Label})
	}
	c.Addresses = append(c.Addresses, m.Addresses...)
	c.Websites = append(c.Websites, m.Websites...)
	c.Tags = append(c.Tags, m.Tags...)
	if i := m.PrimaryEmail; i >= 0 && i < len(c.Emails) {
		c.Emails[i].Primary = true
	}
	if i := m.PrimaryPhone; i >= 0 && i < len(c.Phones) {
		c.Phones[i].Primary = true
	}
	for k, v := range m.Fields {
		setField(c, k, v)
	}
	return true
}

// plainValues reports whether all custom fields have a type that ours can have.
func plainValues(fields map[string]any) bool {
	for _, v := range fields {
		switch v.(type) {
		case string, float64, bool:
		default:
			return false
		}
	}
	return true
}

func setField(c *crm.NewContact, key string, value any) {
	if c.Fields == nil {
		c.Fields = map[string]any{}
	}
	c.Fields[key] = value
}
