package textindex

import (
	"slices"
	"strings"
)

// appendDigits appends the digits of a phone number in ASCII, extension and
// country code included.
func appendDigits(dst []byte, text string) []byte {
	if isASCII(text) {
		for i := range len(text) {
			if '0' <= text[i] && text[i] <= '9' {
				dst = append(dst, text[i])
			}
		}
		return dst
	}
	for _, f := range appendFolded(nil, text) {
		if '0' <= f.r && f.r <= '9' {
			dst = append(dst, byte(f.r))
		}
	}
	return dst
}

// phoneKey is a beginning of a number of up to three digits (the shorter ones
// only if they are the whole number) or a run of four digits inside it.
type phoneKey uint16

// newPhoneKey returns the key of one to four digits.
func newPhoneKey(digits string) phoneKey {
	base := phoneKey(0) // four digits come first, then one, two and three
	switch len(digits) {
	case 1:
		base = 10000
	case 2:
		base = 10010
	case 3:
		base = 10110
	}
	number := phoneKey(0)
	for i := range len(digits) {
		number = number*10 + phoneKey(digits[i]-'0')
	}
	return base + number
}

// phoneEntry says how a document's numbers have a key: the key, and phoneBest
// of the best of them.
type phoneEntry uint32

func newPhoneEntry(key phoneKey, best uint8) phoneEntry {
	return phoneEntry(key)<<entryShift | phoneEntry(best)
}

func (e phoneEntry) key() phoneKey { return phoneKey(e >> entryShift) }
func (e phoneEntry) best() uint32  { return uint32(e) & entryMask }

// phoneBest packs class and rank into the 4 bits of an entry, smaller is
// better. Of the classes only exact, prefix and inside occur.
func phoneBest(class, rank uint8) uint8 {
	if class == classInside {
		class = 2
	}
	return class*3 + rank
}

func unpackPhone(best uint8) (class, rank uint8) {
	if class = best / 3; class == 2 {
		class = classInside
	}
	return class, best % 3
}

// appendPhones appends the entries of the numbers in wholes in the order of
// their keys, of each key the best.
func appendPhones(dst []phoneEntry, wholes string) []phoneEntry {
	begin := len(dst)
	for wholes != "" {
		var kind Kind
		var rank uint8
		var value string
		if kind, rank, value, wholes = cutWhole(wholes); kind == KindPhone {
			dst = appendPhone(dst, value, rank)
		}
	}
	added := dst[begin:]
	slices.Sort(added)
	n := 0
	for _, e := range added {
		if n == 0 || added[n-1].key() != e.key() {
			added[n] = e
			n++
		}
	}
	return dst[:begin+n]
}

// appendPhone appends the entries of a number, not yet in order.
func appendPhone(dst []phoneEntry, digits string, rank uint8) []phoneEntry {
	start := digits[:min(len(digits), runFrom-1)]
	dst = append(dst, newPhoneEntry(newPhoneKey(start), phoneBest(phoneClass(digits, start), rank)))
	if len(digits) < runFrom {
		return dst
	}
	key := newPhoneKey(digits[:runFrom])
	dst = append(dst, newPhoneEntry(key, phoneBest(phoneClass(digits, digits[:runFrom]), rank)))
	for i := runFrom; i < len(digits); i++ {
		key = key%1000*10 + phoneKey(digits[i]-'0')
		dst = append(dst, newPhoneEntry(key, phoneBest(classInside, rank)))
	}
	return dst
}

// phoneClass returns how a run of digits that begins a number matches it.
func phoneClass(digits, start string) uint8 {
	if digits == start {
		return classExact
	}
	return classPrefix
}

// phoneIndex lists by key the slots of the documents with such a number, with
// phoneBest. The lists of a hundred keys are made together.
type phoneIndex struct {
	pages [phoneKeys/100 + 1]*[100]postings
	bytes int
}

// phoneKeys is the number of keys.
const phoneKeys = 11110

// at returns the list of a key, nil if it has none.
func (p *phoneIndex) at(key phoneKey) *postings {
	if page := p.pages[key/100]; page != nil && page[key%100].len() > 0 {
		return &page[key%100]
	}
	return nil
}

func (p *phoneIndex) add(entries []phoneEntry, slot uint32) {
	for _, e := range entries {
		page := p.pages[e.key()/100]
		if page == nil {
			page = new([100]postings)
			p.pages[e.key()/100] = page
			p.bytes += 100 * 16
		}
		p.bytes += page[e.key()%100].set(slot<<entryShift | e.best())
	}
}

func (p *phoneIndex) remove(entries []phoneEntry, slot uint32) {
	for _, e := range entries {
		if list := p.at(e.key()); list != nil {
			p.bytes -= list.remove(slot)
		}
	}
}

// phoneMatch is the best match of a query's digits in the numbers of a
// document.
func phoneMatch(digits string, last bool, wholes string) (class, rank uint8, ok bool) {
	best := uint8(255)
	for wholes != "" {
		var kind Kind
		var value string
		kind, rank, value, wholes = cutWhole(wholes)
		if kind != KindPhone {
			continue
		}
		if class, ok := digitsMatch(digits, last, value); ok {
			best = min(best, phoneBest(class, rank))
		}
	}
	if best == 255 {
		return 0, 0, false
	}
	class, rank = unpackPhone(best)
	return class, rank, true
}

// digitsMatch compares a query's digits with those of one number.
func digitsMatch(digits string, last bool, number string) (class uint8, ok bool) {
	long := len(digits) >= runFrom
	switch at := strings.Index(number, digits); {
	case at < 0:
		return 0, false
	case len(digits) == len(number):
		return classExact, true
	case at == 0 && (long || last):
		return classPrefix, true
	case long:
		return classInside, true
	}
	return 0, false
}

// phoneList is a list to read for a query's digits.
type phoneList struct {
	docs   *postings
	longer bool // its key is longer than the digits
}

// lists returns the lists that hold all documents with a match for the digits.
func (p *phoneIndex) lists(digits string, last bool) []phoneList {
	if len(digits) >= runFrom {
		var best *postings
		for i := 0; i+runFrom <= len(digits); i++ {
			list := p.at(newPhoneKey(digits[i : i+runFrom]))
			if list == nil {
				return nil
			}
			if best == nil || list.len() < best.len() {
				best = list
			}
		}
		return []phoneList{{docs: best}}
	}
	var lists []phoneList
	width := 1 // how many keys of n digits begin with the digits
	for n := len(digits); n < runFrom && (n == len(digits) || last); n++ {
		first := int(newPhoneKey(digits + strings.Repeat("0", n-len(digits))))
		for key := first; key < first+width; key++ {
			if docs := p.at(phoneKey(key)); docs != nil {
				lists = append(lists, phoneList{docs: docs, longer: n > len(digits)})
			}
		}
		width *= 10
	}
	return lists
}

// read returns how the digits match in the numbers of a listed document. Its
// numbers are looked at only if the entry alone cannot tell.
func (p phoneList) read(digits string, last bool, entry uint32, wholes func(slot uint32) string) (class, rank uint8, ok bool) {
	class, rank = unpackPhone(uint8(entry & entryMask))
	switch {
	case len(digits) > runFrom || p.longer && class == classExact:
		return phoneMatch(digits, last, wholes(entry>>entryShift))
	case len(digits) < runFrom && !last && class != classExact:
		return 0, 0, false
	}
	return class, rank, true
}
