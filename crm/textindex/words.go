package textindex

import (
	"slices"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Words returns the folded words of s in their order. A word is a run of
// letters, digits and their marks; apostrophes vanish ("O'Brien" is obrien),
// everything else separates. A run of Han, Kana or Hangul is a word of its own,
// also next to other letters or digits.
func Words(s string) []string {
	var words []string
	var b wordBuffer
	b.add(s)
	for i := range b.ends {
		words = append(words, string(b.word(i)))
	}
	return words
}

// wordBuffer collects the words of texts one after the other, without a string
// for each.
type wordBuffer struct {
	text  []byte
	ends  []int // where each word ends in text
	runes []folded
}

// word returns one of the words, to be read before the next is added.
func (b *wordBuffer) word(i int) []byte {
	start := 0
	if i > 0 {
		start = b.ends[i-1]
	}
	return b.text[start:b.ends[i]]
}

// dropDigits removes the words from first on that have digits only.
func (b *wordBuffer) dropDigits(first int) {
	kept := b.ends[:first]
	size := 0
	if first > 0 {
		size = b.ends[first-1]
	}
	start := size
	for _, end := range b.ends[first:] {
		if word := b.text[start:end]; !isDigits(word) {
			size += copy(b.text[size:], word)
			kept = append(kept, size)
		}
		start = end
	}
	b.ends, b.text = kept, b.text[:size]
}

// asciiWord says what an ASCII character is in a word: itself in lower case, or
// one of these.
var asciiWord = func() (class [utf8.RuneSelf]byte) {
	for c := range class {
		switch lower := lowerByte(byte(c)); {
		case isWordRune(rune(lower)):
			class[c] = lower
		case isApostrophe(rune(c)):
			class[c] = asciiVanishes
		}
	}
	return class
}()

const (
	asciiSeparates = 0
	asciiVanishes  = 1
)

// add appends the words of s.
func (b *wordBuffer) add(s string) {
	b.text = slices.Grow(b.text, len(s))
	text, ends := b.text, b.ends
	begin := len(text)
	for i := range len(s) {
		c := s[i]
		if c >= utf8.RuneSelf {
			b.addUnicode(s) // begins anew: b is as it was
			return
		}
		switch c = asciiWord[c]; {
		case c > asciiVanishes:
			text = append(text, c)
		case c == asciiSeparates && len(text) > begin:
			ends = append(ends, len(text))
			begin = len(text)
		}
	}
	if len(text) > begin {
		ends = append(ends, len(text))
	}
	b.text, b.ends = text, ends
}

// firstMark is the first character that composes with one before it. Texts of
// earlier characters, which are the Latin ones, are in form NFC as they are.
const firstMark = '\u0300'

func (b *wordBuffer) addUnicode(s string) {
	b.runes = appendFolded(b.runes[:0], s)
	for rest := b.runes; ; {
		var word []folded
		if word, rest = cutWord(rest); len(word) == 0 {
			return
		}
		begin, last := len(b.text), rune(0)
		for _, f := range word {
			if !isApostrophe(f.r) {
				b.text = utf8.AppendRune(b.text, f.r)
				last = max(last, f.r)
			}
		}
		if raw := b.text[begin:]; last >= firstMark && !norm.NFC.IsNormal(raw) {
			b.text = append(b.text[:begin], norm.NFC.Bytes(raw)...)
		}
		b.ends = append(b.ends, len(b.text))
	}
}

// cutWord returns the first word of the characters, apostrophes inside it
// included, and what follows it.
func cutWord(in []folded) (word, rest []folded) {
	for len(in) > 0 && !isWordRune(in[0].r) {
		in = in[1:]
	}
	if len(in) == 0 {
		return nil, nil
	}
	cjk := isCJK(in[0].r)
	end := 1
	for i := 1; i < len(in); i++ {
		r := in[i].r
		if isApostrophe(r) {
			continue
		}
		if !isWordRune(r) || isCJK(r) != cjk && !unicode.IsMark(r) {
			break
		}
		end = i + 1
	}
	return in[:end], in[end:]
}

// token is a word with its place in the text it came from.
type token struct {
	word       string
	start, end int      // bytes of the original text
	source     []folded // the characters behind word, apostrophes left out; nil where each is its byte
	gap        []folded // the characters between the word before and this one
}

// tokens returns the words of s with their places.
func tokens(s string) []token {
	var out []token
	for left := appendFolded(make([]folded, 0, len(s)), s); ; {
		word, rest := cutWord(left)
		if len(word) == 0 {
			return out
		}
		t := token{start: word[0].start, end: word[len(word)-1].end, gap: left[:len(left)-len(rest)-len(word)]}
		left = rest
		t.source = slices.DeleteFunc(word, func(f folded) bool { return isApostrophe(f.r) })
		raw := make([]byte, 0, t.end-t.start)
		for _, f := range t.source {
			raw = utf8.AppendRune(raw, f.r)
		}
		t.word = string(norm.NFC.Bytes(raw))
		out = append(out, t)
	}
}

// appendPlainTokens appends what [tokens] returns, without gaps, for a text in
// which every character is an ASCII letter, a digit or a separator: most texts
// are, and the words are then pieces of one string. It reports false for other
// texts.
func appendPlainTokens(out []token, s string) ([]token, bool) {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf || s[i] == '\'' || s[i] == '`' {
			return out, false
		}
	}
	lower := lowerASCII(s)
	for i := 0; i < len(lower); {
		start := i
		for i < len(lower) && isWordRune(rune(lower[i])) {
			i++
		}
		if i == start {
			i++
			continue
		}
		out = append(out, token{word: lower[start:i], start: start, end: i})
	}
	return out, true
}

