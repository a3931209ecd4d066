package crm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// jsonReading turns a parsed line into a record.
type jsonReading struct {
	rec                        ImportRecord
	primaryEmail, primaryPhone string
}

// readContactJSON reads one line: a contact, or with occurredAt an interaction.
func readContactJSON(line string) ImportRecord {
	v, problem := parseJSON(line)
	if problem != nil {
		return ImportRecord{Problems: []FieldError{*problem}}
	}
	var r jsonReading
	if v.kind != jsonObject {
		r.problem("record", "must be a JSON object")
		return r.rec
	}
	if slices.ContainsFunc(v.members, func(m jsonMember) bool { return m.key == interactionMark }) {
		r.readInteraction(v)
		return r.rec
	}
	for _, m := range v.members {
		r.member(m.key, m.value)
	}
	r.primaries()
	return r.rec
}

func (r *jsonReading) problem(field, message string) {
	r.rec.Problems = append(r.rec.Problems, FieldError{Field: cutBytes(field, maxKeyValue), Code: CodeInvalid, Message: message})
}

// member reads one key of the contact.
func (r *jsonReading) member(key string, v jsonValue) {
	c := &r.rec.Contact
	switch key {
	case "id":
		r.id(v)
	case "displayName":
		c.DisplayName = r.text(key, v)
	case "givenName":
		c.GivenName = r.text(key, v)
	case "familyName":
		c.FamilyName = r.text(key, v)
	case "company":
		c.Company = r.text(key, v)
	case "jobTitle":
		c.JobTitle = r.text(key, v)
	case "birthday":
		c.Birthday = r.text(key, v)
	case "stage":
		c.Stage = Stage(r.text(key, v))
	case "notes":
		c.Notes = r.text(key, v)
	case "source":
		c.Source = r.text(key, v)
	case "sourceId":
		c.SourceID = r.text(key, v)
	case "primaryEmail":
		r.primaryEmail = r.text(key, v)
	case "primaryPhone":
		r.primaryPhone = r.text(key, v)
	case "websites":
		c.Websites = r.texts(key, v)
	case "tags":
		c.Tags = r.texts(key, v)
	case "emails", "phones", "addresses":
		r.objects(key, v)
	case "fields":
		r.fields(v)
	case "score", "lastInteractionAt", "createdAt", "updatedAt", "deletedAt", "version":
		// Derived: ours to make, not a file's to say.
	default:
		r.extra(key, v)
	}
}

func (r *jsonReading) id(v jsonValue) {
	text := r.text("id", v)
	if text == "" {
		return
	}
	id, err := ParseID(text)
	if err != nil {
		r.problem("id", "must be a UUID; leave it out for a new contact")
		return
	}
	r.rec.ID = id
}

// text reads a string; null is blank.
func (r *jsonReading) text(field string, v jsonValue) string {
	if v.kind != jsonString && v.kind != jsonNull {
		r.problem(field, "must be a string or null")
		return ""
	}
	if v.kind == jsonNull {
		return ""
	}
	return v.text
}

func (r *jsonReading) truth(field string, v jsonValue) bool {
	if v.kind != jsonBool && v.kind != jsonNull {
		r.problem(field, "must be true or false")
	}
	return v.text == "true" && v.kind == jsonBool
}

func (r *jsonReading) items(field string, v jsonValue) []jsonMember {
	if v.kind != jsonArray && v.kind != jsonNull {
		r.problem(field, "must be an array")
		return nil
	}
	return v.members
}

func (r *jsonReading) texts(field string, v jsonValue) []string {
	var list []string
	for i, item := range r.items(field, v) {
		at := field + "[" + strconv.Itoa(i) + "]"
		if item.value.kind != jsonString {
			r.problem(at, "must be a string")
			continue
		}
		list = append(list, item.value.text)
	}
	return list
}

// objects reads the emails, phones or addresses.
func (r *jsonReading) objects(field string, v jsonValue) {
	c := &r.rec.Contact
	for i, m := range r.items(field, v) {
		at, item := field+"["+strconv.Itoa(i)+"]", m.value
		if item.kind != jsonObject {
			r.problem(at, "must be an object")
			continue
		}
		switch field {
		case "emails":
			c.Emails = append(c.Emails, r.email(at, item))
		case "phones":
			c.Phones = append(c.Phones, r.phone(at, item))
		case "addresses":
			c.Addresses = append(c.Addresses, r.address(at, item))
		}
	}
}

