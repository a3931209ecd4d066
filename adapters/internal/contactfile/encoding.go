package contactfile

import (
	"bytes"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// Encoding is the character encoding of a whole file.
type Encoding uint8

// The encodings a file can be in.
const (
	// UTF8 is the default, and what a file is in that has a character of it.
	// Bytes that are not UTF-8 are read as Windows-1252, one by one, so that a
	// stray byte costs nothing but its own sign; readers say where.
	UTF8 Encoding = iota
	// UTF16LE and UTF16BE are found by their mark or by where their zero bytes lie.
	UTF16LE
	UTF16BE
	// Windows1252 is assumed where a file has bytes beyond ASCII and not one
	// character of UTF-8 among them.
	Windows1252
)

// String returns the name by which IANA knows the encoding, in lower case.
func (e Encoding) String() string {
	switch e {
	case UTF16LE:
		return "utf-16le"
	case UTF16BE:
		return "utf-16be"
	case Windows1252:
		return "windows-1252"
	}
	return "utf-8"
}

// Wide reports whether the encoding must be decoded before anything in the file
// can be found. The others hold ASCII as it is, and [Text] reads their pieces.
func (e Encoding) Wide() bool { return e == UTF16LE || e == UTF16BE }

// CodeEncoding is the code of what readers say about a text that is not in the
// encoding of its file.
const CodeEncoding = "encoding"

// Odd says what is to be told of a piece of text in a file of the encoding, ""
// for nothing. [Text] reads it all the same: characters of UTF-8 as such, all
// else as Windows-1252.
func (e Encoding) Odd(piece []byte) string {
	valid := utf8.Valid(piece)
	switch {
	case valid && bytes.Contains(piece, []byte("\ufffd")):
		return "has a character that an earlier program or a cut lost (U+FFFD); look whether the text is right"
	case e == UTF8 && !valid:
		return "holds bytes that are not UTF-8, as the file is, and were read as Windows-1252; look whether the text is right"
	case e == Windows1252:
		if characters, _ := countUTF8(piece); characters > 0 {
			return "holds characters in UTF-8, which the file is not at its beginning, and were read so; look whether the text is right"
		}
	}
	return ""
}

// BadUnit stands where a file in UTF-16 has something that is no character of
// it. It is itself none (a noncharacter of Unicode), so that no text has it.
const BadUnit = '\uFFFE'

// BadUTF16 is what is to be told of a text with a BadUnit.
const BadUTF16 = "holds something that is no character of UTF-16, or ends inside of one, so that it may be cut off; save the file again as UTF-8 and import that"

// HeadSize is how much of a file the encoding is judged by, in bytes.
const HeadSize = 64 << 10

// DetectEncoding judges the encoding by the first bytes of a file (HeadSize are
// enough, fewer are judged as they are) and returns the length of the byte
// order mark in front, 0 where there is none.
func DetectEncoding(head []byte) (enc Encoding, mark int) {
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		return UTF8, 3
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		return UTF16LE, 2
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		return UTF16BE, 2
	}
	if enc, ok := unmarkedUTF16(head); ok {
		return enc, 0
	}
	if valid, invalid := countUTF8(head); invalid > 0 && valid == 0 {
		return Windows1252, 0
	}
	return UTF8, 0
}

// unmarkedUTF16 knows UTF-16 without a mark by its zero bytes: the ASCII
// signs of a file (separators, digits, most letters) have theirs all on the
// same side, and a text in another encoding has hardly any.
func unmarkedUTF16(head []byte) (Encoding, bool) {
	var zeros [2]int
	for i, b := range head {
		if b == 0 {
			zeros[i&1]++
		}
	}
	pairs := len(head) / 2
	even, odd := zeros[0], zeros[1]
	switch {
	case pairs == 0:
	case odd*5 > pairs && even*20 < odd:
		return UTF16LE, true
	case even*5 > pairs && odd*20 < even:
		return UTF16BE, true
	}
	return UTF8, false
}

