package meilisearch

import (
	"context"
	"fmt"
	"time"

	meili "github.com/meilisearch/meilisearch-go"

	"github.com/omnicrm/omnicrm/crm"
)

// markEvery is how often a position is written by itself. Each costs the server
// as much as a batch of documents; those between go with the next batch.
const markEvery = 3 * time.Second

// mark is what this process has noted for a workspace.
type mark struct {
	written crm.Position
	at      time.Time
	// late is noted and not written; zero for none.
	late crm.Position
}

// markDocument keeps a workspace's position. It has no ws, so that no search
// sees it.
type markDocument struct {
	ID       string       `json:"id"`
	Mark     string       `json:"mark"`
	Position crm.Position `json:"position"`
}

func markID(ws crm.WorkspaceID) string { return "mark_" + ws.String() }

func markOf(ws crm.WorkspaceID, at crm.Position) markDocument {
	return markDocument{ID: markID(ws), Mark: ws.String(), Position: at}
}

// MarkIndexed implements [crm.SearchIndex]. The server keeps the order of writes,
// so that the position takes effect after what was written before it; nobody
// waits until it has. When one was written a moment ago it is kept here and goes
// with the next batch of documents: a process that ends before it applies a few
// seconds of the log again.
func (x *Index) MarkIndexed(ctx context.Context, ws crm.WorkspaceID, at crm.Position) error {
	if err := x.prepare(ctx); err != nil {
		return fmt.Errorf("mark indexed: %w", err)
	}
	if err := x.still(ctx); err != nil {
		return fmt.Errorf("mark indexed: %w", err)
	}
	x.mu.Lock()
	m := x.marks[ws]
	soon := m.written > 0 && time.Since(m.at) < markEvery
	if soon {
		m.late = at
		x.marks[ws] = m
	}
	x.mu.Unlock()
	if soon {
		return nil
	}
	_, err := x.enqueue(ctx, func(ctx context.Context) (*meili.TaskInfo, error) {
		return x.index.AddDocumentsWithContext(ctx, []any{markOf(ws, at), ourFormat()}, primaryKey())
	})
	if err != nil {
		return fmt.Errorf("mark indexed: %w", err)
	}
	x.wroteMark(ws, at)
	return nil
}

// lateMark returns the position that is noted and not written.
func (x *Index) lateMark(ws crm.WorkspaceID) (markDocument, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	m := x.marks[ws]
	return markOf(ws, m.late), m.late > 0
}

func (x *Index) wroteMark(ws crm.WorkspaceID, at crm.Position) {
	x.mu.Lock()
	defer x.mu.Unlock()
	m := x.marks[ws]
	if m.late == at {
		m.late = 0
	}
	m.written, m.at = at, time.Now()
	x.marks[ws] = m
}

func (x *Index) forgetMark(ws crm.WorkspaceID) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.marks, ws)
}

// readMark returns the position of a workspace, 0 without one.
func (x *Index) readMark(ctx context.Context, ws crm.WorkspaceID) (crm.Position, error) {
	if late, noted := x.lateMark(ws); noted {
		return late.Position, nil
	}
	var m markDocument
	err := x.getDocument(ctx, markID(ws), &m)
	if codeOf(err) == codeNoDocument {
		// Perhaps its task has not ended yet.
		x.mu.Lock()
		defer x.mu.Unlock()
		return x.marks[ws].written, nil
	}
	return m.Position, err
}
