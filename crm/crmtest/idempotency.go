package crmtest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func testIdempotency(t *testing.T, open func(testing.TB) crm.Store) {
	runTests(t, open, []storeTest{
		{"a record comes back as it was put, with and without an answer", func(f *fixture) {
			for _, want := range []crm.IdempotencyRecord{
				{Key: "a", Request: f.print(1), CreatedAt: day()},
				{Key: strings.Repeat("k", 396) + "ü\"'", Request: f.print(2), CreatedAt: longAgo(), Answer: &crm.SavedAnswer{
					Status: 201, Header: map[string]string{"ETag": `"7"`, "Location": "/contacts/ä"}, Record: f.id(5), Body: pattern(70_000),
				}},
				{Key: "b", Request: f.print(3), CreatedAt: day(), Answer: &crm.SavedAnswer{Status: 204}},
			} {
				f.ok("PutIdempotencyRecord", f.s.PutIdempotencyRecord(f.Context(), f.ws, want))
				f.wantRecord(want)
			}
		}},
		{"a record that was never put is not found", func(f *fixture) { f.wantNoRecord("a") }},
		{"putting a key again replaces its record", func(f *fixture) {
			want := crm.IdempotencyRecord{Key: "a", Request: f.print(1), CreatedAt: day()}
			other := crm.IdempotencyRecord{Key: "A", Request: f.print(9), CreatedAt: day()}
			f.ok("PutIdempotencyRecord", f.s.PutIdempotencyRecord(f.Context(), f.ws, want))
			f.ok("PutIdempotencyRecord", f.s.PutIdempotencyRecord(f.Context(), f.ws, other))
			want.Request, want.CreatedAt = f.print(2), day().Add(time.Microsecond)
			want.Answer = &crm.SavedAnswer{Status: 200, Body: []byte("{}")}
			f.ok("PutIdempotencyRecord", f.s.PutIdempotencyRecord(f.Context(), f.ws, want))
			f.wantRecord(want)
			want.Answer = nil
			f.ok("PutIdempotencyRecord", f.s.PutIdempotencyRecord(f.Context(), f.ws, want))
			f.wantRecord(want)
			f.wantRecord(other)
		}},
		{"deleting removes a record, twice is nothing", func(f *fixture) {
			for _, key := range []string{"a", "b"} {
				f.ok("PutIdempotencyRecord", f.s.PutIdempotencyRecord(f.Context(), f.ws, crm.IdempotencyRecord{Key: key, CreatedAt: day()}))
			}
			for range 2 {
				f.ok("DeleteIdempotencyRecord", f.s.DeleteIdempotencyRecord(f.Context(), f.ws, "a"))
				f.wantNoRecord("a")
			}
			f.wantRecord(crm.IdempotencyRecord{Key: "b", CreatedAt: day()})
		}},
		{"of parallel requests with one key one is the first", func(f *fixture) {
			firsts := make([]bool, 16)
			f.inParallel(len(firsts), func(i int) error {
				return f.s.InTx(f.Context(), func(tx crm.Tx) error {
					firsts[i] = false
					_, err := tx.GetIdempotencyRecord(f.Context(), f.ws, "key")
					if !errors.Is(err, crm.ErrNotFound) {
						return err
					}
					firsts[i] = true
					return tx.PutIdempotencyRecord(f.Context(), f.ws, crm.IdempotencyRecord{Key: "key", CreatedAt: day()})
				})
			})
			n := 0
			for _, first := range firsts {
				if first {
					n++
				}
			}
			if n != 1 {
				f.Errorf("%d of 16 requests found no record and went on, want 1", n)
			}
		}},
	})
}

func (f *fixture) wantRecord(want crm.IdempotencyRecord) {
	f.Helper()
	got, err := f.s.GetIdempotencyRecord(f.Context(), f.ws, want.Key)
	f.ok("GetIdempotencyRecord", err)
	if d := diff(got, want, false); d != "" {
		f.Errorf("GetIdempotencyRecord: %s", d)
	}
}

func (f *fixture) wantNoRecord(key string) {
	f.Helper()
	_, err := f.s.GetIdempotencyRecord(f.Context(), f.ws, key)
	wantNotFound(f.T, "GetIdempotencyRecord", err)
}

func testPurgeRecords(f *fixture) {
	other := f.in("other")
	for n, key := range []string{"a", "b", "c", "d", "e"} {
		r := crm.IdempotencyRecord{Key: key, CreatedAt: day().Add(time.Duration(n) * time.Hour)}
		f.ok("PutIdempotencyRecord", f.s.PutIdempotencyRecord(f.Context(), f.ws, r))
	}
	f.ok("PutIdempotencyRecord", f.s.PutIdempotencyRecord(f.Context(), other.ws, crm.IdempotencyRecord{Key: "a", CreatedAt: day()}))
	total := 0
	for range 10 {
		n, err := f.s.PurgeIdempotencyRecords(f.Context(), day().Add(3*time.Hour), 3)
		f.ok("PurgeIdempotencyRecords", err)
		if n > 3 {
			f.Errorf("PurgeIdempotencyRecords: got %d, want at most 3", n)
		}
		total += n
	}
	if total != 4 {
		f.Errorf("PurgeIdempotencyRecords: removed %d records, want 4", total)
	}
	for _, key := range []string{"a", "b", "c"} {
		f.wantNoRecord(key)
	}
	other.wantNoRecord("a")
	f.wantRecord(crm.IdempotencyRecord{Key: "d", CreatedAt: day().Add(3 * time.Hour)})
}
