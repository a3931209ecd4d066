package sqlite

import (
	"database/sql"
	"errors"
	"fmt"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/omnicrm/omnicrm/crm"
)

// errClosed is what every call after Close gets.
var errClosed = fmt.Errorf("the store is closed: %w", crm.ErrUnavailable)

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
	if errors.Is(err, sql.ErrConnDone) {
		return joined(crm.ErrUnavailable, err)
	}
	if isUnique(err) {
		return joined(crm.ErrConflict, err)
	}
	switch code(err) & 0xff {
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED, lib.SQLITE_IOERR, lib.SQLITE_FULL, lib.SQLITE_CANTOPEN,
		lib.SQLITE_PROTOCOL, lib.SQLITE_NOMEM, lib.SQLITE_READONLY, lib.SQLITE_NOTADB, lib.SQLITE_CORRUPT, lib.SQLITE_PERM:
		return joined(crm.ErrUnavailable, err)
	case lib.SQLITE_TOOBIG:
		return joined(crm.ErrTooLarge, err)
	}
	return err
}

func joined(sentinel, err error) error {
	if errors.Is(err, sentinel) {
		return err
	}
	return fmt.Errorf("%w: %w", sentinel, err)
}

// code returns SQLite's extended result code of err, 0 when it has none.
func code(err error) int {
	if e, ok := errors.AsType[*driver.Error](err); ok {
		return e.Code()
	}
	return 0
}

func isUnique(err error) bool {
	switch code(err) {
	case lib.SQLITE_CONSTRAINT_UNIQUE, lib.SQLITE_CONSTRAINT_PRIMARYKEY, lib.SQLITE_CONSTRAINT_ROWID:
		return true
	}
	return false
}

// isBusy reports that another connection holds the lock, so that trying again
// is all there is to do.
func isBusy(err error) bool {
	c := code(err) & 0xff
	return c == lib.SQLITE_BUSY || c == lib.SQLITE_LOCKED
}

// endsTransaction reports errors after which SQLite may have rolled the whole
// transaction back by itself, so that nothing more may be written in it.
// https://www.sqlite.org/lang_transaction.html, section 3.1.
func endsTransaction(err error) bool {
	switch code(err) & 0xff {
	case lib.SQLITE_FULL, lib.SQLITE_IOERR, lib.SQLITE_NOMEM, lib.SQLITE_BUSY, lib.SQLITE_INTERRUPT,
		lib.SQLITE_CORRUPT, lib.SQLITE_CANTOPEN, lib.SQLITE_ABORT, lib.SQLITE_READONLY:
		return true
	}
	return errors.Is(err, sql.ErrConnDone)
}
