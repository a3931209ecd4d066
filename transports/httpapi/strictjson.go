package httpapi

import (
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/omnicrm/omnicrm/crm"
)

const (
	// maxDepth bounds nesting; the deepest body of the contract has five levels.
	maxDepth = 32
	// maxExact is 2^53, from where on numbers cannot be kept exactly.
	maxExact = 1 << 53
	// maxShownKey bounds how much of a caller's key an error shows.
	maxShownKey = 64
)

// parseJSON reads one JSON text (RFC 8259) more strictly than encoding/json:
// keys stand once, surrogates come in pairs, numbers keep their value, text
// has no NUL, nesting is bounded and nothing follows. The tree holds nil,
// bool, float64, string, []any and map[string]any. Every error is a
// *crm.ValidationError that names the place and never the value.
func parseJSON(data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, crm.Invalid("body", crm.CodeInvalid, "is not valid UTF-8")
	}
	p := jsonParser{data: data}
	value, err := p.value(0)
	if err == nil {
		p.space()
		if p.at < len(p.data) {
			err = p.syntax("holds something after its end")
		}
	}
	if err != nil {
		field := err.path
		if field == "" {
			field = "body"
		}
		return nil, crm.Invalid(field, err.code, err.message)
	}
	return value, nil
}

// placedError is an error on its way up; each level puts its key before path.
type placedError struct{ path, code, message string }

func (e *placedError) inKey(key string) *placedError {
	if e.path != "" && e.path[0] != '[' {
		e.path = "." + e.path
	}
	e.path = shownKey(key) + e.path
	return e
}

func (e *placedError) inItem(i int) *placedError {
	if e.path != "" && e.path[0] != '[' {
		e.path = "." + e.path
	}
	e.path = "[" + strconv.Itoa(i) + "]" + e.path
	return e
}

// shownKey cuts and cleans a caller's key for an error.
func shownKey(key string) string {
	shown := make([]rune, 0, min(len(key), maxShownKey))
	for _, r := range key {
		if len(shown) == maxShownKey {
			return string(shown) + "…"
		}
		if r < ' ' || r == 0x7f {
			r = '�'
		}
		shown = append(shown, r)
	}
	return string(shown)
}

type jsonParser struct {
	data []byte
	at   int
}

func (p *jsonParser) syntax(message string) *placedError {
	return &placedError{code: crm.CodeInvalid, message: fmt.Sprintf("%s (at byte %d)", message, p.at)}
}

