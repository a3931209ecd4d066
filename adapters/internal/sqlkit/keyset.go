package sqlkit

import "strings"

// Keyset is the order of a list by several columns, all in one direction. The
// last column makes the order total.
type Keyset struct {
	Columns []string
	Desc    bool
}

// After returns the predicate of the rows behind a position, with one
// placeholder a column: "(a, b) > (?, ?)". Both SQLite and Postgres walk an
// index over the columns for it.
func (k Keyset) After() string {
	op := " > "
	if k.Desc {
		op = " < "
	}
	if len(k.Columns) == 1 {
		return k.Columns[0] + op + "?"
	}
	return "(" + strings.Join(k.Columns, ", ") + ")" + op + Placeholders(len(k.Columns))
}

// OrderBy returns the list for ORDER BY: "a DESC, b DESC".
func (k Keyset) OrderBy() string {
	if !k.Desc {
		return strings.Join(k.Columns, ", ")
	}
	return strings.Join(k.Columns, " DESC, ") + " DESC"
}
