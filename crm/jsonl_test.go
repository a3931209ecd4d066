package crm_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/internal/testkit/contactgen"
)

// readLines reads a file of JSON lines.
func readLines(r io.Reader, limit int) ([]crm.ImportRecord, error) {
	jr, err := crm.JSONLines{}.NewReader(r, crm.ReadOptions{MaxRecord: limit})
	if err != nil {
		return nil, err
	}
	var records []crm.ImportRecord
	for {
		rec, err := jr.Next()
		if errors.Is(err, io.EOF) {
			return records, nil
		}
		if err != nil {
			return records, err
		}
		records = append(records, rec)
	}
}

func TestJSONLinesAreReadBackAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		contacts := rapid.SliceOfN(contactgen.Contact(), 1, 3).Draw(t, "contacts")
		if f := rapid.Float64().Draw(t, "any number"); contacts[0].Fields != nil {
			contacts[0].Fields["any"] = f
		}
		var file bytes.Buffer
		w, err := crm.JSONLines{}.NewWriter(&file)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range contacts {
			if err := w.WriteContact(c); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		records, err := readLines(&file, 0)
		if err != nil || len(records) != len(contacts) {
			t.Fatalf("got %d records, %v, want %d", len(records), err, len(contacts))
		}
		for i, r := range records {
			if len(r.Problems)+len(r.Extra) > 0 || r.ID != contacts[i].ID {
				t.Fatalf("problems %v, extra values %q, id %s", r.Problems, r.Extra, r.ID)
			}
			if want := contactgen.Input(contacts[i]); !reflect.DeepEqual(r.Contact, want) {
				t.Fatalf("contact:\n got %#v\nwant %#v", r.Contact, want)
			}
		}
	})
}

func TestJSONLinesWithProblems(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000)
	for _, tc := range []struct{ name, line, want string }{
		{"a key twice", `{"displayName":"a","displayName":"b"}`, "displayName"},
		{"a key of an item twice", `{"emails":[{"address":"a"},{"address":"b","address":"c"}]}`, "emails[1].address"},
		{"a key twice, once escaped", `{"notes":"a","no\u0074es":"b"}`, "notes"},
		{"a number as a name", `{"displayName":5}`, "displayName"},
		{"an object as tags", `{"tags":{}}`, "tags"},
		{"a number among tags", `{"tags":["a",5]}`, "tags[1]"},
		{"a string among emails", `{"emails":["a@example.com"]}`, "emails[0]"},
		{"a string as primary", `{"phones":[{"number":"1","primary":"yes"}]}`, "phones[0].primary"},
		{"an array as a custom field", `{"fields":{"a":[1]}}`, "fields.a"},
		{"an integer beyond 2^53", `{"fields":{"a":9007199254740993}}`, "fields.a"},
		{"an integer below -2^53", `{"fields":{"a":-9007199254740993}}`, "fields.a"},
		{"an integer beyond all", `{"fields":{"a":` + strings.Repeat("9", 500) + `}}`, "fields.a"},
		{"a number beyond all", `{"fields":{"a":1e999}}`, "fields.a"},
		{"fields that are no object", `{"fields":"x"}`, "fields"},
		{"a lone high surrogate", `{"notes":"a\ud800"}`, "notes"},
		{"a lone low surrogate", `{"fields":{"a":"\udc00x"}}`, "fields.a"},
		{"two high surrogates", `{"tags":["\ud800\ud800"]}`, "tags[0]"},
		{"bytes that are not UTF-8", "{\"company\":\"a\xff\"}", "company"},
		{"bytes that are not UTF-8 behind an escape", "{\"company\":\"\\n\xff\"}", "company"},
		{"10,000 levels", deep, ""},
		{"10,000 arrays", `{"x":` + strings.Repeat("[", 10_000), ""},
		{"an id that is none", `{"id":"17"}`, "id"},
		{"a line that ends too early", `{"displayName":"Ana"`, "record"},
		{"a string that ends too early", `{"displayName":"Ana`, "displayName"},
		{"an escape that ends too early", `{"displayName":"\u00`, "displayName"},
		{"an unknown escape", `{"displayName":"\x"}`, "displayName"},
		{"a control character", "{\"displayName\":\"a\x01\"}", "displayName"},
		{"a word that is no value", `{"displayName":nil}`, "displayName"},
		{"a number with a leading zero", `{"fields":{"a":01}}`, "fields.a"},
		{"text behind the object", `{"displayName":"Ana"} {}`, "record"},
		{"a comma at the end", `{"displayName":"Ana",}`, "record"},
		{"an array", `[1]`, "record"},
		{"a line beyond the limit", `{"notes":"` + strings.Repeat("x", 200_000) + `"}`, "record"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := "{\"displayName\":\"Ana\"}\n" + tc.line + "\r\n\n{\"displayName\":\"Bo\"}"
			records, err := readLines(strings.NewReader(file), 100_000)
			if err != nil || len(records) != 3 {
				t.Fatalf("got %d records, %v, want 3", len(records), err)
			}
			p := records[1].Problems
			if len(p) != 1 || tc.want != "" && p[0].Field != tc.want || p[0].Message == "" || len(p[0].Field) > 300 {
				t.Errorf("problems: got %.300v, want one of field %q", p, tc.want)
			}
			if a, b := records[0].Contact.DisplayName, records[2].Contact.DisplayName; a != "Ana" || b != "Bo" {
				t.Errorf("around it: got %q and %q, want Ana and Bo", a, b)
			}
		})
	}
}