func (p *jsonParser) space() {
	for p.at < len(p.data) {
		switch p.data[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

func (p *jsonParser) value(depth int) (any, *placedError) {
	if depth > maxDepth {
		return nil, p.syntax(fmt.Sprintf("is nested more than %d levels deep", maxDepth))
	}
	p.space()
	if p.at >= len(p.data) {
		return nil, p.syntax("ends too early")
	}
	switch b := p.data[p.at]; {
	case b == '{':
		return p.object(depth)
	case b == '[':
		return p.array(depth)
	case b == '"':
		return p.text()
	case b == '-' || b >= '0' && b <= '9':
		return p.number()
	}
	for _, word := range []struct {
		text  string
		value any
	}{{"true", true}, {"false", false}, {"null", nil}} {
		if end := p.at + len(word.text); end <= len(p.data) && string(p.data[p.at:end]) == word.text {
			p.at = end
			return word.value, nil
		}
	}
	return nil, p.syntax("is not JSON")
}

func (p *jsonParser) object(depth int) (any, *placedError) {
	p.at++
	object := map[string]any{}
	for first := true; ; first = false {
		p.space()
		if first && p.take('}') {
			return object, nil
		}
		if p.at >= len(p.data) || p.data[p.at] != '"' {
			return nil, p.syntax("is not JSON: a key in double quotes belongs here")
		}
		key, err := p.text()
		if err != nil {
			return nil, err
		}
		if _, taken := object[key]; taken {
			return nil, (&placedError{code: crm.CodeDuplicate, message: "stands more than once"}).inKey(key)
		}
		p.space()
		if !p.take(':') {
			return nil, p.syntax("is not JSON: a colon belongs here").inKey(key)
		}
		value, err := p.value(depth + 1)
		if err != nil {
			return nil, err.inKey(key)
		}
		object[key] = value
		p.space()
		if p.take('}') {
			return object, nil
		}
		if !p.take(',') {
			return nil, p.syntax("is not JSON: a comma or a closing brace belongs here")
		}
	}
}

func (p *jsonParser) array(depth int) (any, *placedError) {
	p.at++
	list := []any{}
	for {
		p.space()
		if len(list) == 0 && p.take(']') {
			return list, nil
		}
		value, err := p.value(depth + 1)
		if err != nil {
			return nil, err.inItem(len(list))
		}
		list = append(list, value)
		p.space()
		if p.take(']') {
			return list, nil
		}
		if !p.take(',') {
			return nil, p.syntax("is not JSON: a comma or a closing bracket belongs here")
		}
	}
}

func (p *jsonParser) take(b byte) bool {
	if p.at < len(p.data) && p.data[p.at] == b {
		p.at++
		return true
	}
	return false
}

// text reads a string. The first loop covers strings without escapes.
func (p *jsonParser) text() (string, *placedError) {
	p.at++
	start := p.at
	for p.at < len(p.data) {
		switch b := p.data[p.at]; {
		case b == '"':
			s := string(p.data[start:p.at])
			p.at++
			return s, nil
		case b == '\\':
			return p.escapedText(append([]byte(nil), p.data[start:p.at]...))
		case b < ' ':
			return "", p.syntax("holds a control character that must be escaped")
		}
		p.at++
	}
	return "", p.syntax("ends inside a text")
}

func (p *jsonParser) escapedText(out []byte) (string, *placedError) {
	for p.at < len(p.data) {
		b := p.data[p.at]
		switch {
		case b == '"':
			p.at++
			return string(out), nil
		case b < ' ':
			return "", p.syntax("holds a control character that must be escaped")
		case b != '\\':
			out = append(out, b)
			p.at++
			continue
		}
		r, err := p.escape()
		if err != nil {
			return "", err
		}
		out = utf8.AppendRune(out, r)
	}
	return "", p.syntax("ends inside a text")
}

// escape reads one escape sequence, or a pair of them for one character.
func (p *jsonParser) escape() (rune, *placedError) {
	p.at++
	if p.at >= len(p.data) {
		return 0, p.syntax("ends inside a text")
	}
	b := p.data[p.at]
	p.at++
	switch b {
	case '"', '\\', '/':
		return rune(b), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		return p.unicodeEscape()
	}
	return 0, p.syntax("holds an unknown escape")
}

func (p *jsonParser) unicodeEscape() (rune, *placedError) {
	r, ok := p.hex4()
	switch {
	case !ok:
		return 0, p.syntax("holds a \\u without four hexadecimal digits")
	case r == 0:
		return 0, p.syntax("holds a NUL character")
	case !utf16.IsSurrogate(r):
		return r, nil
	}
	if p.at+1 < len(p.data) && p.data[p.at] == '\\' && p.data[p.at+1] == 'u' {
		p.at += 2
		if low, ok := p.hex4(); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, nil
			}
		}
	}
	return 0, p.syntax("holds half of a surrogate pair")
}

func (p *jsonParser) hex4() (rune, bool) {
	if p.at+4 > len(p.data) {
		return 0, false
	}
	n, err := strconv.ParseUint(string(p.data[p.at:p.at+4]), 16, 16)
	if err != nil {
		return 0, false
	}
	p.at += 4
	return rune(n), true
}

func (p *jsonParser) number() (any, *placedError) {
	start := p.at
	p.take('-')
	if !p.take('0') && !p.digits() {
		return nil, p.syntax("is not JSON: a digit belongs here")
	}
	whole := true
	if p.take('.') {
		whole = false
		if !p.digits() {
			return nil, p.syntax("is not JSON: a digit belongs here")
		}
	}
	if p.take('e') || p.take('E') {
		whole = false
		if !p.take('+') {
			p.take('-')
		}
		if !p.digits() {
			return nil, p.syntax("is not JSON: a digit belongs here")
		}
	}
	return exactNumber(string(p.data[start:p.at]), whole)
}

func exactNumber(s string, whole bool) (any, *placedError) {
	tooLarge := &placedError{code: crm.CodeInvalid, message: "is a number beyond ±9007199254740992, which cannot be kept exactly; send it as text"}
	if whole {
		if n, err := strconv.ParseInt(s, 10, 64); err != nil || n > maxExact || n < -maxExact {
			return nil, tooLarge
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f > maxExact || f < -maxExact {
		return nil, tooLarge
	}
	return f, nil
}

func (p *jsonParser) digits() bool {
	start := p.at
	for p.at < len(p.data) && p.data[p.at] >= '0' && p.data[p.at] <= '9' {
		p.at++
	}
	return p.at > start
}
