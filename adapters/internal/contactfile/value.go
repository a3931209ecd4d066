package contactfile

import (
	"strings"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// DateOrder is how dates with slashes are to be read where both readings make
// a date.
type DateOrder uint8

// The orders.
const (
	// OrderUnknown reads 3/25/1980 and 25/3/1980, but not 3/4/1980.
	OrderUnknown DateOrder = iota
	// MonthFirst reads 3/4/1980 as the 4th of March, as the United States write it.
	MonthFirst
)

// Birthday reads a date of birth and returns it as "1958-10-13" or, without a
// year, as "--10-13"; false when the text is no such date, or could be two.
// It knows 1958-10-13, 19581013, 1958/10/13, --10-13, --1013, 13.10.1958,
// dates with slashes as order says, and any of the first with a time behind.
func Birthday(text string, order DateOrder) (string, bool) {
	text = strings.TrimSpace(text)
	if rest, ok := strings.CutPrefix(text, "--"); ok {
		if len(rest) == 4 {
			rest = rest[:2] + "-" + rest[2:]
		}
		// A leap year, so that the 29th of February passes.
		if _, err := time.Parse("2006-01-02", "2000-"+rest); err != nil {
			return "", false
		}
		return "--" + rest, true
	}
	if day, _, ok := strings.Cut(text, "T"); ok {
		text = day
	} else if len(text) > 10 && text[10] == ' ' && strings.ContainsRune(text, ':') {
		text = text[:10]
	}
	for _, layout := range [...]string{"2006-01-02", "20060102", "2006/1/2", "2006-1-2", "2.1.2006"} {
		if t, err := time.Parse(layout, text); err == nil {
			return isoDate(t)
		}
	}
	return slashed(text, order)
}

// slashed reads 3/25/1980 in the one order that makes a date, or in the order given.
func slashed(text string, order DateOrder) (string, bool) {
	us, errUS := time.Parse("1/2/2006", text)
	rest, errRest := time.Parse("2/1/2006", text)
	switch {
	case errUS == nil && (errRest != nil || us.Equal(rest) || order == MonthFirst):
		return isoDate(us)
	case errUS != nil && errRest == nil:
		return isoDate(rest)
	}
	return "", false
}

func isoDate(t time.Time) (string, bool) { return t.Format("2006-01-02"), t.Year() > 0 }

// Stage reads a stage by our own words and those of other programs (HubSpot's
// lifecycle stages among them), in any case; false when the word is unknown.
func Stage(text string) (crm.Stage, bool) {
	word := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" _-", r) {
			return -1
		}
		return r
	}, strings.ToLower(text))
	switch word {
	case "none":
		return crm.StageNone, true
	case "lead", "subscriber", "marketingqualifiedlead", "mql", "new":
		return crm.StageLead, true
	case "prospect", "salesqualifiedlead", "sql", "opportunity":
		return crm.StageProspect, true
	case "customer", "client":
		return crm.StageCustomer, true
	case "advocate", "evangelist", "promoter":
		return crm.StageAdvocate, true
	}
	return "", false
}

// Street joins what postal addresses keep apart and we do not: one line each,
// the street first. A bare number of a post office box gets the word before it.
func Street(street, extended, box string) string {
	if box != "" && box[0] >= '0' && box[0] <= '9' {
		box = "PO Box " + box
	}
	return JoinNonBlank("\n", street, extended, box)
}

// JoinNonBlank joins the parts that are not blank.
func JoinNonBlank(sep string, parts ...string) string {
	kept := ""
	for _, p := range parts {
		switch {
		case p == "":
		case kept == "":
			kept = p
		default:
			kept += sep + p
		}
	}
	return kept
}

// Covers reports whether every word of text, commas and semicolons aside,
// stands in one of the parts: a formatted address or name then says nothing
// that its parts do not. A text of more than 10,000 bytes is not looked at.
func Covers(text string, parts ...string) bool {
	if len(text) > 10_000 {
		return false
	}
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n,;", r) }) {
		found := false
		for _, p := range parts {
			if strings.Contains(p, word) {
				found = true
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}
