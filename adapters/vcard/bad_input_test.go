package vcard_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/omnicrm/omnicrm/adapters/vcard"
	"github.com/omnicrm/omnicrm/crm"
)

// show writes records in one line each: name, emails, notes, extra values, and
// the names of what was dropped, noted and a problem.
func show(records []crm.ImportRecord) string {
	var b strings.Builder
	for _, r := range records {
		fmt.Fprintf(&b, "%s", r.Contact.DisplayName)
		for _, e := range r.Contact.Emails {
			fmt.Fprintf(&b, " <%s>", e.Address)
		}
		if r.Contact.Notes != "" {
			fmt.Fprintf(&b, " %q", r.Contact.Notes)
		}
		for _, e := range r.Extra {
			fmt.Fprintf(&b, " {%s=%s}", e.Name, e.Value)
		}
		for _, name := range r.Dropped {
			fmt.Fprintf(&b, " -%s", name)
		}
		for _, n := range r.Remarks {
			fmt.Fprintf(&b, " ?%s", n.Field)
		}
		for _, p := range r.Problems {
			fmt.Fprintf(&b, " !%s", p.Field)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// cards writes each text as the body of a card.
func cards(bodies ...string) string {
	var b strings.Builder
	for _, body := range bodies {
		b.WriteString("BEGIN:VCARD\n" + body + "\nEND:VCARD\n")
	}
	return b.String()
}

// chunked gives at most n bytes at once.
type chunked struct {
	r io.Reader
	n int
}

func (c *chunked) Read(p []byte) (int, error) { return c.r.Read(p[:min(len(p), c.n)]) }

// utf16Cards writes cards in UTF-16 with a mark, and of every pair of surrogates
// only the first.
func utf16Cards(bodies ...string) string {
	b := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(cards(bodies...))) {
		if u < 0xdc00 || u > 0xdfff {
			b = append(b, byte(u), byte(u>>8))
		}
	}
	return string(b)
}

func TestReadOddCards(t *testing.T) {
	for _, tc := range []struct{ name, file, want string }{
		{"an empty file", "", ""},
		{"blank lines alone", "\r\n\n", ""},
		{"CR alone", strings.ReplaceAll(cards("FN:Ana", "FN:Bo"), "\n", "\r"), "Ana\nBo\n"},
		{"CRLF and a mark", "\ufeff" + strings.ReplaceAll(cards("FN:Ana"), "\n", "\r\n"), "Ana\n"},
		{"names in any case", "begin:vcard\nfn:Ana\nend:vcard\n", "Ana\n"},
		{"UTF-16", "\xff\xfe" + strings.Join(strings.Split(cards("FN:Ana"), ""), "\x00") + "\x00", "Ana\n"},
		{"a folded line", cards("VERSION:3.0\nNOTE:one t\n wo\n\t three"), " \"one two three\"\n"},
		{"a line folded inside a character", cards("VERSION:3.0\nFN:Zo\xc3\n \xab"), "Zoë\n"},
		{"2.1 keeps the blank it was folded at", cards("VERSION:2.1\nNOTE:one\n two"), " \"one two\"\n"},
		{"2.1 quoted-printable with soft breaks", cards("VERSION:2.1\nFN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Zo=C3=\n=AB =C5=81ukas=\nz\nNOTE;QUOTED-PRINTABLE:a=0D=0Ab=3Bc"), "Zoë Łukasz \"a\\nb;c\"\n"},
		{"quoted-printable that ends with a soft break", cards("VERSION:2.1\nFN;ENCODING=QUOTED-PRINTABLE:Ana="), "Ana=\n"},
		{"quoted-printable that is none", cards("VERSION:2.1\nFN;QUOTED-PRINTABLE:100=% =ZZ"), "100=% =ZZ\n"},
		{"a charset of 2.1", cards("VERSION:2.1\nFN;CHARSET=ISO-8859-1:Zo\xeb", "FN;CHARSET=SHIFT_JIS:\x93\xfa\x96{"), "Zoë\n日本\n"},
		{"an unknown charset", cards("FN;CHARSET=X-KLINGON:Zo\xeb"), "Zoë ?FN\n"},
		{"a charset that is a lie", cards("FN;CHARSET=SHIFT_JIS:Zo\xeb\xff"), "Zoëÿ ?FN\n"},
		{"bytes that are not UTF-8 in a file of UTF-8", cards("FN:Zoë", "FN:Zo\xeb\nNOTE:Łódź"), "Zoë\nZoë \"Łódź\" ?FN\n"},
		{"UTF-16 with half a character", utf16Cards("FN:Ana", "FN:B\ufffdo", "FN:B\U0001F600o"), "Ana\nB\ufffdo ?FN\nB\ufffeo !FN\n"},
		{"no charset and not UTF-8", cards("FN:Zo\xeb"), "Zoë\n"},
		{"base64 text", cards("NOTE;ENCODING=b:aGVsbG8="), " \"hello\"\n"},
		{"escapes", cards(`VERSION:3.0` + "\n" + `NOTE:a\, b\; c\\d\ne\Nf\x`), " \"a, b; c\\\\d\\ne\\nf\\\\x\"\n"},
		{"no name", cards("ORG:Example", "EMAIL:a@example.com", "NOTE:x"), "\n <a@example.com>\n \"x\"\n"},
		{"two names", cards("FN:Ana\nFN:Ann"), "Ana {FN=Ann}\n"},
		{"no END at the end", "BEGIN:VCARD\nFN:Ana\n", "Ana !END\n"},
		{"no END before the next", "BEGIN:VCARD\nFN:Ana\n" + cards("FN:Bo"), "Ana !END\nBo\n"},
		{"a card inside a card", "BEGIN:VCARD\nFN:Ana\n" + cards("FN:Bo") + "NOTE:lost?\nEND:VCARD\n" + cards("FN:Cy"), "Ana !END\nBo\n !BEGIN\nCy\n"},
		{"an agent", cards("VERSION:2.1\nFN:Ana\nAGENT:\nBEGIN:VCARD\nFN:Bo\nEND:VCARD\nNOTE:x"), "Ana \"x\" {AGENT=BEGIN:VCARD\nFN:Bo\nEND:VCARD}\n"},
		{"an agent as text", cards(`FN:Ana` + "\n" + `AGENT:BEGIN:VCARD\nFN:Bo\nEND:VCARD`), "Ana {AGENT=BEGIN:VCARD\nFN:Bo\nEND:VCARD}\n"},
		{"lines outside", "hello\n" + cards("FN:Ana") + "\nbye\n", " !BEGIN\nAna\n !BEGIN\n"},
		{"a line without a colon", cards("FN:Ana\nwhat is this"), "Ana {line=what is this}\n"},
		{"a quote in a parameter that is not closed", cards("FN;X=\"a:Ana"), "Ana\n"},
		{"values without a field", cards("FN:Ana\nGEO:1;2\nX-SKYPE:ana\\,1\nIMPP:xmpp:ana@example.com\nNICKNAME:Annie\nREV:2020"), "Ana {GEO=1;2} {X-SKYPE=ana,1} {IMPP=xmpp:ana@example.com} {NICKNAME=Annie} {REV=2020}\n"},
		{"a small picture, a link to one", cards("FN:Ana\nPHOTO;ENCODING=b;TYPE=JPEG:AAAAAAAA\nPHOTO;VALUE=uri:https://example.com/p.jpg\nLOGO:data:image/png;base64,AAAA"), "Ana {PHOTO=https://example.com/p.jpg} -PHOTO (6 bytes) -LOGO (19 bytes)\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, chunk := range []int{1 << 20, 1} {
				got := show(readAll(t, &chunked{strings.NewReader(tc.file), chunk}, crm.ReadOptions{}))
				if got != tc.want {
					t.Errorf("in chunks of %d: got\n%s\nwant\n%s", chunk, got, tc.want)
				}
			}
		})
	}
}

