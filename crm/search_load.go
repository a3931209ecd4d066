package crm

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
)

// load makes an index hold what the store holds.
func (s *searcher) load(ws WorkspaceID, f *feed) {
	err := s.loadAll(s.ctx, ws, f)
	for crowded := (*crowdedError)(nil); errors.As(err, &crowded); {
		select {
		case <-crowded.by.loaded:
		case <-s.ctx.Done():
		}
		err = s.loadAll(s.ctx, ws, f)
	}
	s.mu.Lock()
	f.failed, f.ready = err, err == nil
	now := s.core.now()
	f.proveAt.Store(now.Add(s.proveEvery).UnixNano())
	if err != nil {
		f.retryAt = now.Add(retryLoadAfter)
	}
	s.mu.Unlock()
	if err != nil && s.ctx.Err() == nil && !f.dropped.Load() {
		s.core.log.Warn("search index not loaded", "workspace", ws, "error", err)
	}
	close(f.loaded)
}

// loadAll goes on where a shared index stands in the log. Without that, or
// with an index of one's own, everything is put into it; then it catches up
// with what was written meanwhile.
func (s *searcher) loadAll(ctx context.Context, ws WorkspaceID, f *feed) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dropped.Load() {
		// While it waited for room. The index may be that of a later load by
		// now, which has another lock.
		return errIndexNotReady
	}
	status, err := s.index.IndexStatus(ctx, ws)
	if err != nil {
		return err
	}
	f.shared.Store(status.Shared)
	f.applied.Store(f.written.Load())
	head, err := s.core.store.EventHead(ctx, ws)
	if err != nil {
		return err
	}
	f.position = head
	switch {
	case status.Shared && status.Position > 0 && status.Position <= head:
		f.position = status.Position
	case status.Shared: // Filled by nobody yet, or for another database.
		err = s.fillShared(ctx, ws, f, status)
	default:
		err = s.fillOwn(ctx, ws, f)
	}
	if err != nil {
		return err
	}
	return s.apply(ctx, ws, f)
}

// fillOwn fills an index of this process from empty.
func (s *searcher) fillOwn(ctx context.Context, ws WorkspaceID, f *feed) error {
	if err := s.index.DropWorkspace(ctx, ws); err != nil {
		return err
	}
	err := s.fill(ctx, ws, f)
	if err == nil {
		err = s.index.MarkIndexed(ctx, ws, f.position)
	}
	if err != nil {
		return errors.Join(err, s.index.DropWorkspace(context.WithoutCancel(ctx), ws))
	}
	return nil
}

// fillShared fills an index that others may be searching and filling: what is
// there stays until it is known to be wrong.
func (s *searcher) fillShared(ctx context.Context, ws WorkspaceID, f *feed, status IndexStatus) error {
	if err := s.fill(ctx, ws, f); err != nil {
		return err
	}
	if status.Documents > 0 {
		if err := s.removeStrangers(ctx, ws, f); err != nil {
			return err
		}
	}
	return s.index.MarkIndexed(ctx, ws, f.position)
}

// removeStrangers brings the documents up to date whose contact the store does
// not have in that version.
func (s *searcher) removeStrangers(ctx context.Context, ws WorkspaceID, f *feed) error {
	var after ID
	for {
		page, err := s.index.ListVersions(ctx, ws, after, feedPage)
		if err != nil || len(page) == 0 {
			return err
		}
		indexed := make(map[ID]int64, len(page))
		for _, d := range page {
			indexed[d.Contact] = d.Version
		}
		wrong, err := s.changedSince(ctx, ws, indexed)
		if err != nil {
			return err
		}
		if err := s.refresh(ctx, ws, f, wrong); err != nil {
			return err
		}
		after = page[len(page)-1].Contact
	}
}

