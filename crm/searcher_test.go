package crm_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func TestASearchSeesEveryAcknowledgedWriteAtOnce(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	e.people("First")
	equalList(t, "found", e.found("first"), []string{"First"}) // The index is loaded from here on.
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for i := range 25 {
				word := fmt.Sprintf("w%dx%dword", w, i)
				c, err := e.Contacts.Create(ctx, e.owner, crm.NewContact{DisplayName: word})
				if err != nil {
					t.Errorf("create: %v", err)
					return
				}
				equalList(t, "created", e.found(word), []string{word})
				if c, err = e.Contacts.Update(ctx, e.owner, c.ID, crm.ContactPatch{DisplayName: new("renamed " + word)}); err != nil {
					t.Errorf("update: %v", err)
					return
				}
				equalList(t, "renamed", e.found("renamed "+word), []string{c.DisplayName})
				if _, err := e.Contacts.Delete(ctx, e.owner, c.ID, 0); err != nil {
					t.Errorf("delete: %v", err)
					return
				}
				equalList(t, "deleted", e.found(word), []string{})
			}
		})
	}
	writers.Wait()
	e.sound()
}

func TestASearchSeesOtherProcessesShortly(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	a, b := setupOn(t, store), setupOn(t, store)
	a.people("Ana")
	equalList(t, "found", b.found("ana"), []string{"Ana"})
	c := a.people("Bo")[0]
	await(t, "the other's write", func() bool { return len(b.found("bo")) == 1 })
	if _, err := a.Contacts.Delete(context.Background(), a.owner, c.ID, 0); err != nil {
		t.Fatal(err)
	}
	equalList(t, "found of what the store has deleted", b.found("bo"), []string{})
	// A bulk action waits for what others have written.
	a.people("Cy")
	j, err := b.Contacts.BulkByFilter(context.Background(), b.owner, crm.ContactFilter{Search: "cy"}, crm.BulkAction{Verb: crm.BulkTag, AddTags: []string{"x"}})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "changed", bulkResult(t, b.succeeded(j.ID)).Changed, 1)
}

func TestSearchIsDegradedWhileTheIndexLoads(t *testing.T) {
	t.Parallel()
	open := make(chan struct{})
	e := setupOn(t, hook(openStore(t), func(method string) error {
		if method == loadContacts {
			<-open
		}
		return nil
	}))
	e.people("Maria Cantwell", "Other")
	list := func(search string) crm.ContactList {
		return e.list(crm.ContactListQuery{Filter: crm.ContactFilter{Search: search}, Facets: []crm.Facet{crm.FacetStage}, PageSize: 1})
	}
	l := list("antwel")
	equalList(t, "found meanwhile", names(l.Items), []string{"Maria Cantwell"})
	equal(t, "degraded", l.Degraded, true)
	equal(t, "backend", l.SearchBackend, "store")
	equal(t, "health", e.Health(context.Background()).Search.Status, crm.ProbeDegraded)
	equal(t, "found with a typo meanwhile", list("Cantwlel").Total, 0)
	old := list("a").NextCursor
	close(open)
	await(t, "the index", func() bool { return !list("maria").Degraded })
	equalList(t, "found with a typo", e.found("Cantwlel"), []string{"Maria Cantwell"})
	equal(t, "backend", list("maria").SearchBackend, "memory")
	equal(t, "health", e.Health(context.Background()).Search.Status, crm.ProbeOK)
	if old != "" { // A cursor of the store stays with the store.
		next := e.list(crm.ContactListQuery{Filter: crm.ContactFilter{Search: "a"}, Cursor: old, PageSize: 1})
		equal(t, "backend of the next page", next.SearchBackend, "store")
	}
	e.sound()
}

func TestAWorkspaceTooLargeForTheMemoryIsSearchedInTheStore(t *testing.T) {
	t.Parallel()
	e := setup(t, func(c *crm.Config) { c.SearchMemory = 1 })
	e.people("Maria Cantwell")
	l := e.list(crm.ContactListQuery{Filter: crm.ContactFilter{Search: "cant"}})
	equalList(t, "found", names(l.Items), []string{"Maria Cantwell"})
	equal(t, "degraded", l.Degraded, true)
	j, err := e.Contacts.BulkByFilter(context.Background(), e.owner, crm.ContactFilter{Search: "cant"}, crm.BulkAction{Verb: crm.BulkTag, AddTags: []string{"x"}})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "changed", bulkResult(t, e.succeeded(j.ID)).Changed, 1)
}

