package crm

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxJSONDepth is how deep the arrays and objects of a line may nest. A
// contact needs four levels; the rest is for values that are kept as they stand.
const maxJSONDepth = 100

// jsonKind is the type of a JSON value.
type jsonKind uint8

const (
	jsonNull jsonKind = iota
	jsonBool
	jsonNumber
	jsonString
	jsonArray
	jsonObject
)

// jsonValue is a parsed JSON value. encoding/json is not used for reading
// because it takes duplicate keys and half surrogate pairs without a word.
type jsonValue struct {
	kind jsonKind
	// text is the string, or the literal of a number or bool.
	text string
	// members are those of an object, or the items of an array without keys.
	members []jsonMember
	// src is the value as it stands in the line.
	src string
}

type jsonMember struct {
	key   string
	value jsonValue
}

// jsonParser parses one line. The strings it returns are parts of the line
// where they have no escapes.
type jsonParser struct {
	src  string
	pos  int
	path []jsonStep // to the value that is being parsed
}

// jsonStep is a key, or the index of an item where there is none.
type jsonStep struct {
	key   string
	index int
}

// parseJSON parses a line that holds exactly one value (RFC 8259, UTF-8).
func parseJSON(line string) (jsonValue, *FieldError) {
	p := &jsonParser{src: line, path: make([]jsonStep, 0, 8)}
	v, err := p.value(0)
	if err != nil {
		return v, err
	}
	p.blanks()
	if p.pos < len(p.src) {
		return v, p.fail("has text behind the JSON object; write one object in each line")
	}
	return v, nil
}

// fail names the value that is being parsed.
func (p *jsonParser) fail(message string) *FieldError {
	var b strings.Builder
	for _, step := range p.path {
		switch {
		case step.index >= 0:
			fmt.Fprintf(&b, "[%d]", step.index)
		case b.Len() > 0:
			b.WriteString("." + step.key)
		default:
			b.WriteString(step.key)
		}
	}
	field := b.String()
	if field == "" {
		field = "record"
	}
	return &FieldError{Field: cutBytes(field, maxKeyValue), Code: CodeInvalid, Message: message}
}

func (p *jsonParser) broken() *FieldError {
	if p.pos >= len(p.src) {
		return p.fail("is not complete JSON: the line ends too early")
	}
	return p.fail(fmt.Sprintf("is not valid JSON at byte %d of the line", p.pos+1))
}

func (p *jsonParser) blanks() {
	for p.pos < len(p.src) && strings.IndexByte(" \t\r\n", p.src[p.pos]) >= 0 {
		p.pos++
	}
}

func (p *jsonParser) value(depth int) (jsonValue, *FieldError) {
	p.blanks()
	if depth > maxJSONDepth {
		return jsonValue{}, p.fail(fmt.Sprintf("nests deeper than %d levels", maxJSONDepth))
	}
	if p.pos >= len(p.src) {
		return jsonValue{}, p.broken()
	}
	start := p.pos
	var v jsonValue
	var err *FieldError
	switch p.src[p.pos] {
	case '{':
		v, err = p.object(depth)
	case '[':
		v, err = p.array(depth)
	case '"':
		v.kind = jsonString
		v.text, err = p.string()
	default:
		v, err = p.literal()
	}
	v.src = p.src[start:p.pos]
	return v, err
}

func (p *jsonParser) literal() (jsonValue, *FieldError) {
	end := p.pos
	for end < len(p.src) && strings.IndexByte(",]} \t\r\n", p.src[end]) < 0 {
		end++
	}
	text := p.src[p.pos:end]
	v := jsonValue{kind: jsonNumber, text: text}
	switch {
	case text == "null":
		v.kind = jsonNull
	case text == "true" || text == "false":
		v.kind = jsonBool
	case !json.Valid([]byte(text)):
		return v, p.broken()
	}
	p.pos = end
	return v, nil
}

func (p *jsonParser) array(depth int) (jsonValue, *FieldError) {
	v := jsonValue{kind: jsonArray}
	p.pos++
	at := len(p.path)
	p.path = append(p.path, jsonStep{})
	for p.blanks(); ; p.blanks() {
		if p.pos < len(p.src) && p.src[p.pos] == ']' && len(v.members) == 0 {
			break
		}
		p.path[at] = jsonStep{index: len(v.members)}
		item, err := p.value(depth + 1)
		if err != nil {
			return v, err
		}
		v.members = append(v.members, jsonMember{value: item})
		if more, err := p.comma(']'); err != nil {
			return v, err
		} else if !more {
			break
		}
	}
	p.path = p.path[:at]
	p.pos++
	return v, nil
}

