package crmtest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func documentTests() []searchTest {
	return []searchTest{
		{"an index without documents answers everything with nothing", func(f *searchFixture) {
			got := f.search(crm.SearchQuery{MatchAll: true, Facets: crm.Facets(), Limit: 5})
			if len(got.Hits) != 0 || got.Total != 0 {
				f.Errorf("SearchContacts: got %d hits and total %d, want none", len(got.Hits), got.Total)
			}
			f.wantIndexed()
			f.ok("DeleteDocuments", f.x.DeleteDocuments(f.Context(), f.ws, f.ids(1)))
			f.ok("DropWorkspace", f.x.DropWorkspace(f.Context(), f.ws))
		}},
		{"versions are listed by id, behind the one given", func(f *searchFixture) {
			f.put(f.versioned(3, 30), f.versioned(1, 10), f.versioned(2, 20))
			f.wantIndexed(crm.IndexedVersion{Contact: f.id(1), Version: 10}, crm.IndexedVersion{Contact: f.id(2), Version: 20}, crm.IndexedVersion{Contact: f.id(3), Version: 30})
			got, err := f.x.ListVersions(f.Context(), f.ws, f.id(1), 1)
			f.ok("ListVersions", err)
			if want := []crm.IndexedVersion{{Contact: f.id(2), Version: 20}}; !slices.Equal(got, want) {
				f.Errorf("ListVersions behind the first: got %v, want %v", got, want)
			}
			hits := f.search(crm.SearchQuery{MatchAll: true, Order: crm.SearchOrder{By: crm.SortCreatedAt}, Limit: 1}).Hits
			if len(hits) != 1 || hits[0].Version != 10 {
				f.Errorf("SearchContacts: got %+v, want the version of the document", hits)
			}
		}},
		{"putting a document again replaces it wholly", testReplaceDocument},
		{"a deleted document is found no more, by anything", testDeleteDocument},
		{"a dropped workspace is empty and can be filled again", func(f *searchFixture) {
			f.put(f.people()...)
			f.ok("DropWorkspace", f.x.DropWorkspace(f.Context(), f.ws))
			if !await(f.T, func() bool { return len(f.versions()) == 0 }) {
				f.Error("ListVersions still holds documents after DropWorkspace")
			}
			got := f.search(crm.SearchQuery{MatchAll: true, Limit: 5, Facets: crm.Facets()})
			f.wantTotal("SearchContacts after DropWorkspace", got, 0)
			f.put(f.contact(3, named("Back Again")))
			wantIDs(f.T, "SearchContacts", hitIDs(f.search(crm.SearchQuery{Text: "again", Limit: 5}).Hits), f.ids(3))
			wantIDs(f.T, "SearchContacts of what was dropped", hitIDs(f.search(crm.SearchQuery{Text: "cantwell", Limit: 5}).Hits), nil)
		}},
		{"the position noted last is told until the workspace is dropped", testMarkIndexed},
		{"random changes leave what a fresh index would hold", testRandomHistory},
		{"documents are written and searched in parallel", testSearchParallel},
	}
}

// testMarkIndexed notes positions, a lower one after a higher one too: what
// the index holds stays as it is.
func testMarkIndexed(f *searchFixture) {
	f.wantMark("of an index that nobody has filled", 0)
	f.put(f.versioned(1, 4))
	f.wantMark("before one is noted", 0)
	for _, at := range []crm.Position{7, 1 << 40, 9} {
		f.ok("MarkIndexed", f.x.MarkIndexed(f.Context(), f.ws, at))
		f.wantMark("after MarkIndexed", at)
	}
	f.wantIndexed(crm.IndexedVersion{Contact: f.id(1), Version: 4})
	f.ok("DropWorkspace", f.x.DropWorkspace(f.Context(), f.ws))
	f.wantMark("after DropWorkspace", 0)
}

// wantMark waits until the index tells a position.
func (f *searchFixture) wantMark(when string, want crm.Position) {
	f.Helper()
	var got crm.IndexStatus
	told := await(f.T, func() bool {
		var err error
		got, err = f.x.IndexStatus(f.Context(), f.ws)
		f.ok("IndexStatus", err)
		return got.Position == want
	})
	if !told {
		f.Errorf("IndexStatus %s: got position %d, want %d", when, got.Position, want)
	}
}

