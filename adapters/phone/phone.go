// Package phone parses phone numbers of every country with
// github.com/nyaruka/phonenumbers, a port of Google's libphonenumber. It is an
// adapter, and not part of package crm, because its tables weigh 7 MB.
package phone

import (
	"github.com/nyaruka/phonenumbers"

	"github.com/omnicrm/omnicrm/crm"
)

// Parser is a crm.Phones. The zero value works and is safe for parallel use.
type Parser struct{}

var _ crm.Phones = Parser{}

// ParsePhone returns the E.164 form of a number that is valid in its country;
// an extension is left out of it. Numbers without a country code belong to the
// region. Text of more than crm.MaxPhone bytes is no number.
func (Parser) ParsePhone(number, region string) (string, bool) {
	if len(number) > crm.MaxPhone {
		return "", false
	}
	parsed, err := phonenumbers.Parse(number, region)
	if err != nil || !phonenumbers.IsValidNumber(parsed) {
		return "", false
	}
	return phonenumbers.Format(parsed, phonenumbers.E164), true
}
