package crm

import (
	"fmt"
	"maps"
	"math"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// normalizer turns input into contacts that keep every rule.
type normalizer struct {
	phones Phones
	region string
}

// contact validates and normalises. The result has no id, times or version.
func (n normalizer) contact(in NewContact) (Contact, error) {
	var p problems
	c := Contact{
		DisplayName: p.line("displayName", in.DisplayName, MaxDisplayName),
		GivenName:   p.line("givenName", in.GivenName, MaxShortText),
		FamilyName:  p.line("familyName", in.FamilyName, MaxShortText),
		Emails:      p.emails(in.Emails),
		Phones:      n.numbers(&p, in.Phones),
		Company:     p.line("company", in.Company, MaxShortText),
		JobTitle:    p.line("jobTitle", in.JobTitle, MaxShortText),
		Addresses:   p.addresses(in.Addresses),
		Websites:    p.websites(in.Websites),
		Birthday:    p.birthday(in.Birthday),
		Stage:       p.stage(in.Stage),
		Tags:        p.tags("tags", in.Tags),
		Notes:       p.text("notes", in.Notes, MaxNotes),
		Source:      p.line("source", in.Source, MaxSource),
		SourceID:    p.line("sourceId", in.SourceID, MaxSourceID),
		Fields:      p.customFields(in.Fields),
	}
	if c.Source == "" {
		c.Source = "manual"
	}
	if c.DisplayName == "" && len(p.fields) == 0 {
		c.DisplayName = strings.TrimSpace(cutRunes(displayNameFrom(c), MaxDisplayName))
	}
	if c.DisplayName == "" && len(p.fields) == 0 {
		p.add("displayName", CodeRequired, "must be given, or another name, a company, an email or a phone")
	}
	return c, p.err()
}

// unnamed reports whether the display name has to be made from what is no name.
func (in NewContact) unnamed() bool {
	return strings.TrimSpace(in.DisplayName+in.GivenName+in.FamilyName) == ""
}

func displayNameFrom(c Contact) string {
	if name := strings.TrimSpace(c.GivenName + " " + c.FamilyName); name != "" {
		return name
	}
	if c.Company != "" {
		return c.Company
	}
	if email := c.PrimaryEmail(); email != "" {
		return email
	}
	return c.PrimaryPhone()
}

// input is the inverse of normalizer.contact, for patches.
func (c Contact) input() NewContact {
	return NewContact{
		DisplayName: c.DisplayName, GivenName: c.GivenName, FamilyName: c.FamilyName, Emails: c.Emails, Phones: c.Phones,
		Company: c.Company, JobTitle: c.JobTitle, Addresses: c.Addresses, Websites: c.Websites, Birthday: c.Birthday,
		Stage: c.Stage, Tags: c.Tags, Notes: c.Notes, Source: c.Source, SourceID: c.SourceID, Fields: c.Fields,
	}
}

// text checks what any text must hold and takes outer blanks off.
func (p *problems) text(field, s string, limit int) string {
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		p.add(field, CodeInvalid, "must be valid UTF-8 without NUL characters")
		return ""
	}
	s = strings.TrimSpace(s)
	if len(s) > limit && utf8.RuneCountInString(s) > limit {
		p.add(field, CodeTooLong, fmt.Sprintf("must have at most %d characters", limit))
		return ""
	}
	return s
}

// line is text on one line: line breaks and other control characters become
// blanks.
func (p *problems) line(field, s string, limit int) string {
	s = p.text(field, s, limit)
	if strings.ContainsFunc(s, unicode.IsControl) {
		s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	}
	return s
}

func (p *problems) count(field string, n, limit int) bool {
	if n > limit {
		p.add(field, CodeTooMany, fmt.Sprintf("must have at most %d entries", limit))
	}
	return n <= limit
}

