package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/pressly/goose/v3"

	"github.com/omnicrm/omnicrm/adapters/internal/sqlkit"
	"github.com/omnicrm/omnicrm/crm"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrations returns the runner of this package's files. It has no lock of its
// own: prepare holds one from the look at the version to the end.
func migrations() (sqlkit.Migrations, error) {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return sqlkit.Migrations{}, fmt.Errorf("migrations: %w", err)
	}
	return sqlkit.Migrations{Dialect: goose.DialectSQLite3, Files: files}, nil
}

// MigrationStatus returns the schema's migrations in order and which of them
// the file has. A file that does not exist has none; it is not made. A newer
// schema is ErrUnavailable.
func MigrationStatus(ctx context.Context, path string) ([]sqlkit.Migration, error) {
	var all []sqlkit.Migration
	err := inspect(ctx, path, func(m sqlkit.Migrations, db *sql.DB) error {
		var err error
		if db == nil {
			_, all, err = m.AllSQL()
			return err
		}
		all, err = m.Status(ctx, db)
		return err
	})
	return all, err
}

// PendingSQL returns the statements that [Migrate] would run, empty when
// nothing is pending. A file that does not exist is not made. A newer schema is
// ErrUnavailable.
func PendingSQL(ctx context.Context, path string) (string, error) {
	var text string
	err := inspect(ctx, path, func(m sqlkit.Migrations, db *sql.DB) error {
		var err error
		if db == nil {
			text, _, err = m.AllSQL()
			return err
		}
		text, err = m.PendingSQL(ctx, db)
		return err
	})
	return text, err
}

// inspect opens an existing file for reading; db is nil when there is none. A
// newer schema is ErrUnavailable.
func inspect(ctx context.Context, path string, look func(m sqlkit.Migrations, db *sql.DB) error) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("resolve path: %w", err)
	}
	m, err := migrations()
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return look(m, nil)
	}
	o, err := Options{}.withDefaults()
	if err != nil {
		return err
	}
	if err := examineLog(ctx, path); err != nil {
		return err
	}
	db, err := connect(path, reading, 1, "full", o)
	if err != nil {
		return err
	}
	err = examineTables(ctx, db, o.BusyTimeout)
	if err == nil {
		err = refuseNewer(ctx, m, db.DB)
	}
	if err == nil {
		err = translate(look(m, db.DB))
	}
	return errors.Join(err, db.Close())
}

func refuseNewer(ctx context.Context, m sqlkit.Migrations, db *sql.DB) error {
	version, err := m.Version(ctx, db)
	if err != nil {
		return translate(err)
	}
	newest, err := m.Newest()
	if err != nil {
		return err
	}
	return checkVersion(max(version, newest), newest)
}

// Migrate brings the file to the schema of this program, as [Open] does.
func Migrate(ctx context.Context, path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("resolve path: %w", err)
	}
	o, err := Options{}.withDefaults()
	if err != nil {
		return err
	}
	return prepare(ctx, path, pragmaSync(o, false), o)
}

// prepare creates the schema in an empty file and upgrades an older one after
// a copy of it was put beside it. A newer schema is ErrUnavailable.
func prepare(ctx context.Context, path, sync string, o Options) (err error) {
	m, err := migrations()
	if err != nil {
		return err
	}
	newest, err := m.Newest()
	if err != nil {
		return err
	}
	if err := examineLog(ctx, path); err != nil {
		return err
	}
	if err := makePrivate(path); err != nil {
		return err
	}
	db, err := connect(path, migrating, 1, sync, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := examineTables(ctx, db, o.BusyTimeout); err != nil {
		return err
	}
	if err := enableWAL(ctx, db, o.BusyTimeout); err != nil {
		return err
	}
	version, err := m.Version(ctx, db.DB)
	if err != nil {
		return translate(err)
	}
	if version >= newest {
		return checkVersion(version, newest)
	}
	return upgrade(ctx, db.DB, m, path, newest)
}

// making is held while a file is made: to close a file takes away every lock
// that this process has on it, also those of a store that found it there.
var making sync.Mutex

// makePrivate makes a new file for its owner alone, in whatever folder it lies;
// SQLite gives its log the rights of the file. One that is there keeps its own.
func makePrivate(path string) error {
	making.Lock()
	defer making.Unlock()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // The path is the caller's database.
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return joined(crm.ErrUnavailable, fmt.Errorf("make the database: %w", err))
	}
	return f.Close()
}

// upgrade migrates under a lock, so that of several processes that start at
// once one works and the others find nothing left to do.
func upgrade(ctx context.Context, db *sql.DB, m sqlkit.Migrations, path string, newest int64) (err error) {
	lock, err := openLock(ctx, path+"-migrating", exclusive)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.release()) }()
	version, err := m.Version(ctx, db)
	if err != nil {
		return translate(err)
	}
	if version >= newest {
		return checkVersion(version, newest)
	}
	if version > 0 {
		if err := copyBeside(ctx, db, path, newest); err != nil {
			return err
		}
	}
	return translate(m.Up(ctx, db))
}

// checkVersion returns nil when the schema is the one this program needs, else
// ErrUnavailable with the reason and a way out.
func checkVersion(version, newest int64) error {
	switch {
	case version > newest:
		return fmt.Errorf("the database has schema %d, this program knows schemas up to %d; use the newer program that wrote it: %w",
			version, newest, crm.ErrUnavailable)
	case version < newest:
		return fmt.Errorf("the database has schema %d, this program needs %d; open it again to upgrade it: %w",
			version, newest, crm.ErrUnavailable)
	}
	return nil
}

// copyBeside writes a copy of the database as it is before the upgrade to a
// version: "crm.db.before-2". A copy that an upgrade which failed left there is
// replaced: the database has not changed since.
func copyBeside(ctx context.Context, db *sql.DB, path string, version int64) error {
	target := fmt.Sprintf("%s.before-%d", path, version)
	// Each process copies under a name of its own, the last one wins.
	partial := target + "." + crm.NewID().String()
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", partial); err != nil {
		return fmt.Errorf("copy the database before its upgrade: %w", translate(err))
	}
	if err := os.Rename(partial, target); err != nil {
		return fmt.Errorf("copy the database before its upgrade: %w", err)
	}
	return nil
}