// fill puts every live contact into the index: one goroutine reads, and two
// put, since an index works its documents out before it has to wait for others.
func (s *searcher) fill(ctx context.Context, ws WorkspaceID, f *feed) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	pages := make(chan []Contact, 1)
	var all sync.WaitGroup
	all.Go(func() {
		defer close(pages)
		if err := s.readAll(ctx, ws, pages); err != nil {
			stop(err)
		}
	})
	for range 2 {
		all.Go(func() {
			var docs []SearchDocument
			for page := range pages {
				if s.guard != nil {
					docs = nil // An index that was given may keep its own.
				}
				docs = appendDocuments(docs[:0], page)
				if err := s.fillPage(ctx, ws, f, docs); err != nil {
					stop(err)
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

func (s *searcher) fillPage(ctx context.Context, ws WorkspaceID, f *feed, docs []SearchDocument) error {
	if err := s.index.PutDocuments(ctx, ws, docs); err != nil {
		return err
	}
	if f.shared.Load() {
		return nil // What is written meanwhile is applied from the log.
	}
	return s.makeRoom(ctx, ws, f)
}

func appendDocuments(docs []SearchDocument, contacts []Contact) []SearchDocument {
	docs = slices.Grow(docs, len(contacts))
	for i := range contacts {
		docs = append(docs, SearchDocument{Contact: contacts[i]})
	}
	return docs
}

func versionsOf(contacts []Contact) map[ID]int64 {
	versions := make(map[ID]int64, len(contacts))
	for i := range contacts {
		versions[contacts[i].ID] = contacts[i].Version
	}
	return versions
}

// readAll sends every live contact, in pages in the order in which they were
// added: the store then reads a page in one go, with SQLite at three quarters of
// what ids first and contacts by them cost. What changes its place meanwhile is
// in the log.
func (s *searcher) readAll(ctx context.Context, ws WorkspaceID, pages chan<- []Contact) error {
	q := ContactQuery{Sort: SortCreatedAt, Limit: feedPage}
	for {
		page, err := s.core.store.ListContacts(ctx, ws, q)
		if err != nil || len(page) == 0 {
			return err
		}
		last := &page[len(page)-1]
		q.After = &ContactPosition{Value: SortValue(*last, q.Sort), ID: last.ID}
		select {
		case pages <- page:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// refresh brings contacts in the index to their state in the store. Into a
// shared index another process may have put a newer state since this one read
// the store, and noted that the log is done; so whoever has put something looks
// again whether it still is so, and the last one to put is right.
func (s *searcher) refresh(ctx context.Context, ws WorkspaceID, f *feed, ids []ID) error {
	for len(ids) > 0 {
		put, err := s.put(ctx, ws, ids)
		if err != nil || !f.shared.Load() {
			return err
		}
		if ids, err = s.changedSince(ctx, ws, put); err != nil {
			return err
		}
	}
	return nil
}

// put writes the present state of contacts into the index and returns the
// versions, 0 for those that are gone.
func (s *searcher) put(ctx context.Context, ws WorkspaceID, ids []ID) (map[ID]int64, error) {
	live, err := s.live(ctx, ws, ids)
	if err != nil {
		return nil, err
	}
	put := versionsOf(live)
	var gone []ID
	for _, id := range ids {
		if _, ok := put[id]; !ok {
			gone = append(gone, id)
			put[id] = 0
		}
	}
	if len(gone) > 0 {
		if err := s.index.DeleteDocuments(ctx, ws, gone); err != nil {
			return nil, err
		}
	}
	if len(live) > 0 {
		if err := s.index.PutDocuments(ctx, ws, appendDocuments(nil, live)); err != nil {
			return nil, err
		}
	}
	return put, nil
}

// live returns those of the contacts that belong into the index.
func (s *searcher) live(ctx context.Context, ws WorkspaceID, ids []ID) ([]Contact, error) {
	contacts, err := s.core.store.GetContacts(ctx, ws, ids)
	return slices.DeleteFunc(contacts, Contact.InTrash), err
}

// changedSince returns the contacts whose version in the store is another than
// the one given, 0 meaning that they are gone.
func (s *searcher) changedSince(ctx context.Context, ws WorkspaceID, versions map[ID]int64) ([]ID, error) {
	ids := slices.Collect(maps.Keys(versions))
	live, err := s.live(ctx, ws, ids)
	if err != nil {
		return nil, err
	}
	now := versionsOf(live)
	return slices.DeleteFunc(ids, func(id ID) bool { return now[id] == versions[id] }), nil
}