// comma passes a comma; false in front of the closing sign.
func (p *jsonParser) comma(end byte) (bool, *FieldError) {
	p.blanks()
	switch {
	case p.pos < len(p.src) && p.src[p.pos] == ',':
		p.pos++
		return true, nil
	case p.pos < len(p.src) && p.src[p.pos] == end:
		return false, nil
	}
	return false, p.broken()
}

func (p *jsonParser) object(depth int) (jsonValue, *FieldError) {
	v := jsonValue{kind: jsonObject, members: make([]jsonMember, 0, membersAt(depth))}
	p.pos++
	var seen map[string]bool // only for large objects
	for p.blanks(); ; p.blanks() {
		if p.pos < len(p.src) && p.src[p.pos] == '}' && len(v.members) == 0 {
			break
		}
		if p.pos >= len(p.src) || p.src[p.pos] != '"' {
			return v, p.broken()
		}
		key, err := p.string()
		if err != nil {
			return v, err
		}
		p.path = append(p.path, jsonStep{key: key, index: -1})
		if v.has(key, &seen) {
			return v, p.fail("stands twice in the same object; keep one")
		}
		p.blanks()
		if p.pos >= len(p.src) || p.src[p.pos] != ':' {
			return v, p.broken()
		}
		p.pos++
		value, err := p.value(depth + 1)
		if err != nil {
			return v, err
		}
		v.members = append(v.members, jsonMember{key, value})
		p.path = p.path[:len(p.path)-1]
		if more, err := p.comma('}'); err != nil {
			return v, err
		} else if !more {
			break
		}
	}
	p.pos++
	return v, nil
}

// membersAt is how many members an object usually has: a contact itself has 25
// keys, what stands in it a few.
func membersAt(depth int) int {
	if depth == 0 {
		return 25
	}
	return 4
}

// has reports whether the object has the key already. Beyond a few members it
// looks in seen, which it fills.
func (v *jsonValue) has(key string, seen *map[string]bool) bool {
	const few = 32
	if len(v.members) < few {
		for i := range v.members {
			if v.members[i].key == key {
				return true
			}
		}
		return false
	}
	if *seen == nil {
		*seen = make(map[string]bool, 2*few)
		for _, m := range v.members {
			(*seen)[m.key] = true
		}
	}
	if (*seen)[key] {
		return true
	}
	(*seen)[key] = true
	return false
}

// string parses the string at pos.
func (p *jsonParser) string() (string, *FieldError) {
	p.pos++
	start := p.pos
	for p.pos < len(p.src) {
		switch c := p.src[p.pos]; {
		case c == '"':
			text := p.src[start:p.pos]
			if !utf8.ValidString(text) {
				return "", p.fail("holds bytes that are not UTF-8; save the file as UTF-8")
			}
			p.pos++
			return text, nil
		case c == '\\':
			return p.escaped(start)
		case c < ' ':
			return "", p.broken()
		}
		p.pos++
	}
	return "", p.broken()
}

// escaped parses a string from its first escape on.
func (p *jsonParser) escaped(start int) (string, *FieldError) {
	out := append([]byte(nil), p.src[start:p.pos]...)
	for p.pos < len(p.src) {
		switch c := p.src[p.pos]; {
		case c == '"':
			p.pos++
			if !utf8.Valid(out) {
				return "", p.fail("holds bytes that are not UTF-8; save the file as UTF-8")
			}
			return string(out), nil
		case c < ' ':
			return "", p.broken()
		case c != '\\':
			out = append(out, c)
			p.pos++
		default:
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			out = utf8.AppendRune(out, r)
		}
	}
	return "", p.broken()
}

// escape parses one escape, or two that are a surrogate pair.
func (p *jsonParser) escape() (rune, *FieldError) {
	if p.pos+1 >= len(p.src) {
		p.pos = len(p.src)
		return 0, p.broken()
	}
	if at := strings.IndexByte(`"\/bfnrt`, p.src[p.pos+1]); at >= 0 {
		p.pos += 2
		return rune("\"\\/\b\f\n\r\t"[at]), nil
	}
	r, ok := p.unit(p.pos)
	if !ok {
		return 0, p.broken()
	}
	if !utf16.IsSurrogate(r) {
		p.pos += 6
		return r, nil
	}
	if low, ok := p.unit(p.pos + 6); ok {
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			p.pos += 12
			return pair, nil
		}
	}
	return 0, p.fail(`holds half of a surrogate pair (\ud800 to \udfff); write the whole character`)
}

// unit reads \uXXXX at pos.
func (p *jsonParser) unit(pos int) (rune, bool) {
	if pos+6 > len(p.src) || p.src[pos] != '\\' || p.src[pos+1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(p.src[pos+2:pos+6], 16, 16)
	return rune(n), err == nil
}