// place returns the bytes of the original text behind n characters of the word
// from its character first on.
func (t token) place(first, n int) Span {
	if t.source == nil {
		return Span{t.start + first, t.start + first + n}
	}
	at, i := 0, 0
	var s Span
	for _, r := range t.word {
		if i == first+n || at >= len(t.source) {
			break
		}
		size := 1
		if t.source[at].r != r { // composed from several characters
			size = utf8.RuneCount(norm.NFD.AppendString(nil, string(r)))
		}
		last := min(at+size, len(t.source)) - 1
		if i == first {
			s.Start = t.source[at].start
		}
		s.End = t.source[last].end
		at, i = at+size, i+1
	}
	return s
}

// isApostrophe reports whether r vanishes inside a word.
func isApostrophe(r rune) bool {
	switch r {
	case '\'', '`', '‘', '’', '‛', 'ʹ', 'ʻ', 'ʼ', 'ʽ', '′', '׳', '״':
		return true
	}
	return false
}

func isWordRune(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || '0' <= r && r <= '9'
	}
	return !isApostrophe(r) && (unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r))
}

// isCJK reports whether r belongs to a script that writes words without
// spaces and whose runs match by any part.
func isCJK(r rune) bool {
	if r < 0x1100 {
		return false
	}
	return r == 'ー' || r == '\u3099' || r == '\u309A' ||
		unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
}

// isDigits reports whether the folded word has digits only.
func isDigits[T string | []byte](word T) bool {
	for i := range len(word) {
		if word[i] < '0' || word[i] > '9' {
			return false
		}
	}
	return len(word) > 0
}

// hasDigit reports whether the folded word has a digit.
func hasDigit(word string) bool {
	for i := range len(word) {
		if '0' <= word[i] && word[i] <= '9' {
			return true
		}
	}
	return false
}

// isCJKWord reports whether the folded word is a run of Han, Kana or Hangul.
// Such words hold nothing else, so that the first character tells.
func isCJKWord(word string) bool {
	r, _ := utf8.DecodeRuneInString(word)
	return isCJK(r)
}
