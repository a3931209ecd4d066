package crm_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

// notes is an observer that remembers.
type notes struct {
	mu       sync.Mutex
	begun    []crm.Job
	ended    []crm.JobEnd
	searches []crm.SearchAnswer
}

type noteKey struct{}

func (n *notes) JobBegins(ctx context.Context, j crm.Job) (context.Context, func(crm.JobEnd)) {
	if j.Workspace.IsZero() { // The CRM's own periodic jobs.
		return ctx, func(crm.JobEnd) {}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.begun = append(n.begun, j)
	return context.WithValue(ctx, noteKey{}, j.ID), func(end crm.JobEnd) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.ended = append(n.ended, end)
	}
}

func (n *notes) Searched(_ context.Context, s crm.SearchAnswer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.searches = append(n.searches, s)
}

func (n *notes) ends() []crm.JobEnd {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]crm.JobEnd(nil), n.ended...)
}

func TestObserverIsToldOfJobsAndSearches(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	told := &notes{}
	e := setup(t, func(c *crm.Config) { c.Observer = told })
	e.people("Ana")
	e.found("ana")
	asker := e.owner
	asker.Origin = crm.Origin{Request: "request-1", Trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
	j, err := e.Contacts.BulkByFilter(ctx, asker, crm.ContactFilter{Search: "ana"}, crm.BulkAction{Verb: crm.BulkTag, AddTags: []string{"x"}})
	if err != nil {
		t.Fatal(err)
	}
	e.succeeded(j.ID)
	await(t, "the end of the job", func() bool { return len(told.ends()) == 1 })
	equal(t, "end", told.ends()[0], crm.JobEnd{Status: crm.JobSucceeded})
	equal(t, "job", told.begun[0].ID, j.ID)
	equal(t, "origin", told.begun[0].Actor.Origin, asker.Origin)
	if got := told.searches; len(got) != 1 || got[0].Backend != "memory" || got[0].Degraded || got[0].Took <= 0 {
		t.Errorf("searches: got %+v, want one by memory", got)
	}
}

func TestLogOfAJobNamesItsRequest(t *testing.T) {
	t.Parallel()
	var log syncLog
	told := &notes{}
	store := hook(openStore(t), func(method string) error {
		if method == "GetContacts" {
			return errors.New("cannot be read")
		}
		return nil
	})
	e := setupOn(t, store, storeSearched, func(c *crm.Config) {
		c.Observer, c.Logger = told, slog.New(slog.NewTextHandler(&log, nil))
	})
	e.people("Ana")
	asker := e.owner
	asker.Origin.Request = "request-2"
	j, err := e.Contacts.BulkByFilter(context.Background(), asker, crm.ContactFilter{}, crm.BulkAction{Verb: crm.BulkTag, AddTags: []string{"x"}})
	if err != nil {
		t.Fatal(err)
	}
	await(t, "an attempt", func() bool { return len(told.ends()) > 0 })
	end := told.ends()[0]
	if end.Status != crm.JobRetrying || end.Err == nil {
		t.Errorf("end: got %+v, want retrying with the reason", end)
	}
	for _, want := range []string{"job=" + j.ID.String(), "kind=bulk_update", "requestId=request-2", "status=retrying"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log: got %s, want %s", log.String(), want)
		}
	}
	if strings.Contains(log.String(), "Ana") {
		t.Errorf("log: got %s, want nobody's name", log.String())
	}
}

type syncLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *syncLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *syncLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
