package crm_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// service is a search index as a service would be: others may share it, and it
// can fail or hang.
type service struct {
	*crm.MemoryIndex
	shared bool
	broken atomic.Bool
	hangs  atomic.Bool
	drops  atomic.Int64
	puts   atomic.Int64
	asked  atomic.Int64
	// beforePut is called ahead of a put, outside of any lock of the index.
	beforePut func(docs []crm.SearchDocument)
	// afterMark is called when a position has been noted.
	afterMark func()
}

func newService() *service { return &service{MemoryIndex: crm.NewMemoryIndex(), shared: true} }

var errBroken = errors.New("connection refused")

func (s *service) call(ctx context.Context) error {
	s.asked.Add(1)
	if s.hangs.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	if s.broken.Load() {
		return errBroken
	}
	return nil
}

func (s *service) SearchContacts(ctx context.Context, ws crm.WorkspaceID, q crm.SearchQuery) (crm.SearchResult, error) {
	if err := s.call(ctx); err != nil {
		return crm.SearchResult{}, err
	}
	return s.MemoryIndex.SearchContacts(ctx, ws, q)
}

func (s *service) MatchContacts(ctx context.Context, ws crm.WorkspaceID, q crm.SearchQuery, after crm.ID, limit int) ([]crm.ID, error) {
	if err := s.call(ctx); err != nil {
		return nil, err
	}
	return s.MemoryIndex.MatchContacts(ctx, ws, q, after, limit)
}

func (s *service) IndexStatus(ctx context.Context, ws crm.WorkspaceID) (crm.IndexStatus, error) {
	if err := s.call(ctx); err != nil {
		return crm.IndexStatus{}, err
	}
	status, err := s.MemoryIndex.IndexStatus(ctx, ws)
	if status.Shared = s.shared; s.shared {
		status.Bytes = 0
	}
	return status, err
}

func (s *service) PutDocuments(ctx context.Context, ws crm.WorkspaceID, docs []crm.SearchDocument) error {
	if err := s.call(ctx); err != nil {
		return err
	}
	s.puts.Add(int64(len(docs)))
	if s.beforePut != nil {
		s.beforePut(docs)
	}
	return s.MemoryIndex.PutDocuments(ctx, ws, docs)
}

func (s *service) MarkIndexed(ctx context.Context, ws crm.WorkspaceID, at crm.Position) error {
	if err := s.call(ctx); err != nil {
		return err
	}
	err := s.MemoryIndex.MarkIndexed(ctx, ws, at)
	if s.afterMark != nil {
		s.afterMark()
	}
	return err
}

func (s *service) DropWorkspace(ctx context.Context, ws crm.WorkspaceID) error {
	s.drops.Add(1)
	return s.MemoryIndex.DropWorkspace(ctx, ws)
}

func (s *service) position(t testing.TB, ws crm.WorkspaceID) crm.Position {
	t.Helper()
	status, err := s.MemoryIndex.IndexStatus(context.Background(), ws)
	if err != nil {
		t.Fatal(err)
	}
	return status.Position
}

func (s *service) holds(t testing.TB, ws crm.WorkspaceID) int {
	t.Helper()
	status, err := s.MemoryIndex.IndexStatus(context.Background(), ws)
	if err != nil {
		t.Fatal(err)
	}
	return status.Documents
}

func searching(x crm.SearchIndex) func(c *crm.Config) {
	return func(c *crm.Config) { c.Search, c.SearchTimeout = x, 100*time.Millisecond }
}

