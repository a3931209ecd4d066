package sqlite_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
)

// create is one contact with its event and tag counts in one transaction.
func create(ctx context.Context, s crm.Store, ws crm.WorkspaceID, w crm.ContactWrite) error {
	return s.InTx(ctx, func(tx crm.Tx) error {
		if err := tx.PutContacts(ctx, ws, []crm.ContactWrite{w}); err != nil {
			return err
		}
		if err := tx.AddTagCounts(ctx, ws, []crm.TagDelta{{Key: "a", Name: "a", Delta: 1}, {Key: "b", Name: "b", Delta: 1}}); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, ws, []crm.Event{created(w.Contact)})
	})
}

// BenchmarkCreate creates contacts from 1 and 64 callers. "each alone" lets no
// two share a commit.
func BenchmarkCreate(b *testing.B) {
	for _, mode := range []struct {
		name  string
		sync  sqlite.SyncMode
		alone bool
	}{{"full", sqlite.SyncFull, false}, {"normal", sqlite.SyncNormal, false}, {"full each alone", sqlite.SyncFull, true}} {
		for _, callers := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/%d callers", mode.name, callers), func(b *testing.B) {
				s := open(b, newFile(b), sqlite.Options{Sync: mode.sync})
				writes := people(b.N)
				var mu sync.Mutex
				feed := make(chan crm.ContactWrite)
				var wg sync.WaitGroup
				b.ResetTimer()
				for range callers {
					wg.Go(func() {
						for w := range feed {
							if mode.alone {
								mu.Lock()
							}
							if err := create(b.Context(), s, workspace("bench"), w); err != nil {
								b.Error(err)
							}
							if mode.alone {
								mu.Unlock()
							}
						}
					})
				}
				for _, w := range writes {
					feed <- w
				}
				close(feed)
				wg.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "creates/s")
			})
		}
	}
}

// importBatch writes what an import writes of a batch of new rows.
func importBatch(ctx context.Context, s crm.Store, ws crm.WorkspaceID, batch crm.ID, from int, writes []crm.ContactWrite) error {
	events := make([]crm.Event, len(writes))
	images := make([]crm.Image, len(writes))
	rows := make([]crm.ImportRow, len(writes))
	marks := make([]crm.FingerprintMark, len(writes))
	for i, w := range writes {
		id := w.Contact.ID
		events[i] = created(w.Contact)
		events[i].Batch = batch
		images[i] = crm.Image{Contact: id, Version: 1, Batch: batch, At: w.Contact.CreatedAt}
		rows[i] = crm.ImportRow{Row: int64(from + i + 1), Outcome: crm.RowCreated, Contact: id}
		marks[i] = crm.FingerprintMark{Fingerprint: crm.Fingerprint(crm.NamedID(id.String())), Contact: id, Batch: batch}
	}
	return s.InTx(ctx, func(tx crm.Tx) error {
		for _, do := range []func() error{
			func() error { return tx.PutContacts(ctx, ws, writes) },
			func() error { return tx.AppendEvents(ctx, ws, events) },
			func() error { return tx.PutImages(ctx, ws, images) },
			func() error { return tx.PutImportRows(ctx, ws, batch, rows) },
			func() error { return tx.PutFingerprints(ctx, ws, marks) },
			func() error {
				return tx.AddTagCounts(ctx, ws, []crm.TagDelta{{Key: "vip", Name: "vip", Delta: len(writes)}})
			},
		} {
			if err := do(); err != nil {
				return err
			}
		}
		return nil
	})
}

