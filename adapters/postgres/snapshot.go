package postgres

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

var (
	_ crm.Snapshot      = reads{}
	_ identity.Snapshot = reads{}
)

// InSnapshot implements [crm.Snapshotter]: a REPEATABLE READ transaction. While
// a view is open the server keeps what is replaced and deleted meanwhile.
func (s *Store) InSnapshot(ctx context.Context, fn func(view crm.Snapshot) error) error {
	return s.inSnapshot(ctx, func(view reads) error { return fn(view) })
}

// InIdentitySnapshot implements [identity.Store].
func (s *Store) InIdentitySnapshot(ctx context.Context, fn func(view identity.Snapshot) error) error {
	return s.inSnapshot(ctx, func(view reads) error { return fn(view) })
}

func (s *Store) inSnapshot(ctx context.Context, fn func(view reads) error) error {
	if err := s.pool.ready(ctx, ofLog("")); err != nil {
		return fmt.Errorf("begin a snapshot: %w", err)
	}
	t, err := s.begin(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return fmt.Errorf("begin a snapshot: %w", err)
	}
	defer t.end()
	// The first statement, not BEGIN, is the moment. A snapshot may last longer
	// than a statement may.
	if _, _, err := one(ctx, t, number, fixed("SELECT coalesce(max(version_id), 0) FROM crm.schema_versions")); err != nil {
		return fmt.Errorf("begin a snapshot: %w", err)
	}
	return fn(reads{session: t})
}

// ListImageBatches implements [crm.SnapshotHistory]. Each batch is a step along
// the index, past all its images.
func (r reads) ListImageBatches(ctx context.Context, ws crm.WorkspaceID, after crm.ID, limit int) ([]crm.ID, error) {
	var batches []crm.ID
	for len(batches) < limit {
		next, ok, err := one(ctx, r, scanOneID, fixed(`SELECT batch FROM crm.contact_images
			WHERE workspace = ? AND batch > ? ORDER BY batch LIMIT 1`), uuidOf(ws), uuidOf(after))
		if err != nil {
			return nil, fmt.Errorf("list batches of images: %w", err)
		}
		if !ok {
			break
		}
		batches = append(batches, next)
		after = next
	}
	return batches, nil
}

// ListFingerprints implements [crm.SnapshotHistory].
func (r reads) ListFingerprints(ctx context.Context, ws crm.WorkspaceID, after crm.Fingerprint, limit int) ([]crm.FingerprintMark, error) {
	marks, err := list(ctx, r, func(rows *sqlx.Rows) (m crm.FingerprintMark, err error) {
		err = rows.Scan((*idColumn)(&m.Fingerprint), scanID(&m.Contact), scanID(&m.Batch))
		return m, err
	}, fixed("SELECT print, contact, batch FROM crm.fingerprints WHERE workspace = ? AND print > ? ORDER BY print LIMIT ?"),
		uuidOf(ws), uuidOf(after), limit)
	if err != nil {
		return nil, fmt.Errorf("list fingerprints: %w", err)
	}
	return marks, nil
}
