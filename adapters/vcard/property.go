package vcard

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"

	"github.com/omnicrm/omnicrm/adapters/internal/contactfile"
)

// property is one content line of a card.
type property struct {
	group, name string // the name in upper case
	params      []param
	value       []byte // as it stands in the line
	// size is the length of the value, also where value is only its beginning.
	size int64
	cut  bool
	enc  contactfile.Encoding
	// odd is what is to be told of the value's encoding, once it has been read.
	odd string
}

type param struct{ name, value string } // the name in upper case

// parseProperty reads a content line; false when it has no colon.
func parseProperty(line []byte) (property, bool) {
	colon := indexUnquoted(line, ':')
	if colon < 0 { // a quote that is not closed, as 2.1 may have it
		colon = bytes.IndexByte(line, ':')
	}
	if colon < 0 {
		return property{}, false
	}
	p := property{name: strings.ToUpper(string(nameBytes(line))), value: line[colon+1:]}
	head := line[:colon]
	for first := true; len(head) > 0; first = false {
		end := indexUnquoted(head, ';')
		part := head
		if end < 0 {
			head = nil
		} else {
			part, head = head[:end], head[end+1:]
		}
		if !first {
			p.addParam(contactfile.Text(bytes.TrimSpace(part)))
			continue
		}
		if dot := bytes.IndexByte(part, '.'); dot >= 0 {
			p.group = strings.ToLower(string(bytes.TrimSpace(part[:dot])))
		}
	}
	return p, true
}

// indexUnquoted returns where c stands outside quotes, or -1.
func indexUnquoted[T []byte | string](b T, c byte) int {
	quoted := false
	for i := range len(b) {
		switch x := b[i]; {
		case x == '"':
			quoted = !quoted
		case x == c && !quoted:
			return i
		}
	}
	return -1
}

// addParam reads "TYPE=work,voice", and 2.1's bare "WORK".
func (p *property) addParam(text string) {
	name, value, ok := strings.Cut(text, "=")
	if !ok {
		switch value = text; strings.ToUpper(text) {
		case "":
			return
		case "QUOTED-PRINTABLE", "BASE64", "B", "7BIT", "8BIT":
			name = "ENCODING"
		default:
			name = "TYPE"
		}
	}
	name = strings.ToUpper(strings.TrimSpace(name))
	for value != "" {
		end := indexUnquoted(value, ',')
		one := value
		if end < 0 {
			value = ""
		} else {
			one, value = value[:end], value[end+1:]
		}
		one = strings.TrimSpace(strings.ReplaceAll(one, `"`, ""))
		if name == "TYPE" && strings.Contains(one, ",") { // TYPE="work,voice"
			for part := range strings.SplitSeq(one, ",") {
				p.params = append(p.params, param{name, part})
			}
			continue
		}
		p.params = append(p.params, param{name, caret.Replace(one)})
	}
}

// caret undoes the escapes of RFC 6868. A Replacer is safe for parallel use.
var caret = strings.NewReplacer("^n", "\n", "^N", "\n", "^'", `"`, "^^", "^")

// get returns the first value of a parameter, or "".
func (p *property) get(name string) string {
	for _, x := range p.params {
		if x.name == name {
			return x.value
		}
	}
	return ""
}

// pref returns the rank of the property among its like, 1 the first; 0 for none.
func (p *property) pref() int {
	for _, x := range p.params {
		if x.name == "TYPE" && strings.EqualFold(x.value, "pref") {
			return 1
		}
		if x.name == "PREF" {
			if n, err := strconv.Atoi(x.value); err == nil && n >= 1 && n <= 100 {
				return n
			}
		}
	}
	return 0
}

// label returns the types of the property that say something.
func (p *property) label() string {
	var words []string
	for _, x := range p.params {
		if x.name != "TYPE" {
			continue
		}
		word := strings.TrimPrefix(strings.ToLower(x.value), "x-")
		switch word {
		case "", "pref", "voice", "internet", "dom", "intl", "postal", "parcel", "text", "x400":
			continue
		case "cell":
			word = "mobile"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// text returns the value with its transfer encoding and charset undone, but
// its escapes as they stand.
func (p *property) text() string {
	raw := p.value
	switch strings.ToUpper(p.get("ENCODING")) {
	case "QUOTED-PRINTABLE", "Q":
		raw = unquote(raw)
	case "BASE64", "B":
		plain, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(raw)), ""))
		if err == nil && utf8.Valid(plain) {
			raw = plain
		}
	}
	name := p.get("CHARSET")
	if isASCII(raw) {
		return string(raw)
	}
	p.odd = p.enc.Odd(raw)
	if name == "" {
		return contactfile.Text(raw)
	}
	if strings.EqualFold(name, "UTF-8") {
		p.odd = contactfile.UTF8.Odd(raw)
		return contactfile.Text(raw)
	}
	enc, err := htmlindex.Get(name)
	if err != nil {
		p.odd = fmt.Sprintf("has the charset %q, which is not known here, and was read as %s; look whether the text is right", name, readAs(raw))
		return contactfile.Text(raw)
	}
	text, err := enc.NewDecoder().Bytes(raw)
	if err != nil || bytes.ContainsRune(text, utf8.RuneError) {
		p.odd = fmt.Sprintf("is not in the charset %q that it names, and was read as %s; look whether the text is right", name, readAs(raw))
		return contactfile.Text(raw)
	}
	p.odd = ""
	return string(text)
}

// readAs names what [contactfile.Text] takes the bytes for.
func readAs(raw []byte) string {
	if utf8.Valid(raw) {
		return "UTF-8"
	}
	return "Windows-1252"
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf || c == 0x1b { // ISO-2022 shifts by escapes
			return false
		}
	}
	return true
}

// unquote undoes quoted-printable (RFC 2045); what is no escape stays.
func unquote(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '=' && i+2 < len(b) {
			if n, err := strconv.ParseUint(string(b[i+1:i+3]), 16, 8); err == nil {
				out = append(out, byte(n))
				i += 2
				continue
			}
		}
		out = append(out, b[i])
	}
	return bytes.ReplaceAll(out, []byte("\r\n"), []byte("\n"))
}

// unescape undoes the escapes of a text value. 2.1 knows none for line breaks.
func unescape(s string, v21 bool) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			out.WriteByte(s[i])
			continue
		}
		switch c := s[i+1]; {
		case strings.IndexByte(`\,;:`, c) >= 0:
			out.WriteByte(c)
		case (c == 'n' || c == 'N') && !v21:
			out.WriteByte('\n')
		default:
			out.WriteByte('\\')
			continue
		}
		i++
	}
	return out.String()
}

// split cuts a structured value at sep where it is not escaped. The parts keep
// their escapes.
func split(s string, sep byte) []string {
	var parts []string
	from := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case sep:
			parts = append(parts, s[from:i])
			from = i + 1
		}
	}
	return append(parts, s[from:])
}
