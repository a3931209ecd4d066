package postgres_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/adapters/postgres"
	"github.com/omnicrm/omnicrm/crm"
)

// Recounts mend what is wrong once, though two of them do it at the same moment,
// and nothing else, though writers write and others fold.
func TestRecountWhileOthersWrite(t *testing.T) {
	t.Parallel()
	s := open(t, postgres.Options{MaxConns: 12})
	ws, ctx := crm.WorkspaceID{1}, t.Context()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	const wrong = 7 // A slot that has no rows.
	done, writing, written := make(chan struct{}), sync.WaitGroup{}, [3]int{}
	for w := range written {
		writing.Go(func() {
			for ; ; written[w]++ {
				select {
				case <-done:
					return
				default:
				}
				id := crm.ID{byte(w + 1), byte(written[w]), byte(written[w] >> 8)}
				if err := s.InTx(ctx, func(tx crm.Tx) error { return writeCounted(t, tx, ws, id, at) }); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 12 {
		mistakes := []crm.SeriesDelta{{Series: crm.SeriesContacts, Slot: wrong, Delta: 9}, {Series: crm.SeriesInteractions, Slot: wrong, Delta: -9}}
		if err := s.AddToSeries(ctx, ws, mistakes); err != nil {
			t.Fatal(err)
		}
		var recounting sync.WaitGroup
		for range 3 {
			recounting.Go(func() {
				if err := s.RecountSeries(ctx, ws); err != nil {
					t.Error(err)
				}
				if err := s.RecountContacts(ctx, ws); err != nil {
					t.Error(err)
				}
			})
		}
		recounting.Wait()
		for _, series := range crm.AllSeries() {
			if got, err := s.ReadSeries(ctx, ws, series, wrong, wrong+1); err != nil || len(got) > 0 {
				t.Errorf("series %d after a recount: got %v, %v, want nothing in the slot without rows", series, got, err)
			}
		}
	}
	close(done)
	writing.Wait()
	total := written[0] + written[1] + written[2]
	for _, series := range crm.AllSeries() {
		got, err := s.ReadSeries(ctx, ws, series, 0, 1<<40)
		if want := []crm.SeriesCount{{Slot: crm.SlotOf(at), Count: total}}; err != nil || !slices.Equal(got, want) {
			t.Errorf("series %d: got %v, %v, want %v", series, got, err, want)
		}
	}
	count, err := s.CountContacts(ctx, ws, crm.ContactCriteria{}, 1<<40)
	if err != nil || count != total {
		t.Errorf("contacts: got %d, %v, want %d", count, err, total)
	}
}

// writeCounted writes a contact and an interaction with what they add to the
// series.
func writeCounted(t *testing.T, tx crm.Tx, ws crm.WorkspaceID, id crm.ID, at time.Time) error {
	contact := crm.Contact{ID: id, Version: 1, PeakVersion: 1, CreatedAt: at, UpdatedAt: at, Stage: "lead", Source: "manual"}
	if err := tx.PutContacts(t.Context(), ws, []crm.ContactWrite{crm.NewContactWrite(contact, 0)}); err != nil {
		return err
	}
	note := crm.Interaction{ID: id, Type: crm.InteractionNote, OccurredAt: at, CreatedAt: at, UpdatedAt: at, Version: 1, Source: "manual"}
	if err := tx.PutInteractions(t.Context(), ws, []crm.InteractionWrite{crm.NewInteractionWrite(note, 0)}); err != nil {
		return err
	}
	slot := crm.SlotOf(at)
	return tx.AddToSeries(t.Context(), ws, []crm.SeriesDelta{{Series: crm.SeriesContacts, Slot: slot, Delta: 1}, {Series: crm.SeriesInteractions, Slot: slot, Delta: 1}})
}
