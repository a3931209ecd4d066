package csv

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// markerColumn is the column that tells our own layout from all others.
const markerColumn = "OmniCRM ID"

// How many items of each list have columns of their own.
const (
	ownEmails    = 3
	ownPhones    = 3
	ownAddresses = 2
	ownWebsites  = 2
)

// ownColumn is one column of our own layout.
type ownColumn struct {
	name, target string
	// phone says that phone numbers are written here: they are exempt from
	// the protection against formulas.
	phone bool
	value func(r *ownRow) string
}

// ownRow is a contact on its way into a row.
type ownRow struct {
	crm.Contact
	// How many items of each list go to their own columns; the rest is in more.
	emails, phones, addresses, websites int
	tags, more                          string
}

// ownColumns returns the columns of our own layout in their order.
func ownColumns() []ownColumn {
	text := func(name, target string, value func(r *ownRow) string) ownColumn {
		return ownColumn{name: name, target: target, value: value}
	}
	list := []ownColumn{
		text(markerColumn, "id", func(r *ownRow) string { return idText(r.ID) }),
		text("Display name", "displayName", func(r *ownRow) string { return r.DisplayName }),
		text("Given name", "givenName", func(r *ownRow) string { return r.GivenName }),
		text("Family name", "familyName", func(r *ownRow) string { return r.FamilyName }),
		text("Company", "company", func(r *ownRow) string { return r.Company }),
		text("Job title", "jobTitle", func(r *ownRow) string { return r.JobTitle }),
	}
	list = append(list, ownLists()...)
	return append(list,
		text("Birthday", "birthday", func(r *ownRow) string { return r.Birthday }),
		text("Stage", "stage", func(r *ownRow) string { return string(r.Stage) }),
		text("Tags", "tags", func(r *ownRow) string { return r.tags }),
		text("Notes", "notes", func(r *ownRow) string { return r.Notes }),
		text("Source", "source", func(r *ownRow) string { return r.Source }),
		text("Source id", "sourceId", func(r *ownRow) string { return r.SourceID }),
		text("Score", "ignore", func(r *ownRow) string { return scoreText(r.Score) }),
		text("Last interaction at", "ignore", func(r *ownRow) string { return timeText(r.LastInteractionAt) }),
		text("Created at", "ignore", func(r *ownRow) string { return timeText(r.CreatedAt) }),
		text("Updated at", "ignore", func(r *ownRow) string { return timeText(r.UpdatedAt) }),
		text("More", "more", func(r *ownRow) string { return r.more }),
	)
}

// ownLists returns the columns of the first items of each list.
func ownLists() []ownColumn {
	var list []ownColumn
	add := func(name, target string, i int, phone bool, value func(r *ownRow) string) {
		n := strconv.Itoa(i)
		list = append(list, ownColumn{
			name:   strings.Replace(name, "#", strconv.Itoa(i+1), 1),
			target: strings.Replace(target, "#", n, 1), phone: phone, value: value,
		})
	}
	for i := range ownEmails {
		add("Email #", "emails[#].address", i, false, func(r *ownRow) string { return at(r.Emails[:r.emails], i).Address })
		add("Email # label", "emails[#].label", i, false, func(r *ownRow) string { return at(r.Emails[:r.emails], i).Label })
	}
	for i := range ownPhones {
		add("Phone #", "phones[#].number", i, true, func(r *ownRow) string { return at(r.Phones[:r.phones], i).Number })
		add("Phone # label", "phones[#].label", i, false, func(r *ownRow) string { return at(r.Phones[:r.phones], i).Label })
	}
	for i := range ownAddresses {
		address := func(name, target string, value func(a crm.Address) string) {
			add("Address # "+name, "addresses[#]."+target, i, false, func(r *ownRow) string { return value(at(r.Addresses[:r.addresses], i)) })
		}
		address("label", "label", func(a crm.Address) string { return a.Label })
		address("street", "street", func(a crm.Address) string { return a.Street })
		address("city", "city", func(a crm.Address) string { return a.City })
		address("region", "region", func(a crm.Address) string { return a.Region })
		address("postal code", "postalCode", func(a crm.Address) string { return a.PostalCode })
		address("country", "country", func(a crm.Address) string { return a.Country })
	}
	for i := range ownWebsites {
		add("Website #", "websites[#]", i, false, func(r *ownRow) string { return at(r.Websites[:r.websites], i) })
	}
	return list
}

// ownTarget returns the target of a column of our own layout.
func ownTarget(name string) string {
	columns := ownColumns()
	i := slices.IndexFunc(columns, func(c ownColumn) bool { return c.name == name })
	if i < 0 {
		return ""
	}
	return columns[i].target
}

// at returns item i, or a blank one.
func at[T any](list []T, i int) T {
	if i < len(list) {
		return list[i]
	}
	var blank T
	return blank
}

func idText(id crm.ID) string {
	if id.IsZero() {
		return ""
	}
	return id.String()
}

func scoreText(score *int) string {
	if score == nil {
		return ""
	}
	return strconv.Itoa(*score)
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// protect writes a ' before a value that a spreadsheet would take for a formula.
func protect(value string, phone bool) string {
	if !startsFormula(value) || phone && isPhoneText(value) {
		return value
	}
	return "'" + value
}

// unprotect takes away what [protect] wrote.
func unprotect(value string) string {
	if len(value) > 1 && value[0] == '\'' && startsFormula(value[1:]) {
		return value[1:]
	}
	return value
}

func startsFormula(value string) bool {
	return value != "" && strings.IndexByte("=+-@'\t\r", value[0]) >= 0
}

// isPhoneText reports whether a number is made of digits and phone
// punctuation only.
func isPhoneText(number string) bool {
	for _, c := range []byte(number) {
		if (c < '0' || c > '9') && strings.IndexByte(" +-().,/#*", c) < 0 {
			return false
		}
	}
	return true
}