func (f *searchFixture) versioned(n int, version int64) crm.Contact {
	return f.contact(n, func(c *crm.Contact) { c.Version = version })
}

// wantIndexed checks the documents and their number.
func (f *searchFixture) wantIndexed(want ...crm.IndexedVersion) {
	f.Helper()
	got, err := f.x.ListVersions(f.Context(), f.ws, crm.ID{}, 1_000)
	f.ok("ListVersions", err)
	if !slices.Equal(got, want) {
		f.Errorf("ListVersions: got %v, want %v", got, want)
	}
	status, err := f.x.IndexStatus(f.Context(), f.ws)
	f.ok("IndexStatus", err)
	if status.Documents != len(want) || status.Bytes < 0 {
		f.Errorf("IndexStatus: got %+v, want %d documents", status, len(want))
	}
}

func testReplaceDocument(f *searchFixture) {
	before := fullContact(f.ws, 1)
	trashless(&before)
	f.put(before)
	f.wantFinds("zoe", 1)
	after := f.contact(1, named("Peter Anderson"), func(c *crm.Contact) { c.Version, c.Stage = before.Version+1, crm.StageLead })
	f.put(after)
	for _, gone := range []string{"zoe", "lukasz", "muller", "vip", "tabbed", "zoe.lukasz@example.com", "2025550123", "0123"} {
		f.wantFinds(gone)
	}
	f.wantFinds("anderson", 1)
	f.wantIndexed(crm.IndexedVersion{Contact: f.id(1), Version: after.Version})
	got := f.search(crm.SearchQuery{MatchAll: true, Facets: crm.Facets(), Limit: 5})
	f.wantFacets(got, []crm.Contact{after})
	f.wantSelected([]crm.Contact{after}, crm.ContactCriteria{Stages: []crm.Stage{crm.StageAdvocate}})
	f.wantSelected([]crm.Contact{after}, crm.ContactCriteria{Tags: []string{"vip"}})
	f.wantSelected([]crm.Contact{after}, crm.ContactCriteria{Stages: []crm.Stage{crm.StageLead}})
}

func trashless(c *crm.Contact) { c.DeletedAt = time.Time{} }

func (f *searchFixture) wantFinds(text string, want ...int) {
	f.Helper()
	got := f.search(crm.SearchQuery{Text: text, Limit: 100})
	ids := hitIDs(got.Hits)
	slices.SortFunc(ids, compareIDs)
	wantIDs(f.T, fmt.Sprintf("SearchContacts(%q)", text), ids, f.ids(want...))
}

func testDeleteDocument(f *searchFixture) {
	f.put(f.contact(1, named("Ann Carter")), f.contact(2, named("Bob Carter")), f.contact(3, named("Cid Carter")))
	f.remove(f.ids(2, 9)...)
	f.wantFinds("carter", 1, 3)
	f.wantFinds("bob")
	f.wantIndexed(crm.IndexedVersion{Contact: f.id(1), Version: 1}, crm.IndexedVersion{Contact: f.id(3), Version: 1})
	got := f.search(crm.SearchQuery{MatchAll: true, Facets: crm.Facets(), Limit: 5})
	f.wantTotal("SearchContacts of all", got, 2)
	f.wantFacets(got, []crm.Contact{f.contact(1), f.contact(3)})
	matched, err := f.x.MatchContacts(f.Context(), f.ws, crm.SearchQuery{Text: "carter"}, crm.ID{}, 5)
	f.ok("MatchContacts", err)
	wantIDs(f.T, "MatchContacts", matched, f.ids(1, 3))
	f.put(f.versioned(2, 5))
	f.wantFinds("contact", 2)
}

