package sqlkit

import (
	"fmt"

	"github.com/omnicrm/omnicrm/crm"
)

// DecodeContactDoc reads what [AppendContactDoc] or [AppendContactImage] wrote
// into c and leaves the other fields of c as they are. Keys it does not know
// are skipped, so that an older program reads a newer document. The texts of c
// share the memory of doc.
func DecodeContactDoc(doc string, c *crm.Contact) error {
	r := jsonReader{s: doc}
	r.object(func(key string) {
		if !decodeText(&r, key, c) && !decodeList(&r, key, c) && !decodeImage(&r, key, c) {
			r.skip(0)
		}
	})
	r.end()
	if r.err != nil {
		return fmt.Errorf("contact document: %w", r.err)
	}
	return nil
}

func decodeText(r *jsonReader, key string, c *crm.Contact) bool {
	var field *string
	switch key {
	case "n":
		field = &c.DisplayName
	case "g":
		field = &c.GivenName
	case "f":
		field = &c.FamilyName
	case "c":
		field = &c.Company
	case "j":
		field = &c.JobTitle
	case "b":
		field = &c.Birthday
	case "o":
		field = &c.Notes
	case "i":
		field = &c.SourceID
	case "S":
		field = &c.Source
	case "s":
		field = (*string)(&c.Stage)
	default:
		return false
	}
	*field = r.text()
	return true
}

func decodeList(r *jsonReader, key string, c *crm.Contact) bool {
	switch key {
	case "e":
		r.array(func() {
			var e crm.Email
			primary := r.row(&e.Address, &e.Label)
			e.Primary = primary == 1
			c.Emails = append(c.Emails, e)
		})
	case "p":
		r.array(func() {
			var p crm.Phone
			primary := r.row(&p.Number, &p.E164, &p.Label)
			p.Primary = primary == 1
			c.Phones = append(c.Phones, p)
		})
	case "a":
		r.array(func() {
			var a crm.Address
			r.row(&a.Label, &a.Street, &a.City, &a.Region, &a.PostalCode, &a.Country)
			c.Addresses = append(c.Addresses, a)
		})
	case "w":
		r.array(func() { c.Websites = append(c.Websites, r.text()) })
	case "t":
		r.array(func() { c.Tags = append(c.Tags, r.text()) })
	case "x":
		c.Fields = map[string]any{}
		r.object(func(name string) { c.Fields[name] = r.scalar() })
	default:
		return false
	}
	return true
}

func decodeImage(r *jsonReader, key string, c *crm.Contact) bool {
	switch key {
	case "I":
		id, err := crm.ParseID(r.text())
		if err != nil {
			r.fail("an id")
		}
		c.ID = id
	case "r":
		score := int(r.integer())
		c.Score = &score
	case "V":
		c.Version = r.integer()
	case "P":
		c.PeakVersion = r.integer()
	case "C":
		c.CreatedAt = crm.FromMicros(r.integer())
	case "U":
		c.UpdatedAt = crm.FromMicros(r.integer())
	case "D":
		c.DeletedAt = crm.FromMicros(r.integer())
	case "L":
		c.LastInteractionAt = crm.FromMicros(r.integer())
	default:
		return false
	}
	return true
}
