package crm_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

// lossyStore leaves the contacts of a name out of what search indexes are loaded
// from, so that an index can be wrong.
type lossyStore struct {
	*hookedStore
	lost atomic.Pointer[string]
}

func (s *lossyStore) ListContacts(ctx context.Context, ws crm.WorkspaceID, q crm.ContactQuery) ([]crm.Contact, error) {
	page, err := s.hookedStore.ListContacts(ctx, ws, q)
	if lost := s.lost.Load(); lost != nil && q.Limit > crm.MaxPageSize {
		page = slices.DeleteFunc(page, func(c crm.Contact) bool { return c.DisplayName == *lost })
	}
	return page, err
}

func (s *lossyStore) lose(name string) { s.lost.Store(&name) }

func (s *lossyStore) mend() { s.lost.Store(nil) }

// before creates people by a process that is over: one that is there might have
// loaded its index by now, and then had it right.
func before(t *testing.T, store crm.Store, names ...string) []crm.Contact {
	t.Helper()
	e := setupOn(t, store)
	people := e.people(names...)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return people
}

func TestReindexAnswersAllAlong(t *testing.T) {
	t.Parallel()
	var hold atomic.Bool
	loading, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	store := &lossyStore{hookedStore: hook(openStore(t), func(method string) error {
		if method == loadContacts && hold.Load() {
			once.Do(func() { close(loading) })
			<-goOn
		}
		return nil
	})}
	gone := before(t, store, "Ana Lost", "Ana Kept", "Ana Gone")[2]
	store.lose("Ana Lost")
	e := setupOn(t, store)
	equalList(t, "found by an index that is wrong", e.found("ana"), []string{"Ana Gone", "Ana Kept"})
	store.mend()

	hold.Store(true)
	var job crm.Job
	var failed error
	var reindexing sync.WaitGroup
	reindexing.Go(func() { job, failed = e.Reindex(context.Background(), e.owner.Workspace) })
	<-loading
	list := func() crm.ContactList { return e.list(crm.ContactListQuery{Filter: crm.ContactFilter{Search: "ana"}}) }
	during := list()
	equal(t, "degraded meanwhile", during.Degraded, false)
	equalList(t, "found meanwhile", names(during.Items), []string{"Ana Gone", "Ana Kept"})
	e.people("Ana During")
	if _, err := e.Contacts.Delete(context.Background(), e.owner, gone.ID, 0); err != nil {
		t.Fatal(err)
	}
	equalList(t, "found of what was written meanwhile", e.found("ana"), []string{"Ana During", "Ana Kept"})
	close(goOn)
	reindexing.Wait()

	if failed != nil {
		t.Fatal(failed)
	}
	equal(t, "kind", job.Kind, crm.JobReindex)
	var result crm.ReindexResult
	if err := json.Unmarshal(job.Result, &result); err != nil {
		t.Fatal(err)
	}
	equal(t, "documents", result.Documents, 3)
	after := list()
	equal(t, "degraded afterwards", after.Degraded, false)
	equalList(t, "found afterwards", names(after.Items), []string{"Ana During", "Ana Kept", "Ana Lost"})
	proof, err := e.CheckSearch(context.Background())
	if err != nil || proof.Wrong != 0 || proof.Contacts != 3 {
		t.Errorf("proof: got %+v, %v, want 3 contacts and none wrong", proof, err)
	}
	figures, err := e.Figures(context.Background())
	if err != nil || figures.Search.Rebuilds != 1 || figures.Search.Documents != 3 || figures.Search.Ready != 1 {
		t.Errorf("figures: got %+v, %v, want one index of 3, made anew once", figures.Search, err)
	}
	e.sound()
}

func TestReindexReachesOtherProcesses(t *testing.T) {
	t.Parallel()
	inner := openStore(t)
	lossy := &lossyStore{hookedStore: hook(inner, func(string) error { return nil })}
	before(t, lossy, "Ana Lost", "Ana Kept")
	lossy.lose("Ana Lost")
	other := setupOn(t, lossy)
	equalList(t, "found by the other process", other.found("ana"), []string{"Ana Kept"})
	lossy.mend()
	here := setupOn(t, inner)
	if _, err := here.Reindex(context.Background(), here.owner.Workspace); err != nil {
		t.Fatal(err)
	}
	await(t, "the other process", func() bool { return slices.Equal(other.found("ana"), []string{"Ana Kept", "Ana Lost"}) })
	// Once: neither process answers the other's event with one of its own. It is
	// counted after the swap.
	rebuilds := func() int64 {
		figures, err := other.Figures(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return figures.Search.Rebuilds
	}
	await(t, "the rebuild to be counted", func() bool { return rebuilds() > 0 })
	equal(t, "rebuilds of the other process", rebuilds(), 1)
}

func TestReindexUnderWritesMissesNothing(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.people("First")
	equalList(t, "found", e.found("first"), []string{"First"})
	over := make(chan struct{})
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-over:
					return
				default:
				}
				word := fmt.Sprintf("w%dx%dword", w, i)
				if _, err := e.Contacts.Create(context.Background(), e.owner, crm.NewContact{DisplayName: word}); err != nil {
					t.Errorf("create: %v", err)
					return
				}
				l := e.list(crm.ContactListQuery{Filter: crm.ContactFilter{Search: word}})
				if l.Degraded || l.Total != 1 {
					t.Errorf("search for %s during a reindex: got %d, degraded %t, want 1 from the index", word, l.Total, l.Degraded)
					return
				}
			}
		})
	}
	for range 5 {
		if _, err := e.Reindex(context.Background(), e.owner.Workspace); err != nil {
			t.Error(err)
		}
	}
	close(over)
	writers.Wait()
	proof, err := e.CheckSearch(context.Background())
	if err != nil || proof.Wrong != 0 {
		t.Errorf("proof: got %+v, %v, want none wrong", proof, err)
	}
	e.sound()
}

