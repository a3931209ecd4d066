package crmtest_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func (t memTx) PutImport(ctx context.Context, ws crm.WorkspaceID, i crm.Import, expect int64) error {
	return t.write(ctx, func(s *state) error {
		old, there := s.imports[of[crm.ID]{ws, i.ID}]
		if err := versionAgrees(there, old.Version, expect, i.ID); err != nil {
			return err
		}
		s.imports[of[crm.ID]{ws, i.ID}] = i
		return nil
	})
}

func (t memTx) GetImport(_ context.Context, ws crm.WorkspaceID, id crm.ID) (crm.Import, error) {
	s, err := t.read()
	if err != nil {
		return crm.Import{}, err
	}
	i, ok := s.imports[of[crm.ID]{ws, id}]
	if !ok {
		return crm.Import{}, crm.ErrNotFound
	}
	return i, nil
}

func (t memTx) ListImports(_ context.Context, ws crm.WorkspaceID, q crm.ImportQuery) ([]crm.Import, error) {
	s, err := t.read()
	if err != nil {
		return nil, err
	}
	imports := slices.DeleteFunc(mine(s.imports, ws), func(i crm.Import) bool {
		return !q.Before.IsZero() && compareIDs(i.ID, q.Before) >= 0 || !q.User.IsZero() && i.Actor.User != q.User
	})
	slices.SortFunc(imports, func(a, b crm.Import) int { return -compareIDs(a.ID, b.ID) })
	return firstOf(imports, q.Limit), nil
}

func (t memTx) CountImports(_ context.Context, ws crm.WorkspaceID, user crm.ID) (int, error) {
	s, err := t.read()
	if err != nil {
		return 0, err
	}
	n := 0
	for _, i := range mine(s.imports, ws) {
		if user.IsZero() || i.Actor.User == user {
			n++
		}
	}
	return n, nil
}

func (t memTx) PutImportRows(ctx context.Context, ws crm.WorkspaceID, id crm.ID, rows []crm.ImportRow) error {
	return t.write(ctx, func(s *state) error {
		for _, row := range rows {
			s.rows[of[rowKey]{ws, rowKey{id, row.Row}}] = row
		}
		return nil
	})
}

