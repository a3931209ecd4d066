package meilisearch_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	meili "github.com/meilisearch/meilisearch-go"

	"github.com/omnicrm/omnicrm/adapters/meilisearch"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/crmtest"
	"github.com/omnicrm/omnicrm/internal/testkit/meilitest"
)

func TestConformance(t *testing.T) {
	crmtest.TestSearchIndex(t, func(t testing.TB) crm.SearchIndex { return onStandIn(t, meilitest.Options{}) })
}

// TestConformanceOnServer is the same on a real server, which CRM_TEST_MEILI_URL
// and CRM_TEST_MEILI_KEY name. It takes minutes: each write takes such a server
// half a second.
func TestConformanceOnServer(t *testing.T) {
	needServer(t)
	crmtest.TestSearchIndex(t, func(t testing.TB) crm.SearchIndex { return onServer(t, meilisearch.Options{}) })
}

// onStandIn opens an index on a stand-in of its own.
func onStandIn(t testing.TB, o meilitest.Options) *meilisearch.Index {
	t.Helper()
	return openOn(t, meilitest.New(t, o), meilisearch.Options{})
}

func openOn(t testing.TB, s *meilitest.Server, o meilisearch.Options) *meilisearch.Index {
	t.Helper()
	if o.Key == "" {
		o.Key = meilitest.MasterKey
	}
	x, err := meilisearch.Open(t.Context(), s.URL, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Close)
	return x
}

func needServer(t testing.TB) {
	t.Helper()
	if os.Getenv("CRM_TEST_MEILI_URL") == "" {
		t.Skip("CRM_TEST_MEILI_URL names no server")
	}
}

// onServer opens an index of its own on the real server, which is removed at the
// end.
func onServer(t testing.TB, o meilisearch.Options) *meilisearch.Index {
	t.Helper()
	address, key := os.Getenv("CRM_TEST_MEILI_URL"), os.Getenv("CRM_TEST_MEILI_KEY")
	o.Key, o.Index = key, fmt.Sprintf("omnicrm-test-%s", crm.NewID())
	x, err := meilisearch.Open(t.Context(), address, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		x.Close()
		ctx, release := context.WithTimeout(context.Background(), time.Minute)
		defer release()
		if _, err := meili.New(address, meili.WithAPIKey(key)).DeleteIndexWithContext(ctx, o.Index); err != nil {
			t.Errorf("delete the index: %v", err)
		}
	})
	return x
}
