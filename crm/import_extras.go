package crm

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// keepExtras puts values without a field of ours into custom fields, one that
// is too long for one into several, and what those cannot take into the notes.
// It returns the names of the values that were kept and of those that were
// not, or not to their end: no value is worth losing the contact.
func keepExtras(in *NewContact, extras []ExtraValue) (kept, dropped []string) {
	for _, x := range extras {
		value := strings.TrimSpace(x.Value)
		if value == "" {
			continue
		}
		rest := keepInFields(in, fieldKeyFrom(x.Name), value)
		left := keepInNotes(in, x.Name, rest)
		if left > 0 {
			dropped = append(dropped, fmt.Sprintf("%s (%d characters)", x.Name, left))
		}
		if left < utf8.RuneCountInString(value) {
			kept = append(kept, x.Name)
		}
	}
	return kept, dropped
}

// setAsideNotes takes what is too long for the notes out of them.
func setAsideNotes(in *NewContact) []ExtraValue {
	if len(in.Notes) <= MaxNotes {
		return nil
	}
	notes, rest := cutText(in.Notes, MaxNotes)
	in.Notes = notes
	return []ExtraValue{{Name: "notes", Value: rest}}
}

// keepInFields puts a value into the custom field of the key, behind one that is
// there, and where that would be too long into the next free ones: key_2, key_3.
// It returns what they do not take.
func keepInFields(in *NewContact, key, value string) (rest string) {
	other, taken := in.Fields[key]
	old := fieldText(other)
	switch {
	case key == "":
		return value
	case taken && old == value:
		return ""
	case taken && utf8.RuneCountInString(old)+len("; ")+utf8.RuneCountInString(value) <= MaxFieldValue:
		in.Fields[key] = old + "; " + value
		return ""
	}
	for n := 2; value != "" && len(in.Fields) < MaxFields; n++ {
		if !taken {
			var part string
			part, value = cutText(value, MaxFieldValue)
			if in.Fields == nil {
				in.Fields = map[string]any{}
			}
			in.Fields[key] = part
		}
		key = numberedKey(key, n)
		_, taken = in.Fields[key]
	}
	return value
}

// numberedKey makes key_2 of key, and key_3 of key_2.
func numberedKey(key string, n int) string {
	if n > 2 {
		key = strings.TrimSuffix(key, "_"+strconv.Itoa(n-1))
	}
	end := "_" + strconv.Itoa(n)
	return cutRunes(key, MaxFieldKey-len(end)) + end
}

// keepInNotes adds a line to the notes as far as it fits, and returns how many
// characters do not.
func keepInNotes(in *NewContact, name, value string) (left int) {
	if value == "" {
		return 0
	}
	line := strings.TrimSpace(in.Notes + "\n" + name + ": ")
	room := MaxNotes - utf8.RuneCountInString(line) - 1
	if room < 1 {
		return utf8.RuneCountInString(value)
	}
	part, rest := cutText(value, room)
	in.Notes = line + " " + part
	return utf8.RuneCountInString(rest)
}

// cutText cuts a text behind at most n characters, and not at a blank where
// there is another place near: the blank would be lost at the edge of a field.
func cutText(text string, n int) (part, rest string) {
	runes := []rune(text)
	if len(runes) <= n {
		return text, ""
	}
	at := n
	for back := 0; back < min(n-1, 100) && (unicode.IsSpace(runes[at-1]) || unicode.IsSpace(runes[at])); back++ {
		at--
	}
	return string(runes[:at]), string(runes[at:])
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