// countUTF8 counts the characters of several bytes and the bytes that belong
// to none. A character cut by the end of the head counts as neither.
func countUTF8(head []byte) (valid, invalid int) {
	for len(head) > 0 {
		r, n := utf8.DecodeRune(head)
		switch {
		case r == utf8.RuneError && n == 1 && !utf8.FullRune(head):
			return valid, invalid
		case r == utf8.RuneError && n == 1:
			invalid++
		case n > 1:
			valid++
		}
		head = head[n:]
	}
	return valid, invalid
}

// TextReader decodes a stream to UTF-8. Use [NewTextReader]. It is not safe
// for parallel use.
type TextReader struct {
	src     io.Reader
	decode  func(dst, src []byte, last bool) (out []byte, used int)
	raw     []byte
	kept    int // bytes at the start of raw that wait for the rest of their character
	out     []byte
	pending []byte
	err     error
}

// rawSize is how many bytes are decoded at once.
const rawSize = 32 << 10

// NewTextReader returns a reader of r's text in UTF-8. The caller has cut off
// the byte order mark. No byte is dropped: those without a meaning in the
// encoding become the character that Windows-1252 gives them or, in UTF-16,
// BadUnit. Memory is constant.
func NewTextReader(r io.Reader, enc Encoding) *TextReader {
	t := &TextReader{src: r, raw: make([]byte, rawSize), decode: decodeUTF8}
	switch enc {
	case UTF16LE:
		t.decode = func(dst, src []byte, last bool) ([]byte, int) { return decodeUTF16(dst, src, last, 0) }
	case UTF16BE:
		t.decode = func(dst, src []byte, last bool) ([]byte, int) { return decodeUTF16(dst, src, last, 1) }
	case Windows1252:
		t.decode = decode1252
	}
	return t
}

// Read implements [io.Reader].
func (t *TextReader) Read(p []byte) (int, error) {
	for len(t.pending) == 0 {
		if t.err != nil {
			return 0, t.err
		}
		n, err := t.src.Read(t.raw[t.kept:])
		t.err = err
		have := t.raw[:t.kept+n]
		out, used := t.decode(t.out[:0], have, err != nil)
		t.kept = copy(t.raw, have[used:])
		t.out, t.pending = out, out
	}
	n := copy(p, t.pending)
	t.pending = t.pending[n:]
	return n, nil
}

// Text decodes a short piece of text that should be UTF-8, reading the bytes
// that are not as Windows-1252.
func Text(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	out, _ := decodeUTF8(nil, b, true)
	return string(out)
}

func decodeUTF8(dst, src []byte, last bool) ([]byte, int) {
	if utf8.Valid(src) {
		return append(dst, src...), len(src)
	}
	used := 0
	for used < len(src) {
		rest := src[used:]
		r, n := utf8.DecodeRune(rest)
		switch {
		case r != utf8.RuneError || n > 1:
			dst = append(dst, rest[:n]...)
		case !last && !utf8.FullRune(rest):
			return dst, used
		default:
			dst = append1252(dst, rest[0])
		}
		used += n
	}
	return dst, used
}

func decode1252(dst, src []byte, _ bool) ([]byte, int) {
	for _, b := range src {
		dst = append1252(dst, b)
	}
	return dst, len(src)
}

// append1252 appends the character of one byte; the five bytes that
// Windows-1252 leaves free become the control characters of the same number.
func append1252(dst []byte, b byte) []byte {
	r := charmap.Windows1252.DecodeByte(b)
	if r == utf8.RuneError {
		r = rune(b)
	}
	return utf8.AppendRune(dst, r)
}

// decodeUTF16 decodes pairs of bytes whose higher half stands at 1-big.
func decodeUTF16(dst, src []byte, last bool, big int) ([]byte, int) {
	unit := func(i int) rune { return rune(src[i+big]) | rune(src[i+1-big])<<8 }
	used := 0
	for used+1 < len(src) {
		r, size := unit(used), 2
		if utf16.IsSurrogate(r) {
			if used+3 >= len(src) && !last {
				break
			}
			r = BadUnit
			if used+3 < len(src) {
				if pair := utf16.DecodeRune(unit(used), unit(used+2)); pair != utf8.RuneError {
					r, size = pair, 4
				}
			}
		}
		dst = utf8.AppendRune(dst, r)
		used += size
	}
	if last && used < len(src) {
		dst = utf8.AppendRune(dst, BadUnit)
		used = len(src)
	}
	return dst, used
}
