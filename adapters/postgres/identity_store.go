package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

var (
	_ identity.Store = (*Store)(nil)
	_ identity.Tx    = (*tx)(nil)
)

// InIdentityTx implements [identity.Store]. It is SERIALIZABLE, so that what a
// transaction has read stays so until its end. Who loses a race runs again in a
// queue, so that many who want the same, such as sign-ins to one account, do not
// lose against each other time after time. The queue is a lock of a table, which
// keeps no reader and no writer of it waiting: it takes no view of the database,
// so that the transaction sees what those before it in the queue have done.
func (s *Store) InIdentityTx(ctx context.Context, fn func(tx identity.Tx) error) error {
	tries := 0
	return s.run(ctx, txKind{isolation: sql.LevelSerializable}, func(t *tx) error {
		if tries++; tries > 1 {
			if _, err := t.exec(ctx, statement{text: "LOCK TABLE crm.restores IN SHARE UPDATE EXCLUSIVE MODE", passes: true}); err != nil {
				return named("wait for others", err)
			}
		}
		return fn(t)
	})
}

// digestBlob is a digest as an argument.
func digestBlob(d identity.Digest) []byte { return d[:] }

// escape leads what text of Postgres cannot hold, as two hexadecimal digits: NUL,
// bytes that are no UTF-8, and itself. It is a control character, so that hardly
// any text has it.
const escape = '\x1b'

// exactText is text that must come back as it is, as an argument. Nearly all
// text stays as it is.
func exactText(s string) string {
	if utf8.ValidString(s) && !strings.ContainsAny(s, "\x00\x1b") {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if r == 0 || r == escape || (r == utf8.RuneError && size == 1) {
			fmt.Fprintf(&b, "%c%02x", escape, s[0])
		} else {
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	return b.String()
}

// exactColumn scans what exactText made.
type exactColumn string

// Scan implements sql.Scanner.
func (c *exactColumn) Scan(src any) error {
	text, ok := src.(string)
	if b, isBytes := src.([]byte); isBytes {
		text, ok = string(b), true
	}
	if !ok {
		return fmt.Errorf("scan text: got %T", src)
	}
	if !strings.Contains(text, string(escape)) {
		*c = exactColumn(text)
		return nil
	}
	var b strings.Builder
	for {
		before, after, escaped := strings.Cut(text, string(escape))
		if !escaped {
			break
		}
		if len(after) < 2 {
			return fmt.Errorf("scan text: %q has no end", text)
		}
		n, err := strconv.ParseUint(after[:2], 16, 8)
		if err != nil {
			return fmt.Errorf("scan text: %w", err)
		}
		b.WriteString(before)
		b.WriteByte(byte(n))
		text = after[2:]
	}
	b.WriteString(text)
	*c = exactColumn(b.String())
	return nil
}

func scanExact(s *string) *exactColumn { return (*exactColumn)(s) }

// missing turns the violation of a foreign key into ErrNotFound: the row that
// a new one belongs to has gone since it was looked for.
func missing(err error) error {
	if pq.As(err, pqerror.ForeignKeyViolation) != nil {
		return joined(crm.ErrNotFound, err)
	}
	return err
}

// refused says why a row was not written: what it belongs to, which a statement
// looks for, is not there, or the row itself is.
func (t *tx) refused(ctx context.Context, id crm.ID, message string, owner statement, args ...any) error {
	_, ok, err := one(ctx, t, number, owner, args...)
	switch {
	case err != nil:
		return err
	case !ok:
		return crm.ErrNotFound
	}
	return existsConflict(id, message)
}

// put inserts a row when expect is 0 and else updates the one whose version is
// expect. Neither statement fails on what is there: they write nothing then, and
// exists is the error of an insert, stale that of an update.
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
	switch {
	case err != nil:
		return missing(err)
	case n > 0:
		return nil
	case expect == 0:
		return p.exists()
	}
	return p.stale()
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
		purge(expired("sessions", "token", "seen_at"), e.SessionsSeenBefore)
		purge(expired("sessions", "token", "created_at"), e.SessionsCreatedBefore)
		purge(expired("sign_in_links", "token", "expires_at"), e.LinksBefore)
		purge(expired("sign_in_attempts", "subject", "last_at"), e.AttemptsBefore)
		return errors.Join(errs...)
	})
	return named("purge identity", err)
}

// expired is a DELETE of the rows of a table, by its key, whose time is before
// one. Those that somebody is writing at the moment stay for the next time.
func expired(table, key, at string) string {
	return "WITH old AS MATERIALIZED (SELECT " + key + " FROM crm." + table + " WHERE " + at + " < ? ORDER BY " + at +
		" LIMIT ? FOR UPDATE SKIP LOCKED) DELETE FROM crm." + table + " WHERE " + key + " IN (SELECT " + key + " FROM old)"
}
