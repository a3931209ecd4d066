package crmtest

import (
	"errors"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

// suite is a named part of a conformance test. Its tests share one store and
// take a workspace each, unless they open stores of their own.
type suite struct {
	name string
	run  func(t *testing.T, open func(testing.TB) crm.Store)
}

// TestStore checks that a store keeps the contract of [crm.Store]: every role,
// alone and together, and that no workspace sees another. It includes
// [TestJobQueue] and [TestBlobs]. open returns a new, empty store.
func TestStore(t *testing.T, open func(testing.TB) crm.Store) {
	t.Helper()
	runSuites(t, open, []suite{
		{"workspaces", testWorkspaces},
		{"contacts", testContacts},
		{"keys", testKeys},
		{"versions", testVersions},
		{"text", testText},
		{"time", testTimes},
		{"paging", testPaging},
		{"filters", testFilters},
		{"figures", testFigures},
		{"tags", testTags},
		{"images", testImages},
		{"interactions", testInteractions},
		{"timelines", testTimelines},
		{"series", testSeries},
		{"insights", testInsights},
		{"views", testViews},
		{"transactions", testTransactions},
		{"events", testEvents},
		{"feed", testFeed},
		{"log", testLog},
		{"imports", testImports},
		{"fingerprints", testFingerprints},
		{"idempotency", testIdempotency},
		{"tenancy", testTenancy},
		{"system", testSystem},
		{"snapshot", testSnapshot},
		{"restore", testRestore},
		{"blobs", func(t *testing.T, open func(testing.TB) crm.Store) {
			TestBlobs(t, func(tb testing.TB) crm.Blobs { return open(tb) })
		}},
		{"jobs", TestJobQueue},
	})
}

func runSuites(t *testing.T, open func(testing.TB) crm.Store, suites []suite) {
	t.Helper()
	for _, part := range suites {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			part.run(t, open)
		})
	}
}

// storeTest is one test on a workspace of its own.
type storeTest struct {
	name string
	run  func(f *fixture)
}

// runTests runs tests in parallel on workspaces of one new store.
func runTests(t *testing.T, open func(testing.TB) crm.Store, tests []storeTest) {
	t.Helper()
	s := open(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(newFixture(t, s))
		})
	}
}

// conflictOf returns the conflict that an error is, and ends the test when it
// is none or of another reason.
func conflictOf(t *testing.T, what string, err error, reason crm.ConflictReason) *crm.ConflictError {
	t.Helper()
	var conflict *crm.ConflictError
	if !errors.As(err, &conflict) || !errors.Is(err, crm.ErrConflict) {
		t.Fatalf("%s: got error %v, want a *crm.ConflictError", what, err)
	}
	if conflict.Reason != reason {
		t.Fatalf("%s: got a conflict because of %q, want %q", what, conflict.Reason, reason)
	}
	return conflict
}

// wantConflict is [conflictOf] where the reason says it all.
func wantConflict(t *testing.T, what string, err error, reason crm.ConflictReason) {
	t.Helper()
	_ = conflictOf(t, what, err, reason)
}

// wantNotFound checks that an error is crm.ErrNotFound.
func wantNotFound(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, crm.ErrNotFound) {
		t.Errorf("%s: got error %v, want crm.ErrNotFound", what, err)
	}
}