func (p *problems) emails(list []Email) []Email {
	if !p.count("emails", len(list), MaxListed) {
		return nil
	}
	var out []Email
	primaries := 0
	for i, e := range list {
		field := fmt.Sprintf("emails[%d]", i)
		address := p.line(field+".address", e.Address, MaxEmail)
		label := p.line(field+".label", e.Label, MaxShortText)
		if address == "" {
			if strings.TrimSpace(e.Address) == "" && label != "" {
				p.add(field+".address", CodeRequired, "must be given with a label")
			}
			continue
		}
		if !validEmail(address) {
			p.add(field+".address", CodeInvalid, "must be an email address such as ana@example.com")
			continue
		}
		if e.Primary {
			primaries++
		}
		key := EmailKey(address)
		if at := slices.IndexFunc(out, func(o Email) bool { return EmailKey(o.Address) == key }); at >= 0 {
			out[at].Primary = out[at].Primary || e.Primary
			continue
		}
		out = append(out, Email{Address: address, Label: label, Primary: e.Primary})
	}
	if p.onePrimary("emails", primaries) && primaries == 0 && len(out) > 0 {
		out[0].Primary = true
	}
	return out
}

func (p *problems) onePrimary(field string, primaries int) bool {
	if primaries > 1 {
		p.add(field, CodeInvalid, "must have one primary entry")
	}
	return primaries <= 1
}

// validEmail accepts what mail systems deliver to: a dot-atom or quoted local
// part and a domain with no blanks or empty labels, Unicode allowed (RFC 6531).
func validEmail(s string) bool {
	if len(s) > MaxEmail || strings.ContainsAny(s, "<>,;") || strings.ContainsFunc(s, unicode.IsSpace) {
		return false
	}
	parsed, err := mail.ParseAddress("<" + s + ">")
	if err != nil || parsed.Name != "" {
		return false
	}
	domain := s[strings.LastIndexByte(s, '@')+1:]
	return domain != "" && !strings.Contains(domain, "..") && domain[0] != '.' && domain[0] != '-' &&
		domain[len(domain)-1] != '.' && domain[len(domain)-1] != '-'
}

func (n normalizer) numbers(p *problems, list []Phone) []Phone {
	if !p.count("phones", len(list), MaxListed) {
		return nil
	}
	var out []Phone
	primaries := 0
	for i, ph := range list {
		field := fmt.Sprintf("phones[%d]", i)
		number := p.line(field+".number", ph.Number, MaxPhone)
		label := p.line(field+".label", ph.Label, MaxShortText)
		if number == "" {
			if strings.TrimSpace(ph.Number) == "" && label != "" {
				p.add(field+".number", CodeRequired, "must be given with a label")
			}
			continue
		}
		if ph.Primary {
			primaries++
		}
		e164, _ := n.phones.ParsePhone(number, n.region)
		next := Phone{Number: number, E164: e164, Label: label, Primary: ph.Primary}
		if at := slices.IndexFunc(out, func(o Phone) bool { return samePhone(o, next) }); at >= 0 {
			out[at].Primary = out[at].Primary || ph.Primary
			continue
		}
		out = append(out, next)
	}
	if p.onePrimary("phones", primaries) && primaries == 0 && len(out) > 0 {
		out[0].Primary = true
	}
	return out
}

// samePhone reports whether two entries of one contact are the same number,
// extensions and all.
func samePhone(a, b Phone) bool {
	if a.Number == b.Number {
		return true
	}
	return a.E164 != "" && a.E164 == b.E164 && extensionOf(a) == extensionOf(b)
}

// extensionOf returns the digits of a number as typed that its E.164 form does
// not hold, whether the country code or a trunk prefix was typed or not.
func extensionOf(p Phone) string {
	typed, core := strings.TrimLeft(digitsOf(p.Number), "0"), strings.TrimPrefix(p.E164, "+")
	for at := range len(core) {
		if rest, ok := strings.CutPrefix(typed, core[at:]); ok && at <= maxCountryCode {
			return rest
		}
	}
	return typed
}

// maxCountryCode is how many digits a country code has at most (ITU-T E.164).
const maxCountryCode = 3

