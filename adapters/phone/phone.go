// Package phone parses phone numbers of every country with
// github.com/nyaruka/phonenumbers, a port of Google's libphonenumber. It is an
// adapter, and not part of package crm, because its tables weigh 7 MB.
package phone

import (
	"github.com/nyaruka/phonenumbers"

	"github.com/omnicrm/omnicrm/crm"
)

// Parser is a crm.Phones; [New] makes one. It is safe for parallel use.
type Parser struct {
	nanp *nanp
}

var _ crm.Phones = (*Parser)(nil)

// New returns a parser. Its tables are read on first use.
func New() *Parser { return &Parser{nanp: &nanp{}} }

// ParsePhone returns the E.164 form of a number that is valid in its country;
// an extension is left out of it. Numbers without a country code belong to the
// region. Text of more than crm.MaxPhone bytes is no number.
func (p *Parser) ParsePhone(number, region string) (string, bool) {
	if len(number) > crm.MaxPhone {
		return "", false
	}
	if e164, ok := p.nanp.parse(number, region); ok {
		return e164, true
	}
	return parseAny(number, region)
}

// parseAny asks the library.
func parseAny(number, region string) (string, bool) {
	parsed, err := phonenumbers.Parse(number, region)
	if err != nil || !phonenumbers.IsValidNumber(parsed) {
		return "", false
	}
	return phonenumbers.Format(parsed, phonenumbers.E164), true
}
