package crm

import "strings"

// Phones parses phone numbers.
type Phones interface {
	// ParsePhone returns the E.164 form of a number as typed; region is the
	// ISO 3166-1 alpha-2 country of numbers without a country code. It returns
	// false when the text is no valid number. Safe for parallel use.
	ParsePhone(number, region string) (e164 string, ok bool)
}

// plainPhones is the default of Config.Phones. It knows international numbers
// by their plus sign and the national form of the North American plan;
// adapters/phone knows every country.
type plainPhones struct{}

// ParsePhone accepts "+" and 8 to 15 digits (ITU-T E.164), and ten digits, or
// eleven with a leading 1, where the region is in the North American plan.
func (plainPhones) ParsePhone(number, region string) (string, bool) {
	var digits strings.Builder
	number = strings.TrimSpace(number)
	international := strings.HasPrefix(number, "+")
	for _, r := range strings.TrimPrefix(number, "+") {
		switch {
		case r >= '0' && r <= '9':
			digits.WriteRune(r)
		case strings.ContainsRune(" -.()/\u00a0", r):
		default:
			return "", false
		}
	}
	d := digits.String()
	switch {
	case international:
		return "+" + d, len(d) >= 8 && len(d) <= 15 && d[0] != '0'
	case region != "US" && region != "CA":
		return "", false
	case len(d) == 11 && d[0] == '1':
		d = d[1:]
	case len(d) != 10:
		return "", false
	}
	// Area code and exchange begin with 2 to 9.
	return "+1" + d, d[0] >= '2' && d[3] >= '2'
}
