package textindex

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Fold returns s in the form in which texts are compared: compatibility forms
// and widths unified (NFKD), accents and other marks off, lower case, letters
// such as ł ø æ ß ı đ ð þ œ spelled with plain ones, digits of every script as
// ASCII digits, invisible format characters removed. Vowel signs and voicing
// marks that make another letter (Devanagari, Thai, Kana, ...) stay, and what
// stays is composed again (NFC). Invalid UTF-8 becomes U+FFFD. Fold is
// deterministic and idempotent.
func Fold(s string) string {
	if isASCII(s) {
		return lowerASCII(s)
	}
	buf := make([]byte, 0, len(s)+8)
	for _, f := range appendFolded(make([]folded, 0, len(s)), s) {
		buf = utf8.AppendRune(buf, f.r)
	}
	return string(norm.NFC.Bytes(buf))
}

// folded is one character of a folded text and the bytes of the original text
// from which it came.
type folded struct {
	r          rune
	start, end int
}

// appendFolded appends the folded characters of s, not yet composed again.
func appendFolded(dst []folded, s string) []folded {
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			dst = append(dst, folded{rune(lowerByte(c)), i, i + 1})
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		end := i + size
		switch r {
		case utf8.RuneError:
			dst = append(dst, folded{r, i, end})
		case '´': // NFKD would make it a space, but people type it for an apostrophe
			dst = append(dst, folded{'\'', i, end})
		case '™', '℠': // NFKD would add "tm" to the word before
			dst = append(dst, folded{' ', i, end})
		default:
			n := len(dst)
			dst = appendDecomposed(dst, s[i:end], r, i, end)
			if n > 0 && len(dst) == n && dst[n-1].end == i { // what vanishes belongs to the character before
				dst[n-1].end = end
			}
		}
		i = end
	}
	return dst
}

// appendDecomposed appends the folded parts of the character r, encoded as s.
func appendDecomposed(dst []folded, s string, r rune, start, end int) []folded {
	parts := norm.NFKD.PropertiesString(s).Decomposition()
	if parts == nil {
		return appendPlain(dst, r, start, end)
	}
	for len(parts) > 0 {
		p, size := utf8.DecodeRune(parts)
		parts = parts[size:]
		dst = appendPlain(dst, p, start, end)
	}
	return dst
}

// appendPlain appends the folded form of a character without decomposition.
func appendPlain(dst []folded, r rune, start, end int) []folded {
	if vanishes(r) {
		return dst
	}
	r = unicode.ToLower(r)
	if s := plainLetters(r); s != "" {
		for _, p := range s {
			dst = append(dst, folded{p, start, end})
		}
		return dst
	}
	return append(dst, folded{asciiDigit(r), start, end})
}

// plainLetters spells letters that have no decomposition with plain ones, or
// returns "".
func plainLetters(r rune) string {
	switch r {
	case 'ł', 'ƚ':
		return "l"
	case 'ø':
		return "o"
	case 'đ', 'ð':
		return "d"
	case 'ħ':
		return "h"
	case 'ı', 'ɨ':
		return "i"
	case 'ŧ':
		return "t"
	case 'ŋ':
		return "n"
	case 'ĸ':
		return "k"
	case 'ƀ':
		return "b"
	case 'ƶ':
		return "z"
	case 'ə':
		return "e"
	case 'þ':
		return "th"
	case 'æ':
		return "ae"
	case 'œ':
		return "oe"
	case 'ß':
		return "ss"
	case 'ς':
		return "σ"
	}
	return ""
}

// vanishes reports whether r is dropped: marks that only accent a letter,
// format characters (soft hyphen, joiners, direction marks) and the Arabic
// tatweel. U+200B stays, because it separates words.
func vanishes(r rune) bool {
	if r < 0x80 {
		return false
	}
	switch r {
	case '\u3099', '\u309A', '\u200B':
		return false
	case '\u0640':
		return true
	}
	if unicode.Is(unicode.Cf, r) {
		return true
	}
	return unicode.In(r, unicode.Mn, unicode.Me) && unicode.In(r, unicode.Inherited, unicode.Latin,
		unicode.Greek, unicode.Cyrillic, unicode.Hebrew, unicode.Arabic, unicode.Syriac)
}

// asciiDigit returns the ASCII digit of a decimal digit of any script, and
// every other character as it is. Unicode keeps each script's ten digits
// together and in order.
func asciiDigit(r rune) rune {
	if r < 0x660 || !unicode.Is(unicode.Nd, r) {
		return r
	}
	for _, t := range unicode.Nd.R16 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return '0' + (r-rune(t.Lo))%10
		}
	}
	for _, t := range unicode.Nd.R32 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return '0' + (r-rune(t.Lo))%10
		}
	}
	return r
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func lowerASCII(s string) string {
	for i := range len(s) {
		if s[i] != lowerByte(s[i]) {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				b[j] = lowerByte(b[j])
			}
			return string(b)
		}
	}
	return s
}