func TestTheStoreAnswersWhileTheSearchServiceIsDown(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(*service) *atomic.Bool{
		"it fails": func(s *service) *atomic.Bool { return &s.broken },
		"it hangs": func(s *service) *atomic.Bool { return &s.hangs },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService()
			e := setup(t, searching(s))
			ctx := context.Background()
			e.people("Maria Cantwell", "Other")
			search := func(text string) crm.ContactList {
				return e.list(crm.ContactListQuery{Filter: crm.ContactFilter{Search: text}, Facets: []crm.Facet{crm.FacetStage}})
			}
			await(t, "the service to know everybody", func() bool { return len(search("Cantwlel").Items) == 1 })
			equal(t, "backend", search("maria").SearchBackend, "index")
			equal(t, "health", e.Health(ctx).Search.Status, crm.ProbeOK)

			fault(s).Store(true)
			for range 5 {
				l := search("antwel")
				equalList(t, "found meanwhile", names(l.Items), []string{"Maria Cantwell"})
				equal(t, "degraded", l.Degraded, true)
				equal(t, "backend", l.SearchBackend, "store")
			}
			l := e.list(crm.ContactListQuery{Facets: []crm.Facet{crm.FacetStage}})
			equal(t, "a list without facets is degraded", l.Degraded, true)
			equal(t, "health", e.Health(ctx).Search.Status, crm.ProbeDown)
			asked := s.asked.Load()
			for range 20 {
				search("antwel")
			}
			if more := s.asked.Load() - asked; more > 10 {
				t.Errorf("a service that is down was asked %d times for 20 searches, want it left alone", more)
			}
			e.people("Newcomer")

			fault(s).Store(false)
			await(t, "the service to be asked again", func() bool { return !search("maria").Degraded })
			await(t, "what was written meanwhile", func() bool { return len(search("Newcomre").Items) == 1 })
			equal(t, "health", e.Health(ctx).Search.Status, crm.ProbeOK)
			equal(t, "drops", s.drops.Load(), 0)
		})
	}
}

func TestASearchServiceThatIsDownAtTheStartComesBack(t *testing.T) {
	t.Parallel()
	s := newService()
	s.broken.Store(true)
	e := setup(t, searching(s))
	e.people("Maria Cantwell")
	search := func() crm.ContactList {
		return e.list(crm.ContactListQuery{Filter: crm.ContactFilter{Search: "maria"}})
	}
	for range 5 {
		equal(t, "degraded", search().Degraded, true)
	}
	s.broken.Store(false)
	await(t, "the service", func() bool { return !search().Degraded })
	equalList(t, "found with a typo", e.found("Cantwlel"), []string{"Maria Cantwell"})
}

func TestAQueryThatIsRefusedIsNoFailureOfTheService(t *testing.T) {
	t.Parallel()
	s := newService()
	e := setup(t, searching(s))
	e.people("Ana", "Anabel", "Anatol")
	q := crm.ContactListQuery{Filter: crm.ContactFilter{Search: "ana"}, PageSize: 1}
	await(t, "the service", func() bool { l := e.list(q); return !l.Degraded && l.Total == 3 })
	for range 5 {
		if _, err := s.SearchContacts(context.Background(), e.owner.Workspace, crm.SearchQuery{Text: "ana", After: "forged", Limit: 1}); !errors.Is(err, crm.ErrInvalid) {
			t.Fatalf("a forged position: got error %v, want crm.ErrInvalid", err)
		}
	}
	equal(t, "degraded", e.list(q).Degraded, false)
}

func TestBulkActionsWaitForASearchServiceThatIsDown(t *testing.T) {
	t.Parallel()
	s := newService()
	e := setup(t, searching(s))
	e.people("Maria Cantwell")
	await(t, "the service", func() bool { return len(e.found("Cantwlel")) == 1 })
	s.broken.Store(true)
	j := e.bulk(crm.ContactFilter{Search: "Cantwlel"}, tagAll)
	await(t, "the first attempt", func() bool {
		now, err := e.Jobs.Get(context.Background(), e.owner, j.ID)
		return err == nil && now.Status == crm.JobRetrying
	})
	s.broken.Store(false)
	equal(t, "changed", bulkResult(t, e.succeeded(j.ID)).Changed, 1)
}

