package fakedata_test

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/omnicrm/omnicrm/internal/fakedata"
)

func TestADuplicateCanBeKnownByWhatItShares(t *testing.T) {
	t.Parallel()
	g := fakedata.New(1)
	differing := 0
	const n = 20_000
	for range n {
		p := g.Person()
		twin := g.Duplicate(p)
		if twin.DisplayName != p.DisplayName {
			differing++
		}
		switch {
		case len(p.Emails) > 0:
			known := func(e fakedata.Email) bool { return strings.EqualFold(e.Address, twin.Emails[0].Address) }
			if !slices.ContainsFunc(p.Emails, known) {
				t.Fatalf("email of the duplicate: got %v, want one of %v", twin.Emails, p.Emails)
			}
		case len(p.Phones) > 0:
			known := func(number fakedata.Phone) bool { return digits(number.Number) == digits(twin.Phones[0].Number) }
			if !slices.ContainsFunc(p.Phones, known) {
				t.Fatalf("phone of the duplicate: got %v, want one of %v", twin.Phones, p.Phones)
			}
			if got, want := words(twin.DisplayName), words(p.DisplayName); !slices.Equal(got, want) {
				t.Fatalf("words of the duplicate's name: got %q, want %q", got, want)
			}
		default:
			if got, want := words(twin.DisplayName), words(p.DisplayName); !slices.Equal(got, want) {
				t.Fatalf("words of the duplicate's name: got %q, want %q", got, want)
			}
		}
	}
	if differing < n/3 {
		t.Errorf("duplicates written differently: got %d of %d, want at least a third", differing, n)
	}
}

// words are a name's, sorted, without case and accents.
func words(text string) []string {
	bare := strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r):
			return -1
		case r == ',':
			return ' '
		}
		return r
	}, norm.NFKD.String(strings.ToLower(text)))
	all := strings.Fields(bare)
	slices.Sort(all)
	return all
}

func digits(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, text)
}
