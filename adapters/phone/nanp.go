package phone

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/nyaruka/phonenumbers"
)

// nanp answers for numbers of the North American plan that are written
// plainly, ten times as fast as the library: it has the library's own patterns
// ready, where the library looks each up by its text, one type of number after
// the other. Imports are mostly such numbers. Everything else, and every
// number that is not valid here, is the library's.
type nanp struct {
	once    sync.Once
	regions []nanpRegion
}

// nanpRegion is a country of the plan.
type nanpRegion struct {
	// leading, when set, decides alone whether a number belongs to the region.
	leading *regexp.Regexp
	// general and types must both match a valid number of ten digits.
	general, types *regexp.Regexp
}

// nanpDigits is the length of a national number.
const nanpDigits = 10

// load makes the patterns of the regions, in the library's order. Without them
// no number is known to be valid.
func (n *nanp) load() {
	all, err := phonenumbers.MetadataCollection()
	if err != nil {
		return
	}
	byRegion := map[string]*phonenumbers.PhoneMetadata{}
	for _, m := range all.GetMetadata() {
		if m.GetCountryCode() == 1 {
			byRegion[m.GetId()] = m
		}
	}
	var regions []nanpRegion
	for _, code := range phonenumbers.GetRegionCodesForCountryCode(1) {
		r, ok := newRegion(byRegion[code])
		if !ok {
			return
		}
		regions = append(regions, r)
	}
	n.regions = regions
}

func newRegion(m *phonenumbers.PhoneMetadata) (nanpRegion, bool) {
	if m == nil || !possible(m.GetGeneralDesc()) {
		return nanpRegion{}, false
	}
	var types []string
	for _, d := range []*phonenumbers.PhoneNumberDesc{
		m.GetFixedLine(), m.GetMobile(), m.GetPremiumRate(), m.GetTollFree(), m.GetSharedCost(), m.GetVoip(),
		m.GetPersonalNumber(), m.GetPager(), m.GetUan(), m.GetVoicemail(),
	} {
		if possible(d) {
			types = append(types, "(?:"+d.GetNationalNumberPattern()+")")
		}
	}
	var r nanpRegion
	var err [3]error
	if l := m.GetLeadingDigits(); l != "" {
		r.leading, err[0] = regexp.Compile("^(?:" + l + ")")
	}
	r.general, err[1] = regexp.Compile("^(?:" + m.GetGeneralDesc().GetNationalNumberPattern() + ")$")
	r.types, err[2] = regexp.Compile("^(?:" + strings.Join(types, "|") + ")$")
	return r, err == [3]error{}
}

// possible reports whether numbers of ten digits can be of the description.
func possible(d *phonenumbers.PhoneNumberDesc) bool {
	return d.GetNationalNumberPattern() != "" && (len(d.GetPossibleLength()) == 0 || slices.Contains(d.GetPossibleLength(), nanpDigits))
}

// valid reports whether the library would find the ten digits valid: the first
// region that claims them decides.
func (n *nanp) valid(national []byte) bool {
	n.once.Do(n.load)
	for _, r := range n.regions {
		if r.leading != nil && !r.leading.Match(national) {
			continue
		}
		ok := r.general.Match(national) && r.types.Match(national)
		if ok || r.leading != nil {
			return ok
		}
	}
	return false
}

// parse returns the E.164 form of a plainly written valid number of the plan;
// false says nothing about the number.
func (n *nanp) parse(number, region string) (string, bool) {
	var e164 [2 + nanpDigits]byte
	e164[0], e164[1] = '+', '1'
	if !plainDigits(number, region, e164[2:]) || !n.valid(e164[2:]) {
		return "", false
	}
	return string(e164[:]), true
}

// plainDigits reads the ten digits of a number such as 202-224-3441,
// (202) 224-3441, 1 202 224 3441 or +1 202.224.3441 into dst. Without the plus
// sign the region must be one where such a number is a national one.
func plainDigits(number, region string, dst []byte) bool {
	rest, plus := strings.CutPrefix(number, "+1")
	one := plus
	if !plus {
		if region != "US" && region != "CA" {
			return false
		}
		rest, one = strings.CutPrefix(number, "1")
	}
	if one {
		rest = afterSeparator(rest)
	}
	if inside, ok := strings.CutPrefix(rest, "("); ok {
		if len(inside) < 4 || inside[3] != ')' {
			return false
		}
		rest = inside[:3] + afterSeparator(inside[4:])
	}
	got := 0
	for rest != "" && got < len(dst) {
		if c := rest[0]; c < '0' || c > '9' {
			return false
		}
		dst[got], rest = rest[0], rest[1:]
		if got++; got < len(dst) {
			rest = afterSeparator(rest)
		}
	}
	return got == len(dst) && rest == "" && dst[0] >= '2'
}

// afterSeparator cuts off one blank, hyphen or dot.
func afterSeparator(s string) string {
	if s != "" && strings.IndexByte(" -.", s[0]) >= 0 {
		return s[1:]
	}
	return s
}
