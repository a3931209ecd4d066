package crm

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// keepExtras puts values without a field of ours into custom fields, and what
// those cannot take into the notes, and returns their names. What is longer
// than a field goes on in the next one ("bio", "bio_2"); lost says of what
// nothing could take how much was left out.
func keepExtras(in *NewContact, extras []ExtraValue) (kept []string, lost []FieldError) {
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
		if splitExtra(in, key, strings.TrimSpace(x.Value)) {
			continue
		}
		if left := noteExtra(in, x.Name+": "+strings.TrimSpace(x.Value)); left > 0 {
			lost = append(lost, FieldError{
				Field: x.Name, Code: CodeTooLong, Message: fmt.Sprintf("is longer than custom fields and notes can take; the last %d characters were left out", left),
			})
		}
	}
	return kept, lost
}

// splitExtra writes a value beyond the length of a field into several, if
// there is room for all of them.
func splitExtra(in *NewContact, key, value string) bool {
	runes := []rune(value)
	parts := (len(runes) + MaxFieldValue - 1) / MaxFieldValue
	if key == "" || parts < 2 || len(in.Fields)+parts > MaxFields {
		return false
	}
	keys := make([]string, parts)
	for i := range keys {
		keys[i] = key
		if i > 0 {
			suffix := "_" + strconv.Itoa(i+1)
			keys[i] = cutRunes(key, MaxFieldKey-len(suffix)) + suffix
		}
		if _, taken := in.Fields[keys[i]]; taken || !ValidFieldKey(keys[i]) {
			return false
		}
	}
	if in.Fields == nil {
		in.Fields = map[string]any{}
	}
	for i, key := range keys {
		in.Fields[key] = string(runes[i*MaxFieldValue : min((i+1)*MaxFieldValue, len(runes))])
	}
	return true
}

// noteExtra adds a line to the notes as far as they take it, and returns how
// many characters they did not.
func noteExtra(in *NewContact, line string) int {
	notes := strings.TrimSpace(in.Notes + "\n" + line)
	room := max(MaxNotes, utf8.RuneCountInString(in.Notes)) // Too long notes are the notes' own problem.
	in.Notes = cutRunes(notes, room)
	return max(0, utf8.RuneCountInString(notes)-room)
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
