package csv_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/omnicrm/omnicrm/adapters/csv"
	"github.com/omnicrm/omnicrm/crm"
)

// show writes records in one line each: names, emails, extra values, notes,
// problems.
func show(records []crm.ImportRecord) string {
	var b strings.Builder
	for _, r := range records {
		c := r.Contact
		fmt.Fprintf(&b, "%s", c.DisplayName)
		for _, e := range c.Emails {
			fmt.Fprintf(&b, " <%s>", e.Address)
		}
		for _, e := range r.Extra {
			fmt.Fprintf(&b, " {%s=%s}", e.Name, e.Value)
		}
		for _, n := range r.Remarks {
			fmt.Fprintf(&b, " ?%s", n.Field)
		}
		for _, p := range r.Problems {
			fmt.Fprintf(&b, " !%s", p.Field)
		}
		if c.Notes != "" {
			fmt.Fprintf(&b, " %q", c.Notes)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// utf16Bytes encodes text, with the byte at high first where big is 1.
func utf16Bytes(text string, big int, mark bool) string {
	if mark {
		text = "\ufeff" + text
	}
	var b []byte
	for _, u := range utf16.Encode([]rune(text)) {
		pair := [2]byte{byte(u), byte(u >> 8)}
		b = append(b, pair[big], pair[1-big])
	}
	return string(b)
}

func TestReadOddFiles(t *testing.T) {
	const table = "Name,Email\nZoë,zoe@example.com\nBo 😀,bo@example.com\n"
	const read = "Zoë <zoe@example.com>\nBo 😀 <bo@example.com>\n"
	for _, tc := range []struct{ name, file, want string }{
		{"a plain table", table, read},
		{"a byte order mark", "\ufeff" + table, read},
		{"CRLF", strings.ReplaceAll(table, "\n", "\r\n"), read},
		{"CR alone", strings.ReplaceAll(table, "\n", "\r"), read},
		{"no line end at the end", strings.TrimSuffix(table, "\n"), read},
		{"semicolons", strings.ReplaceAll(table, ",", ";"), read},
		{"tabs", strings.ReplaceAll(table, ",", "\t"), read},
		{"bars", strings.ReplaceAll(table, ",", "|"), read},
		{"Excel's line that names the delimiter", "sep=;\r\n" + strings.ReplaceAll(table, ",", ";"), read},
		{"semicolons with commas in the values", "Name;Email\n\"Doe, Jo\";jo@example.com\nRoe, Al;al@example.com\n", "Doe, Jo <jo@example.com>\nRoe, Al <al@example.com>\n"},
		{"UTF-16 little endian with a mark", utf16Bytes(table, 0, true), read},
		{"UTF-16 big endian with a mark", utf16Bytes(table, 1, true), read},
		{"UTF-16 little endian without a mark", utf16Bytes(table, 0, false), read},
		{"UTF-16 big endian without a mark", utf16Bytes(table, 1, false), read},
		{"UTF-16 cut in the middle of a character", utf16Bytes("Name,Email\nAna,a@example.com", 0, true) + "x", " !Email\n"},
		{"UTF-16 cut after the end of a line", utf16Bytes("Name,Email\nAna,a@example.com\n", 0, true) + "x", "Ana <a@example.com>\n !Name\n"},
		{
			"UTF-8 with a row in Windows-1252", "Name,Email\nZoë,zoe@example.com\nJosé 😀,jo@example.com\nAndr\xe9,an@example.com\nH\xe9l\xe8ne \xc0 \xe9t\xe9,he@example.com\n",
			"Zoë <zoe@example.com>\nJosé 😀 <jo@example.com>\nAndré <an@example.com> ?Name\nHélène À été <he@example.com> ?Name\n",
		},
		{"a lost character", "Name,Email\nZo\ufffd,zoe@example.com\n", "Zo\ufffd <zoe@example.com> ?Name\n"},
		{"Windows-1252", "Name,Email\nZo\xeb \x80,zoe@example.com\n", "Zoë € <zoe@example.com>\n"},
		{"a byte that is not UTF-8 among many that are", "Name,Notes\nZoë,Łódź\nAna,caf\xe9 Łódź\n", "Zoë \"Łódź\"\nAna ?Notes \"café Łódź\"\n"},
		{"more bad bytes than characters of UTF-8", "Name,Notes\nZoë,\xe9\xe9\n\xc4\xd6,x\n", "Zoë ?Notes \"éé\"\nÄÖ ?Name \"x\"\n"},
		{"a byte that is not UTF-8 where all else is ASCII, far behind", "Name,Notes\n" + strings.Repeat("A,b\n", 20_000) + "Ana,caf\xe9\n", strings.Repeat("A \"b\"\n", 20_000) + "Ana ?Notes \"café\"\n"},
		{"UTF-8 far behind in a file of Windows-1252", "Name,Notes\nAna,caf\xe9\n" + strings.Repeat("A,b\n", 20_000) + "Zoë,\xfc\n", "Ana \"café\"\n" + strings.Repeat("A \"b\"\n", 20_000) + "Zoë ?Name \"ü\"\n"},
		{"half a pair of surrogates", strings.Replace(utf16Bytes("Name,Email\nAna,a@example.com\nB😀o,b@example.com\n", 0, true), "\x3d\xd8\x00\xde", "\x3d\xd8", 1), "Ana <a@example.com>\n !Name\n"},
		{"a NUL character", "Name,Email,Notes\nA\x00na,a@example.com,x\nBo,b@example.com,\x00\nCy,c@example.com,\n", " !Name\n !Notes\nCy <c@example.com>\n"},
		{"blank lines and rows", "Name,Email\n\n,\n\nAna,a@example.com\n , \n", "Ana <a@example.com>\n"},
		{"short rows", "Name,Email,Notes\nAna\nBo,b@example.com\n", "Ana\nBo <b@example.com>\n"},
		{"long rows", "Name,Email\nAna,a@example.com,,more,\n", "Ana <a@example.com> {Column 4=more}\n"},
		{"columns of the same name", "Name,Email,Name,Email,Colour,Colour\nAna,a@example.com,Ann,b@example.com,red,blue\n", "Ana <a@example.com> <b@example.com> {Name=Ann} {Colour=red} {Colour=blue}\n"},
		{"a column without a name", "Name,,Email\nAna,x,a@example.com\n", "Ana <a@example.com> {Column 2=x}\n"},
		{"no header", "Ana Doe,a@example.com,+1 202 555 0101\nBo,b@example.com,\n", "Ana Doe <a@example.com>\nBo <b@example.com>\n"},
		{"no header, one column", "a@example.com\nb@example.com\n", " <a@example.com>\n <b@example.com>\n"},
		{"one column", "Email\na@example.com\n", " <a@example.com>\n"},
		{"line breaks and quotes in quotes", "Name,Notes\n\"Ana \"\"A\"\" Doe\",\"one\ntwo, three\r\nfour\"\nBo,x\n", "Ana \"A\" Doe \"one\\ntwo, three\\r\\nfour\"\nBo \"x\"\n"},
		{"a blank before a quote and after one", "Name,Notes\nAna, \"a,b\" \nBo,x\n", "Ana \"a,b\"\nBo \"x\"\n"},
		{"quotes inside a text that are not doubled", "Name,Notes\n\"Ana \"A\" Doe\",x\nBo \"B\" Roe,y\n", "Ana \"A\" Doe \"x\"\nBo \"B\" Roe \"y\"\n"},
		{"a quote never closed before rows", "Name,Email\nAna,\"a@example.com\nBo,b@example.com\nCy,c@example.com\n", " !Email\nBo <b@example.com>\nCy <c@example.com>\n"},
		{"a quote never closed before rows with quotes", "Name,Email,Notes\nAna,\"a@example.com,x\nBo,\"b@example.com\",\"y, z\"\nCy,c@example.com,\n", " !Email\nBo <b@example.com> \"y, z\"\nCy <c@example.com>\n"},
		{"a quote never closed before prose", "Name,Email,Notes\nAna,a@example.com,\"one\ntwo\nthree\n", " !Notes\n"},
		{"a header in the words of the API", "displayName,emails[0].address,fields.size\nAna,a@example.com,5\n", "Ana <a@example.com>\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, chunk := range []int{1 << 20, 1} { // as it comes, and byte by byte
				got := show(readAll(t, &chunked{strings.NewReader(tc.file), chunk}, crm.ReadOptions{}))
				if got != tc.want {
					t.Errorf("in chunks of %d: got\n%s\nwant\n%s", chunk, got, tc.want)
				}
			}
		})
	}
}

func TestTheEncodingIsNamed(t *testing.T) {
	for want, file := range map[string]string{
		"utf-8": "Name\nZoë\n\xff\xff\n", "windows-1252": "Name\nZo\xeb\n", "utf-16le": utf16Bytes("Name\nZoë\n", 0, true), "utf-16be": utf16Bytes("Name\nZoë\n", 1, true),
	} {
		r, err := csv.New().NewReader(strings.NewReader(file), crm.ReadOptions{})
		if err != nil || r.Encoding() != want {
			t.Errorf("got %v (%v), want %s", r, err, want)
		}
	}
}

func TestAHeaderWithoutRows(t *testing.T) {
	for _, file := range []string{"Name,Email\n", "Name,Email", "Name,Email\n\n  \n", "sep=;\nName;Email\n"} {
		_, err := csv.New().NewReader(strings.NewReader(file), crm.ReadOptions{})
		var invalid *crm.ValidationError
		if !errors.As(err, &invalid) || invalid.Fields[0].Field != "file" || !strings.Contains(err.Error(), "no contact below it") {
			t.Errorf("%q: got %v, want an error of the file that says that there are no rows", file, err)
		}
	}
}

// chunked gives at most n bytes at once.
type chunked struct {
	r io.Reader
	n int
}

func (c *chunked) Read(p []byte) (int, error) { return c.r.Read(p[:min(len(p), c.n)]) }

func TestFilesThatAreNoTables(t *testing.T) {
	for _, tc := range []struct{ name, file, want string }{
		{"an empty file", "", "empty"},
		{"a mark alone", "\ufeff", "empty"},
		{"blank lines alone", "\r\n\r\n  \n", "empty"},
		{"a picture", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "a PNG image"},
		{"a spreadsheet", "PK\x03\x04\x14\x00\x06\x00", "save the table as CSV"},
		{"random bytes", strings.Repeat("\x00\x01\x02\xff\xfe\x80\x90abc", 100), "a binary file"},
		{"too many columns", strings.Repeat("a,", 1000) + "b\n", "at most 1000"},
		{"a quote in the header that is not closed", "Name,\"Email\nAna,a@example.com\n", "line 1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := csv.New().NewReader(strings.NewReader(tc.file), crm.ReadOptions{})
			var invalid *crm.ValidationError
			if !errors.As(err, &invalid) || invalid.Fields[0].Field != "file" || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want a validation error of field file with %q", err, tc.want)
			}
		})
	}
}

