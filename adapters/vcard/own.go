package vcard

import (
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/omnicrm/omnicrm/crm"
)

// ownPrefix begins the names of our own properties.
const ownPrefix = "X-OMNICRM-"

// ownProperty reads one of our own properties; false when it does not hold
// what we write, and is to be kept as it stands.
func (r *reading) ownProperty(p *property) bool {
	c := &r.rec.Contact
	v := r.text(p)
	switch strings.TrimPrefix(p.name, ownPrefix) {
	case "ID":
		id, err := crm.ParseID(v)
		if err != nil {
			r.rec.Problems = append(r.rec.Problems, crm.FieldError{
				Field: p.name, Code: crm.CodeInvalid, Message: "must be the id of one of our exports; take the line out for a new contact",
			})
			return true
		}
		r.rec.ID = id
	case "SOURCE":
		c.Source = v
	case "SOURCE-ID":
		c.SourceID = v
	case "STAGE":
		c.Stage = crm.Stage(v)
	case "FIELD":
		return r.ownField(split(p.text(), ';'))
	case "RECORD":
		r.record = v
	default:
		return false
	}
	return true
}

// ownField reads "key;type;value".
func (r *reading) ownField(parts []string) bool {
	if len(parts) != 3 {
		return false
	}
	var value any
	text := unescape(parts[2], false)
	switch parts[1] {
	case "string":
		value = text
	case "number":
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return false
		}
		value = n
	case "bool":
		b, err := strconv.ParseBool(text)
		if err != nil {
			return false
		}
		value = b
	default:
		return false
	}
	if r.rec.Contact.Fields == nil {
		r.rec.Contact.Fields = map[string]any{}
	}
	r.rec.Contact.Fields[unescape(parts[0], false)] = value
	return true
}

// finishOwn takes the whole contact from X-OMNICRM-RECORD where it is there.
func (r *reading) finishOwn() {
	if r.record == "" {
		return
	}
	lines, err := crm.JSONLines{}.NewReader(strings.NewReader(r.record), crm.ReadOptions{MaxRecord: len(r.record) + 1})
	if err == nil {
		var rec crm.ImportRecord
		if rec, err = lines.Next(); err == nil && len(rec.Problems) == 0 {
			rec.Extra = append(r.rec.Extra, rec.Extra...)
			r.rec = rec
			return
		}
	}
	if err == nil || !errors.Is(err, io.EOF) {
		r.extra(ownPrefix+"RECORD", r.record)
	}
}
