package crmtest

import (
	"slices"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

// searchTest is one test on a workspace of its own.
type searchTest struct {
	name string
	run  func(f *searchFixture)
}

// searchFixture is one workspace of an index under test.
type searchFixture struct {
	*testing.T
	x  crm.SearchIndex
	ws crm.WorkspaceID
}

// TestSearchIndex checks that an index keeps the contract of
// [crm.SearchIndex] and finds, orders, filters and counts by the rules of the
// product. open returns a new, empty index.
func TestSearchIndex(t *testing.T, open func(testing.TB) crm.SearchIndex) {
	t.Helper()
	for _, part := range []struct {
		name  string
		tests []searchTest
	}{
		{"matching", matchingTests()},
		{"ranking", rankingTests()},
		{"filters", searchFilterTests()},
		{"facets", facetTests()},
		{"paging", searchPagingTests()},
		{"documents", documentTests()},
	} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			runSearchTests(t, open(t), part.tests)
		})
	}
	t.Run("tenancy", func(t *testing.T) {
		t.Parallel()
		for _, test := range searchTenancyTests() {
			// On an index of its own: it is alone before the other workspace is there.
			runSearchTests(t, open(t), []searchTest{test})
		}
	})
}

func runSearchTests(t *testing.T, x crm.SearchIndex, tests []searchTest) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(&searchFixture{T: t, x: x, ws: workspaceNamed(t.Name())})
		})
	}
}

func (f *searchFixture) id(n int) crm.ID { return recordID(f.ws, n) }

func (f *searchFixture) ids(numbers ...int) []crm.ID {
	ids := make([]crm.ID, len(numbers))
	for i, n := range numbers {
		ids[i] = f.id(n)
	}
	return ids
}

func (f *searchFixture) contact(n int, changes ...func(*crm.Contact)) crm.Contact {
	return contactOf(f.ws, n, changes...)
}

func named(name string) func(*crm.Contact) {
	return func(c *crm.Contact) { c.DisplayName = name }
}

func (f *searchFixture) ok(what string, err error) {
	f.Helper()
	if err != nil {
		f.Fatalf("%s: %v", what, err)
	}
}

func documentsOf(contacts []crm.Contact) []crm.SearchDocument {
	docs := make([]crm.SearchDocument, len(contacts))
	for i, c := range contacts {
		docs[i].Contact = c
	}
	return docs
}

// put indexes contacts, 1,000 at a time, and waits until the index holds them.
func (f *searchFixture) put(contacts ...crm.Contact) {
	f.Helper()
	for chunk := range slices.Chunk(contacts, 1_000) {
		f.ok("PutDocuments", f.x.PutDocuments(f.Context(), f.ws, documentsOf(chunk)))
	}
	there := await(f.T, func() bool {
		versions := f.versions()
		return !slices.ContainsFunc(contacts, func(c crm.Contact) bool { return versions[c.ID] != c.Version })
	})
	if !there {
		f.Fatal("ListVersions does not hold the documents that were put")
	}
}

// remove deletes documents and waits until the index holds them no more.
func (f *searchFixture) remove(ids ...crm.ID) {
	f.Helper()
	f.ok("DeleteDocuments", f.x.DeleteDocuments(f.Context(), f.ws, ids))
	gone := await(f.T, func() bool {
		versions := f.versions()
		return !slices.ContainsFunc(ids, func(id crm.ID) bool { return versions[id] != 0 })
	})
	if !gone {
		f.Fatal("ListVersions still holds documents that were deleted")
	}
}

// versions returns all documents of the workspace.
func (f *searchFixture) versions() map[crm.ID]int64 {
	f.Helper()
	versions := map[crm.ID]int64{}
	var after crm.ID
	for {
		page, err := f.x.ListVersions(f.Context(), f.ws, after, 1_000)
		f.ok("ListVersions", err)
		for _, v := range page {
			versions[v.Contact] = v.Version
		}
		if len(page) < 1_000 {
			return versions
		}
		if compareIDs(page[0].Contact, after) <= 0 {
			f.Fatal("ListVersions: got documents that are not behind the one given")
		}
		after = page[len(page)-1].Contact
	}
}

func (f *searchFixture) search(q crm.SearchQuery) crm.SearchResult {
	f.Helper()
	got, err := f.x.SearchContacts(f.Context(), f.ws, q)
	f.ok("SearchContacts", err)
	return got
}

func hitIDs(hits []crm.SearchHit) []crm.ID {
	ids := make([]crm.ID, len(hits))
	for i, h := range hits {
		ids[i] = h.Contact
	}
	return ids
}

// wantTotal checks a total, which may be a lower bound.
func (f *searchFixture) wantTotal(what string, got crm.SearchResult, want int) {
	f.Helper()
	if got.Exact && got.Total != want || got.Total > want || got.Total < len(got.Hits) {
		f.Errorf("%s: got total %d (exact: %t), want %d", what, got.Total, got.Exact, want)
	}
}
