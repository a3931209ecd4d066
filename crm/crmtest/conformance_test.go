package crmtest_test

import (
	"testing"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/crmtest"
)

func TestStoreOfMaps(t *testing.T) {
	t.Parallel()
	crmtest.TestStore(t, func(testing.TB) crm.Store { return store() })
}

func TestIndexByBruteForce(t *testing.T) {
	t.Parallel()
	crmtest.TestSearchIndex(t, func(testing.TB) crm.SearchIndex { return newBruteIndex() })
}

func TestMemoryIndex(t *testing.T) {
	t.Parallel()
	crmtest.TestSearchIndex(t, func(testing.TB) crm.SearchIndex { return crm.NewMemoryIndex() })
}
