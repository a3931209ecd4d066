package sqlite_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
)

// TestManyRowsOfOneCall writes rows that hold the same in the columns an insert
// binds once, and rows of which one holds something else, first, last and in
// the middle.
func TestManyRowsOfOneCall(t *testing.T) {
	t.Parallel()
	const n = 150 // Runs of 64, 64, 16 and 6.
	for _, odd := range []int{-1, 0, 63, 64, 100, n - 1} {
		t.Run(fmt.Sprintf("row %d is another", odd), func(t *testing.T) {
			t.Parallel()
			s := open(t, ":memory:", sqlite.Options{})
			ws, batch := workspace("w"), crm.NewID()
			contacts, events, images, rows, marks := manyRows(n, odd, batch)
			err := s.InTx(t.Context(), func(tx crm.Tx) error {
				writes := make([]crm.ContactWrite, n)
				for i, c := range contacts {
					writes[i] = crm.NewContactWrite(c, 0)
				}
				for _, do := range []func() error{
					func() error { return tx.PutContacts(t.Context(), ws, writes) },
					func() error { return tx.AppendEvents(t.Context(), ws, events) },
					func() error { return tx.PutImages(t.Context(), ws, images) },
					func() error { return tx.PutImportRows(t.Context(), ws, batch, rows) },
					func() error { return tx.PutFingerprints(t.Context(), ws, marks) },
				} {
					if err := do(); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			gotContacts, err := s.GetContacts(t.Context(), ws, ids(contacts))
			same(t, "contacts", gotContacts, err, contacts)
			gotEvents, err := s.ListEvents(t.Context(), ws, 0, 2*n)
			for i := range gotEvents {
				gotEvents[i].Position = 0
			}
			same(t, "events", gotEvents, err, events)
			gotImages, err := s.ListImages(t.Context(), ws, batch, crm.ID{}, 2*n)
			same(t, "images", gotImages, err, images)
			gotRows, err := s.ListImportRows(t.Context(), ws, batch, crm.ImportRowQuery{Limit: 2 * n})
			same(t, "rows", gotRows, err, rows)
			gotMarks, err := s.FindFingerprints(t.Context(), ws, printsOf(marks))
			byPrint := func(a, b crm.FingerprintMark) int { return slices.Compare(a.Fingerprint[:], b.Fingerprint[:]) }
			slices.SortFunc(gotMarks, byPrint)
			slices.SortFunc(marks, byPrint)
			same(t, "marks", gotMarks, err, marks)
		})
	}
}

// manyRows makes n of each, alike but for what tells them apart; the odd one
// differs in everything.
func manyRows(n, odd int, batch crm.ID) (contacts []crm.Contact, events []crm.Event, images []crm.Image, rows []crm.ImportRow, marks []crm.FingerprintMark) {
	for i := range n {
		c := person(i)
		c.CreatedAt, c.UpdatedAt = aTime(), aTime()
		contacts = append(contacts, c)
	}
	slices.SortFunc(contacts, func(a, b crm.Contact) int { return slices.Compare(a.ID[:], b.ID[:]) })
	for i := range contacts {
		c := &contacts[i]
		e := created(*c)
		e.Batch = batch
		image := crm.Image{Contact: c.ID, Version: 1, Batch: batch, At: aTime(), Row: int64(i + 1)}
		row := crm.ImportRow{Row: int64(i + 1), Outcome: crm.RowCreated, Contact: c.ID}
		mark := crm.FingerprintMark{Fingerprint: crm.Fingerprint(crm.NewID()), Contact: c.ID, Batch: batch}
		if i == odd {
			score, at := 7, aTime().Add(time.Hour)
			c.Source, c.Version, c.PeakVersion, c.CreatedAt, c.UpdatedAt, c.LastInteractionAt, c.Score = "api", 3, 4, at, at, at, &score
			e.Type, e.At, e.Version, e.Changed, e.Batch = crm.EventContactUpdated, at, 3, []string{"source"}, crm.NewID()
			image.Version, image.At, image.Before = 3, at, c
			row = crm.ImportRow{Row: row.Row, Outcome: crm.RowProblem, Problems: []crm.FieldError{{Field: "email", Code: crm.CodeInvalid, Message: "is none"}}}
			mark.Batch = crm.NewID()
		}
		events, images, rows, marks = append(events, e), append(images, image), append(rows, row), append(marks, mark)
	}
	return contacts, events, images, rows, marks
}

func ids(contacts []crm.Contact) []crm.ID {
	out := make([]crm.ID, len(contacts))
	for i, c := range contacts {
		out[i] = c.ID
	}
	return out
}

func printsOf(marks []crm.FingerprintMark) []crm.Fingerprint {
	out := make([]crm.Fingerprint, len(marks))
	for i, m := range marks {
		out[i] = m.Fingerprint
	}
	return out
}

func same[T any](t *testing.T, what string, got []T, err error, want []T) {
	t.Helper()
	if err != nil || len(got) != len(want) {
		t.Errorf("%s: got %d, %v, want %d", what, len(got), err, len(want))
		return
	}
	for i := range want {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("%s: row %d: got %+v, want %+v", what, i, got[i], want[i])
		}
	}
}

// TestImportRowsChangeTheirOutcome: rows lie in the order of outcomes, so one
// that becomes something else moves.
func TestImportRowsChangeTheirOutcome(t *testing.T) {
	t.Parallel()
	s := open(t, ":memory:", sqlite.Options{})
	ws, id := workspace("w"), crm.NewID()
	var rows []crm.ImportRow
	for i := range 300 {
		rows = append(rows, crm.ImportRow{Row: int64(i + 1), Outcome: crm.RowOutcomes()[i%5]})
	}
	put := func(rows ...crm.ImportRow) {
		t.Helper()
		if err := s.PutImportRows(t.Context(), ws, id, rows); err != nil {
			t.Fatal(err)
		}
	}
	put(rows...)
	var moved []crm.ImportRow
	for i := 0; i < len(rows); i += 7 {
		rows[i].Outcome = crm.RowKept
		moved = append(moved, rows[i])
	}
	put(moved...)
	// Of one number twice in a call the last stays, also out of order.
	put(crm.ImportRow{Row: 301, Outcome: crm.RowProblem}, crm.ImportRow{Row: 1, Outcome: crm.RowProblem}, crm.ImportRow{Row: 301, Outcome: crm.RowCreated})
	rows[0].Outcome = crm.RowProblem
	rows = append(rows, crm.ImportRow{Row: 301, Outcome: crm.RowCreated})
	got, err := s.ListImportRows(t.Context(), ws, id, crm.ImportRowQuery{Limit: 1_000})
	same(t, "rows", got, err, rows)
}
