package postgres

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/omnicrm/omnicrm/adapters/internal/sqlkit"
	"github.com/omnicrm/omnicrm/crm"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// lockEvery and lockTries say how long one process waits for another that
// migrates: five minutes.
const (
	lockEvery = 1 // second
	lockTries = 300
)

// migrations returns the runner of this package's files for a schema.
func migrations(schema string) (sqlkit.Migrations, error) {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return sqlkit.Migrations{}, fmt.Errorf("migrations: %w", err)
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(lockEvery, lockTries))
	if err != nil {
		return sqlkit.Migrations{}, fmt.Errorf("migrations: %w", err)
	}
	return sqlkit.Migrations{Dialect: goose.DialectPostgres, Schema: schema, Files: renamed{files, schema}, Locker: locker}, nil
}

// renamed is a folder whose files name another schema.
type renamed struct {
	fs.FS
	schema string
}

// ReadFile implements fs.ReadFileFS.
func (r renamed) ReadFile(name string) ([]byte, error) {
	text, err := fs.ReadFile(r.FS, name)
	if err != nil || r.schema == defaultSchema {
		return text, err
	}
	return bytes.ReplaceAll(text, []byte(defaultSchema+"."), []byte(r.schema+".")), nil
}

// Open implements fs.FS.
func (r renamed) Open(name string) (fs.File, error) {
	file, err := r.FS.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil || info.IsDir() {
		return file, err
	}
	text, err := r.ReadFile(name)
	return &renamedFile{File: file, text: bytes.NewReader(text)}, err
}

// renamedFile reads the changed text.
type renamedFile struct {
	fs.File
	text *bytes.Reader
}

// Read implements fs.File.
func (f *renamedFile) Read(b []byte) (int, error) { return f.text.Read(b) }

// migrating opens a connection for migrations, past a pooler where there is a
// way, and passes it on.
func migrating(ctx context.Context, url string, o Options, do func(m sqlkit.Migrations, db *sqlx.DB) error) error {
	if o.DirectURL != "" {
		url, o.Pooled = o.DirectURL, false
	}
	m, err := migrations(o.Schema)
	if err != nil {
		return err
	}
	o.StatementTimeout = time.Hour // An index over a large table takes its time.
	db, err := connect(url, minConns, o)
	if err != nil {
		return err
	}
	err = examine(ctx, db)
	if err == nil {
		err = do(m, db)
	}
	return errors.Join(err, db.Close())
}

// MigrationStatus returns the schema's migrations in order and which of them
// the database has. A newer schema is ErrUnavailable.
func MigrationStatus(ctx context.Context, url string, options Options) ([]sqlkit.Migration, error) {
	var all []sqlkit.Migration
	err := inspect(ctx, url, options, func(m sqlkit.Migrations, db *sql.DB) error {
		var err error
		all, err = m.Status(ctx, db)
		return err
	})
	return all, err
}

// PendingSQL returns the statements that [Migrate] would run, empty when
// nothing is pending. A newer schema is ErrUnavailable.
func PendingSQL(ctx context.Context, url string, options Options) (string, error) {
	var text string
	err := inspect(ctx, url, options, func(m sqlkit.Migrations, db *sql.DB) error {
		var err error
		text, err = m.PendingSQL(ctx, db)
		return err
	})
	return text, err
}

// inspect looks at the migrations of a database. A newer schema is
// ErrUnavailable.
func inspect(ctx context.Context, url string, options Options, look func(m sqlkit.Migrations, db *sql.DB) error) error {
	o, err := options.withDefaults()
	if err != nil {
		return err
	}
	return migrating(ctx, url, o, func(m sqlkit.Migrations, db *sqlx.DB) error {
		version, newest, err := versions(ctx, m, db)
		if err != nil {
			return err
		}
		if err := checkVersion(max(version, newest), newest); err != nil {
			return err
		}
		return translate(look(m, db.DB))
	})
}

// versions returns the version of the database's schema, 0 for none, and the
// newest that there is.
func versions(ctx context.Context, m sqlkit.Migrations, db *sqlx.DB) (version, newest int64, err error) {
	if version, err = m.Version(ctx, db.DB); err != nil {
		return 0, 0, translate(err)
	}
	newest, err = m.Newest()
	return version, newest, err
}

// Migrate brings the database to the schema of this program. Of several
// processes that do so at once one works and the others wait. An older program
// goes on meanwhile: migrations add, and take away only what no released program
// uses.
func Migrate(ctx context.Context, url string, options Options) error {
	o, err := options.withDefaults()
	if err != nil {
		return err
	}
	return migrating(ctx, url, o, func(m sqlkit.Migrations, db *sqlx.DB) error { return upgrade(ctx, m, db, o.Schema) })
}

// prepare creates the schema in an empty database.
func prepare(ctx context.Context, url string, o Options) error {
	return migrating(ctx, url, o, func(m sqlkit.Migrations, db *sqlx.DB) error {
		version, newest, err := versions(ctx, m, db)
		if err != nil || version > 0 {
			return joinVersion(err, version, newest)
		}
		return upgrade(ctx, m, db, o.Schema)
	})
}

func joinVersion(err error, version, newest int64) error {
	if err != nil {
		return err
	}
	return checkVersion(version, newest)
}

func upgrade(ctx context.Context, m sqlkit.Migrations, db *sqlx.DB, schema string) error {
	version, newest, err := versions(ctx, m, db)
	if err != nil {
		return err
	}
	if version >= newest {
		return checkVersion(version, newest)
	}
	// Two that make it at the same moment meet in the catalogue: one fails, and it
	// is there.
	_, err = db.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+schema)
	if err != nil && !isUnique(err) {
		return fmt.Errorf("make the schema: %w", timely(ctx, err))
	}
	return translate(m.Up(ctx, db.DB))
}

// checkVersion returns nil when the schema is the one this program needs, else
// ErrUnavailable with the reason and a way out.
func checkVersion(version, newest int64) error {
	switch {
	case version > newest:
		return fmt.Errorf("the database has schema %d, this program knows schemas up to %d; use the newer program that wrote it: %w",
			version, newest, crm.ErrUnavailable)
	case version < newest:
		return fmt.Errorf("the database has schema %d, this program needs %d; upgrade it by \"crmserver migrate\": %w",
			version, newest, crm.ErrUnavailable)
	}
	return nil
}