// testRandomHistory writes, replaces and deletes at random and checks the end.
func testRandomHistory(f *searchFixture) {
	d := newDice(7)
	now := map[crm.ID]crm.Contact{}
	for step := range 200 {
		n := d.IntN(40) + 1
		if d.sometimes(4) {
			f.ok("DeleteDocuments", f.x.DeleteDocuments(f.Context(), f.ws, f.ids(n)))
			delete(now, f.id(n))
			continue
		}
		c := d.contact(f.ws, n)
		c.Version = int64(step + 1)
		f.ok("PutDocuments", f.x.PutDocuments(f.Context(), f.ws, documentsOf([]crm.Contact{c})))
		now[c.ID] = c
	}
	var contacts []crm.Contact
	for _, c := range now {
		contacts = append(contacts, c)
	}
	settled := await(f.T, func() bool {
		versions := f.versions()
		return len(versions) == len(now) && !slices.ContainsFunc(contacts, func(c crm.Contact) bool { return versions[c.ID] != c.Version })
	})
	if !settled {
		f.Fatal("ListVersions does not hold what was put and not deleted")
	}
	for range 30 {
		f.wantSelected(contacts, d.criteria())
	}
}

// testSearchParallel lets writers and readers meet. A search sees each
// document whole: its name and its stage belong together.
func testSearchParallel(f *searchFixture) {
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			for round := range 25 {
				stage := crm.Stages()[round%5]
				c := f.contact(w+1, named("Stage "+string(stage)), func(c *crm.Contact) { c.Stage, c.Version = stage, int64(round+1) })
				if err := f.x.PutDocuments(f.Context(), f.ws, documentsOf([]crm.Contact{c})); err != nil {
					f.Errorf("PutDocuments: %v", err)
				}
			}
		})
		all.Go(func() {
			for round := range 25 {
				stage := crm.Stages()[round%5]
				for _, other := range crm.Stages() {
					got, err := f.x.SearchContacts(f.Context(), f.ws, crm.SearchQuery{
						Text: "stage " + string(stage), Where: crm.ContactCriteria{Stages: []crm.Stage{other}}, Limit: 10,
					})
					if err != nil {
						f.Errorf("SearchContacts: %v", err)
					}
					if other != stage && len(got.Hits) > 0 {
						f.Errorf("SearchContacts: found the name of stage %s with the stage %s", stage, other)
					}
				}
			}
		})
	}
	all.Wait()
	for w := range 4 {
		if !await(f.T, func() bool { return f.versions()[f.id(w+1)] == 25 }) {
			f.Error("ListVersions does not hold the last version that was put")
		}
	}
}

func searchTenancyTests() []searchTest {
	tests := []searchTest{
		{"every method has a case", func(f *searchFixture) {
			cases := searchTenancyCases()
			for _, method := range methodsOf(reflect.TypeFor[crm.SearchIndex]()) {
				if cases[method] == nil {
					f.Errorf("crm.SearchIndex.%s has no case for tenancy", method)
				}
			}
		}},
	}
	for name, call := range searchTenancyCases() {
		tests = append(tests, searchTest{name + " neither sees nor changes another workspace", func(f *searchFixture) { testForeignSearch(f, name, call) }})
	}
	return tests
}

