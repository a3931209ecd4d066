package sqlkit

import (
	"strconv"
	"strings"
)

// Placeholders returns n question marks in parentheses: "(?, ?, ?)". n is at
// least 1.
func Placeholders(n int) string {
	return "(?" + strings.Repeat(", ?", n-1) + ")"
}

// Values returns the placeholders of several rows: "(?, ?), (?, ?)". Both
// numbers are at least 1.
func Values(columns, rows int) string {
	row := Placeholders(columns)
	return row + strings.Repeat(", "+row, rows-1)
}

// ValuesAlike is Values for rows that hold the same in their first columns,
// each of which has one argument, in front of all others:
// "(?1, ?2, ?), (?1, ?2, ?)". Only SQLite counts a "?" behind "?2" as the third.
func ValuesAlike(columns, alike, rows int) string {
	var row strings.Builder
	for i := range columns {
		if i > 0 {
			row.WriteString(", ")
		}
		row.WriteByte('?')
		if i < alike {
			row.WriteString(strconv.Itoa(i + 1))
		}
	}
	one := "(" + row.String() + ")"
	return one + strings.Repeat(", "+one, rows-1)
}

// batchRows and restRows are how many rows an insert statement carries. Few
// different numbers keep few prepared statements; beyond about 50 rows a
// statement gets no faster.
const (
	batchRows = 64
	restRows  = 16
)

// Batches splits n rows into runs of 64, then of 16, then what is left, so that
// inserts are prepared for few different numbers of rows, and calls do with
// each run's bounds, in order. It stops at the first error and returns it.
func Batches(n int, do func(from, to int) error) error {
	for from := 0; from < n; {
		size := n - from
		switch {
		case size >= batchRows:
			size = batchRows
		case size >= restRows:
			size = restRows
		}
		if err := do(from, from+size); err != nil {
			return err
		}
		from += size
	}
	return nil
}

// MaxListed is the largest number of values in one "IN (...)" list.
const MaxListed = 256

// ListSize returns how many placeholders a list of n values is given: the next
// power of four up to [MaxListed], so that few statements are prepared. The
// surplus places repeat the last value. n is 1 to MaxListed.
func ListSize(n int) int {
	size := 1
	for size < n {
		size *= 4
	}
	return size
}

// Lists splits values into runs of at most [MaxListed], each padded to its
// [ListSize], and calls do with each, in order. It stops at the first error
// and returns it.
func Lists[T any](values []T, do func(padded []T) error) error {
	for len(values) > 0 {
		run := values[:min(len(values), MaxListed)]
		values = values[len(run):]
		padded := make([]T, ListSize(len(run)))
		for i := copy(padded, run); i < len(padded); i++ {
			padded[i] = run[len(run)-1]
		}
		if err := do(padded); err != nil {
			return err
		}
	}
	return nil
}
