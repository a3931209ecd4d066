package vcard

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/omnicrm/omnicrm/crm"
)

// writer writes cards.
type writer struct {
	w    *bufio.Writer
	line []byte
}

var _ crm.ContactWriter = (*writer)(nil)

// maxLine is how long a line may be before it is folded, in bytes without its
// end (RFC 6350, 3.2).
const maxLine = 75

// WriteContact appends a card.
func (w *writer) WriteContact(c crm.Contact) error {
	for _, s := range [...]string{"BEGIN:VCARD", "VERSION:4.0", "PRODID:" + productID} {
		w.put(s)
	}
	if !c.ID.IsZero() {
		w.put("UID:urn:uuid:", c.ID.String())
		w.put(ownPrefix, "ID:", c.ID.String())
	}
	w.put("FN:", escapeText(c.DisplayName))
	if c.GivenName != "" || c.FamilyName != "" {
		w.put("N:", escapeText(c.FamilyName), ";", escapeText(c.GivenName), ";;;")
	}
	w.text("ORG", c.Company)
	w.text("TITLE", c.JobTitle)
	w.lists(c)
	if c.Birthday != "" {
		w.put("BDAY:", basicDate(c.Birthday))
	}
	if len(c.Tags) > 0 {
		tags := make([]string, len(c.Tags))
		for i, t := range c.Tags {
			tags[i] = escapeText(t)
		}
		w.put("CATEGORIES:", strings.Join(tags, ","))
	}
	w.text("NOTE", c.Notes)
	w.text(ownPrefix+"STAGE", string(c.Stage))
	w.text(ownPrefix+"SOURCE", c.Source)
	w.text(ownPrefix+"SOURCE-ID", c.SourceID)
	w.fields(c.Fields)
	if err := w.record(c); err != nil {
		return fmt.Errorf("write card of contact %s: %w", c.ID, err)
	}
	if !c.UpdatedAt.IsZero() {
		w.put("REV:", c.UpdatedAt.UTC().Format("20060102T150405Z"))
	}
	w.put("END:VCARD")
	if _, err := w.w.Write(nil); err != nil { // the writer keeps its first error
		return fmt.Errorf("write card of contact %s: %w", c.ID, err)
	}
	return nil
}

// Close flushes the last cards.
func (w *writer) Close() error {
	if err := w.w.Flush(); err != nil {
		return fmt.Errorf("write vcard: %w", err)
	}
	return nil
}

// lists writes what a contact can have several of. A label that is not a type
// of vCard's stands in the property's group, as Apple writes it.
func (w *writer) lists(c crm.Contact) {
	group := 0
	labelled := func(name, label string, primary bool, value ...string) {
		head, types, standard := name, typesOf(label), true
		if label != "" && types == "" {
			group++
			head, standard = "item"+strconv.Itoa(group)+"."+name, false
		}
		if types != "" {
			head += ";TYPE=" + types
		}
		if primary {
			head += ";PREF=1"
		}
		w.put(append([]string{head, ":"}, value...)...)
		if !standard {
			w.put("item", strconv.Itoa(group), ".X-ABLabel:", escapeText(label))
		}
	}
	for _, e := range c.Emails {
		labelled("EMAIL", e.Label, e.Primary, escapeText(e.Address))
	}
	for _, p := range c.Phones {
		labelled("TEL", p.Label, p.Primary, escapeText(p.Number))
	}
	for _, a := range c.Addresses {
		labelled("ADR", a.Label, false, ";;", escapeText(a.Street), ";", escapeText(a.City), ";", escapeText(a.Region), ";",
			escapeText(a.PostalCode), ";", escapeText(a.Country))
	}
	for _, u := range c.Websites {
		w.put("URL:", escapeText(u))
	}
}

// typesOf returns the types of labels that vCard has types for, else "".
func typesOf(label string) string {
	switch label {
	case "work", "home", "fax", "pager":
		return label
	case "mobile":
		return "cell"
	case "work fax":
		return "work,fax"
	case "home fax":
		return "home,fax"
	}
	return ""
}

// fields writes the custom fields by key.
func (w *writer) fields(fields map[string]any) {
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		var kind, text string
		switch v := fields[key].(type) {
		case string:
			kind, text = "string", v
		case float64:
			kind, text = "number", strconv.FormatFloat(v, 'g', -1, 64)
		case bool:
			kind, text = "bool", strconv.FormatBool(v)
		default:
			continue
		}
		w.put(ownPrefix, "FIELD:", escapeText(key), ";", kind, ";", escapeText(text))
	}
}

// record writes the whole contact as JSON where vCard cannot write its text.
func (w *writer) record(c crm.Contact) error {
	if !hasControls(c) {
		return nil
	}
	var out bytes.Buffer
	lines, err := crm.JSONLines{}.NewWriter(&out)
	if err != nil {
		return err
	}
	if err := lines.WriteContact(c); err != nil {
		return err
	}
	if err := lines.Close(); err != nil {
		return err
	}
	w.put(ownPrefix, "RECORD:", escapeText(strings.TrimSpace(out.String())))
	return nil
}

// hasControls reports whether a text that may have several lines holds control
// characters other than a line feed or tab.
func hasControls(c crm.Contact) bool {
	texts := []string{c.DisplayName, c.GivenName, c.FamilyName, c.Company, c.JobTitle, c.Birthday, c.Notes, c.Source, c.SourceID}
	texts = append(append(texts, c.Websites...), c.Tags...)
	for _, e := range c.Emails {
		texts = append(texts, e.Address, e.Label)
	}
	for _, p := range c.Phones {
		texts = append(texts, p.Number, p.Label)
	}
	for _, a := range c.Addresses {
		texts = append(texts, a.Label, a.Street, a.City, a.Region, a.PostalCode, a.Country)
	}
	for k, v := range c.Fields {
		s, _ := v.(string)
		texts = append(texts, k, s)
	}
	return slices.ContainsFunc(texts, func(s string) bool {
		return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f })
	})
}

// basicDate writes a birthday as vCard 4.0 does: 19581013 or --1013.
func basicDate(day string) string {
	if rest, ok := strings.CutPrefix(day, "--"); ok {
		return "--" + strings.ReplaceAll(rest, "-", "")
	}
	return strings.ReplaceAll(day, "-", "")
}

// text writes a property unless it is blank.
func (w *writer) text(name, value string) {
	if value != "" {
		w.put(name, ":", escapeText(value))
	}
}

// put writes a content line, folded.
func (w *writer) put(parts ...string) {
	w.line = w.line[:0]
	for _, p := range parts {
		w.line = append(w.line, p...)
	}
	rest, room := w.line, maxLine
	for len(rest) > room {
		n := room
		for n > 0 && !utf8.RuneStart(rest[n]) {
			n--
		}
		if n == 0 { // not UTF-8 at all
			n = room
		}
		_, _ = w.w.Write(rest[:n])
		_, _ = w.w.WriteString("\r\n ")
		rest, room = rest[n:], maxLine-1
	}
	_, _ = w.w.Write(rest)
	_, _ = w.w.WriteString("\r\n")
}

// escaper writes the escapes of RFC 6350, 3.4. A Replacer is safe for
// parallel use.
var escaper = strings.NewReplacer(`\`, `\\`, ",", `\,`, ";", `\;`, "\r\n", `\n`, "\n", `\n`, "\r", `\n`)

// escapeText writes a text value.
func escapeText(s string) string { return escaper.Replace(s) }
