package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A body of the full size must not cost much more than reading it, whatever it
// holds. The bound is wide, for slow machines; quadratic work misses it by far.
func TestLargestBodiesAreReadInLinearTime(t *testing.T) {
	t.Parallel()
	s := setup(t)
	fill := func(n int, entry func(i int) string) string {
		var b strings.Builder
		for i := 0; b.Len() < n; i++ {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(entry(i))
		}
		return b.String()
	}
	const size = 990_000
	for name, body := range map[string]string{
		"unknown members":        `{` + fill(size, func(i int) string { return fmt.Sprintf(`"k%d":1`, i) }) + `}`,
		"custom fields":          `{"displayName":"A","fields":{` + fill(size, func(i int) string { return fmt.Sprintf(`"k%d":1`, i) }) + `}}`,
		"entries of wrong types": `{"displayName":"A","tags":[` + fill(size, func(int) string { return `1` }) + `]}`,
		"escapes":                `{"displayName":"` + strings.Repeat(`\u00e9`, size/6) + `"}`,
		"digits":                 `{"displayName":"A","fields":{"n":0.` + strings.Repeat("1", size) + `}}`,
		"brackets":               strings.Repeat("[", size),
		"one long key":           `{"` + strings.Repeat("k", size) + `":1}`,
	} {
		begin := time.Now()
		if a := s.send(t, http.MethodPost, "contacts", body); a.code != 400 && a.code != 201 {
			t.Errorf("%s: got %d", name, a.code)
		} else if len(a.body) > 64_000 {
			t.Errorf("%s: the answer has %d bytes", name, len(a.body))
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%s took %s", name, took)
		} else {
			t.Logf("%s: %s", name, took)
		}
	}
}
