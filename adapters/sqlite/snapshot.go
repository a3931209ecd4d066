package sqlite

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

var (
	_ crm.Snapshot      = reads{}
	_ identity.Snapshot = reads{}
)

// snapshot is the session of a connection of its own with an open read
// transaction. One goroutine uses it at a time.
type snapshot struct {
	conn     *sqlx.Conn
	numbers  func(context.Context, crm.WorkspaceID) (int64, error)
	trace    func(string)
	prepared map[string]*sqlx.Stmt
}

// InSnapshot implements [crm.Snapshotter]. While a view is open the write-ahead
// log cannot begin again: it grows by what is written meanwhile, and erased text
// stays in it until the view ends.
func (s *Store) InSnapshot(ctx context.Context, fn func(view crm.Snapshot) error) error {
	return s.inSnapshot(ctx, func(view reads) error { return fn(view) })
}

// InIdentitySnapshot implements [identity.Store].
func (s *Store) InIdentitySnapshot(ctx context.Context, fn func(view identity.Snapshot) error) error {
	return s.inSnapshot(ctx, func(view reads) error { return fn(view) })
}

func (s *Store) inSnapshot(ctx context.Context, fn func(view reads) error) error {
	if s.pool.closed.Load() {
		return errClosed
	}
	conn, err := s.views.Connx(ctx)
	if err != nil {
		return fmt.Errorf("begin a snapshot: %w", s.pool.translate(err))
	}
	view := &snapshot{conn: conn, numbers: s.pool.numberOf, trace: s.pool.trace, prepared: map[string]*sqlx.Stmt{}}
	defer view.end(context.WithoutCancel(ctx))
	if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
		return fmt.Errorf("begin a snapshot: %w", s.pool.translate(err))
	}
	// The first read, not BEGIN, is the moment.
	if _, _, err := one(ctx, view, number, fixed("SELECT coalesce(max(version_id), 0) FROM schema_versions")); err != nil {
		return fmt.Errorf("begin a snapshot: %w", err)
	}
	return fn(reads{session: view})
}

// query implements [session].
func (v *snapshot) query(ctx context.Context, s statement, args ...any) (*sqlx.Rows, func(), error) {
	if err := ctx.Err(); err != nil {
		return nil, nothing, err
	}
	if v.trace != nil {
		v.trace(s.text)
	}
	// A number that was given after the moment finds no rows.
	if err := withNumbers(ctx, args, v.numbers); err != nil {
		return nil, nothing, err
	}
	stmt := v.prepared[s.text]
	if stmt == nil {
		var err error
		if stmt, err = v.conn.PreparexContext(ctx, steadyLimit(s.text)); err != nil {
			return nil, nothing, translate(err)
		}
		v.prepared[s.text] = stmt
	}
	rows, err := stmt.QueryxContext(context.WithoutCancel(ctx), args...)
	return rows, nothing, translate(err)
}

// end gives the connection back. One whose transaction cannot be ended would
// keep its moment, so that closing it is all that is left.
func (v *snapshot) end(ctx context.Context) {
	for _, stmt := range v.prepared {
		_ = stmt.Close() // The connection that would tell is given up next.
	}
	if _, err := v.conn.ExecContext(ctx, "ROLLBACK"); err != nil {
		_ = v.conn.Raw(func(any) error { return errOver }) // It makes the pool drop the connection.
	}
	_ = v.conn.Close() // It only goes back to the pool.
}

// ListImageBatches implements [crm.SnapshotHistory]. Each batch is a step along
// the index, past all its images.
func (r reads) ListImageBatches(ctx context.Context, ws crm.WorkspaceID, after crm.ID, limit int) ([]crm.ID, error) {
	var batches []crm.ID
	for len(batches) < limit {
		next, ok, err := one(ctx, r, scanOneID, fixed(`SELECT batch FROM contact_images INDEXED BY contact_images_by_batch
			WHERE ws = ? AND batch > ? ORDER BY batch LIMIT 1`), numbered(ws), blob(after))
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
	}, fixed("SELECT print, contact, batch FROM fingerprints WHERE ws = ? AND print > ? ORDER BY print LIMIT ?"), numbered(ws), blob(after), limit)
	if err != nil {
		return nil, fmt.Errorf("list fingerprints: %w", err)
	}
	return marks, nil
}