func (r *jsonReading) email(at string, v jsonValue) Email {
	var e Email
	for _, m := range v.members {
		switch path := at + "." + m.key; m.key {
		case "address":
			e.Address = r.text(path, m.value)
		case "label":
			e.Label = r.text(path, m.value)
		case "primary":
			e.Primary = r.truth(path, m.value)
		default:
			r.extra(path, m.value)
		}
	}
	return e
}

func (r *jsonReading) phone(at string, v jsonValue) Phone {
	var p Phone
	for _, m := range v.members {
		switch path := at + "." + m.key; m.key {
		case "number":
			p.Number = r.text(path, m.value)
		case "label":
			p.Label = r.text(path, m.value)
		case "primary":
			p.Primary = r.truth(path, m.value)
		case "e164": // derived
		default:
			r.extra(path, m.value)
		}
	}
	return p
}

func (r *jsonReading) address(at string, v jsonValue) Address {
	var a Address
	for _, m := range v.members {
		switch path := at + "." + m.key; m.key {
		case "label":
			a.Label = r.text(path, m.value)
		case "street":
			a.Street = r.text(path, m.value)
		case "city":
			a.City = r.text(path, m.value)
		case "region":
			a.Region = r.text(path, m.value)
		case "postalCode":
			a.PostalCode = r.text(path, m.value)
		case "country":
			a.Country = r.text(path, m.value)
		default:
			r.extra(path, m.value)
		}
	}
	return a
}

// fields reads the custom fields.
func (r *jsonReading) fields(v jsonValue) {
	if v.kind != jsonObject && v.kind != jsonNull {
		r.problem("fields", "must be an object")
		return
	}
	for _, m := range v.members {
		path := "fields." + m.key
		var value any
		switch m.value.kind {
		case jsonNull:
			continue
		case jsonString:
			value = m.value.text
		case jsonBool:
			value = m.value.text == "true"
		case jsonNumber:
			f, ok := exactNumber(m.value.text)
			if !ok {
				r.problem(path, "must be a number of at most 2^53; give longer ones as text")
				continue
			}
			value = f
		default:
			r.problem(path, "must be text, a number or true or false")
			continue
		}
		if r.rec.Contact.Fields == nil {
			r.rec.Contact.Fields = make(map[string]any, len(v.members))
		}
		r.rec.Contact.Fields[m.key] = value
	}
}

// exactNumber reads a number; false when it is an integer beyond 2^53, which
// may not be what was written, or beyond all floating-point numbers.
func exactNumber(literal string) (float64, bool) {
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil || math.IsInf(f, 0) {
		return 0, false
	}
	if strings.ContainsAny(literal, ".eE") {
		return f, true
	}
	n, err := strconv.ParseInt(literal, 10, 64)
	return f, err == nil && n <= maxExactInteger && n >= -maxExactInteger
}

// extra keeps a value that has no field.
func (r *jsonReading) extra(name string, v jsonValue) {
	value := v.text
	switch v.kind {
	case jsonNull:
		return
	case jsonArray, jsonObject:
		var out bytes.Buffer
		if err := json.Compact(&out, []byte(v.src)); err != nil {
			r.problem(name, fmt.Sprintf("is not valid JSON: %v", err))
			return
		}
		value = out.String()
	}
	if value != "" {
		r.rec.Extra = append(r.rec.Extra, ExtraValue{Name: name, Value: value})
	}
}

// primaries takes the short forms of the primary email and phone where the
// lists do not have them.
func (r *jsonReading) primaries() {
	c := &r.rec.Contact
	if a := r.primaryEmail; a != "" && !slices.ContainsFunc(c.Emails, func(e Email) bool { return e.Address == a }) {
		primary := !slices.ContainsFunc(c.Emails, func(e Email) bool { return e.Primary })
		c.Emails = append(c.Emails, Email{Address: a, Primary: primary})
	}
	if n := r.primaryPhone; n != "" && !slices.ContainsFunc(c.Phones, func(p Phone) bool { return p.Number == n }) {
		primary := !slices.ContainsFunc(c.Phones, func(p Phone) bool { return p.Primary })
		c.Phones = append(c.Phones, Phone{Number: n, Primary: primary})
	}
}
