package csv_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/omnicrm/omnicrm/adapters/csv"
	"github.com/omnicrm/omnicrm/crm"
)

// plainRows is a table of n contacts in a plain layout.
func plainRows(n int) []byte {
	var b bytes.Buffer
	b.WriteString("Name,Email,Phone,Company,Job Title,Street,City,Zip,Country,Tags,Notes\n")
	for i := range n {
		fmt.Fprintf(&b, "Ana Example %d,ana%d@example.com,+1 202 555 %04d,Example %d Ltd,Engineer,%d Main Street,Springfield,%05d,US,\"vip, new\",\"met at the fair\nin hall %d\"\n",
			i, i, i%10000, i%100, i%500, i%100000, i%9)
	}
	return b.Bytes()
}

func BenchmarkRead(b *testing.B) {
	const rows = 10_000
	data := plainRows(rows)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := csv.New().NewReader(bytes.NewReader(data), crm.ReadOptions{})
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for {
			if _, err := r.Next(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != rows {
			b.Fatalf("got %d rows, want %d", n, rows)
		}
	}
	b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkWrite(b *testing.B) {
	c := crm.Contact{
		ID: crm.NamedID("a"), DisplayName: "Ana Example", Company: "Example Ltd", Stage: crm.StageLead, Tags: []string{"vip", "new"},
		Emails: []crm.Email{{Address: "ana@example.com", Primary: true}}, Phones: []crm.Phone{{Number: "+1 202 555 0101", Primary: true}},
		Addresses: []crm.Address{{Street: "1 Main Street", City: "Springfield"}}, Source: "manual", Fields: map[string]any{"size": 4.5},
	}
	w, err := csv.New().NewWriter(io.Discard)
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
