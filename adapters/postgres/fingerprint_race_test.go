package postgres_test

import (
	"testing"

	"github.com/omnicrm/omnicrm/adapters/postgres"
	"github.com/omnicrm/omnicrm/crm"
)

// Two imports of one file at the same moment: who finds no mark and comes second
// decides again.
func TestFingerprintsThatCameBetween(t *testing.T) {
	t.Parallel()
	s := open(t, postgres.Options{})
	ws, ctx, print := crm.WorkspaceID{1}, t.Context(), crm.Fingerprint{7}
	first, second := crm.ID{1}, crm.ID{2}
	var seen []crm.FingerprintMark
	tries := 0
	err := s.InTx(ctx, func(tx crm.Tx) error {
		tries++
		var err error
		if seen, err = tx.FindFingerprints(ctx, ws, []crm.Fingerprint{print}); err != nil || len(seen) > 0 {
			return err
		}
		if err := s.PutFingerprints(ctx, ws, []crm.FingerprintMark{{Fingerprint: print, Contact: first}}); err != nil {
			return err
		}
		return tx.PutFingerprints(ctx, ws, []crm.FingerprintMark{{Fingerprint: print, Contact: second}})
	})
	if err != nil || tries != 2 || len(seen) != 1 || seen[0].Contact != first {
		t.Errorf("got %v, %v in %d tries, want the first one's mark in the second", seen, err, tries)
	}
}
