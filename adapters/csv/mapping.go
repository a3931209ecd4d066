package csv

import (
	"fmt"
	"strings"

	"github.com/omnicrm/omnicrm/adapters/internal/contactfile"
	"github.com/omnicrm/omnicrm/crm"
)

// applyMapping replaces the guessed targets by those given. Columns that the
// mapping leaves out are kept as extra values.
func applyMapping(columns, mapping []crm.ImportColumn) error {
	if len(mapping) == 0 {
		return nil
	}
	taken := make([]bool, len(columns))
	targets := make([]string, len(columns))
	var wrong []crm.FieldError
	for i, m := range mapping {
		field := fmt.Sprintf("mapping[%d]", i)
		if _, ok := parseTarget(m.Target); !ok {
			wrong = append(wrong, crm.FieldError{
				Field: field, Code: crm.CodeUnknown,
				Message: `has an unknown target; use one such as "displayName", "emails[0].address", "fields.<key>", "ignore" or ""`,
			})
			continue
		}
		c := nextColumn(columns, taken, m.Column)
		if c < 0 {
			wrong = append(wrong, crm.FieldError{Field: field, Code: crm.CodeUnknown, Message: "names a column that the file does not have"})
			continue
		}
		taken[c], targets[c] = true, m.Target
	}
	if len(wrong) > 0 {
		return &crm.ValidationError{Fields: wrong}
	}
	for i := range columns {
		columns[i].Target = targets[i]
	}
	return nil
}

// nextColumn returns the first column of that name which is not taken, or -1.
func nextColumn(columns []crm.ImportColumn, taken []bool, name string) int {
	for i, c := range columns {
		if !taken[i] && c.Column == name {
			return i
		}
	}
	return -1
}

// anyData reports whether a cell of the first record looks like a value
// rather than the name of a column.
func anyData(cells []string) bool {
	for _, c := range cells {
		if looksLikeEmail(c) || looksLikeNumber(c) || looksLikeURL(c) {
			return true
		}
		if _, ok := contactfile.Birthday(c, contactfile.MonthFirst); ok {
			return true
		}
	}
	return false
}

// guessByValues gives the columns of a file without a header targets by the
// values of its first record.
func guessByValues(cells []string) []string {
	targets := make([]string, len(cells))
	emails, phones, websites, named := 0, 0, 0, false
	for i, c := range cells {
		_, date := contactfile.Birthday(c, contactfile.OrderUnknown)
		switch {
		case c == "" || date:
		case looksLikeEmail(c):
			targets[i] = fmt.Sprintf("emails[%d].address", emails)
			emails++
		case looksLikeURL(c):
			targets[i] = fmt.Sprintf("websites[%d]", websites)
			websites++
		case looksLikeNumber(c):
			if countDigits(c) >= 7 {
				targets[i] = fmt.Sprintf("phones[%d].number", phones)
				phones++
			}
		case !named:
			targets[i], named = "displayName", true
		}
	}
	for i, t := range targets { // beyond the limit of a list
		if _, ok := parseTarget(t); !ok {
			targets[i] = ""
		}
	}
	return targets
}

func looksLikeEmail(s string) bool {
	name, host, ok := strings.Cut(s, "@")
	return ok && name != "" && strings.Contains(host, ".") && !strings.ContainsAny(s, " \t")
}

func looksLikeURL(s string) bool {
	s = strings.ToLower(s)
	return strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "www.")
}

// looksLikeNumber knows numbers and phones: digits and what stands between them.
func looksLikeNumber(s string) bool { return isPhoneText(s) && countDigits(s) > 0 }

func countDigits(s string) int {
	n := 0
	for _, c := range []byte(s) {
		if c >= '0' && c <= '9' {
			n++
		}
	}
	return n
}