func TestFiveHundredColumns(t *testing.T) {
	names, cells := []string{"Name"}, []string{"Ana"}
	for i := range 499 {
		names, cells = append(names, fmt.Sprintf("Thing %d", i)), append(cells, fmt.Sprint(i))
	}
	columns, records := readColumns(t, strings.NewReader(strings.Join(names, ",")+"\n"+strings.Join(cells, ",")+"\n"), crm.ReadOptions{})
	if len(columns) != 500 || len(records) != 1 || len(records[0].Extra) != 499 || records[0].Contact.DisplayName != "Ana" {
		t.Errorf("got %d columns and %d records, want 500 and 1 with 499 extra values", len(columns), len(records))
	}
}

func TestAFieldOfTenMegabytes(t *testing.T) {
	for _, tc := range []struct{ name, field, want string }{
		{"in quotes with line breaks", `"` + strings.Repeat("some text\n", 1<<20) + `"`, "Ana <a@example.com>\n !Notes\nBo <b@example.com>\n"},
		{"without quotes", strings.Repeat("some text ", 1<<20), "Ana <a@example.com>\n !Notes\nBo <b@example.com>\n"},
		{"with quotes inside", `"` + strings.Repeat(`say ""hi"", he`+"\n", 1<<20) + `"`, "Ana <a@example.com>\n !Notes\nBo <b@example.com>\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := "Name,Email,Notes\nAna,a@example.com,\nXi,x@example.com," + tc.field + "\nBo,b@example.com,\n"
			records := readAll(t, strings.NewReader(file), crm.ReadOptions{})
			if got := show(records); got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
			if p := records[1].Problems[0]; p.Code != crm.CodeTooLong || !strings.Contains(p.Message, "line 3") {
				t.Errorf("problem: got %+v, want too_long in line 3", p)
			}
		})
	}
}

