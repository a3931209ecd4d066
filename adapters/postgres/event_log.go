package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
)

const readerColumns = "name, position, lease <> " + noID + " AND lease_until > " + nowMicros + ", failure, failing_since"

func scanReader(rows *sqlx.Rows) (r crm.EventReader, err error) {
	err = rows.Scan(&r.Name, &r.Position, &r.Held, &r.Failure, scanTime(&r.FailingSince))
	return r, err
}

// absentTime stands in a column of times for none.
func absentTime() int64 { return crm.Micros(time.Time{}) }

// ClaimReader implements [crm.EventReaders].
func (s *Store) ClaimReader(ctx context.Context, name string, lease crm.ID, valid time.Duration) (crm.EventReader, error) {
	r, err := inResumableTxValue(ctx, s, func(t *tx) (crm.EventReader, error) {
		r, ok, err := one(ctx, t, scanReader, fixed(`INSERT INTO crm.event_readers (name, position, lease, lease_until, failure, failing_since)
			VALUES (?, 0, ?, `+nowMicros+` + ?, '', ?) ON CONFLICT (name) DO UPDATE SET lease = excluded.lease, lease_until = excluded.lease_until
			WHERE event_readers.lease = excluded.lease OR event_readers.lease_until <= `+nowMicros+` RETURNING `+readerColumns),
			name, uuidOf(lease), valid.Microseconds(), absentTime())
		if err == nil && !ok {
			err = &crm.ConflictError{Reason: crm.ConflictState, Message: "another reader has it"}
		}
		return r, err
	})
	if err != nil {
		return crm.EventReader{}, fmt.Errorf("claim reader %s: %w", name, err)
	}
	return r, nil
}

// AdvanceReader implements [crm.EventReaders].
func (s *Store) AdvanceReader(ctx context.Context, name string, lease crm.ID, to crm.Position, valid time.Duration) error {
	err := s.underLease(ctx, `UPDATE crm.event_readers SET position = greatest(position, ?), lease_until = `+nowMicros+` + ?, failure = '', failing_since = ?
		WHERE name = ? AND lease = ? AND lease_until > `+nowMicros, int64(to), valid.Microseconds(), absentTime(), name, uuidOf(lease))
	if err != nil {
		return fmt.Errorf("advance reader %s: %w", name, err)
	}
	return nil
}

// FailReader implements [crm.EventReaders].
func (s *Store) FailReader(ctx context.Context, name string, lease crm.ID, code string) error {
	err := s.underLease(ctx, `UPDATE crm.event_readers SET failing_since = CASE failure WHEN '' THEN `+nowMicros+` ELSE failing_since END, failure = ?
		WHERE name = ? AND lease = ? AND lease_until > `+nowMicros, code, name, uuidOf(lease))
	if err != nil {
		return fmt.Errorf("note failure of reader %s: %w", name, err)
	}
	return nil
}

// underLease runs an update that finds its row only while the lease holds.
func (s *Store) underLease(ctx context.Context, text string, args ...any) error {
	_, err := inResumableTxValue(ctx, s, func(t *tx) (int64, error) {
		n, err := t.change(ctx, fixed(text), args...)
		if err == nil && n == 0 {
			err = &crm.ConflictError{Reason: crm.ConflictStale, Message: "the lease does not hold any more"}
		}
		return n, err
	})
	return err
}

// ReleaseReader implements [crm.EventReaders].
func (s *Store) ReleaseReader(ctx context.Context, name string, lease crm.ID) error {
	_, err := inResumableTxValue(ctx, s, func(t *tx) (int64, error) {
		return t.change(ctx, fixed("UPDATE crm.event_readers SET lease = "+noID+", lease_until = 0 WHERE name = ? AND lease = ?"), name, uuidOf(lease))
	})
	if err != nil {
		return fmt.Errorf("release reader %s: %w", name, err)
	}
	return nil
}

// ListReaders implements [crm.EventReaders]. There are a few.
func (s *Store) ListReaders(ctx context.Context) ([]crm.EventReader, error) {
	all, err := list(ctx, s, scanReader, fixed("SELECT "+readerColumns+" FROM crm.event_readers WHERE name > '' ORDER BY name"))
	if err != nil {
		return nil, fmt.Errorf("list readers: %w", err)
	}
	return all, nil
}

// LogState implements [crm.LogKeeper].
func (s *Store) LogState(ctx context.Context) (crm.EventLog, error) {
	state, _, err := one(ctx, s, func(rows *sqlx.Rows) (l crm.EventLog, err error) {
		err = rows.Scan(scanID(&l.Epoch), &l.Purged, &l.Head)
		return l, err
	}, ofLog("SELECT epoch, purged, head FROM crm.event_log WHERE id = 1"))
	if err != nil {
		return crm.EventLog{}, fmt.Errorf("log state: %w", err)
	}
	return state, nil
}

// RenewLogEpoch implements [crm.LogKeeper].
func (s *Store) RenewLogEpoch(ctx context.Context) error {
	err := s.inTx(ctx, func(t *tx) error {
		_, err := t.change(ctx, fixed("UPDATE crm.event_log SET epoch = gen_random_uuid() WHERE id = 1"))
		return err
	})
	if err != nil {
		return fmt.Errorf("renew log epoch: %w", err)
	}
	return nil
}

// notNewest leaves the newest event of each workspace out, where e is the events.
const notNewest = ` AND e.position <> (SELECT max(newest.position) FROM crm.events newest WHERE newest.workspace = e.workspace)`

// PurgeEvents implements [crm.LogKeeper].
func (s *Store) PurgeEvents(ctx context.Context, before time.Time, upTo crm.Position, limit int) (int, error) {
	n, err := inTxValue(ctx, s, func(t *tx) (int64, error) {
		cut, err := t.purgeEnd(ctx, crm.Micros(before), int64(upTo), limit)
		if err != nil || cut == 0 {
			return 0, err
		}
		if err := t.dropBatches(ctx, cut); err != nil {
			return 0, err
		}
		if err := t.dropNames(ctx, cut); err != nil {
			return 0, err
		}
		n, err := t.change(ctx, fixed("DELETE FROM crm.events e WHERE e.position <= ?"+notNewest), cut)
		if err != nil || n == 0 {
			return n, err
		}
		_, err = t.exec(ctx, fixed("UPDATE crm.event_log SET purged = greatest(purged, ?) WHERE id = 1"), cut)
		return n, err
	})
	if err != nil {
		return 0, fmt.Errorf("purge events: %w", err)
	}
	return int(n), nil
}

// purgeEnd returns the position of the last event that a purge removes, 0 for
// none: up to the limit, and none behind one that is too young.
func (t *tx) purgeEnd(ctx context.Context, before, upTo int64, limit int) (int64, error) {
	oldest, err := list(ctx, t, func(rows *sqlx.Rows) (e [2]int64, err error) {
		err = rows.Scan(&e[0], &e[1])
		return e, err
	}, fixed("SELECT e.position, e.at FROM crm.events e WHERE e.position <= ?"+notNewest+" ORDER BY e.position LIMIT ?"), upTo, limit)
	var cut int64
	for _, e := range oldest {
		if e[1] >= before {
			break
		}
		cut = e[0]
	}
	return cut, err
}