func TestAPhotoOfFiveMegabytes(t *testing.T) {
	photo := func(fill byte) string {
		return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, 5<<20))
	}
	folded := func(s string) string {
		var b strings.Builder
		for len(s) > 75 {
			b.WriteString(s[:75] + "\n ")
			s = s[75:]
		}
		return b.String() + s
	}
	for _, line := range []string{photo(1), folded(photo(1))} {
		records := readAll(t, strings.NewReader(cards("FN:Ana\nPHOTO;ENCODING=b:"+line+"\nEMAIL:a@example.com")), crm.ReadOptions{})
		if got, want := show(records), "Ana <a@example.com> -PHOTO (5.0 MB)\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		other := readAll(t, strings.NewReader(cards("FN:Ana\nPHOTO;ENCODING=b:"+line[:len(line)-4]+"AAAA\nEMAIL:a@example.com")), crm.ReadOptions{})
		if bytes.Equal(records[0].Raw, other[0].Raw) || len(records[0].Raw) > 64<<10 {
			t.Errorf("two pictures have the same content of %d bytes", len(records[0].Raw))
		}
	}
}

func TestACardBeyondTheLimit(t *testing.T) {
	long := strings.Repeat("x", 2<<20)
	many := strings.Repeat("NOTE:"+strings.Repeat("y", 1000)+"\n", 2000)
	records := readAll(t, strings.NewReader(cards("FN:Ana\nNOTE:"+long, "FN:Bo\n"+many+"EMAIL:b@example.com", "FN:Cy")), crm.ReadOptions{})
	if got, want := show(records), " !NOTE\n !card\nCy\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFilesThatAreNoCards(t *testing.T) {
	for name, file := range map[string]string{
		"a picture": "\x89PNG\r\n\x1a\n\x00\x00", "a table": "Name,Email\nAna,a@example.com\n", "words": "hello BEGIN:VCARD",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := vcard.New().NewReader(strings.NewReader(file), crm.ReadOptions{})
			var invalid *crm.ValidationError
			if !errors.As(err, &invalid) || invalid.Fields[0].Field != "file" {
				t.Errorf("got %v, want a validation error of field file", err)
			}
		})
	}
}