func TestAQuoteNeverClosedInALongFile(t *testing.T) {
	const rows = 60_000 // more than the limit of a record
	var file strings.Builder
	file.WriteString("Name,Email\nAna,\"a@example.com\n")
	for i := range rows {
		fmt.Fprintf(&file, "Bo %d,b%d@example.com\n", i, i)
	}
	records := readAll(t, strings.NewReader(file.String()), crm.ReadOptions{})
	if got, want := len(records), rows+1; got != want {
		t.Fatalf("records: got %d, want %d", got, want)
	}
	p := records[0].Problems
	if len(p) != 1 || p[0].Field != "Email" || !strings.Contains(p[0].Message, "line 2") {
		t.Errorf("problem: got %+v, want one of Email in line 2", p)
	}
}

func TestAReadErrorIsTold(t *testing.T) {
	broken := errors.New("the disk is on fire")
	r, err := csv.New().NewReader(io.MultiReader(bytes.NewReader(plainRows(2000)), failing{broken}), crm.ReadOptions{})
	for err == nil {
		_, err = r.Next()
	}
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

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
	header, rows, _ := bytes.Cut(plainRows(2000), []byte("\n"))
	for _, tc := range []struct {
		name string
		body io.Reader
	}{
		{"many rows", &repeated{text: rows, n: total / len(rows)}},
		{"one field", io.MultiReader(strings.NewReader(`Ana,"`), &repeated{text: bytes.Repeat([]byte("text\n"), 1000), n: total / 5000})},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := csv.New().NewReader(io.MultiReader(bytes.NewReader(header), strings.NewReader("\n"), tc.body), crm.ReadOptions{})
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
				if i%200_000 == 0 {
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

func TestManyStrayQuotesTakeNoTime(t *testing.T) {
	for name, body := range map[string]string{
		"on one line": `"` + strings.Repeat(`,"x`, 300_000), "on many lines": `"` + strings.Repeat("a\n,\"x", 200_000),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			readAll(t, strings.NewReader("Name,Email,Notes\n"+body), crm.ReadOptions{})
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}
