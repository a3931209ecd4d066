package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	lib "modernc.org/sqlite/lib"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

var (
	_ identity.Store = (*Store)(nil)
	_ identity.Tx    = (*tx)(nil)
)

// InIdentityTx implements [identity.Store]. There is one writer at a time, so
// that what a transaction has read stays so until its end.
func (s *Store) InIdentityTx(ctx context.Context, fn func(tx identity.Tx) error) error {
	return s.inTx(ctx, func(t *tx) error { return fn(t) })
}

// digestBlob is a digest as an argument.
func digestBlob(d identity.Digest) []byte { return d[:] }

// missing turns the violation of a foreign key into ErrNotFound: the row that
// a new one belongs to is not there.
func missing(err error) error {
	if code(err) == lib.SQLITE_CONSTRAINT_FOREIGNKEY {
		return joined(crm.ErrNotFound, err)
	}
	return err
}

// put inserts a row when expect is 0 and else updates the one whose version is
// expect; exists is the error of an insert or update that finds a unique value
// taken, stale that of an update that finds another version.
type put struct {
	insert, update         statement
	insertArgs, updateArgs []any
	exists, stale          func() error
}

func (t *tx) put(ctx context.Context, p put, expect int64) error {
	s, args := p.insert, p.insertArgs
	if expect != 0 {
		s, args = p.update, p.updateArgs
	}
	n, err := t.change(ctx, s, args...)
	if isUnique(err) {
		return p.exists()
	}
	if err == nil && n == 0 {
		return p.stale()
	}
	return missing(err)
}

// remove runs a DELETE of one row; none is ErrNotFound.
func (t *tx) remove(ctx context.Context, text string, args ...any) error {
	n, err := t.change(ctx, fixed(text), args...)
	if err == nil && n == 0 {
		err = crm.ErrNotFound
	}
	return err
}

// found turns "no row" into ErrNotFound and names the operation.
func found[T any](value T, ok bool, err error, operation string) (T, error) {
	if err == nil && !ok {
		err = crm.ErrNotFound
	}
	if err != nil {
		var none T
		return none, fmt.Errorf("%s: %w", operation, err)
	}
	return value, nil
}

// named names the operation of an error.
func named(operation string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	return nil
}

// PurgeIdentity implements [identity.Store].
func (s *Store) PurgeIdentity(ctx context.Context, e identity.Expired, limit int) error {
	err := s.inTx(ctx, func(t *tx) error {
		var errs []error
		purge := func(text string, before time.Time) {
			if !before.IsZero() {
				_, err := t.exec(ctx, fixed(text), crm.Micros(before), limit)
				errs = append(errs, err)
			}
		}
		purge("DELETE FROM sessions WHERE token IN (SELECT token FROM sessions WHERE seen_at < ? LIMIT ?)", e.SessionsSeenBefore)
		purge("DELETE FROM sessions WHERE token IN (SELECT token FROM sessions WHERE created_at < ? LIMIT ?)", e.SessionsCreatedBefore)
		purge("DELETE FROM sign_in_links WHERE token IN (SELECT token FROM sign_in_links WHERE expires_at < ? LIMIT ?)", e.LinksBefore)
		purge("DELETE FROM sign_in_attempts WHERE subject IN (SELECT subject FROM sign_in_attempts WHERE last_at < ? LIMIT ?)", e.AttemptsBefore)
		return errors.Join(errs...)
	})
	return named("purge identity", err)
}
