package sqlkit_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/omnicrm/omnicrm/adapters/internal/sqlkit"
)

func TestValues(t *testing.T) {
	t.Parallel()
	if got, want := sqlkit.Values(2, 3), "(?, ?), (?, ?), (?, ?)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestValuesAlike(t *testing.T) {
	t.Parallel()
	if got, want := sqlkit.ValuesAlike(3, 2, 2), "(?1, ?2, ?), (?1, ?2, ?)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestBatches(t *testing.T) {
	t.Parallel()
	for n, want := range map[int][]int{0: nil, 1: {1}, 15: {15}, 16: {16}, 40: {16, 16, 8}, 64: {64}, 537: {64, 64, 64, 64, 64, 64, 64, 64, 16, 9}} {
		var got []int
		next := 0
		err := sqlkit.Batches(n, func(from, to int) error {
			if from != next {
				t.Errorf("%d rows: got a run from %d, want from %d", n, from, next)
			}
			got, next = append(got, to-from), to
			return nil
		})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%d rows: got %v, %v, want %v", n, got, err, want)
		}
	}
	stop := errors.New("stop")
	runs := 0
	if err := sqlkit.Batches(200, func(int, int) error { runs++; return stop }); !errors.Is(err, stop) || runs != 1 {
		t.Errorf("an error: got %v after %d runs, want it after one", err, runs)
	}
}

func TestLists(t *testing.T) {
	t.Parallel()
	for n, want := range map[int][]int{0: nil, 1: {1}, 2: {4}, 4: {4}, 5: {16}, 256: {256}, 300: {256, 64}} {
		values := make([]int, n)
		for i := range values {
			values[i] = i
		}
		var got, all []int
		err := sqlkit.Lists(values, func(padded []int) error {
			got = append(got, len(padded))
			all = append(all, slices.Compact(padded)...)
			return nil
		})
		if err != nil || !slices.Equal(got, want) || !slices.Equal(all, values) {
			t.Errorf("%d values: got runs %v of %d values, %v, want %v", n, got, len(all), err, want)
		}
	}
}

func TestKeyset(t *testing.T) {
	t.Parallel()
	up := sqlkit.Keyset{Columns: []string{"a", "id"}}
	down := sqlkit.Keyset{Columns: []string{"a", "id"}, Desc: true}
	one := sqlkit.Keyset{Columns: []string{"id"}}
	for got, want := range map[string]string{
		up.After(): "(a, id) > (?, ?)", down.After(): "(a, id) < (?, ?)", one.After(): "id > ?",
		up.OrderBy(): "a, id", down.OrderBy(): "a DESC, id DESC",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
