package crm

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"

	"github.com/omnicrm/omnicrm/crm/textindex"
)

// maxKeyValue bounds what is indexed of a custom field's value, in bytes.
const maxKeyValue = 200

// FoldKey returns the form in which tags and custom field values are compared: folded, without outer blanks, inner blanks as one space.
func FoldKey(s string) string {
	s = textindex.Fold(s)
	if !strings.ContainsFunc(s, unicode.IsSpace) { // as nearly all tags
		return s
	}
	return strings.Join(strings.Fields(s), " ")
}

// SourceKey returns the key of a source and its own id.
func SourceKey(source, sourceID string) ContactKey {
	return ContactKey{KeySource, source + "\x00" + sourceID}
}

// EmailKey returns the key of an address.
func EmailKey(address string) ContactKey { return ContactKey{KeyEmail, strings.ToLower(address)} }

// PhoneKey returns the key of a number together with the name it belongs to:
// offices share phones, so a number alone finds nobody, and the words of the
// name count in any order.
func PhoneKey(e164, displayName string) ContactKey {
	words := textindex.Words(displayName)
	slices.Sort(words)
	return ContactKey{KeyPhone, e164 + "\x00" + strings.Join(words, " ")}
}

// FieldKey returns the key of a custom field's value.
func FieldKey(key string, value any) ContactKey {
	return ContactKey{KeyField, key + "\x00" + FieldValueKey(value)}
}

// FieldValueKey returns the folded form of a custom field's value, cut at 200
// bytes: what field filters compare.
func FieldValueKey(value any) string { return cutBytes(FoldKey(fieldText(value)), maxKeyValue) }

func fieldText(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// cutBytes shortens s to at most n bytes without cutting a character.
func cutBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}

// SortValue returns the contact's value of a sort key as bytes that compare
// like the values: the NameKey for SortDisplayName, else 8 bytes big-endian.
// Absent values come before all others.
func SortValue(c Contact, by ContactSort) []byte {
	switch by {
	case SortDisplayName:
		return NameKey(c.DisplayName)
	case SortUpdatedAt:
		return sortNumber(Micros(c.UpdatedAt))
	case SortLastInteractionAt:
		return sortNumber(Micros(c.LastInteractionAt))
	case SortScore:
		return sortNumber(ScoreNumber(c.Score))
	default:
		return sortNumber(Micros(c.CreatedAt))
	}
}

// sortNumber flips the sign bit, so that negative numbers compare below.
func sortNumber(n int64) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(n)^1<<63) //nolint:gosec // The bits are meant, not the number.
}

// SortNumber is the inverse of [SortValue] for every key but SortDisplayName;
// false when the bytes are no such value.
func SortNumber(value []byte) (int64, bool) {
	if len(value) != 8 {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(value) ^ 1<<63), true //nolint:gosec // The bits are meant, not the number.
}

// absentNumber stands for an absent time or score where stores and indexes
// sort by a number: below every real one.
const absentNumber = -1 << 62

// Micros returns the time in microseconds since 1970, the unit of stores and
// indexes; an absent time is below every real one.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return absentNumber
	}
	return t.UnixMicro()
}

// FromMicros is the inverse of [Micros]; the time is in UTC.
func FromMicros(n int64) time.Time {
	if n == absentNumber {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// ScoreNumber returns the score, or for nil a number below every score.
func ScoreNumber(score *int) int64 {
	if score == nil {
		return absentNumber
	}
	return int64(*score)
}

// collators are costly to make and not safe for parallel use.
type collator struct {
	c   *collate.Collator
	buf collate.Buffer
}

var collators = sync.Pool{New: func() any {
	return &collator{c: collate.New(language.Und, collate.Loose)}
}}

// NameKey returns the sort key of a display name: bytes that compare as people
// sort names, without case and accents (the root collation of CLDR, primary
// weights only). Every store compares these bytes, so that the order is the
// same everywhere.
func NameKey(name string) []byte { return appendNameKey([]byte{}, name) }

func appendNameKey(dst []byte, name string) []byte {
	c := collators.Get().(*collator) //nolint:forcetypeassert // The pool holds nothing else.
	defer collators.Put(c)
	c.buf.Reset()
	return append(dst, c.c.KeyFromString(&c.buf, name)...)
}

// NewContactWrite prepares a contact for a store; expect is the version that
// the stored row must have, 0 for a new contact. The contact must be valid.
func NewContactWrite(c Contact, expect int64) ContactWrite {
	return derive(c).write(c, expect)
}

// derived is what a store needs of a contact's content beside the content.
// Imports make it ahead of the transaction.
type derived struct {
	nameKey    []byte
	searchText string
	keys       []ContactKey
	// match are those of the keys that the matching rule looks at.
	match []ContactKey
}

func derive(c Contact) *derived {
	d := &derived{nameKey: NameKey(c.DisplayName), searchText: searchText(c), keys: contactKeys(c)}
	// The kinds are in order, and those of the rule come first.
	d.match = d.keys
	if at := slices.IndexFunc(d.keys, func(k ContactKey) bool { return k.Kind > KeyPhone }); at >= 0 {
		d.match = d.keys[:at:at]
	}
	return d
}

// write makes the row of a contact with this content.
func (d *derived) write(c Contact, expect int64) ContactWrite {
	return ContactWrite{Contact: c, Expect: expect, NameKey: d.nameKey, SearchText: d.searchText, Keys: d.keys}
}

func contactKeys(c Contact) []ContactKey {
	keys := make([]ContactKey, 0, 1+len(c.Emails)+len(c.Phones)+len(c.Tags)+len(c.Fields))
	if c.SourceID != "" {
		keys = append(keys, SourceKey(c.Source, c.SourceID))
	}
	for _, e := range c.Emails {
		keys = append(keys, EmailKey(e.Address))
	}
	for _, p := range c.Phones {
		if p.E164 != "" {
			keys = append(keys, PhoneKey(p.E164, c.DisplayName))
		}
	}
	for _, t := range c.Tags {
		keys = append(keys, ContactKey{KeyTag, FoldKey(t)})
	}
	for k, v := range c.Fields {
		keys = append(keys, FieldKey(k, v))
	}
	slices.SortFunc(keys, compareKeys)
	return slices.Compact(keys)
}

func compareKeys(a, b ContactKey) int {
	if a.Kind != b.Kind {
		return int(a.Kind) - int(b.Kind)
	}
	return strings.Compare(a.Value, b.Value)
}

// searchText joins the folded words of everything that search covers.
func searchText(c Contact) string {
	var b strings.Builder
	add := func(s string) {
		for _, w := range textindex.Words(s) {
			b.WriteByte(' ')
			b.WriteString(w)
		}
	}
	for _, s := range []string{c.DisplayName, c.GivenName, c.FamilyName, c.Company, c.Notes} {
		add(s)
	}
	for _, e := range c.Emails {
		b.WriteByte(' ')
		b.WriteString(textindex.Fold(e.Address))
	}
	for _, p := range c.Phones {
		b.WriteByte(' ')
		b.WriteString(digitsOf(p.Number))
		b.WriteByte(' ')
		b.WriteString(strings.TrimPrefix(p.E164, "+"))
	}
	for _, t := range c.Tags {
		add(t)
	}
	return strings.TrimSpace(b.String())
}

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}