// BenchmarkImport writes 100,000 new contacts with events, images, rows and
// fingerprints, 500 and 2,000 in a transaction.
func BenchmarkImport(b *testing.B) {
	const total = 100_000
	writes := people(total)
	for _, size := range []int{500, 2000} {
		b.Run(fmt.Sprintf("%d rows a transaction", size), func(b *testing.B) {
			for range b.N {
				s := open(b, newFile(b), sqlite.Options{})
				batch := crm.NewID()
				b.ResetTimer()
				for from := 0; from < total; from += size {
					if err := importBatch(b.Context(), s, workspace("bench"), batch, from, writes[from:from+size]); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(total/b.Elapsed().Seconds(), "rows/s")
			}
		})
	}
}

// BenchmarkRead100k reads from a store of 100,000 contacts.
func BenchmarkRead100k(b *testing.B) {
	s := open(b, newFile(b), sqlite.Options{Sync: sqlite.SyncNormal})
	ws := workspace("bench")
	writes := people(100_000)
	put(b, s, ws, writes)
	ctx := b.Context()
	run := func(name string, do func(i int) (int, error)) {
		b.Run(name, func(b *testing.B) {
			for i := range b.N {
				n, err := do(i)
				if err != nil {
					b.Fatal(err)
				}
				if n == 0 {
					b.Fatal("found nothing")
				}
			}
		})
	}
	list := func(q crm.ContactQuery) func(int) (int, error) {
		return func(int) (int, error) {
			got, err := s.ListContacts(ctx, ws, q)
			return len(got), err
		}
	}
	middle := writes[50_000].Contact
	after := &crm.ContactPosition{Value: crm.SortValue(middle, crm.SortCreatedAt), ID: middle.ID}
	run("50 newest", list(crm.ContactQuery{Sort: crm.SortCreatedAt, Desc: true, Limit: 50}))
	run("50 from the middle", list(crm.ContactQuery{Sort: crm.SortCreatedAt, Desc: true, Limit: 50, After: after}))
	run("50 by name", list(crm.ContactQuery{Sort: crm.SortDisplayName, Limit: 50}))
	run("50 of a stage", list(crm.ContactQuery{Where: crm.ContactCriteria{Stages: []crm.Stage{crm.StageLead}}, Sort: crm.SortCreatedAt, Limit: 50}))
	run("50 of a tag", list(crm.ContactQuery{Where: crm.ContactCriteria{Tags: []string{"vip"}}, Sort: crm.SortCreatedAt, Limit: 50}))
	run("plain search", list(crm.ContactQuery{Where: crm.ContactCriteria{Words: []string{strings.ToLower(writes[99_990].Contact.FamilyName)}}, Sort: crm.SortCreatedAt, Limit: 50}))
	run("exact total", func(int) (int, error) { return s.CountContacts(ctx, ws, crm.ContactCriteria{}, 0) })
	run("count of a tag", func(int) (int, error) {
		return s.CountContacts(ctx, ws, crm.ContactCriteria{Tags: []string{"vip"}}, 0)
	})
	run("one contact", func(i int) (int, error) {
		got, err := s.GetContacts(ctx, ws, []crm.ID{writes[i*7919%len(writes)].Contact.ID})
		return len(got), err
	})
	run("50 contacts", func(i int) (int, error) {
		ids := make([]crm.ID, 50)
		for k := range ids {
			ids[k] = writes[(i*50+k)*7919%len(writes)].Contact.ID
		}
		got, err := s.GetContacts(ctx, ws, ids)
		return len(got), err
	})
}

// BenchmarkJobs claims and finishes no-ops, one and a hundred at a time.
func BenchmarkJobs(b *testing.B) {
	for _, size := range []int{1, 100} {
		b.Run(fmt.Sprintf("%d at a time", size), func(b *testing.B) {
			s := open(b, newFile(b), sqlite.Options{Sync: sqlite.SyncNormal})
			ws := workspace("bench")
			ctx := b.Context()
			left := b.N
			for from := 0; from < b.N; from += 500 {
				err := s.InTx(ctx, func(tx crm.Tx) error {
					for range min(500, b.N-from) {
						if err := tx.PutJob(ctx, ws, waitingJob(), 0); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ResetTimer()
			for left > 0 {
				tickets, err := s.ReceiveJobs(ctx, []crm.JobWant{{Kind: "noop"}}, size)
				if err != nil {
					b.Fatal(err)
				}
				jobs, err := s.ClaimJobs(ctx, tickets, crm.JobClaim{Lease: crm.NewID(), Valid: time.Minute})
				if err != nil || len(jobs) == 0 {
					b.Fatal(len(jobs), err)
				}
				err = s.InTx(ctx, func(tx crm.Tx) error {
					for _, j := range jobs {
						version := j.Version
						j.Status, j.Lease, j.Version = crm.JobSucceeded, crm.ID{}, version+1
						if err := tx.PutJob(ctx, ws, j, version); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
				left -= len(jobs)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
		})
	}
}

// waitingJob is a job that is due.
func waitingJob() crm.Job {
	return crm.Job{ID: crm.NewID(), Kind: "noop", Status: crm.JobQueued, MaxAttempts: 3, CreatedAt: aTime(), RunAt: aTime(), Version: 1}
}
