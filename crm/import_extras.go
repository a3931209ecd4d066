package crm

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// keepExtras puts values without a field of ours into custom fields, and what
// those cannot take into the notes, and returns their names.
func keepExtras(in *NewContact, extras []ExtraValue) []string {
	var kept []string
	for _, x := range extras {
		value := strings.TrimSpace(x.Value)
		if value == "" {
			continue
		}
		kept = append(kept, x.Name)
		key := fieldKeyFrom(x.Name)
		other, taken := in.Fields[key]
		old := fieldText(other)
		if taken && old == value {
			continue
		}
		if taken {
			value = old + "; " + value
		}
		if key != "" && utf8.RuneCountInString(value) <= MaxFieldValue && (taken || len(in.Fields) < MaxFields) {
			if in.Fields == nil {
				in.Fields = map[string]any{}
			}
			in.Fields[key] = value
			continue
		}
		in.Notes = strings.TrimSpace(in.Notes + "\n" + x.Name + ": " + strings.TrimSpace(x.Value))
	}
	return kept
}

// fieldKeyFrom makes the key of a custom field from a column's name: letters
// and digits in lower case, everything else one "_".
func fieldKeyFrom(name string) string {
	var b strings.Builder
	gap := false
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) {
			gap = b.Len() > 0
			continue
		}
		if gap {
			b.WriteByte('_')
			gap = false
		}
		b.WriteRune(unicode.ToLower(r))
	}
	key := cutRunes(b.String(), MaxFieldKey)
	if !ValidFieldKey(key) {
		return ""
	}
	return key
}
