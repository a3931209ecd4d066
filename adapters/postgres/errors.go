package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"github.com/omnicrm/omnicrm/crm"
)

// errClosed is what every call after Close gets.
var errClosed = fmt.Errorf("the store is closed: %w", crm.ErrUnavailable)

// Classes of error codes: their first two characters.
// https://www.postgresql.org/docs/current/errcodes-appendix.html
const (
	classConnection    = "08"
	classAuthorization = "28"
	classNoDatabase    = "3D"
	classResources     = "53"
	classLimits        = "54"
	classOperator      = "57"
	classSystem        = "58"
	classInternal      = "XX"
)

// translate is the one place where the driver's errors become the domain's.
// Both the sentinel and the driver's error unwrap. Other errors, those of the
// context among them, pass as they are.
func translate(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		return joined(crm.ErrNotFound, err)
	}
	if e := pq.As(err); e != nil {
		if sentinel := sentinelOf(e.Code); sentinel != nil {
			return joined(sentinel, err)
		}
		return err
	}
	if isContext(err) {
		return err
	}
	if _, ok := errors.AsType[net.Error](err); ok || errors.Is(err, sql.ErrConnDone) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, pq.ErrSSLNotSupported) {
		return joined(crm.ErrUnavailable, err)
	}
	return err
}

// sentinelOf returns the domain's error of a code, nil for none.
func sentinelOf(code pqerror.Code) error {
	switch code {
	case pqerror.UniqueViolation:
		return crm.ErrConflict
	case pqerror.StringDataRightTruncation:
		return crm.ErrTooLarge
	case pqerror.TRSerializationFailure, pqerror.TRDeadlockDetected, pqerror.ReadOnlySQLTransaction, pqerror.InsufficientPrivilege,
		pqerror.LockNotAvailable, pqerror.UndefinedTable, pqerror.InvalidSchemaName:
		return crm.ErrUnavailable
	}
	switch code[:2] {
	case classConnection, classAuthorization, classNoDatabase, classResources, classOperator, classSystem, classInternal:
		return crm.ErrUnavailable
	case classLimits:
		return crm.ErrTooLarge
	}
	return nil
}

// timely returns the caller's own error for a statement that the server gave up,
// or that came after database/sql had rolled back, because the caller's time was
// over.
func timely(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil && (pq.As(err, pqerror.QueryCanceled) != nil || errors.Is(err, sql.ErrTxDone)) {
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return translate(err)
}

func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

func joined(sentinel, err error) error {
	if errors.Is(err, sentinel) {
		return err
	}
	return fmt.Errorf("%w: %w", sentinel, err)
}

// isLostRace reports errors after which a transaction may go through when it
// runs again. A unique key that a statement found taken belongs to them: what is
// there already is looked for first, so that another transaction came between.
func isLostRace(err error) bool {
	return pq.As(err, pqerror.TRSerializationFailure, pqerror.TRDeadlockDetected, pqerror.UniqueViolation) != nil
}

func isUnique(err error) bool { return pq.As(err, pqerror.UniqueViolation) != nil }
