package phone_test

import (
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/adapters/phone"
)

func TestParsePhone(t *testing.T) {
	p := phone.New()
	for _, tc := range []struct{ name, number, region, want string }{
		{"a national number takes the region", "202-224-3441", "US", "+12022243441"},
		{"an international number needs no region", "+44 20 7946 0958", "", "+442079460958"},
		{"the region does not change an international number", "+49 30 901820", "US", "+4930901820"},
		{"the trunk zero goes", "030 901820", "DE", "+4930901820"},
		{"the international prefix of the region is known", "011 44 20 7946 0958", "US", "+442079460958"},
		{"an extension is left out", "(202) 224-3441 ext. 12", "US", "+12022243441"},
		{"an x begins an extension", "202-224-3441 x123", "US", "+12022243441"},
		{"an Italian zero stays", "06 6982", "IT", "+39066982"},
		{"full-width digits are digits", "＋１２０２２２４３４４１", "US", "+12022243441"},
		{"Arabic digits are digits", "+٩٦٦١١٤٥٦٧٨٩٠", "", "+966114567890"},
		{"a link is a number", "tel:+1-202-224-3441", "US", "+12022243441"},
		{"a region in lower case is none", "202-224-3441", "us", ""},
		{"no region and no country is none", "202-224-3441", "", ""},
		{"an unknown region is none", "202-224-3441", "XX", ""},
		{"a number that nobody can have is none", "000-000-0000", "US", ""},
		{"a short number is none", "12345", "US", ""},
		{"words are none", "call me", "US", ""},
		{"nothing is none", "", "US", ""},
		{"broken UTF-8 is none", "\xff\xfe", "US", ""},
		{"a number as long as a book is none", strings.Repeat("1", 1<<20), "US", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, ok := p.ParsePhone(tc.number, tc.region)
			if got != tc.want || ok != (tc.want != "") {
				t.Errorf("ParsePhone(%.40q, %q): got %q, %v, want %q", tc.number, tc.region, got, ok, tc.want)
			}
		})
	}
}

func BenchmarkParsePhone(b *testing.B) {
	p := phone.New()
	for _, number := range []string{"202-224-3441", "+12022243441", "+4930901820", "not a number"} {
		b.Run(number, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.ParsePhone(number, "US")
			}
		})
	}
}