// searchTenancyCases call each method in a workspace with the ids of another's
// documents and return what they answer.
func searchTenancyCases() map[string]func(ctx context.Context, x crm.SearchIndex, ws crm.WorkspaceID, ids []crm.ID) ([]string, error) {
	query := crm.SearchQuery{Text: "carter", Limit: 10, Facets: crm.Facets()}
	all := crm.SearchQuery{MatchAll: true, Limit: 10, Facets: crm.Facets()}
	return map[string]func(ctx context.Context, x crm.SearchIndex, ws crm.WorkspaceID, ids []crm.ID) ([]string, error){
		"SearchContacts": func(ctx context.Context, x crm.SearchIndex, ws crm.WorkspaceID, _ []crm.ID) ([]string, error) {
			one, err := x.SearchContacts(ctx, ws, query)
			if err != nil {
				return nil, err
			}
			two, err := x.SearchContacts(ctx, ws, all)
			return lines([]crm.SearchResult{one, two}), err
		},
		"MatchContacts": func(ctx context.Context, x crm.SearchIndex, ws crm.WorkspaceID, _ []crm.ID) ([]string, error) {
			one, err := x.MatchContacts(ctx, ws, query, crm.ID{}, 10)
			if err != nil {
				return nil, err
			}
			two, err := x.MatchContacts(ctx, ws, all, crm.ID{}, 10)
			return lines(slices.Concat(one, two)), err
		},
		"ListVersions": func(ctx context.Context, x crm.SearchIndex, ws crm.WorkspaceID, _ []crm.ID) ([]string, error) {
			got, err := x.ListVersions(ctx, ws, crm.ID{}, 10)
			return lines(got), err
		},
		"IndexStatus": func(ctx context.Context, x crm.SearchIndex, ws crm.WorkspaceID, _ []crm.ID) ([]string, error) {
			got, err := x.IndexStatus(ctx, ws)
			return lines([]int{got.Documents, int(got.Position)}), err
		},
		"MarkIndexed": func(ctx context.Context, x crm.SearchIndex, ws crm.WorkspaceID, _ []crm.ID) ([]string, error) {
			return nil, x.MarkIndexed(ctx, ws, 99)
		},
		"PutDocuments": func(ctx context.Context, x crm.SearchIndex, ws crm.WorkspaceID, ids []crm.ID) ([]string, error) {
			c := contactOf(ws, 1, named("Another Carter"))
			c.ID, c.Version = ids[0], 9
			return nil, x.PutDocuments(ctx, ws, documentsOf([]crm.Contact{c}))
		},
		"DeleteDocuments": func(ctx context.Context, x crm.SearchIndex, ws crm.WorkspaceID, ids []crm.ID) ([]string, error) {
			return nil, x.DeleteDocuments(ctx, ws, ids)
		},
		"DropWorkspace": func(ctx context.Context, x crm.SearchIndex, ws crm.WorkspaceID, _ []crm.ID) ([]string, error) {
			return nil, x.DropWorkspace(ctx, ws)
		},
	}
}

func testForeignSearch(f *searchFixture, name string, call func(ctx context.Context, x crm.SearchIndex, ws crm.WorkspaceID, ids []crm.ID) ([]string, error)) {
	owner := &searchFixture{T: f.T, x: f.x, ws: workspaceNamed(f.Name() + " owner")}
	other := &searchFixture{T: f.T, x: f.x, ws: workspaceNamed(f.Name() + " other")}
	ids := owner.ids(1, 2)
	alone, err := call(f.Context(), f.x, other.ws, ids)
	f.ok(name, err)
	f.ok("DropWorkspace", f.x.DropWorkspace(f.Context(), other.ws))
	owner.put(owner.contact(1, named("Ann Carter")), owner.contact(2, named("Bob Carter")))
	f.ok("MarkIndexed", f.x.MarkIndexed(f.Context(), owner.ws, 7))
	owner.wantMark("of the owner", 7)
	before := owner.everything()
	got, err := call(f.Context(), f.x, other.ws, ids)
	f.ok(name, err)
	if !slices.Equal(got, alone) {
		f.Errorf("%s tells that another workspace has documents:\n got %s\nwant %s", name, got, alone)
	}
	other.put(other.contact(5)) // The index has come this far.
	owner.wantMark("of the owner, after "+name+" in another workspace", 7)
	if after := owner.everything(); !slices.Equal(after, before) {
		f.Errorf("%s changed another workspace:\n got %s\nwant %s", name, after, before)
	}
}

// everything is what a workspace's documents answer.
func (f *searchFixture) everything() []string {
	f.Helper()
	all := f.search(crm.SearchQuery{MatchAll: true, Order: crm.SearchOrder{By: crm.SortCreatedAt}, Limit: 10, Facets: crm.Facets()})
	text := f.search(crm.SearchQuery{Text: "carter", Order: crm.SearchOrder{By: crm.SortCreatedAt}, Limit: 10})
	versions, err := f.x.ListVersions(f.Context(), f.ws, crm.ID{}, 10)
	f.ok("ListVersions", err)
	return slices.Concat(lines([]crm.SearchResult{all, text}), lines(versions))
}
