package sqlite

import (
	"errors"
	"io/fs"

	lib "modernc.org/sqlite/lib"
)

const hintForeign = "the file is no database of ours: choose another data folder, or put the right file back from a backup"

const hintFull = "the disk is full: make room on it and do it again; what was acknowledged is safe"

// Hint says what the operator can do about an error of this package that the
// database's file or its disk is the reason of; "" for every other one.
func Hint(err error) string {
	if code(err) == lib.SQLITE_IOERR_SHMSIZE { // The small file beside the log found no room.
		return hintFull
	}
	switch {
	case errors.Is(err, errForeign):
		return hintForeign
	case errors.Is(err, errLogGone):
		return "stop whatever uses it and put crm.db-wal back beside crm.db, or the whole folder from a backup; " +
			"to go on without what was committed last, remove crm.db-shm, after keeping a copy of the folder"
	}
	switch code(err) & 0xff {
	case lib.SQLITE_NOTADB:
		return hintForeign
	case lib.SQLITE_CORRUPT:
		return "the file is damaged: stop whatever uses it, keep a copy of the folder, and put the file back from a backup " +
			"(crm.db.before-N beside it is what was there before an upgrade)"
	case lib.SQLITE_FULL:
		return hintFull
	case lib.SQLITE_IOERR:
		return "the disk did not do what it was asked to: look at the system's log, and at the room that is left"
	case lib.SQLITE_READONLY:
		return "the file, its folder, or crm.db-wal or crm.db-shm beside it can only be read: let this user write there, or choose another data folder"
	case lib.SQLITE_CANTOPEN, lib.SQLITE_PERM:
		return "there must be a file, or nothing yet, that this user may read and write, in a folder where they may too"
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED, lib.SQLITE_PROTOCOL:
		return "another process has been writing for long: try again in a moment"
	}
	if errors.Is(err, fs.ErrPermission) {
		return "this user may not read and write there: run it as the one who owns the data folder, or choose another folder"
	}
	return ""
}
