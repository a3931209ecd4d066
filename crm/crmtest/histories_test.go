package crmtest_test

import (
	"os"
	"testing"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/crmtest"
)

// TestHistoriesOnSQLite holds the embedded store against the one of maps.
// OMNICRM_SOAK=1 makes it 1,000 histories.
func TestHistoriesOnSQLite(t *testing.T) {
	t.Parallel()
	var o crmtest.HistoryOptions
	if os.Getenv("OMNICRM_SOAK") == "1" {
		o.Histories = 1_000
	}
	maps := func(testing.TB) crm.Store { return store() }
	crmtest.TestHistories(t, maps, func(tb testing.TB) crm.Store {
		s, err := sqlite.Open(tb.Context(), ":memory:")
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() {
			if err := s.Close(); err != nil {
				tb.Errorf("close store: %v", err)
			}
		})
		return s
	}, o)
}
