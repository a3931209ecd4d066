package meilisearch_test

import (
	"flag"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/adapters/meilisearch"
	"github.com/omnicrm/omnicrm/crm"
)

var benchContacts = flag.Int("contacts", 100_000, "contacts of the benchmark on a real server")

// BenchmarkServer fills an index on the real server as the CRM does, by two at
// once, and then measures searches of several kinds.
func BenchmarkServer(b *testing.B) {
	needServer(b)
	x, ws := onServer(b, meilisearch.Options{}), newWorkspace()
	people := somePeople(*benchContacts)
	begin := time.Now()
	pages := make(chan []crm.SearchDocument)
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for page := range pages {
				if err := x.PutDocuments(b.Context(), ws, page); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for page := range slices.Chunk(people, 1_000) {
		pages <- page
	}
	close(pages)
	all.Wait()
	took := time.Since(begin)
	b.Logf("%d contacts in %.1f s, %.0f/s", len(people), took.Seconds(), float64(len(people))/took.Seconds())

	one := func(name string, query func(c *crm.Contact, r *rand.Rand) crm.SearchQuery) {
		b.Run(name, func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 2))
			var times []time.Duration
			for b.Loop() {
				q := query(&people[r.IntN(len(people))].Contact, r)
				begin := time.Now()
				if _, err := x.SearchContacts(b.Context(), ws, q); err != nil {
					b.Fatal(err)
				}
				times = append(times, time.Since(begin))
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2].Microseconds())/1_000, "p50-ms")
			b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1_000, "p99-ms")
		})
	}
	text := func(of func(c *crm.Contact, r *rand.Rand) string) func(*crm.Contact, *rand.Rand) crm.SearchQuery {
		return func(c *crm.Contact, r *rand.Rand) crm.SearchQuery { return crm.SearchQuery{Text: of(c, r), Limit: 50} }
	}
	one("full name", text(func(c *crm.Contact, _ *rand.Rand) string { return c.DisplayName }))
	one("a typo", text(func(c *crm.Contact, r *rand.Rand) string { return mistyped(r, c.DisplayName) }))
	one("two letters", text(func(c *crm.Contact, _ *rand.Rand) string { return string([]rune(c.DisplayName)[:2]) }))
	one("four letters", text(func(c *crm.Contact, _ *rand.Rand) string {
		name := []rune(c.DisplayName)
		return string(name[:min(4, len(name))])
	}))
	one("an email", text(func(c *crm.Contact, _ *rand.Rand) string {
		if len(c.Emails) == 0 {
			return c.DisplayName
		}
		return c.Emails[0].Address
	}))
	one("a page of everybody with facets", func(*crm.Contact, *rand.Rand) crm.SearchQuery {
		return crm.SearchQuery{MatchAll: true, Order: crm.SearchOrder{By: crm.SortCreatedAt, Desc: true}, Limit: 50, Facets: crm.Facets()}
	})
}
