package postgres

import (
	"context"
	"fmt"
	"time"

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
	}, fixed("SELECT backup, done FROM crm.restores WHERE id = 1"))
}

// anything is true where the database holds what a restore would have to be
// merged with. Sign-in links and attempts and the periodic jobs, which belong to
// no workspace, are nothing: a server makes them by itself at its first start.
const anything = "SELECT EXISTS (SELECT 1 FROM crm.workspaces) OR EXISTS (SELECT 1 FROM crm.users) OR EXISTS (SELECT 1 FROM crm.contacts)" +
	holdsSome + "jobs" + ofTenants + holdsSome + "imports" + ofTenants + holdsSome + "blobs" + ofTenants + holdsSome + "interactions" + ofTenants +
	holdsSome + "fingerprints" + ofTenants + holdsSome + "contact_images" + ofTenants + holdsSome + "events" + ofTenants +
	holdsSome + "event_inbox" + ofTenants

const (
	holdsSome = " OR EXISTS (SELECT 1 FROM crm."
	ofTenants = " WHERE workspace > " + noID + ")"
)

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
		var holds bool
		if err := eachRow(ctx, t, fixed(anything), nil, &holds); err != nil {
			return 0, err
		}
		if holds {
			return 0, &crm.ConflictError{Reason: crm.ConflictState, Message: "the database is not empty"}
		}
		_, err = t.exec(ctx, fixed("INSERT INTO crm.restores (id, backup, done) VALUES (1, ?, 0)"), uuidOf(backup))
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

// refuseNeighbours takes a new mark away again where others have the database
// open. It looks behind the commit of the mark: a process that comes later sees
// that.
func (s *Store) refuseNeighbours(ctx context.Context) error {
	alone, err := s.alone(ctx)
	if err != nil || alone {
		return err
	}
	err = s.inTx(ctx, func(t *tx) error {
		_, err := t.exec(ctx, fixed("DELETE FROM crm.restores WHERE id = 1 AND done = 0"))
		return err
	})
	if err == nil {
		err = &crm.ConflictError{Reason: crm.ConflictState, Message: "another process has the database open; stop it first"}
	}
	return err
}

// lookTimes and lookPause say how often and how far apart it is looked who has
// the database open: a connection that has just been closed may still be listed.
const (
	lookTimes = 10
	lookPause = 50 * time.Millisecond
)

// alone reports whether no other store, of this process or another, is seen to
// have the database open: whether it has no more connections of this store's
// application name than this store has itself. Every store has one at least,
// because it looks for events without a position. Behind a pooler connections
// belong to nobody, and nobody is seen; past one, those that it keeps open for
// others are, also for a while after they have ended.
func (s *Store) alone(ctx context.Context) (bool, error) {
	if s.pool.pooled {
		return true, nil
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for range lookTimes {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return false, ctx.Err()
		}
		open, _, err := one(ctx, s, number, fixed(`SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND application_name = current_setting('application_name')`))
		if err != nil {
			return false, err
		}
		if open <= int64(s.pool.db.Stats().OpenConnections) {
			return true, nil
		}
		timer.Reset(lookPause)
	}
	return false, nil
}

// InRestore implements [crm.Restorer].
func (s *Store) InRestore(ctx context.Context, done int64, fn func(tx crm.Tx) error) error {
	return s.run(ctx, txKind{resumable: true}, func(t *tx) error {
		n, err := t.change(ctx, fixed("UPDATE crm.restores SET done = ? WHERE id = 1"), done)
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
		_, err := t.exec(ctx, fixed("DELETE FROM crm.restores WHERE id = 1"))
		return err
	})
	if err != nil {
		return fmt.Errorf("end restore: %w", err)
	}
	return nil
}
