package crmtest_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// view is one state: nobody changes a state that is in place.
type view struct {
	memTx
	s *state
}

var _ crm.Snapshot = view{}

func viewOf(s *state) view {
	return view{memTx{read: func() (*state, error) { return s, nil }}, s}
}

func (y system) InSnapshot(ctx context.Context, fn func(view crm.Snapshot) error) error {
	s, err := y.m.read()
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	return fn(viewOf(s))
}

func (v view) ListWorkspaces(ctx context.Context, after crm.WorkspaceID, limit int) ([]crm.Workspace, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	m := &memStore{}
	m.now.Store(v.s)
	return system{m}.ListWorkspaces(ctx, after, limit)
}

func (v view) ListImageBatches(_ context.Context, ws crm.WorkspaceID, after crm.ID, limit int) ([]crm.ID, error) {
	var batches []crm.ID
	for _, i := range v.s.images {
		if i.ws == ws && compareIDs(i.Batch, after) > 0 {
			batches = append(batches, i.Batch)
		}
	}
	slices.SortFunc(batches, compareIDs)
	return firstOf(slices.Compact(batches), limit), nil
}

func (v view) ListFingerprints(_ context.Context, ws crm.WorkspaceID, after crm.Fingerprint, limit int) ([]crm.FingerprintMark, error) {
	marks := slices.DeleteFunc(mine(v.s.prints, ws), func(m crm.FingerprintMark) bool { return compareIDs(crm.ID(m.Fingerprint), crm.ID(after)) <= 0 })
	slices.SortFunc(marks, func(a, b crm.FingerprintMark) int { return compareIDs(crm.ID(a.Fingerprint), crm.ID(b.Fingerprint)) })
	return firstOf(marks, limit), nil
}

func (v view) blobs() blobs {
	m := &memStore{}
	m.now.Store(v.s)
	return blobs{m}
}

func (v view) ListBlobs(ctx context.Context, ws crm.WorkspaceID, before time.Time, after crm.ID, limit int) ([]crm.ID, error) {
	return v.blobs().ListBlobs(ctx, ws, before, after, limit)
}

func (v view) OpenBlob(ctx context.Context, ws crm.WorkspaceID, id crm.ID, offset int64) (io.ReadCloser, error) {
	return v.blobs().OpenBlob(ctx, ws, id, offset)
}

// restoring is the restore that is at work, the zero one none.
type restoring struct {
	backup crm.ID
	done   int64
}

func (s *state) empty() bool {
	return len(s.workspaces)+len(s.contacts)+len(s.tags)+len(s.images)+len(s.touches)+len(s.events)+len(s.jobs)+len(s.imports)+
		len(s.rows)+len(s.prints)+len(s.answers)+len(s.blobs) == 0
}

func (y system) BeginRestore(ctx context.Context, backup crm.ID) (int64, error) {
	var done int64
	err := y.m.write(ctx, func(s *state) error {
		switch {
		case s.restore.backup == backup:
			done = s.restore.done
			return nil
		case !s.restore.backup.IsZero():
			return conflict(crm.ConflictExists, s.restore.backup)
		case !s.empty():
			return conflict(crm.ConflictState, crm.ID{})
		}
		s.restore = restoring{backup: backup}
		return nil
	})
	return done, err
}

func (y system) InRestore(ctx context.Context, done int64, fn func(tx crm.Tx) error) error {
	return y.m.write(ctx, func(s *state) error {
		if s.restore.backup.IsZero() {
			return conflict(crm.ConflictState, crm.ID{})
		}
		s.restore.done = done
		return fn(memTx{
			read:  func() (*state, error) { return s, nil },
			write: func(_ context.Context, fn func(s *state) error) error { return fn(s) },
		})
	})
}

func (y system) Restoring(context.Context) (crm.ID, error) {
	s, err := y.m.read()
	return s.restore.backup, err
}

func (y system) EndRestore(ctx context.Context) error {
	return y.m.write(ctx, func(s *state) error {
		s.restore = restoring{}
		return nil
	})
}