func (t memTx) ListImportRows(_ context.Context, ws crm.WorkspaceID, id crm.ID, q crm.ImportRowQuery) ([]crm.ImportRow, error) {
	s, err := t.read()
	if err != nil {
		return nil, err
	}
	var rows []crm.ImportRow
	for key, row := range s.rows {
		if key.ws == ws && key.id.imp == id && row.Row > q.After && (!q.NotAsItStood || row.NotAsItStood()) &&
			(len(q.Outcomes) == 0 || slices.Contains(q.Outcomes, row.Outcome)) {
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, func(a, b crm.ImportRow) int { return cmp.Compare(a.Row, b.Row) })
	return firstOf(rows, q.Limit), nil
}

func (t memTx) DeleteImportRows(ctx context.Context, ws crm.WorkspaceID, id crm.ID) error {
	return t.write(ctx, func(s *state) error {
		for key := range s.rows {
			if key.ws == ws && key.id.imp == id {
				delete(s.rows, key)
			}
		}
		return nil
	})
}

func (t memTx) FindFingerprints(_ context.Context, ws crm.WorkspaceID, prints []crm.Fingerprint) ([]crm.FingerprintMark, error) {
	s, err := t.read()
	if err != nil {
		return nil, err
	}
	var marks []crm.FingerprintMark
	for _, print := range prints {
		if mark, ok := s.prints[of[crm.Fingerprint]{ws, print}]; ok {
			marks = append(marks, mark)
		}
	}
	return marks, nil
}

func (t memTx) PutFingerprints(ctx context.Context, ws crm.WorkspaceID, marks []crm.FingerprintMark) error {
	return t.write(ctx, func(s *state) error {
		for _, mark := range marks {
			key := of[crm.Fingerprint]{ws, mark.Fingerprint}
			if _, ok := s.prints[key]; !ok {
				s.prints[key] = mark
			}
		}
		return nil
	})
}

func (t memTx) DeleteFingerprints(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID, batch crm.ID) error {
	return t.write(ctx, func(s *state) error {
		for key, mark := range s.prints {
			if key.ws == ws && slices.Contains(contacts, mark.Contact) && (batch.IsZero() || mark.Batch == batch) {
				delete(s.prints, key)
			}
		}
		return nil
	})
}

func (t memTx) GetIdempotencyRecord(_ context.Context, ws crm.WorkspaceID, key string) (crm.IdempotencyRecord, error) {
	s, err := t.read()
	if err != nil {
		return crm.IdempotencyRecord{}, err
	}
	r, ok := s.answers[of[string]{ws, key}]
	if !ok {
		return crm.IdempotencyRecord{}, crm.ErrNotFound
	}
	return r, nil
}

func (t memTx) PutIdempotencyRecord(ctx context.Context, ws crm.WorkspaceID, r crm.IdempotencyRecord) error {
	return t.write(ctx, func(s *state) error {
		s.answers[of[string]{ws, r.Key}] = r
		return nil
	})
}

func (t memTx) DeleteIdempotencyRecord(ctx context.Context, ws crm.WorkspaceID, key string) error {
	return t.write(ctx, func(s *state) error {
		delete(s.answers, of[string]{ws, key})
		return nil
	})
}

type blobs struct{ m *memStore }

type storedBlob struct {
	content []byte
	begun   time.Time
}

func (b blobs) PutBlob(ctx context.Context, ws crm.WorkspaceID, id crm.ID, r io.Reader) (int64, error) {
	begun := time.Now()
	content, err := io.ReadAll(r)
	if err != nil {
		return 0, fmt.Errorf("read blob: %w", err)
	}
	return int64(len(content)), b.m.write(ctx, func(s *state) error {
		if _, ok := s.blobs[of[crm.ID]{ws, id}]; ok {
			return conflict(crm.ConflictExists, id)
		}
		s.blobs[of[crm.ID]{ws, id}] = storedBlob{content, begun}
		return nil
	})
}

func (b blobs) OpenBlob(_ context.Context, ws crm.WorkspaceID, id crm.ID, offset int64) (io.ReadCloser, error) {
	s, err := b.m.read()
	if err != nil {
		return nil, err
	}
	stored, ok := s.blobs[of[crm.ID]{ws, id}]
	if !ok {
		return nil, crm.ErrNotFound
	}
	content := stored.content
	return io.NopCloser(bytes.NewReader(content[min(int(offset), len(content)):])), nil
}

func (b blobs) ListBlobs(_ context.Context, ws crm.WorkspaceID, before time.Time, after crm.ID, limit int) ([]crm.ID, error) {
	s, err := b.m.read()
	if err != nil {
		return nil, err
	}
	var ids []crm.ID
	for key, stored := range s.blobs {
		if key.ws == ws && stored.begun.Before(before) && compareIDs(key.id, after) > 0 {
			ids = append(ids, key.id)
		}
	}
	slices.SortFunc(ids, compareIDs)
	return firstOf(ids, limit), nil
}

func (b blobs) DeleteBlob(ctx context.Context, ws crm.WorkspaceID, id crm.ID) error {
	return b.m.write(ctx, func(s *state) error {
		delete(s.blobs, of[crm.ID]{ws, id})
		return nil
	})
}

func (y system) BusyWorkspaces(_ context.Context, limit int) ([]crm.WorkspaceID, error) {
	s, err := y.m.read()
	if err != nil {
		return nil, err
	}
	counts := map[crm.WorkspaceID]int{}
	for _, e := range s.events[max(len(s.events)-crm.BusyWindow, 0):] {
		counts[e.Workspace]++
	}
	busy := slices.SortedFunc(maps.Keys(counts), func(a, b crm.WorkspaceID) int { return counts[b] - counts[a] })
	return firstOf(busy, limit), nil
}

func (y system) ListWorkspaces(_ context.Context, after crm.WorkspaceID, limit int) ([]crm.Workspace, error) {
	s, err := y.m.read()
	if err != nil {
		return nil, err
	}
	var all []crm.Workspace
	for id, w := range s.workspaces {
		if slices.Compare(id[:], after[:]) > 0 {
			all = append(all, w)
		}
	}
	slices.SortFunc(all, func(a, b crm.Workspace) int { return slices.Compare(a.ID[:], b.ID[:]) })
	return firstOf(all, limit), nil
}

func (y system) EventsAfter(_ context.Context, after crm.Position, limit int) ([]crm.WorkspaceEvent, error) {
	s, err := y.m.read()
	if err != nil {
		return nil, err
	}
	first := slices.IndexFunc(s.events, func(e crm.WorkspaceEvent) bool { return e.Position > after })
	if first < 0 {
		return nil, nil
	}
	return slices.Clone(firstOf(s.events[first:], limit)), nil
}

func (y system) PurgeCandidates(_ context.Context, deletedBefore time.Time, limit int) ([]crm.WorkspaceContact, error) {
	s, err := y.m.read()
	if err != nil {
		return nil, err
	}
	var found []crm.WorkspaceContact
	for key, w := range s.contacts {
		if w.Contact.InTrash() && w.Contact.DeletedAt.Before(deletedBefore) {
			found = append(found, crm.WorkspaceContact{Workspace: key.ws, Contact: key.id})
		}
	}
	deleted := func(c crm.WorkspaceContact) time.Time {
		return s.contacts[of[crm.ID]{c.Workspace, c.Contact}].Contact.DeletedAt
	}
	slices.SortFunc(found, func(a, b crm.WorkspaceContact) int { return deleted(a).Compare(deleted(b)) })
	return firstOf(found, limit), nil
}

func (y system) PurgeImages(ctx context.Context, before time.Time, limit int) (int, error) {
	n := 0
	err := y.m.write(ctx, func(s *state) error {
		s.images = slices.DeleteFunc(s.images, func(i image) bool {
			if n == limit || !i.At.Before(before) {
				return false
			}
			n++
			return true
		})
		return nil
	})
	return n, err
}

func (y system) PurgeIdempotencyRecords(ctx context.Context, before time.Time, limit int) (int, error) {
	n := 0
	err := y.m.write(ctx, func(s *state) error {
		for key, r := range s.answers {
			if n < limit && r.CreatedAt.Before(before) {
				delete(s.answers, key)
				n++
			}
		}
		return nil
	})
	return n, err
}

func (y system) Ping(context.Context) error {
	_, err := y.m.read()
	return err
}

// ProbeWrite finds memory that can be written always.
func (y system) ProbeWrite(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	_, err := y.m.read()
	return err
}

func (y system) Close() error {
	y.m.writer.Lock()
	defer y.m.writer.Unlock()
	s := y.m.now.Load().copied()
	s.closed = true
	y.m.now.Store(s)
	return nil
}

// RecountContacts has nothing to mend: the figures are counted each time.
func (y system) RecountContacts(context.Context, crm.WorkspaceID) error { return nil }
