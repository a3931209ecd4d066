package csv

import (
	"strconv"
	"strings"

	"github.com/omnicrm/omnicrm/crm"
)

// kind is what a column holds.
type kind uint8

const (
	toExtra kind = iota
	toNothing
	toID
	toDisplayName
	toGivenName
	toMiddleName
	toFamilyName
	toNamePrefix
	toNameSuffix
	toCompany
	toJobTitle
	toBirthday
	toStage
	toTags
	toNotes
	toSource
	toSourceID
	toMore
	toField
	toEmail
	toEmailLabel
	toEmailPrimary
	toPhone
	toPhoneLabel
	toPhonePrimary
	toWebsite
	toAddressLabel
	toStreet
	toCity
	toRegion
	toPostalCode
	toCountry
	toExtended
	toPOBox
	toFormatted
	toCustomLabel
	toCustomValue
)

// target is a parsed field path.
type target struct {
	kind  kind
	index int    // of list items
	key   string // of custom fields
}

// scalarKind returns the kind of a path without an index.
func scalarKind(path string) (kind, bool) {
	switch path {
	case "":
		return toExtra, true
	case "ignore":
		return toNothing, true
	case "id":
		return toID, true
	case "displayName":
		return toDisplayName, true
	case "givenName":
		return toGivenName, true
	case "middleName":
		return toMiddleName, true
	case "familyName":
		return toFamilyName, true
	case "namePrefix":
		return toNamePrefix, true
	case "nameSuffix":
		return toNameSuffix, true
	case "company":
		return toCompany, true
	case "jobTitle":
		return toJobTitle, true
	case "birthday":
		return toBirthday, true
	case "stage":
		return toStage, true
	case "tags":
		return toTags, true
	case "notes":
		return toNotes, true
	case "source":
		return toSource, true
	case "sourceId":
		return toSourceID, true
	case "more":
		return toMore, true
	}
	return toExtra, false
}

// listKind returns the kind of an item's part, the index taken out of the path.
func listKind(path string) (kind, bool) {
	switch path {
	case "emails.address", "emails":
		return toEmail, true
	case "emails.label":
		return toEmailLabel, true
	case "emails.primary":
		return toEmailPrimary, true
	case "phones.number", "phones":
		return toPhone, true
	case "phones.label":
		return toPhoneLabel, true
	case "phones.primary":
		return toPhonePrimary, true
	case "websites":
		return toWebsite, true
	case "custom.label":
		return toCustomLabel, true
	case "custom.value":
		return toCustomValue, true
	}
	part, ok := strings.CutPrefix(path, "addresses.")
	if !ok {
		return toExtra, false
	}
	return addressKind(part)
}

func addressKind(part string) (kind, bool) {
	switch part {
	case "label":
		return toAddressLabel, true
	case "street":
		return toStreet, true
	case "city":
		return toCity, true
	case "region":
		return toRegion, true
	case "postalCode":
		return toPostalCode, true
	case "country":
		return toCountry, true
	case "extended":
		return toExtended, true
	case "poBox":
		return toPOBox, true
	case "formatted":
		return toFormatted, true
	}
	return toExtra, false
}

// parseTarget reads a field path; false when there is no such target.
func parseTarget(path string) (target, bool) {
	if key, ok := strings.CutPrefix(path, "fields."); ok {
		return target{kind: toField, key: key}, key != "" && len(key) <= 4*crm.MaxFieldKey
	}
	list, item, ok := strings.Cut(path, "[")
	if !ok {
		k, ok := scalarKind(path)
		return target{kind: k}, ok
	}
	digits, part, ok := strings.Cut(item, "]")
	index, err := strconv.Atoi(digits)
	if !ok || err != nil || index < 0 || index >= crm.MaxListed || strconv.Itoa(index) != digits {
		return target{}, false
	}
	k, ok := listKind(list + part)
	return target{kind: k, index: index}, ok
}

// single reports whether two columns cannot both go there: what a guess must
// not do, and where a second value is kept as an extra one.
func (k kind) single() bool {
	switch k {
	case toExtra, toNothing, toTags, toNotes, toStreet, toExtended:
		return false
	}
	return true
}
