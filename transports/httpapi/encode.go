package httpapi

import (
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/omnicrm/omnicrm/crm"
)

// Contacts are most of what the API sends, so they are written by hand: the
// same bytes as encoding/json makes of crm.ContactRecord (a test compares
// them) at a third of its cost.

// buffer is a byte slice from a pool.
type buffer struct{ bytes []byte }

var contactBuffers = sync.Pool{New: func() any { return new(buffer) }} // A pool is shared on purpose and holds no state.

func takeBuffer() *buffer {
	b := contactBuffers.Get().(*buffer) // The pool holds nothing else.
	b.bytes = b.bytes[:0]
	return b
}

func (b *buffer) free() {
	if cap(b.bytes) <= maxPooledBuffer {
		contactBuffers.Put(b)
	}
}

// writeContact sends a contact with its ETag, or 304.
func (c *call) writeContact(status int, contact crm.Contact) error {
	if c.fresh(contact.Version) {
		c.w.WriteHeader(304)
		return nil
	}
	buf := takeBuffer()
	defer buf.free()
	var err error
	if buf.bytes, err = appendContact(buf.bytes, &contact); err != nil {
		return err
	}
	buf.bytes = append(buf.bytes, '\n')
	return c.send(status, buf.bytes)
}

func appendContactList(b []byte, list *crm.ContactList, facets bool) ([]byte, error) {
	var err error
	b = append(b, `{"items":[`...)
	for i := range list.Items {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendContact(b, &list.Items[i]); err != nil {
			return b, err
		}
	}
	b = append(b, `],"total":`...)
	b = strconv.AppendInt(b, int64(list.Total), 10)
	relation := relationExact
	if !list.TotalExact {
		relation = relationAtLeast
	}
	b = append(b, `,"totalRelation":"`+relation+`","nextCursor":`...)
	b = appendTextOrNull(b, list.NextCursor)
	if facets {
		if b, err = appendMember(b, "facets", list.Facets); err != nil {
			return b, err
		}
	}
	if list.SearchBackend != "" {
		if b, err = appendMember(b, "highlights", list.Highlights); err != nil {
			return b, err
		}
		b = append(b, `,"searchBackend":`...)
		b = appendText(b, list.SearchBackend)
	}
	if list.SearchBackend != "" || list.Degraded {
		b = append(b, `,"degraded":`...)
		b = strconv.AppendBool(b, list.Degraded)
	}
	return append(b, '}', '\n'), nil
}

// appendMember adds a map, the absent one as an empty object.
func appendMember[K comparable, V any](b []byte, name string, m map[K]V) ([]byte, error) {
	b = append(b, `,"`+name+`":`...)
	if len(m) == 0 {
		return append(b, '{', '}'), nil
	}
	text, err := json.Marshal(m)
	if err != nil {
		return b, fmt.Errorf("encode %s: %w", name, err)
	}
	return append(b, text...), nil
}

func appendContact(b []byte, c *crm.Contact) ([]byte, error) {
	b = append(b, `{"id":"`...)
	b = append(b, c.ID.String()...)
	b = append(b, `","displayName":`...)
	b = appendText(b, c.DisplayName)
	b = appendNamed(b, `,"givenName":`, c.GivenName)
	b = appendNamed(b, `,"familyName":`, c.FamilyName)
	b = appendEmails(b, c.Emails)
	b = appendPhones(b, c.Phones)
	b = appendNamed(b, `,"primaryEmail":`, c.PrimaryEmail())
	b = appendNamed(b, `,"primaryPhone":`, c.PrimaryPhone())
	b = appendNamed(b, `,"company":`, c.Company)
	b = appendNamed(b, `,"jobTitle":`, c.JobTitle)
	b = appendAddresses(b, c.Addresses)
	b = appendTexts(b, `,"websites":[`, c.Websites)
	b = appendNamed(b, `,"birthday":`, c.Birthday)
	b = append(b, `,"stage":`...)
	b = appendText(b, string(c.Stage))
	b = appendTexts(b, `,"tags":[`, c.Tags)
	b = appendNamed(b, `,"notes":`, c.Notes)
	b = append(b, `,"source":`...)
	b = appendText(b, c.Source)
	b = appendNamed(b, `,"sourceId":`, c.SourceID)
	b, err := appendFields(b, c.Fields)
	if err != nil {
		return b, err
	}
	b = append(b, `,"score":`...)
	if c.Score == nil {
		b = append(b, "null"...)
	} else {
		b = strconv.AppendInt(b, int64(*c.Score), 10)
	}
	b = appendTime(b, `,"lastInteractionAt":`, c.LastInteractionAt, true)
	b = appendTime(b, `,"createdAt":`, c.CreatedAt, false)
	b = appendTime(b, `,"updatedAt":`, c.UpdatedAt, false)
	b = appendTime(b, `,"deletedAt":`, c.DeletedAt, true)
	b = append(b, `,"version":`...)
	b = strconv.AppendInt(b, c.Version, 10)
	return append(b, '}'), nil
}

