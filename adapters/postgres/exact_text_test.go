package postgres

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// Whatever text goes in comes back, and what the database gets is text to it.
func TestExactText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.OneOf(
			rapid.String(), rapid.SampledFrom([]string{"", "a\x00b", "\x1b", "\x1b00", "\xff\xfe", "Zoë", "\uFFFD"}),
			rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
		).Draw(t, "text")
		kept := exactText(want)
		if !utf8.ValidString(kept) || strings.ContainsRune(kept, 0) {
			t.Fatalf("%q is kept as %q, which is no text of Postgres", want, kept)
		}
		var got string
		if err := scanExact(&got).Scan(kept); err != nil || got != want {
			t.Fatalf("%q kept as %q: got %q and error %v", want, kept, got, err)
		}
	})
	for _, bad := range []string{"a\x1b", "a\x1b0", "\x1bzz"} {
		var got string
		if err := scanExact(&got).Scan(bad); err == nil {
			t.Errorf("%q: got %q, want an error", bad, got)
		}
	}
}
