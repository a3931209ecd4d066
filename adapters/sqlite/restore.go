package sqlite

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
)

// restoreRow is the restore that is at work.
type restoreRow struct {
	backup crm.ID
	done   int64
}

func (r reads) restore(ctx context.Context) (restoreRow, bool, error) {
	return one(ctx, r, func(rows *sqlx.Rows) (found restoreRow, err error) {
		err = rows.Scan(scanID(&found.backup), &found.done)
		return found, err
	}, fixed("SELECT backup, done FROM restores WHERE id = 1"))
}

// anything is 1 where the file holds what a restore would have to be merged
// with. Sign-in links and attempts and the periodic jobs, which belong to no
// workspace, are nothing: a server makes them by itself at its first start.
const anything = `SELECT EXISTS (SELECT 1 FROM workspaces WHERE id > x'') OR EXISTS (SELECT 1 FROM workspace_numbers WHERE ws > 0)
	OR EXISTS (SELECT 1 FROM users WHERE id > x'') OR EXISTS (SELECT 1 FROM jobs WHERE workspace > zeroblob(16))
	OR EXISTS (SELECT 1 FROM imports WHERE workspace > x'') OR EXISTS (SELECT 1 FROM blobs WHERE workspace > x'')`

// BeginRestore implements [crm.Restorer].
func (s *Store) BeginRestore(ctx context.Context, backup crm.ID) (int64, error) {
	done, err := inTxValue(ctx, s, func(t *tx) (int64, error) {
		at, ok, err := t.restore(ctx)
		switch {
		case err != nil:
			return 0, err
		case ok && at.backup != backup:
			return 0, &crm.ConflictError{Reason: crm.ConflictExists, ID: at.backup, Message: "the restore of another backup is unfinished here"}
		case ok:
			return at.done, nil
		}
		holds, _, err := one(ctx, t, number, fixed(anything))
		if err != nil {
			return 0, err
		}
		if holds != 0 {
			return 0, &crm.ConflictError{Reason: crm.ConflictState, Message: "the database is not empty"}
		}
		_, err = t.exec(ctx, fixed("INSERT INTO restores (id, backup, done) VALUES (1, ?, 0)"), blob(backup))
		return 0, err
	})
	if err == nil {
		err = s.refuseNeighbours(ctx)
	}
	if err != nil {
		return 0, fmt.Errorf("begin restore: %w", err)
	}
	return done, nil
}

// refuseNeighbours takes a new mark away again where other processes have the
// file open. It looks behind the commit of the mark: a process that opens the
// file later sees that. Only in a transaction the writer does not look as well.
func (s *Store) refuseNeighbours(ctx context.Context) error {
	alone, err := inTxValue(ctx, s, func(t *tx) (bool, error) {
		if s.others.lock == nil || s.others.lock.alone() {
			return true, nil
		}
		_, err := t.exec(ctx, fixed("DELETE FROM restores WHERE id = 1 AND done = 0"))
		return false, err
	})
	if err == nil && !alone {
		err = &crm.ConflictError{Reason: crm.ConflictState, Message: "another process has the database open; stop it first"}
	}
	return err
}

// InRestore implements [crm.Restorer].
func (s *Store) InRestore(ctx context.Context, done int64, fn func(tx crm.Tx) error) error {
	c := newCall()
	c.resumable = true
	return s.writer.do(ctx, c, func(t *tx) error {
		n, err := t.change(ctx, fixed("UPDATE restores SET done = ? WHERE id = 1"), done)
		if err == nil && n == 0 {
			err = &crm.ConflictError{Reason: crm.ConflictState, Message: "no restore has begun"}
		}
		if err != nil {
			return fmt.Errorf("in restore: %w", err)
		}
		return fn(t)
	})
}

// Restoring implements [crm.Restorer].
func (s *Store) Restoring(ctx context.Context) (crm.ID, error) {
	at, _, err := s.restore(ctx)
	if err != nil {
		return crm.ID{}, fmt.Errorf("look for a restore: %w", err)
	}
	return at.backup, nil
}

// EndRestore implements [crm.Restorer].
func (s *Store) EndRestore(ctx context.Context) error {
	err := s.inTx(ctx, func(t *tx) error {
		_, err := t.exec(ctx, fixed("DELETE FROM restores WHERE id = 1"))
		return err
	})
	if err != nil {
		return fmt.Errorf("end restore: %w", err)
	}
	return nil
}
