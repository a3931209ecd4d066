package sqlkit

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds how deep an unknown value may nest.
const maxDepth = 32

// jsonReader reads JSON from a string, value by value. After the first
// mistake it stands still: err is set and every method returns zero values.
type jsonReader struct {
	s   string
	i   int
	err error
}

func (r *jsonReader) fail(want string) {
	if r.err == nil {
		r.err = fmt.Errorf("byte %d: want %s", r.i, want)
	}
	r.i = len(r.s)
}

// peek returns the next byte that is not blank, 0 at the end.
func (r *jsonReader) peek() byte {
	for r.i < len(r.s) {
		switch r.s[r.i] {
		case ' ', '\t', '\n', '\r':
			r.i++
		default:
			return r.s[r.i]
		}
	}
	return 0
}

func (r *jsonReader) take(b byte) bool {
	if r.peek() != b {
		return false
	}
	r.i++
	return true
}

func (r *jsonReader) expect(b byte) {
	if !r.take(b) {
		r.fail(strconv.QuoteRune(rune(b)))
	}
}

func (r *jsonReader) end() {
	if r.err == nil && r.peek() != 0 {
		r.fail("the end")
	}
}

// object calls member with each key; member must read the value.
func (r *jsonReader) object(member func(key string)) {
	r.expect('{')
	if r.take('}') {
		return
	}
	for r.err == nil {
		key := r.text()
		r.expect(':')
		member(key)
		if !r.take(',') {
			r.expect('}')
			return
		}
	}
}

// array calls item for each item, which it must read.
func (r *jsonReader) array(item func()) {
	r.expect('[')
	if r.take(']') {
		return
	}
	for r.err == nil {
		item()
		if !r.take(',') {
			r.expect(']')
			return
		}
	}
}

// row reads an array of texts that may end with a number, which it returns.
func (r *jsonReader) row(texts ...*string) (flag int64) {
	n := 0
	r.array(func() {
		switch {
		case n < len(texts):
			*texts[n] = r.text()
		case n == len(texts):
			flag = r.integer()
		default:
			r.skip(0)
		}
		n++
	})
	return flag
}

func (r *jsonReader) integer() int64 {
	n, err := strconv.ParseInt(r.numeral(), 10, 64)
	if err != nil {
		r.fail("an integer")
	}
	return n
}

// numeral returns the characters of the next number, not checked.
func (r *jsonReader) numeral() string {
	r.peek()
	start := r.i
	for r.i < len(r.s) && strings.IndexByte("+-.0123456789eE", r.s[r.i]) >= 0 {
		r.i++
	}
	return r.s[start:r.i]
}

// scalar reads a text, number or bool.
func (r *jsonReader) scalar() any {
	switch r.peek() {
	case '"':
		return r.text()
	case 't':
		r.word("true")
		return true
	case 'f':
		r.word("false")
		return false
	}
	n, err := strconv.ParseFloat(r.numeral(), 64)
	if err != nil {
		r.fail("a number")
	}
	return n
}

func (r *jsonReader) word(w string) {
	if !strings.HasPrefix(r.s[r.i:], w) {
		r.fail(w)
		return
	}
	r.i += len(w)
}

// skip passes over any value.
func (r *jsonReader) skip(depth int) {
	if depth > maxDepth {
		r.fail("less depth")
		return
	}
	switch r.peek() {
	case '{':
		r.object(func(string) { r.skip(depth + 1) })
	case '[':
		r.array(func() { r.skip(depth + 1) })
	case 'n':
		r.word("null")
	default:
		r.scalar()
	}
}

// text reads a string. Without escapes it is a part of the input.
func (r *jsonReader) text() string {
	r.expect('"')
	if r.err != nil {
		return ""
	}
	rest := r.s[r.i:]
	end := strings.IndexByte(rest, '"')
	if end < 0 {
		r.fail("a closing quote")
		return ""
	}
	if strings.IndexByte(rest[:end], '\\') < 0 {
		r.i += end + 1
		return rest[:end]
	}
	return r.escaped()
}

func (r *jsonReader) escaped() string {
	var b strings.Builder
	for r.i < len(r.s) {
		c := r.s[r.i]
		r.i++
		switch c {
		case '"':
			return b.String()
		case '\\':
			r.escape(&b)
		default:
			b.WriteByte(c)
		}
	}
	r.fail("a closing quote")
	return ""
}

func (r *jsonReader) escape(b *strings.Builder) {
	if r.i >= len(r.s) {
		r.fail("an escape")
		return
	}
	c := r.s[r.i]
	r.i++
	switch c {
	case '"', '\\', '/':
		b.WriteByte(c)
	case 'b':
		b.WriteByte('\b')
	case 'f':
		b.WriteByte('\f')
	case 'n':
		b.WriteByte('\n')
	case 'r':
		b.WriteByte('\r')
	case 't':
		b.WriteByte('\t')
	case 'u':
		b.WriteRune(r.codePoint())
	default:
		r.fail("an escape")
	}
}

// codePoint reads the digits of one \u escape, or of a pair of surrogates. A
// lone surrogate is the replacement character.
func (r *jsonReader) codePoint() rune {
	first := r.hex4()
	if !utf16.IsSurrogate(first) {
		return first
	}
	if strings.HasPrefix(r.s[r.i:], `\u`) {
		mark := r.i
		r.i += 2
		if whole := utf16.DecodeRune(first, r.hex4()); whole != utf8.RuneError {
			return whole
		}
		r.i = mark
	}
	return utf8.RuneError
}

func (r *jsonReader) hex4() rune {
	if len(r.s)-r.i < 4 {
		r.fail("four hexadecimal digits")
		return utf8.RuneError
	}
	n, err := strconv.ParseUint(r.s[r.i:r.i+4], 16, 16)
	if err != nil {
		r.fail("four hexadecimal digits")
		return utf8.RuneError
	}
	r.i += 4
	return rune(n)
}