func TestJSONLinesKeepWhatHasNoField(t *testing.T) {
	const line = `{"displayName":"Ana","colour":"red","n":1.50,"yes":true,"none":null,"list":[1, "a"],"o":{ "k" : "\u00e9" },"emails":[{"address":"a@example.com","verified":true}],` +
		`"primaryEmail":"b@example.com","primaryPhone":"1","score":5,"createdAt":"x","version":"y","phones":null,"fields":{"a":1e3,"b":null}}`
	records, err := readLines(strings.NewReader("\ufeff"+line), 0)
	if err != nil || len(records) != 1 {
		t.Fatalf("got %d records, %v", len(records), err)
	}
	got := records[0]
	want := crm.NewContact{
		DisplayName: "Ana", Emails: []crm.Email{{Address: "a@example.com"}, {Address: "b@example.com", Primary: true}},
		Phones: []crm.Phone{{Number: "1", Primary: true}}, Fields: map[string]any{"a": 1000.0},
	}
	if !reflect.DeepEqual(got.Contact, want) {
		t.Errorf("contact: got %#v\nwant %#v", got.Contact, want)
	}
	extra := []crm.ExtraValue{
		{Name: "colour", Value: "red"},
		{Name: "n", Value: "1.50"},
		{Name: "yes", Value: "true"},
		{Name: "list", Value: `[1,"a"]`},
		{Name: "o", Value: `{"k":"\u00e9"}`},
		{Name: "emails[0].verified", Value: "true"},
	}
	if !reflect.DeepEqual(got.Extra, extra) || len(got.Problems) > 0 {
		t.Errorf("extra values: got %q\nwant %q, problems %v", got.Extra, extra, got.Problems)
	}
	if string(got.Raw) != line {
		t.Errorf("raw: got %q", got.Raw)
	}
}

func TestFilesThatAreNoJSONLines(t *testing.T) {
	for name, file := range map[string]string{"a picture": "\x89PNG\r\n", "an array": "[{}]", "a table": "a,b\n", "UTF-16": "\xff\xfe{\x00}\x00"} {
		t.Run(name, func(t *testing.T) {
			_, err := readLines(strings.NewReader(file), 0)
			var invalid *crm.ValidationError
			if !errors.As(err, &invalid) || invalid.Fields[0].Field != "file" {
				t.Errorf("got %v, want a validation error of field file", err)
			}
		})
	}
	if records, err := readLines(strings.NewReader("\n\r\n"), 0); err != nil || len(records) > 0 {
		t.Errorf("blank lines: got %d records, %v, want none", len(records), err)
	}
}