// Many workspaces share a memory that holds only some of them: indexes come
// and go under the searches, and no answer is ever short.
func TestEvictionNeverShortensAnAnswer(t *testing.T) {
	t.Parallel()
	const workspaces, people = 6, 300
	e := setup(t, func(c *crm.Config) { c.SearchMemory = 700_000 })
	ctx := context.Background()
	actor := func(i int) crm.Actor { return actorOf(fmt.Sprint("w", i), "u", crm.RoleOwner) }
	for w := range workspaces {
		in := many(people, func(i int) crm.NewContact {
			return crm.NewContact{DisplayName: fmt.Sprintf("Person w%d n%d", w, i), Notes: fmt.Sprintf("unique%dword%d", w, i)}
		})
		if _, err := e.Contacts.Batch(ctx, actor(w), crm.BatchInput{Contacts: in}); err != nil {
			t.Fatal(err)
		}
	}
	var memory, store int
	var mu sync.Mutex
	var readers sync.WaitGroup
	for r := range 8 {
		readers.Go(func() {
			for i := range 40 {
				a := actor((r + i*i) % workspaces)
				l, err := e.Contacts.List(ctx, a, crm.ContactListQuery{Filter: crm.ContactFilter{Search: "person"}, PageSize: 5})
				if err != nil || l.Total != people {
					t.Errorf("search: got %d by %s (%v), want %d", l.Total, l.SearchBackend, err, people)
				}
				if i%10 == 0 {
					x, err := e.Exports.Prepare(ctx, a, crm.ExportQuery{Format: "jsonl", Filter: crm.ContactFilter{Search: "person"}})
					if err != nil {
						t.Errorf("prepare: %v", err)
						return
					}
					if n, err := x.WriteTo(ctx, discard{}, nil); err != nil || n != people {
						t.Errorf("export: got %d (%v), want %d", n, err, people)
					}
				}
				mu.Lock()
				if l.Degraded {
					store++
				} else {
					memory++
				}
				mu.Unlock()
			}
		})
	}
	readers.Wait()
	t.Logf("answered by the index %d times, by the store %d times", memory, store)
	if memory == 0 {
		t.Error("answers of the index: got none, want some")
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func TestAnIdleIndexIsDroppedAndLoadedAgain(t *testing.T) {
	t.Parallel()
	now := newClock("2026-11-23T21:00:00Z")
	var mu sync.Mutex
	loads := 0
	e := setupOn(t, hook(openStore(t), func(method string) error {
		if method == loadContacts {
			mu.Lock()
			loads++
			mu.Unlock()
		}
		return nil
	}), now.config)
	e.people("Ana")
	equalList(t, "found", e.found("ana"), []string{"Ana"})
	mu.Lock()
	before := loads
	mu.Unlock()
	now.forward(31 * time.Minute)
	polls := 0
	await(t, "the index to be dropped and loaded again", func() bool {
		if polls++; polls%100 != 0 { // A search keeps it; the feed needs the time to come by.
			return false
		}
		now.forward(31 * time.Minute)
		equalList(t, "found", e.found("ana"), []string{"Ana"})
		mu.Lock()
		defer mu.Unlock()
		return loads > before
	})
}

func TestAFailedLoadIsTriedAgainForABulkAction(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	broken := errors.New("disk gone")
	down := true
	e := setupOn(t, hook(openStore(t), func(method string) error {
		mu.Lock()
		defer mu.Unlock()
		if method == loadContacts && down {
			return broken
		}
		return nil
	}))
	e.people("Ana")
	l := e.list(crm.ContactListQuery{Filter: crm.ContactFilter{Search: "ana"}})
	equal(t, "degraded", l.Degraded, true)
	mu.Lock()
	down = false
	mu.Unlock()
	j, err := e.Contacts.BulkByFilter(context.Background(), e.owner, crm.ContactFilter{Search: "ana"}, crm.BulkAction{Verb: crm.BulkDelete})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "changed", bulkResult(t, e.succeeded(j.ID)).Changed, 1)
}

func TestSearchFindsAsTheRulesSay(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.create(crm.NewContact{DisplayName: "Maria Cantwell", Phones: []crm.Phone{{Number: "(202) 224-3441"}}, Tags: []string{"Senate"}, Notes: "Seattle"})
	e.create(crm.NewContact{DisplayName: "Zoë Łukasz"})
	for _, q := range []string{"cantwel", "Cantwlel", "CANTWELL", "cant", "3441", "2022243441", "224-3441", "senate", "seatle", "ntwel", "maria c"} {
		if got := e.found(q); !slices.Equal(got, []string{"Maria Cantwell"}) {
			t.Errorf("search %q: got %v, want Maria Cantwell", q, got)
		}
	}
	equalList(t, "zoe lukasz", e.found("zoe lukasz"), []string{"Zoë Łukasz"})
}

func TestFacetsOfNobody(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.awaitIndex()
	got := e.list(crm.ContactListQuery{Filter: crm.ContactFilter{Search: "ana"}, Facets: crm.Facets()}).Facets
	for _, f := range crm.Facets() {
		if values, ok := got[f]; !ok || values == nil {
			t.Errorf("facet %s of an empty workspace: got %v, want an empty list", f, got)
		}
	}
}

// A load that waited for room may have been dropped meanwhile, and its index
// been loaded by another one: emptying it then would make searches find nobody.
func TestALoadThatWasDroppedLeavesTheIndexAlone(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.people("Ana", "Bo")
	e.awaitIndex()
	if err := e.LoadDropped(e.owner.Workspace); !errors.Is(err, crm.ErrUnavailable) {
		t.Errorf("a load that was dropped: got %v, want ErrUnavailable", err)
	}
	equalList(t, "found", e.found("ana"), []string{"Ana"})
}
