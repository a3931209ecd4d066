package meilisearch_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/adapters/meilisearch"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/internal/testkit/meilitest"
)

// person is a contact of a name, as a document.
func person(name string) crm.SearchDocument {
	now := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	return crm.SearchDocument{Contact: crm.Contact{ID: crm.NewID(), DisplayName: name, Version: 1, Stage: crm.StageLead, Source: "manual", CreatedAt: now, UpdatedAt: now}}
}

func put(t *testing.T, x crm.SearchIndex, ws crm.WorkspaceID, names ...string) []crm.SearchDocument {
	t.Helper()
	var docs []crm.SearchDocument
	for _, n := range names {
		docs = append(docs, person(n))
	}
	if err := x.PutDocuments(t.Context(), ws, docs); err != nil {
		t.Fatal(err)
	}
	return docs
}

func newWorkspace() crm.WorkspaceID { return crm.WorkspaceID(crm.NewID()) }

func holds(t *testing.T, x crm.SearchIndex, ws crm.WorkspaceID) int {
	t.Helper()
	status, err := x.IndexStatus(t.Context(), ws)
	if err != nil {
		t.Fatal(err)
	}
	return status.Documents
}

func TestARequestThatIsCutIsSentAgainWhole(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(s *meilitest.Server){
		"the connection is cut": func(s *meilitest.Server) { s.CutNext(2) },
		"the server is busy":    func(s *meilitest.Server) { s.AnswerNext(http.StatusServiceUnavailable, http.StatusBadGateway) },
		"too many requests":     func(s *meilitest.Server) { s.AnswerNext(http.StatusTooManyRequests) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := meilitest.New(t, meilitest.Options{})
			x, ws := openOn(t, s, meilisearch.Options{}), newWorkspace()
			put(t, x, ws, "Warm Up") // So that what is cut is the write itself or the look before it.
			fault(s)
			put(t, x, ws, "Ann Carter", "Bob Carter")
			if n := holds(t, x, ws); n != 3 {
				t.Errorf("got %d documents, want 3", n)
			}
			var bodies [][]byte
			for _, r := range s.Requests() {
				if r.Method == http.MethodPost && strings.HasSuffix(r.Path, "/documents") && bytes.Contains(r.Body, []byte("carter")) {
					bodies = append(bodies, r.Body)
				}
			}
			for _, b := range bodies {
				if !bytes.Equal(b, bodies[0]) {
					t.Errorf("a repetition has another body: %.100s", b)
				}
			}
		})
	}
}

func TestAWriteWhoseAnswerIsCutIsSentAgainWithItsBody(t *testing.T) {
	t.Parallel()
	s := meilitest.New(t, meilitest.Options{})
	x, ws := openOn(t, s, meilisearch.Options{}), newWorkspace()
	s.CutDocuments(1)
	put(t, x, ws, "Ann Carter")
	if n := holds(t, x, ws); n != 1 {
		t.Errorf("got %d documents, want 1", n)
	}
}

func TestAFailedTaskIsSentAgainOrSaid(t *testing.T) {
	t.Parallel()
	s := meilitest.New(t, meilitest.Options{})
	x, ws := openOn(t, s, meilisearch.Options{}), newWorkspace()
	s.FailNextTasks(2, "io_error", "system", "Input/output error.")
	put(t, x, ws, "Ann Carter")
	if n := holds(t, x, ws); n != 1 {
		t.Errorf("after two failures of the disk: got %d documents, want 1", n)
	}
	s.FailNextTasks(3, "io_error", "system", "Input/output error.")
	err := x.PutDocuments(t.Context(), ws, []crm.SearchDocument{person("Bob")})
	if !errors.Is(err, crm.ErrUnavailable) || !strings.Contains(err.Error(), "io_error") {
		t.Errorf("after many: got error %v, want crm.ErrUnavailable that names io_error", err)
	}
	before := sent(s, http.MethodPost, "/documents")
	s.FailNextTasks(1, "invalid_document_fields", "invalid_request", "A document has too many fields.")
	err = x.PutDocuments(t.Context(), ws, []crm.SearchDocument{person("Dee")})
	if err == nil || !strings.Contains(err.Error(), "too many fields") {
		t.Errorf("got error %v, want what the server says", err)
	}
	if n := sent(s, http.MethodPost, "/documents") - before; n != 1 {
		t.Errorf("a batch that the server refuses was sent %d times, want once", n)
	}
}