// endless gives the same line n times.
type endless struct {
	line []byte
	n    int
	rest []byte
}

func (e *endless) Read(p []byte) (int, error) {
	if len(e.rest) == 0 {
		if e.n == 0 {
			return 0, io.EOF
		}
		e.n--
		e.rest = e.line
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

func TestJSONLinesTakeConstantMemory(t *testing.T) {
	const total, most = 200 << 20, 16 << 20
	many := []byte(strings.Repeat(`{"displayName":"Ana","notes":"hello hello hello hello hello hello","emails":[{"address":"a@example.com"}]}`+"\n", 50))
	for name, file := range map[string]io.Reader{
		"many lines": &endless{line: many, n: total / len(many)},
		"one line":   io.MultiReader(strings.NewReader(`{"notes":"`), &endless{line: bytes.Repeat([]byte("x"), 4000), n: total / 4000}),
	} {
		t.Run(name, func(t *testing.T) {
			r, err := crm.JSONLines{}.NewReader(file, crm.ReadOptions{})
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
				if i%500_000 == 0 {
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

// FuzzJSONLines reads anything: no panic, and what is read without a problem
// can be written and read again.
func FuzzJSONLines(f *testing.F) {
	for _, seed := range []string{
		`{"displayName":"Ana","emails":[{"address":"a","primary":true}],"fields":{"n":1.5,"b":true,"s":"x"}}`, `{"x":[1,{"y":null}],"id":"0190d3c1-7d3a-7f00-8000-000000000000"}`,
		`{"notes":"\ud83d\ude00\n\u0000"}`, `{"a":`, `{"tags":["\ud800"]}`, "{}\r\n\n{\"phones\":[{\"number\":\"1\"}]}", `{"fields":{"n":-0.0,"m":1e-400}}`, "[]", "\xef\xbb\xbf{}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		records, err := readLines(bytes.NewReader(file), 500)
		if err != nil {
			if !errors.Is(err, crm.ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		for i, r := range records {
			if len(r.Problems) > 0 {
				continue
			}
			var again bytes.Buffer
			w, _ := crm.JSONLines{}.NewWriter(&again)
			c := crm.Contact{ID: r.ID, DisplayName: r.Contact.DisplayName, Emails: r.Contact.Emails, Phones: r.Contact.Phones, Addresses: r.Contact.Addresses, Tags: r.Contact.Tags, Notes: r.Contact.Notes, Fields: r.Contact.Fields}
			if err := errors.Join(w.WriteContact(c), w.Close()); err != nil {
				t.Fatalf("record %d: %v", i, err)
			}
			back, err := readLines(&again, 1<<20)
			if err != nil || len(back) != 1 || len(back[0].Problems) > 0 || fmt.Sprint(back[0].Contact.Fields) != fmt.Sprint(r.Contact.Fields) ||
				back[0].Contact.Notes != r.Contact.Notes || !reflect.DeepEqual(back[0].Contact.Tags, orNil(r.Contact.Tags)) {
				t.Fatalf("record %d: got %+v, %v, want %+v", i, back, err, r.Contact)
			}
		}
	})
}

func orNil(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return list
}

func BenchmarkJSONLinesRead(b *testing.B) {
	const n = 10_000
	file := strings.Repeat(`{"id":"0190d3c1-7d3a-7f00-8000-000000000000","displayName":"Ana Doe","givenName":"Ana","familyName":"Doe","emails":[{"address":"a@example.com","label":null,"primary":true}],`+
		`"phones":[{"number":"202-555-0101","e164":"+12025550101","label":"work","primary":true}],"company":"Example","addresses":[],"websites":[],"birthday":null,"stage":"lead","tags":["a","b"],`+
		`"notes":"hello\nyou","source":"manual","sourceId":null,"fields":{"n":1.5},"score":null,"createdAt":"2024-01-02T03:04:05Z","updatedAt":"2024-01-02T03:04:05Z","version":1}`+"\n", n)
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		if records, err := readLines(strings.NewReader(file), 0); err != nil || len(records) != n {
			b.Fatalf("got %d records, %v", len(records), err)
		}
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "lines/s")
}
