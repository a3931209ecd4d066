package sqlkit

import "strings"

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

// insertSizes are the numbers of rows that one insert statement may carry. Few
// different sizes keep few prepared statements; beyond about 50 rows a
// statement gets no faster.
func insertSizes() [4]int { return [4]int{64, 16, 4, 1} }

// Batches splits n rows into runs of the few sizes that insert statements are
// prepared for and calls do with each run's bounds, in order. It stops at the
// first error and returns it.
func Batches(n int, do func(from, to int) error) error {
	from := 0
	for _, size := range insertSizes() {
		for ; n-from >= size; from += size {
			if err := do(from, from+size); err != nil {
				return err
			}
		}
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