func (p *problems) addresses(list []Address) []Address {
	if !p.count("addresses", len(list), MaxListed) {
		return nil
	}
	var out []Address
	for i, a := range list {
		field := fmt.Sprintf("addresses[%d].", i)
		a = Address{
			Label: p.line(field+"label", a.Label, MaxShortText), Street: p.text(field+"street", a.Street, MaxFieldValue),
			City: p.line(field+"city", a.City, MaxShortText), Region: p.line(field+"region", a.Region, MaxShortText),
			PostalCode: p.line(field+"postalCode", a.PostalCode, MaxShortText), Country: p.line(field+"country", a.Country, MaxShortText),
		}
		if a != (Address{Label: a.Label}) && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

func (p *problems) websites(list []string) []string {
	if !p.count("websites", len(list), MaxListed) {
		return nil
	}
	var out []string
	for i, w := range list {
		field := fmt.Sprintf("websites[%d]", i)
		w = p.line(field, w, MaxWebsite)
		if w == "" || slices.Contains(out, w) {
			continue
		}
		if !ValidWebsite(w) {
			p.add(field, CodeInvalid, "must be a web address such as https://example.com/team or example.com")
			continue
		}
		out = append(out, w)
	}
	return out
}

func (p *problems) birthday(s string) string {
	s = p.line("birthday", s, MaxShortText)
	if s == "" || ValidBirthday(s) {
		return s
	}
	p.add("birthday", CodeInvalid, `must be a date that exists, as 1958-10-13, or --10-13 without the year`)
	return ""
}

// ValidBirthday reports whether s is "YYYY-MM-DD" or "--MM-DD" of a day that
// exists; without a year 29 February does.
func ValidBirthday(s string) bool {
	if rest, ok := strings.CutPrefix(s, "--"); ok {
		s = "2000-" + rest
	}
	_, err := time.Parse(time.DateOnly, s)
	return err == nil && s[:4] != "0000"
}

func (p *problems) stage(s Stage) Stage {
	if s == "" {
		return StageNone
	}
	if !slices.Contains(Stages(), s) {
		p.add("stage", CodeUnknown, "must be one of none, lead, prospect, customer, advocate")
	}
	return s
}

func (p *problems) tags(field string, list []string) []string {
	var out []string
	seen := map[string]bool{}
	for i, t := range list {
		t = p.line(fmt.Sprintf("%s[%d]", field, i), t, MaxTag)
		if t == "" || seen[FoldKey(t)] {
			continue
		}
		seen[FoldKey(t)] = true
		out = append(out, t)
	}
	if !p.count(field, len(out), MaxTags) {
		return nil
	}
	return out
}

// fieldKey is what a custom field may be called.
var fieldKey = regexp.MustCompile(`^[\pL\pN][\pL\pN\pM_-]*$`)

// ValidFieldKey reports whether a custom field may have this key: letters,
// digits, "_" and "-", beginning with a letter or digit, at most 64 characters.
func ValidFieldKey(key string) bool {
	return utf8.RuneCountInString(key) <= MaxFieldKey && fieldKey.MatchString(key)
}

func (p *problems) customFields(in map[string]any) map[string]any {
	if len(in) == 0 || !p.count("fields", len(in), MaxFields) {
		return nil
	}
	out := make(map[string]any, len(in))
	for _, key := range slices.Sorted(maps.Keys(in)) {
		if !ValidFieldKey(key) {
			p.add("fields", CodeInvalid, "keys must have 1 to 64 letters, digits, _ or -")
			continue
		}
		if v, ok := p.fieldValue("fields."+key, in[key]); ok {
			out[key] = v
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// maxExactInteger is the largest integer that a float64 holds and that no
// other integer is rounded to (RFC 7493, 2.2).
const maxExactInteger = 1<<53 - 1

func (p *problems) fieldValue(field string, value any) (any, bool) {
	switch v := value.(type) {
	case string:
		s := p.text(field, v, MaxFieldValue)
		return s, s != ""
	case bool:
		return v, true
	case int:
		if v > maxExactInteger || v < -maxExactInteger {
			return p.fieldValue(field, math.Inf(1))
		}
		return float64(v), true
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) || (v == math.Trunc(v) && math.Abs(v) > maxExactInteger) {
			p.add(field, CodeInvalid, "must be a number below 2^53; give longer ones as text")
			return nil, false
		}
		return v, true
	case nil:
		return nil, false
	}
	p.add(field, CodeInvalid, "must be text, a number or true or false")
	return nil, false
}

func cutRunes(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n])
}