func TestReindexMendsAGivenIndexInPlace(t *testing.T) {
	t.Parallel()
	for _, shared := range []bool{true, false} {
		t.Run(fmt.Sprintf("shared %t", shared), func(t *testing.T) {
			t.Parallel()
			x := newService()
			x.shared = shared
			e := setup(t, searching(x))
			made := e.people("Ana Lost", "Ana Kept")
			await(t, "both", func() bool { return len(e.found("ana")) == 2 })
			ws := e.owner.Workspace
			stranger := crm.Contact{ID: crm.NewID(), DisplayName: "Ana Stranger", Version: 1}
			if err := x.MemoryIndex.PutDocuments(context.Background(), ws, []crm.SearchDocument{{Contact: stranger}}); err != nil {
				t.Fatal(err)
			}
			if err := x.DeleteDocuments(context.Background(), ws, []crm.ID{made[0].ID}); err != nil {
				t.Fatal(err)
			}
			drops := x.drops.Load()
			if _, err := e.Reindex(context.Background(), ws); err != nil {
				t.Fatal(err)
			}
			equal(t, "documents", x.holds(t, ws), 2)
			equal(t, "times emptied", x.drops.Load(), drops)
			equalList(t, "found", e.found("ana"), []string{"Ana Kept", "Ana Lost"})
		})
	}
}

func TestReindexIsForAdminsAndOneAtATime(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	store := openStore(t)
	queueing := setupOn(t, store, func(c *crm.Config) { c.Workers = -1 })
	if _, err := queueing.Search.Reindex(ctx, actorOf("acme", "max", crm.RoleMember)); !errors.Is(err, crm.ErrForbidden) {
		t.Errorf("by a member: got %v, want ErrForbidden", err)
	}
	j, err := queueing.Search.Reindex(ctx, queueing.owner)
	if err != nil {
		t.Fatal(err)
	}
	var conflict *crm.ConflictError
	if _, err := queueing.Search.Reindex(ctx, queueing.owner); !errors.As(err, &conflict) || conflict.ID != j.ID {
		t.Errorf("a second one: got %v, want a conflict with %s", err, j.ID)
	}
	// The operator's call runs the one that waits.
	done, err := queueing.Reindex(ctx, queueing.owner.Workspace)
	if err != nil || done.ID != j.ID || done.Status != crm.JobSucceeded {
		t.Errorf("the operator's: got %s %s, %v, want %s succeeded", done.ID, done.Status, err, j.ID)
	}
}

func TestReindexOfWhatDoesNotFitLeavesItToTheStore(t *testing.T) {
	t.Parallel()
	e := setup(t, storeSearched)
	e.people("Ana")
	job, err := e.Reindex(context.Background(), e.owner.Workspace)
	if err != nil || job.Status != crm.JobSucceeded || string(job.Result) != `{"documents":0}` {
		t.Errorf("got %s %s, %v, want it done with no documents", job.Status, job.Result, err)
	}
	equalList(t, "found", e.found("ana"), []string{"Ana"})
}

func TestReindexTriesAgain(t *testing.T) {
	t.Parallel()
	var broken atomic.Int64
	e := setupOn(t, hook(openStore(t), func(method string) error {
		if method == loadContacts && broken.Add(-1) >= 0 {
			return errBroken
		}
		return nil
	}))
	e.people("Ana")
	equalList(t, "found", e.found("ana"), []string{"Ana"})
	broken.Store(2)
	job, err := e.Reindex(context.Background(), e.owner.Workspace)
	if err != nil || job.Attempt != 3 {
		t.Errorf("got attempt %d, %v, want the third to succeed", job.Attempt, err)
	}
	broken.Store(1_000)
	var failed *crm.JobError
	if _, err := e.Reindex(context.Background(), e.owner.Workspace); !errors.As(err, &failed) || failed.Job.Status != crm.JobFailed {
		t.Errorf("got %v, want the job's failure", err)
	}
	l := e.list(crm.ContactListQuery{Filter: crm.ContactFilter{Search: "ana"}})
	equalList(t, "found by the index as it was", names(l.Items), []string{"Ana"})
	equal(t, "degraded", l.Degraded, false)
}
