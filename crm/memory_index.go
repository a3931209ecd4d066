package crm

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/omnicrm/omnicrm/crm/textindex"
)

// maxFacetValues is how many values of a facet are counted out.
const maxFacetValues = 100

// MemoryIndex is the built-in [SearchIndex]: one crm/textindex index per
// workspace, in this process's memory. It needs no service and answers in well
// under a millisecond; about 0.4 KB of memory a contact.
type MemoryIndex struct {
	mu         sync.RWMutex
	workspaces map[WorkspaceID]*textindex.Index
	marks      map[WorkspaceID]Position
}

var _ SearchIndex = (*MemoryIndex)(nil)

// NewMemoryIndex returns an empty index.
func NewMemoryIndex() *MemoryIndex {
	return &MemoryIndex{workspaces: map[WorkspaceID]*textindex.Index{}, marks: map[WorkspaceID]Position{}}
}

// of returns the workspace's index; nil when it has none and make is false.
func (m *MemoryIndex) of(ws WorkspaceID) *textindex.Index {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.workspaces[ws]
}

func (m *MemoryIndex) made(ws WorkspaceID) *textindex.Index {
	if x := m.of(ws); x != nil {
		return x
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.workspaces[ws] == nil {
		m.workspaces[ws] = textindex.New(textindex.Options{Columns: columnCount, RecencyColumn: columnActive})
	}
	return m.workspaces[ws]
}

// PutDocuments implements [SearchIndex].
func (m *MemoryIndex) PutDocuments(ctx context.Context, ws WorkspaceID, docs []SearchDocument) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("put documents: %w", err)
	}
	page := documentPages.Get().(*documentPage) //nolint:forcetypeassert // The pool holds nothing else.
	defer page.release()
	for i := range docs {
		page.add(&docs[i].Contact)
	}
	m.made(ws).Put(page.docs...)
	return nil
}

// DeleteDocuments implements [SearchIndex].
func (m *MemoryIndex) DeleteDocuments(ctx context.Context, ws WorkspaceID, contacts []ID) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("delete documents: %w", err)
	}
	if x := m.of(ws); x != nil {
		x.Delete(rawIDs(contacts)...)
	}
	return nil
}

func rawIDs(ids []ID) []textindex.ID {
	raw := make([]textindex.ID, len(ids))
	for i, id := range ids {
		raw[i] = textindex.ID(id)
	}
	return raw
}

// SearchContacts implements [SearchIndex].
func (m *MemoryIndex) SearchContacts(ctx context.Context, ws WorkspaceID, q SearchQuery) (SearchResult, error) {
	if q.Offset+q.Limit > MaxSearchWindow {
		return SearchResult{}, fmt.Errorf("search beyond %d results: %w", MaxSearchWindow, ErrTooLarge)
	}
	x := m.of(ws)
	if x == nil || q.Where.Trash {
		return SearchResult{Exact: true}, nil
	}
	found, err := x.Search(ctx, indexQuery(q))
	if errors.Is(err, textindex.ErrBadPosition) {
		return SearchResult{}, Invalid("cursor", CodeInvalid, "must be a nextCursor of an earlier answer")
	}
	if err != nil {
		return SearchResult{}, fmt.Errorf("search: %w", err)
	}
	r := SearchResult{Total: found.Total, Exact: true, Hits: make([]SearchHit, len(found.Hits))}
	for i, h := range found.Hits {
		r.Hits[i] = SearchHit{Contact: ID(h.ID), Version: h.Version, Position: h.Position}
	}
	if len(q.Facets) > 0 {
		r.Facets = map[Facet][]FacetValue{}
		for _, f := range q.Facets {
			r.Facets[f] = []FacetValue{}
			for _, v := range found.Facets[facetPrefix(f)] {
				r.Facets[f] = append(r.Facets[f], FacetValue{Value: v.Value, Count: v.Count})
			}
		}
	}
	return r, nil
}

// MatchContacts implements [SearchIndex].
func (m *MemoryIndex) MatchContacts(ctx context.Context, ws WorkspaceID, q SearchQuery, after ID, limit int) ([]ID, error) {
	x := m.of(ws)
	if x == nil || q.Where.Trash {
		return nil, nil
	}
	raw, err := x.MatchIDs(ctx, indexQuery(q), textindex.ID(after), limit)
	if err != nil {
		return nil, fmt.Errorf("match: %w", err)
	}
	ids := make([]ID, len(raw))
	for i, id := range raw {
		ids[i] = ID(id)
	}
	return ids, nil
}

// ListVersions implements [SearchIndex].
func (m *MemoryIndex) ListVersions(_ context.Context, ws WorkspaceID, after ID, limit int) ([]IndexedVersion, error) {
	x := m.of(ws)
	if x == nil {
		return nil, nil
	}
	var out []IndexedVersion
	for _, v := range x.Versions(textindex.ID(after), limit) {
		out = append(out, IndexedVersion{Contact: ID(v.ID), Version: v.Version})
	}
	return out, nil
}

// DropWorkspace implements [SearchIndex].
func (m *MemoryIndex) DropWorkspace(_ context.Context, ws WorkspaceID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.workspaces, ws)
	delete(m.marks, ws)
	return nil
}

// MarkIndexed implements [SearchIndex].
func (m *MemoryIndex) MarkIndexed(_ context.Context, ws WorkspaceID, at Position) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.marks[ws] = at
	return nil
}

// IndexStatus implements [SearchIndex].
func (m *MemoryIndex) IndexStatus(_ context.Context, ws WorkspaceID) (IndexStatus, error) {
	m.mu.RLock()
	x, at := m.workspaces[ws], m.marks[ws]
	m.mu.RUnlock()
	status := IndexStatus{Position: at}
	if x != nil {
		status.Documents, status.Bytes = x.Len(), x.Bytes()
	}
	return status, nil
}

func facetPrefix(f Facet) string { return string(f) + "\x00" }

func indexRange(column int, t TimeRange) textindex.Range {
	r := textindex.Range{Column: column, From: absentNumber + 1, To: math.MaxInt64}
	if !t.From.IsZero() {
		r.From = Micros(t.From)
	}
	if !t.To.IsZero() {
		r.To = Micros(t.To)
	}
	return r
}

func indexOrder(o SearchOrder) textindex.Order {
	column := func(c int) textindex.Order {
		return textindex.Order{By: textindex.OrderColumn, Column: c, Desc: o.Desc}
	}
	switch o.By {
	case SortDisplayName:
		return textindex.Order{By: textindex.OrderSortKey, Desc: o.Desc}
	case SortCreatedAt:
		return column(columnCreated)
	case SortUpdatedAt:
		return column(columnUpdated)
	case SortLastInteractionAt:
		return column(columnInteraction)
	case SortScore:
		return column(columnScore)
	}
	return textindex.Order{By: textindex.OrderRelevance}
}