func TestASharedIndexIsNotEmptiedByTheNextProcess(t *testing.T) {
	t.Parallel()
	s, store := newService(), openStore(t)
	first := setupOn(t, store, searching(s))
	first.people("Ana", "Bo", "Cy")
	// Until it has noted how far it is: the next process begins there.
	await(t, "the index", func() bool {
		return len(first.found("bo")) == 1 && s.position(t, first.owner.Workspace) == first.head()
	})
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	outside := setupOn(t, store, storeSearched) // Writes beside the service.
	outside.people("Dee")
	put := s.puts.Load()

	second := setupOn(t, store, searching(s))
	await(t, "what was written meanwhile", func() bool { return len(second.found("dee")) == 1 })
	equalList(t, "found of old", second.found("bo"), []string{"Bo"})
	equal(t, "drops", s.drops.Load(), 0)
	equal(t, "documents put by the second process", s.puts.Load()-put, 1)
}

func TestASharedIndexOfAnotherDatabaseIsMendedInPlace(t *testing.T) {
	t.Parallel()
	s := newService()
	old := setup(t, searching(s))
	old.people("Ana", "Bo", "Cy", "Dee", "Eve")
	await(t, "the index", func() bool { return len(old.found("bo")) == 1 })

	restored := setup(t, searching(s)) // Its log is shorter than where the index stands.
	restored.people("Zoe")
	await(t, "the index", func() bool { return len(restored.found("zoe")) == 1 && s.holds(t, restored.owner.Workspace) == 1 })
	equal(t, "drops", s.drops.Load(), 0)
}

func TestASharedIndexThatWasEmptiedIsFilledAgain(t *testing.T) {
	t.Parallel()
	s := newService()
	e := setup(t, searching(s))
	e.people("Ana", "Bo", "Cy")
	ws := e.owner.Workspace
	await(t, "the index", func() bool { return len(e.found("bo")) == 1 && s.position(t, ws) == e.head() })
	if err := s.MemoryIndex.DropWorkspace(context.Background(), ws); err != nil { // As another program would.
		t.Fatal(err)
	}
	e.people("Dee")
	await(t, "everybody", func() bool { return s.holds(t, ws) == 4 && s.position(t, ws) == e.head() })
	equalList(t, "found of old", e.found("bo"), []string{"Bo"})
}

// Another process brings a contact up to date between the moment that this one
// reads it and the moment that it puts it, and notes that the log is done.
func TestAnOlderStateNeverStaysInASharedIndex(t *testing.T) {
	t.Parallel()
	s, store := newService(), openStore(t)
	ctx := context.Background()
	writer := setupOn(t, store, storeSearched)
	ana := writer.people("Ana")[0]
	rename := func(name string) crm.Contact {
		c, err := writer.Contacts.Update(ctx, writer.owner, ana.ID, crm.ContactPatch{DisplayName: &name})
		if err != nil {
			t.Errorf("update: %v", err)
		}
		return c
	}
	var put, mark sync.Once
	var done atomic.Int64
	s.beforePut = func(docs []crm.SearchDocument) {
		if docs[0].Contact.DisplayName == "Older" {
			put.Do(func() {
				c := rename("Newer")
				done.Store(int64(writer.head()))
				if err := s.MemoryIndex.PutDocuments(ctx, writer.owner.Workspace, []crm.SearchDocument{{Contact: c}}); err != nil {
					t.Errorf("put: %v", err)
				}
			})
		}
	}
	s.afterMark = func() {
		if at := done.Load(); at > 0 {
			mark.Do(func() {
				if err := s.MemoryIndex.MarkIndexed(ctx, writer.owner.Workspace, crm.Position(at)); err != nil {
					t.Errorf("mark: %v", err)
				}
			})
		}
	}
	e := setupOn(t, store, searching(s))
	await(t, "the index", func() bool { return len(e.found("ana")) == 1 })
	rename("Older")
	await(t, "the newest name", func() bool { return done.Load() > 0 && len(e.found("newer")) == 1 })
	for range 3 {
		if _, err := e.Contacts.Update(ctx, e.owner, e.people("Other")[0].ID, crm.ContactPatch{Company: new("x")}); err != nil {
			t.Fatal(err)
		}
		await(t, "the index to go on", func() bool { return len(e.found("other")) > 0 })
	}
	equalList(t, "found by the older name", e.found("older"), []string{})
	equalList(t, "found by the newest name", e.found("newer"), []string{"Newer"})
}