func appendEmails(b []byte, list []crm.Email) []byte {
	b = append(b, `,"emails":[`...)
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"address":`...)
		b = appendText(b, list[i].Address)
		b = appendNamed(b, `,"label":`, list[i].Label)
		b = append(b, `,"primary":`...)
		b = strconv.AppendBool(b, list[i].Primary)
		b = append(b, '}')
	}
	return append(b, ']')
}

func appendPhones(b []byte, list []crm.Phone) []byte {
	b = append(b, `,"phones":[`...)
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"number":`...)
		b = appendText(b, list[i].Number)
		b = appendNamed(b, `,"e164":`, list[i].E164)
		b = appendNamed(b, `,"label":`, list[i].Label)
		b = append(b, `,"primary":`...)
		b = strconv.AppendBool(b, list[i].Primary)
		b = append(b, '}')
	}
	return append(b, ']')
}

func appendAddresses(b []byte, list []crm.Address) []byte {
	b = append(b, `,"addresses":[`...)
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendNamed(b, `{"label":`, list[i].Label)
		b = appendNamed(b, `,"street":`, list[i].Street)
		b = appendNamed(b, `,"city":`, list[i].City)
		b = appendNamed(b, `,"region":`, list[i].Region)
		b = appendNamed(b, `,"postalCode":`, list[i].PostalCode)
		b = appendNamed(b, `,"country":`, list[i].Country)
		b = append(b, '}')
	}
	return append(b, ']')
}

func appendTexts(b []byte, name string, list []string) []byte {
	b = append(b, name...)
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, s)
	}
	return append(b, ']')
}

func appendFields(b []byte, fields map[string]any) ([]byte, error) {
	b = append(b, `,"fields":`...)
	if len(fields) == 0 {
		return append(b, '{', '}'), nil
	}
	text, err := json.Marshal(fields)
	if err != nil {
		return b, fmt.Errorf("encode custom fields: %w", err)
	}
	return append(b, text...), nil
}

func appendTime(b []byte, name string, t time.Time, orNull bool) []byte {
	b = append(b, name...)
	if orNull && t.IsZero() {
		return append(b, "null"...)
	}
	b = append(b, '"')
	b = t.AppendFormat(b, time.RFC3339Nano)
	return append(b, '"')
}

func appendNamed(b []byte, name, s string) []byte {
	return appendTextOrNull(append(b, name...), s)
}

func appendTextOrNull(b []byte, s string) []byte {
	if s == "" {
		return append(b, "null"...)
	}
	return appendText(b, s)
}

// appendText writes a JSON string. The loop passes over what needs no escape
// and copies it in runs.
func appendText(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' {
				i++
				continue
			}
			b = append(b, s[start:i]...)
			switch c {
			case '"', '\\':
				b = append(b, '\\', c)
			case '\b':
				b = append(b, '\\', 'b')
			case '\f':
				b = append(b, '\\', 'f')
			case '\n':
				b = append(b, '\\', 'n')
			case '\r':
				b = append(b, '\\', 'r')
			case '\t':
				b = append(b, '\\', 't')
			default:
				b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b = append(append(b, s[start:i]...), `\ufffd`...)
			start = i + size
		case r == '\u2028' || r == '\u2029': // Line ends in JavaScript, as encoding/json has it.
			b = append(append(b, s[start:i]...), '\\', 'u', '2', '0', '2', hex[r&0xf])
			start = i + size
		}
		i += size
	}
	return append(append(b, s[start:]...), '"')
}