// repeated gives the same bytes n times.
type repeated struct {
	text []byte
	n    int
	rest []byte
}

func (r *repeated) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.n == 0 {
			return 0, io.EOF
		}
		r.n--
		r.rest = r.text
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func TestMemoryIsConstant(t *testing.T) {
	const total, most = 200 << 20, 16 << 20
	many := []byte(strings.Repeat(cards("VERSION:3.0\nFN:Ana Doe\nEMAIL;TYPE=WORK:a@example.com\nPHOTO;ENCODING=b:"+strings.Repeat("A", 20<<10)+"\nNOTE:hello"), 20))
	for _, tc := range []struct {
		name string
		file io.Reader
	}{
		{"many cards", &repeated{text: many, n: total / len(many)}},
		{"one line", io.MultiReader(strings.NewReader("BEGIN:VCARD\nNOTE:"), &repeated{text: bytes.Repeat([]byte("x"), 4000), n: total / 4000})},
		{"one card", io.MultiReader(strings.NewReader("BEGIN:VCARD\n"), &repeated{text: bytes.Repeat([]byte("NOTE:hello hello\n"), 500), n: total / 8500})},
		{"lines outside", io.MultiReader(strings.NewReader(cards("FN:Ana")), &repeated{text: bytes.Repeat([]byte("hello hello\n"), 500), n: total / 6000})},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := vcard.New().NewReader(tc.file, crm.ReadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			before, peak := m.HeapAlloc, uint64(0)
			for i := 0; ; i++ {
				if _, err := r.Next(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
				if i%2000 == 0 {
					runtime.GC()
					runtime.ReadMemStats(&m)
					peak = max(peak, m.HeapAlloc)
				}
			}
			if peak > before+most {
				t.Errorf("heap: got %d bytes more than before, want at most %d", peak-before, most)
			}
		})
	}
}
