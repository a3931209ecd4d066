package csv_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/adapters/csv"
	"github.com/omnicrm/omnicrm/crm"
)

// FuzzRead reads anything: no panic, no endless reading, the same whether it
// comes at once or in small pieces, and nothing that is not blank is lost.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"Name,Email\nAna,a@example.com\n", "Name;E-mail 1 - Value\r\nAna;a ::: b\r\n", "a\x00b,\"c", "\xff\xfeN\x00,\x00", "Name\tTags\nAna\t\"x, \"\"y\"\"\"\n",
		"OmniCRM ID,Display name,Tags,More\n,'=Ana,\"a, b\",\"{\"\"fields\"\":{\"\"x\"\":1}}\"\n", "sep=;\nName;Birthday\nAna;3/4/1980\n", "Ana,+1 202 555 0101\n",
		"Name,\"x\ny\",z\nA,\"b\nC,d,e\nF,g,h\n", "\"", "Name,Notes\nAna,\"x\" y,z\n", "a\rb\rc", "Group Membership,Address 1 - Street,Address 1 - Formatted\n* myContacts ::: x,a ::: b,c\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		const limit = 300
		first, err := read(file, len(file)+1, limit)
		again, err2 := read(file, 3, limit)
		if (err == nil) != (err2 == nil) || len(first) != len(again) {
			t.Fatalf("at once %d records (%v), in pieces %d (%v)", len(first), err, len(again), err2)
		}
		for i := range first {
			if string(first[i].Raw) != string(again[i].Raw) || show(first[i:i+1]) != show(again[i:i+1]) {
				t.Fatalf("record %d: at once %q, in pieces %q", i, show(first[i:i+1]), show(again[i:i+1]))
			}
			if len(first[i].Raw) == 0 {
				t.Fatalf("record %d has nothing to know it by", i)
			}
		}
	})
}

func read(file []byte, chunk, limit int) ([]crm.ImportRecord, error) {
	r, err := csv.New().NewReader(&chunked{strings.NewReader(string(file)), chunk}, crm.ReadOptions{MaxRecord: limit})
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
