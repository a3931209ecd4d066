package meilisearch

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/omnicrm/omnicrm/crm"
)

// What is kept of long values. The server compares 468 bytes at most, after
// taking letters and their accents apart.
const (
	maxWordRunes   = 60
	maxRunRunes    = 48
	maxEndingRunes = 40
	maxSuffixRunes = 24
	maxSuffixes    = 3_000
	maxDigits      = 40
	maxEmailBytes  = 200
	maxKeyBytes    = 290
	maxTermBytes   = 250
)

// runSign begins the encoded form of a run of Han, Kana or Hangul. No word of
// letters has it.
const runSign = "~"

// encodeRun returns a run as hexadecimal digits, four for each UTF-16 unit: the
// server would take Hangul syllables and voiced Kana apart, and then find the
// beginnings of characters. Beginnings of runs stay beginnings.
func encodeRun(run []rune) string {
	var b strings.Builder
	b.WriteString(runSign)
	for _, u := range utf16.Encode(run) {
		b.WriteString(hex.EncodeToString(binary.BigEndian.AppendUint16(nil, u)))
	}
	return b.String()
}

// decodeWord is the inverse of encodeWord.
func decodeWord(word string) string {
	digits, ok := strings.CutPrefix(word, runSign)
	if !ok {
		return word
	}
	raw, err := hex.DecodeString(digits)
	if err != nil {
		return word
	}
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = uint16(raw[2*i])<<8 | uint16(raw[2*i+1])
	}
	return string(utf16.Decode(units))
}

// encodeWord returns a folded word as documents and filters have it.
func encodeWord(word string, cjk bool) string {
	if cjk {
		return encodeRun(cut([]rune(word), maxRunRunes))
	}
	if len(word) <= maxWordRunes {
		return word
	}
	return string(cut([]rune(word), maxWordRunes))
}

func cut(runes []rune, limit int) []rune { return runes[:min(len(runes), limit)] }

// endings returns what a word ends with, from its second character on: each at
// least crm.SearchInsideFrom long and cut at maxEndingRunes.
func endings(word string) []string {
	runes := cut([]rune(word), maxWordRunes)
	var out []string
	for i := 1; i+crm.SearchInsideFrom <= len(runes); i++ {
		out = append(out, string(cut(runes[i:], maxEndingRunes)))
	}
	return out
}

// suffixes returns the encoded ends of a run, from its second character on.
func suffixes(run string) []string {
	runes := []rune(run)
	var out []string
	for i := 1; i < len(runes) && i < maxSuffixes; i++ {
		out = append(out, encodeRun(cut(runes[i:], maxSuffixRunes)))
	}
	return out
}

// digitEndings returns what a number ends with, from its second digit on.
func digitEndings(number string) []string {
	number = number[:min(len(number), maxDigits)]
	var out []string
	for i := 1; i+crm.SearchRunFrom <= len(number); i++ {
		out = append(out, number[i:])
	}
	return out
}

func encodeNumber(digits string) string { return digits[:min(len(digits), maxDigits)] }

// encodeEmail returns an address as hexadecimal digits, so that nothing in it
// means something in a filter and beginnings stay beginnings.
func encodeEmail(address string) string {
	return hex.EncodeToString([]byte(address[:min(len(address), maxEmailBytes)]))
}

// decodeEmail is the inverse of encodeEmail.
func decodeEmail(digits string) string {
	raw, err := hex.DecodeString(digits)
	if err != nil {
		return digits
	}
	return string(raw)
}

// sortable is base32 whose digits have the order of the bytes they stand for.
var sortable = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// encodeKey returns a sort key in an alphabet that the server orders by bytes.
func encodeKey(key string) string {
	return sortable.EncodeToString([]byte(key[:min(len(key), maxKeyBytes)]))
}

// keyBytes is how many bytes of a sort key one of the numbers of keyAttrs holds:
// the server's numbers are exact up to 2^53.
const keyBytes = 6

// keyNumbers returns the beginning of a sort key as numbers of the same order.
func keyNumbers(key string) [4]int64 {
	var out [4]int64
	for i := range out {
		for j := range keyBytes {
			out[i] <<= 8
			if at := i*keyBytes + j; at < len(key) {
				out[i] |= int64(key[at])
			}
		}
	}
	return out
}

// encodeTerm returns an exact attribute in a form that no folding touches.
func encodeTerm(term string) string {
	if len(term) > maxTermBytes {
		sum := sha256.Sum256([]byte(term))
		return "h" + hex.EncodeToString(sum[:])
	}
	return sortable.EncodeToString([]byte(term))
}

// facetSign begins each facet value, since the server passes over empty ones.
const facetSign = "="

// encodeFacet returns a facet value in an alphabet that nothing is folded in: the
// server would count values together that differ in case or accents only.
func encodeFacet(value string) string {
	for len(value) > maxTermBytes {
		_, size := utf8.DecodeLastRuneInString(value)
		value = value[:len(value)-size]
	}
	return facetSign + sortable.EncodeToString([]byte(value))
}

// decodeFacet is the inverse of encodeFacet.
func decodeFacet(value string) string {
	raw, err := sortable.DecodeString(strings.TrimPrefix(value, facetSign))
	if err != nil {
		return value
	}
	return string(raw)
}

// idNumbers returns an id as numbers of the same order.
func idNumbers(id crm.ID) [3]int64 {
	number := func(b []byte) (n int64) {
		for _, c := range b {
			n = n<<8 | int64(c)
		}
		return n
	}
	return [3]int64{number(id[:6]), number(id[6:11]), number(id[11:])}
}

// exactly bounds a number to what the server keeps exact. Absent times and
// scores are below.
func exactly(n int64) int64 {
	const limit = 1 << 53
	return min(max(n, -limit), limit)
}

// unique sorts the values and takes out repeated ones.
func unique(values []string) []string {
	slices.Sort(values)
	return slices.Compact(values)
}
