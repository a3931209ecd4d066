package sqlkit

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/omnicrm/omnicrm/crm"
)

// A contact's document is JSON, so that it can be read with any tool, with
// short keys and without blanks or absent values, so that a million of them
// stay small. Encoder and decoder are written by hand because lists decode
// them by the thousand: the strings of a decoded contact are parts of the
// document, not copies.
//
//	n display name   g given name   f family name   c company   j job title
//	b birthday       o notes        i source id     w websites  t tags
//	e emails    [[address, label, primary 0|1], ...]
//	p phones    [[number, E.164, label, primary 0|1], ...]
//	a addresses [[label, street, city, region, postal code, country], ...]
//	x custom fields {key: string | number | bool}
//
// An image is the whole contact; it also has what a contact's row keeps in
// columns:
//
//	I id   s stage   S source   r score   V version   P peak version
//	C created   U updated   D deleted   L last interaction, in microseconds

// AppendContactDoc appends the document of what a contact's row does not keep
// in columns. A custom field that is no string, finite number or bool is a
// *crm.ValidationError that names it.
func AppendContactDoc(dst []byte, c crm.Contact) ([]byte, error) {
	w := docWriter{buf: append(dst, '{'), first: true}
	w.contact(c)
	w.buf = append(w.buf, '}')
	return w.buf, w.err
}

// AppendContactImage appends the document of the whole contact, under the same
// rules as [AppendContactDoc].
func AppendContactImage(dst []byte, c crm.Contact) ([]byte, error) {
	w := docWriter{buf: append(dst, '{'), first: true}
	w.text("I", c.ID.String())
	w.text("s", string(c.Stage))
	w.text("S", c.Source)
	if c.Score != nil {
		w.number("r", int64(*c.Score))
	}
	w.number("V", c.Version)
	w.number("P", c.PeakVersion)
	w.number("C", crm.Micros(c.CreatedAt))
	w.number("U", crm.Micros(c.UpdatedAt))
	w.number("D", crm.Micros(c.DeletedAt))
	w.number("L", crm.Micros(c.LastInteractionAt))
	w.contact(c)
	w.buf = append(w.buf, '}')
	return w.buf, w.err
}

type docWriter struct {
	buf   []byte
	first bool
	err   error
}

func (w *docWriter) contact(c crm.Contact) {
	w.text("n", c.DisplayName)
	w.text("g", c.GivenName)
	w.text("f", c.FamilyName)
	w.list("e", len(c.Emails), func(i int) {
		e := c.Emails[i]
		w.strings(e.Address, e.Label)
		w.flag(e.Primary)
	})
	w.list("p", len(c.Phones), func(i int) {
		p := c.Phones[i]
		w.strings(p.Number, p.E164, p.Label)
		w.flag(p.Primary)
	})
	w.text("c", c.Company)
	w.text("j", c.JobTitle)
	w.list("a", len(c.Addresses), func(i int) {
		a := c.Addresses[i]
		w.strings(a.Label, a.Street, a.City, a.Region, a.PostalCode, a.Country)
		w.buf = append(w.buf, ']')
	})
	w.texts("w", c.Websites)
	w.text("b", c.Birthday)
	w.texts("t", c.Tags)
	w.text("o", c.Notes)
	w.text("i", c.SourceID)
	w.fields(c.Fields)
}

func (w *docWriter) key(k string) {
	if !w.first {
		w.buf = append(w.buf, ',')
	}
	w.first = false
	w.buf = append(w.buf, '"')
	w.buf = append(w.buf, k...)
	w.buf = append(w.buf, '"', ':')
}

func (w *docWriter) text(k, s string) {
	if s == "" {
		return
	}
	w.key(k)
	w.buf = appendQuoted(w.buf, s)
}

func (w *docWriter) number(k string, n int64) {
	w.key(k)
	w.buf = strconv.AppendInt(w.buf, n, 10)
}

func (w *docWriter) texts(k string, list []string) {
	w.list(k, len(list), func(i int) { w.buf = appendQuoted(w.buf, list[i]) })
}

func (w *docWriter) list(k string, n int, item func(i int)) {
	if n == 0 {
		return
	}
	w.key(k)
	w.buf = append(w.buf, '[')
	for i := range n {
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		item(i)
	}
	w.buf = append(w.buf, ']')
}

// strings opens a row of a list with its texts.
func (w *docWriter) strings(texts ...string) {
	w.buf = append(w.buf, '[')
	for i, s := range texts {
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		w.buf = appendQuoted(w.buf, s)
	}
}

// flag ends a row of a list with its flag.
func (w *docWriter) flag(on bool) {
	if on {
		w.buf = append(w.buf, ",1]"...)
	} else {
		w.buf = append(w.buf, ",0]"...)
	}
}

func (w *docWriter) fields(fields map[string]any) {
	if len(fields) == 0 {
		return
	}
	w.key("x")
	w.buf = append(w.buf, '{')
	for i, k := range slices.Sorted(maps.Keys(fields)) {
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		w.buf = append(appendQuoted(w.buf, k), ':')
		w.value(k, fields[k])
	}
	w.buf = append(w.buf, '}')
}

func (w *docWriter) value(k string, v any) {
	switch v := v.(type) {
	case string:
		w.buf = appendQuoted(w.buf, v)
		return
	case bool:
		w.buf = strconv.AppendBool(w.buf, v)
		return
	case float64:
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			w.buf = strconv.AppendFloat(w.buf, v, 'g', -1, 64)
			return
		}
	}
	w.buf = append(w.buf, "null"...)
	w.err = crm.Invalid(fmt.Sprintf("fields.%s", k), crm.CodeInvalid, "must be a text, a finite number or a yes or no")
}

// appendQuoted appends s as a JSON string. Bytes that are no valid UTF-8 stay
// as they are, so that a store returns what it was given.
func appendQuoted(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := range len(s) {
		b := s[i]
		if b >= 0x20 && b != '"' && b != '\\' {
			continue
		}
		dst = append(dst, s[start:i]...)
		start = i + 1
		switch b {
		case '"', '\\':
			dst = append(dst, '\\', b)
		case '\n':
			dst = append(dst, '\\', 'n')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[b>>4], hex[b&0xf])
		}
	}
	return append(append(dst, s[start:]...), '"')
}
