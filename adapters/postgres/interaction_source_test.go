package postgres_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/adapters/postgres"
	"github.com/omnicrm/omnicrm/crm"
)

// The longest source ids are more than an entry of an index holds.
func TestLongSourceIDs(t *testing.T) {
	t.Parallel()
	s := open(t, postgres.Options{})
	random := rand.New(rand.NewPCG(1, 2))
	long := func() string {
		var b strings.Builder
		for range crm.MaxSourceID {
			b.WriteRune(rune(0x10000 + random.IntN(60_000)))
		}
		return b.String()
	}
	ws, at, source := crm.WorkspaceID{1}, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), long()[:4*crm.MaxSource]
	refs := []crm.SourceRef{{Source: source, SourceID: long()}, {Source: source, SourceID: long()}}
	for n, ref := range refs {
		i := crm.Interaction{ID: crm.ID{byte(n + 1)}, Type: crm.InteractionNote, OccurredAt: at, CreatedAt: at, UpdatedAt: at, Version: 1, Source: ref.Source, SourceID: ref.SourceID}
		if err := s.PutInteractions(t.Context(), ws, []crm.InteractionWrite{crm.NewInteractionWrite(i, 0)}); err != nil {
			t.Fatal(err)
		}
	}
	found, err := s.FindInteractions(t.Context(), ws, refs)
	if err != nil || found[refs[0]] != (crm.ID{1}) || found[refs[1]] != (crm.ID{2}) {
		t.Errorf("FindInteractions: got %d, %v, want both", len(found), err)
	}
}
