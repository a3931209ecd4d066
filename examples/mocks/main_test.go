package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/crmmock"
)

func TestTheDeskShowsWhoCalls(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	// On a busy machine the store may be quicker than the index.
	if got, want := strings.ReplaceAll(out.String(), " (quick look)", ""), "Maria Cantwell\n202-224-0000\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The store is real; the search service, which answers only errors, is a mock.
func TestTheDeskGoesOnWithoutTheSearchService(t *testing.T) {
	index := crmmock.NewSearchIndex(t)
	index.EXPECT().IndexStatus(mock.Anything, mock.Anything).Return(crm.IndexStatus{}, errors.New("connection refused"))
	d := newDesk(t, index)
	if got, want := d.whoCalls(t.Context(), "202-224-3441"), "Maria Cantwell (quick look)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// oneMock is a real index of which one method is a mock's.
type oneMock struct {
	*crm.MemoryIndex
	reader *crmmock.IndexReader
}

func (o oneMock) SearchContacts(ctx context.Context, ws crm.WorkspaceID, q crm.SearchQuery) (crm.SearchResult, error) {
	return o.reader.SearchContacts(ctx, ws, q)
}

// Expectations count: none and a second search would both fail the test.
func TestTheDeskSearchesOncePerCall(t *testing.T) {
	index := oneMock{crm.NewMemoryIndex(), crmmock.NewIndexReader(t)}
	index.reader.EXPECT().SearchContacts(mock.Anything, mock.Anything, mock.MatchedBy(func(q crm.SearchQuery) bool { return q.Offset == 0 })).
		RunAndReturn(index.MemoryIndex.SearchContacts).Once()
	d := newDesk(t, index)
	got := d.whoCalls(t.Context(), "202-224-3441")
	for range 1_000 { // A busy machine may still be loading the index, and then nobody asks it.
		if !strings.Contains(got, "quick look") {
			break
		}
		time.Sleep(10 * time.Millisecond)
		got = d.whoCalls(t.Context(), "202-224-3441")
	}
	if want := "Maria Cantwell"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// newDesk is a desk over a CRM with one contact and the index.
func newDesk(t *testing.T, index crm.SearchIndex) *desk {
	t.Helper()
	store, err := sqlite.Open(t.Context(), ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	app, err := crm.New(crm.Config{Store: store, Search: index})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(app.Close(), store.Close()); err != nil {
			t.Error(fmt.Errorf("close: %w", err))
		}
	})
	d := &desk{contacts: app.Contacts, actor: crm.Actor{
		Workspace: crm.WorkspaceID(crm.NamedID("customer:42")), User: crm.NamedID("desk:1"), Role: crm.RoleMember,
	}}
	if _, err := app.Contacts.Create(t.Context(), d.actor, crm.NewContact{
		DisplayName: "Maria Cantwell", Phones: []crm.Phone{{Number: "+1 202 224 3441"}},
	}); err != nil {
		t.Fatal(err)
	}
	return d
}
