package phone

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestPlainNumbersAgreeWithTheLibrary proves the shortcut: whatever it answers,
// the library answers too.
func TestPlainNumbersAgreeWithTheLibrary(t *testing.T) {
	const numbers = 100_000
	rnd := rand.New(rand.NewPCG(1, 2))
	shapes := []string{
		"%03d-%03d-%04d", "(%03d) %03d-%04d", "%03d.%03d.%04d", "%03d%03d%04d", "1 %03d %03d %04d", "1-%03d-%03d-%04d",
		"+1%03d%03d%04d", "+1 %03d %03d %04d", "+1-%03d-%03d-%04d", "+1 (%03d) %03d-%04d", "1(%03d)%03d.%04d",
	}
	p := New()
	short := 0
	for range numbers {
		number := fmt.Sprintf(shapes[rnd.IntN(len(shapes))], 200+rnd.IntN(800), rnd.IntN(1000), rnd.IntN(10_000))
		region := []string{"US", "CA", "DE", "", "BS"}[rnd.IntN(5)]
		got, ok := p.nanp.parse(number, region)
		if !ok {
			continue
		}
		short++
		if want, ok := parseAny(number, region); got != want || !ok {
			t.Fatalf("%q in %q: got %q, want %q", number, region, got, want)
		}
	}
	if short < numbers/10 {
		t.Errorf("the shortcut answered %d of %d numbers; it is of no use", short, numbers)
	}
}

// TestEveryAreaCodeAgreesWithTheLibrary asks both about each area code and
// several exchanges, valid or not.
func TestEveryAreaCodeAgreesWithTheLibrary(t *testing.T) {
	p := New()
	for area := 200; area < 1000; area++ {
		for _, line := range []string{"2345678", "4641234", "5550123", "0001234", "1001234", "9760000"} {
			number := fmt.Sprintf("+1%d%s", area, line)
			got, _ := p.nanp.parse(number, "US")
			want, _ := parseAny(number, "US")
			if got != want {
				t.Errorf("%s: got %q, want %q", number, got, want)
			}
		}
	}
}
