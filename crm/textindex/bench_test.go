package textindex_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/omnicrm/omnicrm/crm/textindex"
)

// benchSize is the number of documents: 100,000, or what
// TEXTINDEX_BENCH_DOCUMENTS says.
func benchSize() int {
	if n, err := strconv.Atoi(os.Getenv("TEXTINDEX_BENCH_DOCUMENTS")); err == nil {
		return n
	}
	return 100_000
}

// benchIndex is loaded once for all benchmarks of a run.
var benchIndex = sync.OnceValue(func() *textindex.Index {
	x := textindex.New(options())
	for _, docs := range batches(benchSize()) {
		x.Put(docs...)
	}
	return x
})

// batches makes documents, a thousand at a time.
func batches(n int) [][]textindex.Document {
	p := newPeople(1)
	p.wide = true
	var out [][]textindex.Document
	for i := 0; i < n; i += 1000 {
		docs := make([]textindex.Document, min(1000, n-i))
		for j := range docs {
			docs[j] = p.document(i + j)
		}
		out = append(out, docs)
	}
	return out
}

func BenchmarkLoad(b *testing.B) {
	all := batches(benchSize())
	b.ReportAllocs()
	for b.Loop() {
		var before, after runtime.MemStats
		b.StopTimer()
		runtime.GC()
		runtime.ReadMemStats(&before)
		b.StartTimer()
		x := textindex.New(options())
		for _, docs := range all {
			x.Put(docs...)
		}
		b.StopTimer()
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.StartTimer()
		b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/1e6, "heap-MB")
		b.ReportMetric(float64(x.Bytes())/1e6, "estimate-MB")
		runtime.KeepAlive(x)
	}
}

func BenchmarkSearch(b *testing.B) {
	for name, text := range map[string]string{
		"typo":           "cantwlel",
		"two typos":      "fitzegralt",
		"two words":      "maria cantwel",
		"prefix":         "can",
		"one letter":     "a",
		"broad and":      "com e",
		"email":          "maria.cantwell@senate.gov",
		"broad email":    "@gmail.com",
		"phone":          "(202) 224-3441",
		"part of phone":  "2243",
		"digits":         "20",
		"inside":         "twell",
		"han":            "田中",
		"one han":        "田",
		"nothing":        "qqqqqqqq zzzzzzzz",
		"many words":     strings.Repeat("conference international consulting phone maria ", 4),
		"long typo word": "internationalconsulting",
	} {
		b.Run(name, func(b *testing.B) {
			x := benchIndex()
			total := 0
			b.ResetTimer()
			for b.Loop() {
				r, err := x.Search(context.Background(), textindex.Query{Text: text, Limit: 50})
				if err != nil {
					b.Fatal(err)
				}
				total = r.Total
			}
			b.ReportMetric(float64(total), "total")
		})
	}
}

func BenchmarkSearchAllThreeLetterPrefixes(b *testing.B) {
	x := benchIndex()
	n := 0
	for b.Loop() {
		text := string([]byte{"abcdefghijklmnopqrstuvwxyz"[n%26], "eaiourlnst"[n/26%10], "nrlstcmdae"[n/260%10]})
		n++
		if _, err := x.Search(context.Background(), textindex.Query{Text: text, Limit: 50}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFilter(b *testing.B) {
	stage := [][]string{{"stage\x00lead", "stage\x00none"}}
	for name, q := range map[string]textindex.Query{
		"all by column":         {MatchAll: true, Order: textindex.Order{By: textindex.OrderColumn, Column: 1, Desc: true}},
		"all by sort key":       {MatchAll: true, Order: textindex.Order{By: textindex.OrderSortKey}},
		"stage by recency":      {MatchAll: true, Terms: stage},
		"stage with facets":     {MatchAll: true, Terms: stage, FacetPrefixes: []string{"stage\x00", "tag\x00"}},
		"all with facets":       {MatchAll: true, FacetPrefixes: []string{"stage\x00", "company\x00"}, FacetLimit: 20},
		"text, stage and facet": {Text: "mari", Terms: stage, FacetPrefixes: []string{"company\x00"}, FacetLimit: 20},
		"range":                 {MatchAll: true, Ranges: []textindex.Range{{Column: 0, From: 10, To: 100}}},
	} {
		q.Limit = 50
		b.Run(name, func(b *testing.B) {
			x := benchIndex()
			b.ResetTimer()
			for b.Loop() {
				if _, err := x.Search(context.Background(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPut(b *testing.B) {
	p := newPeople(3)
	p.wide = true
	x := benchIndex()
	docs := make([]textindex.Document, 1000)
	for i := range docs {
		docs[i] = p.document(p.random.IntN(benchSize()))
	}
	b.Run("one", func(b *testing.B) {
		i := 0
		for b.Loop() {
			x.Put(docs[i%len(docs)])
			i++
		}
	})
	b.Run("a long note", func(b *testing.B) {
		d := docs[0]
		var note strings.Builder
		for i := 0; note.Len() < 5000; i++ {
			fmt.Fprintf(&note, "word%d Zürich ", i)
		}
		d.Fields = append(d.Fields, textindex.Field{Name: "notes", Text: note.String(), Rank: 2})
		for b.Loop() {
			x.Put(d)
		}
	})
}

func BenchmarkFold(b *testing.B) {
	for _, text := range []string{"Maria Cantwell", "Zoë Łukasz", "김철수 田中美咲"} {
		b.Run(text, func(b *testing.B) {
			for b.Loop() {
				textindex.Fold(text)
			}
		})
	}
}
