package vcard_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/adapters/vcard"
	"github.com/omnicrm/omnicrm/crm"
)

// FuzzRead reads anything: no panic, no endless reading, and the same whether
// it comes at once or in small pieces.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		cards("VERSION:3.0\nFN:Ana\nN:Doe;Ana;;;\nitem1.EMAIL;TYPE=WORK:a\nitem1.X-ABLabel:x"), cards("VERSION:2.1\nFN;ENCODING=QUOTED-PRINTABLE;CHARSET=X:a=\n=C3=AB\nAGENT:\nBEGIN:VCARD\nEND:VCARD"),
		cards("VERSION:4.0\nTEL;VALUE=uri;TYPE=\"a,b\";PREF=1:tel:1;ext=2\nADR;LABEL=\"a^nb\":1;2;3;4;5;6;7;8"), "x\n" + cards("PHOTO;ENCODING=b:"+strings.Repeat("A", 400)),
		cards("PRODID:-//OmniCRM//OmniCRM//EN\nX-OMNICRM-ID:1\nX-OMNICRM-FIELD:a;number;1\nX-OMNICRM-RECORD:{\"displayName\":\"a\"}"), "BEGIN:VCARD\nNOTE:x\n y", cards("BDAY;X-APPLE-OMIT-YEAR=1604:1604-1-1"),
		"\xff\xfeB\x00", cards("FN;CHARSET=ISO-2022-JP:\x1b$B"),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		const limit = 300
		first, err := read(file, len(file)+1, limit)
		again, err2 := read(file, 3, limit)
		if (err == nil) != (err2 == nil) || show(first) != show(again) {
			t.Fatalf("at once %q (%v), in pieces %q (%v)", show(first), err, show(again), err2)
		}
		for i := range first {
			if string(first[i].Raw) != string(again[i].Raw) {
				t.Fatalf("record %d: at once %q, in pieces %q", i, first[i].Raw, again[i].Raw)
			}
		}
	})
}

func read(file []byte, chunk, limit int) ([]crm.ImportRecord, error) {
	r, err := vcard.New().NewReader(&chunked{strings.NewReader(string(file)), chunk}, crm.ReadOptions{MaxRecord: limit})
	if err != nil {
		if !errors.Is(err, crm.ErrInvalid) {
			panic(err)
		}
		return nil, err
	}
	var records []crm.ImportRecord
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return records, nil
		}
		if err != nil {
			panic(err)
		}
		records = append(records, rec)
	}
}

func BenchmarkRead(b *testing.B) {
	const n = 5000
	file := strings.Repeat(cards("VERSION:3.0\nPRODID:-//Example//EN\nUID:17\nFN:Ana Doe\nN:Doe;Ana;;;\nORG:Example;Lab\nTEL;TYPE=WORK,VOICE:202-555-0101\n"+
		"EMAIL;TYPE=INTERNET:a@example.com\nADR;TYPE=WORK:;;1 Main St;Springfield;IL;62701;USA\nURL:https://example.com\nCATEGORIES:a,b\nNOTE:hello\\, you"), n)
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		if records, err := read([]byte(file), 1<<20, 1<<20); err != nil || len(records) != n {
			b.Fatalf("got %d records, %v", len(records), err)
		}
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "cards/s")
}

func BenchmarkWrite(b *testing.B) {
	c := crm.Contact{
		ID: crm.NamedID("a"), DisplayName: "Ana Example", Company: "Example Ltd", Stage: crm.StageLead, Tags: []string{"vip", "new"},
		Emails: []crm.Email{{Address: "ana@example.com", Primary: true}}, Phones: []crm.Phone{{Number: "+1 202 555 0101", Primary: true}},
		Addresses: []crm.Address{{Street: "1 Main Street", City: "Springfield"}}, Source: "manual", Fields: map[string]any{"size": 4.5},
	}
	w, err := vcard.New().NewWriter(io.Discard)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := w.WriteContact(c); err != nil {
			b.Fatal(err)
		}
	}
}