func TestABatchThatIsTooLargeIsSentInParts(t *testing.T) {
	t.Parallel()
	s := meilitest.New(t, meilitest.Options{PayloadLimit: 8_000})
	x, ws := openOn(t, s, meilisearch.Options{}), newWorkspace()
	names := make([]string, 20)
	for i := range names {
		names[i] = "Ann Carter of Somewhere"
	}
	put(t, x, ws, names...)
	if n := holds(t, x, ws); n != 20 {
		t.Errorf("got %d documents, want 20", n)
	}
	huge := person("Ann")
	for range 3_000 {
		huge.Contact.Notes += crm.NewID().String() + " "
	}
	err := x.PutDocuments(t.Context(), ws, []crm.SearchDocument{huge})
	if !errors.Is(err, crm.ErrUnavailable) || !strings.Contains(err.Error(), "--http-payload-size-limit") {
		t.Errorf("one that is too large alone: got error %v, want crm.ErrUnavailable with a way out", err)
	}
}

func TestNobodyWaitsBeyondADeadline(t *testing.T) {
	t.Parallel()
	s := meilitest.New(t, meilitest.Options{})
	x, ws := openOn(t, s, meilisearch.Options{}), newWorkspace()
	put(t, x, ws, "Ann Carter")
	for name, call := range map[string]func(ctx context.Context) error{
		"SearchContacts": func(ctx context.Context) error {
			_, err := x.SearchContacts(ctx, ws, crm.SearchQuery{Text: "cartre", Limit: 5})
			return err
		},
		"PutDocuments": func(ctx context.Context) error {
			return x.PutDocuments(ctx, ws, []crm.SearchDocument{person("Bob")})
		},
		"IndexStatus": func(ctx context.Context) error {
			_, err := x.IndexStatus(ctx, ws)
			return err
		},
	} {
		s.SetDelay(10 * time.Second)
		ctx, release := context.WithTimeout(t.Context(), 50*time.Millisecond)
		begin := time.Now()
		err := call(ctx)
		release()
		if took := time.Since(begin); err == nil || took > 5*time.Second {
			t.Errorf("%s on a server that does not answer: got error %v after %v", name, err, took)
		}
		s.SetDelay(0)
	}
	s.HoldTasks(true)
	ctx, release := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer release()
	if err := x.PutDocuments(ctx, ws, []crm.SearchDocument{person("Cid")}); !errors.Is(err, crm.ErrUnavailable) {
		t.Errorf("a task that does not end: got error %v, want crm.ErrUnavailable", err)
	}
	s.HoldTasks(false)
	if got, err := x.SearchContacts(t.Context(), ws, crm.SearchQuery{Text: "carter", Limit: 5}); err != nil || len(got.Hits) != 1 {
		t.Errorf("afterwards: got %d hits and error %v, want one", len(got.Hits), err)
	}
}

func TestAnIndexThatIsGoneIsMadeAnew(t *testing.T) {
	t.Parallel()
	s := meilitest.New(t, meilitest.Options{})
	x, ws := openOn(t, s, meilisearch.Options{}), newWorkspace()
	put(t, x, ws, "Ann Carter")
	if err := x.MarkIndexed(t.Context(), ws, 7); err != nil {
		t.Fatal(err)
	}
	s.DeleteIndex("omnicrm")
	if err := x.PutDocuments(t.Context(), ws, []crm.SearchDocument{person("Bob")}); !errors.Is(err, crm.ErrUnavailable) {
		t.Errorf("PutDocuments: got error %v, want crm.ErrUnavailable: it would make an index without settings", err)
	}
	status, err := x.IndexStatus(t.Context(), ws)
	if err != nil || status.Position != 0 || status.Documents != 0 || !status.Shared {
		t.Errorf("IndexStatus: got %+v and error %v, want an empty shared index", status, err)
	}
	put(t, x, ws, "Bob Carter")
	if got, err := x.SearchContacts(t.Context(), ws, crm.SearchQuery{Text: "carter", Limit: 5}); err != nil || len(got.Hits) != 1 {
		t.Errorf("SearchContacts: got %d hits and error %v, want one", len(got.Hits), err)
	}
}

func TestAPositionIsNotWrittenOften(t *testing.T) {
	t.Parallel()
	s := meilitest.New(t, meilitest.Options{})
	x, ws := openOn(t, s, meilisearch.Options{}), newWorkspace()
	before := sent(s, http.MethodPost, "/documents")
	for at := range crm.Position(20) {
		if err := x.MarkIndexed(t.Context(), ws, at+1); err != nil {
			t.Fatal(err)
		}
	}
	if n := sent(s, http.MethodPost, "/documents") - before; n != 1 {
		t.Errorf("20 positions were written %d times, want once", n)
	}
	put(t, x, ws, "Ann") // It goes with the next batch.
	other := openOn(t, s, meilisearch.Options{})
	for _, index := range []crm.SearchIndex{x, other} {
		status, err := index.IndexStatus(t.Context(), ws)
		if err != nil || status.Position != 20 {
			t.Errorf("IndexStatus: got position %d and error %v, want 20", status.Position, err)
		}
	}
}
