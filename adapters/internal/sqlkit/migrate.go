package sqlkit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// versionTable is where goose notes what was applied.
const versionTable = "schema_versions"

// Migration is one numbered step of a schema.
type Migration struct {
	// Version is the number that the file's name begins with.
	Version int64
	// Name is the file's name.
	Name string
	// AppliedAt is zero while the migration is pending.
	AppliedAt time.Time
}

// Pending reports whether the migration was not applied yet.
func (m Migration) Pending() bool { return m.AppliedAt.IsZero() }

// Migrations runs the numbered SQL files of one adapter. The zero value of
// Locker means that nobody else migrates at the same time.
type Migrations struct {
	Dialect goose.Dialect
	// Schema is the schema of the table of versions, where the database has
	// schemas.
	Schema string
	// Files holds the *.sql files at its root.
	Files  fs.FS
	Locker lock.SessionLocker
}

// Newest returns the highest version that the files lead to.
func (m Migrations) Newest() (int64, error) {
	all, err := m.list()
	if err != nil {
		return 0, err
	}
	return all[len(all)-1].Version, nil
}

// list returns the files in the order of their numbers, all pending.
func (m Migrations) list() ([]Migration, error) {
	names, err := fs.Glob(m.Files, "*.sql")
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	if len(names) == 0 {
		return nil, errors.New("list migrations: no files")
	}
	all := make([]Migration, len(names)) // fs.Glob sorts, and the numbers have leading zeros.
	for i, name := range names {
		number, _, _ := strings.Cut(name, "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("migration %s: its name must begin with a number and an underscore", name)
		}
		all[i] = Migration{Version: version, Name: name}
	}
	return all, nil
}

// Version returns the version the database is at, 0 for an empty one. It
// writes nothing.
func (m Migrations) Version(ctx context.Context, db *sql.DB) (int64, error) {
	exists, err := m.versioned(ctx, db)
	if err != nil || !exists {
		return 0, err
	}
	var version int64
	err = db.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM "+m.table()).Scan(&version)
	if err != nil {
		return 0, fmt.Errorf("read schema version: %w", err)
	}
	return version, nil
}

// table is the name of the table of versions.
func (m Migrations) table() string {
	if m.Schema == "" {
		return versionTable
	}
	return m.Schema + "." + versionTable
}

// versioned reports whether the table of versions exists.
func (m Migrations) versioned(ctx context.Context, db *sql.DB) (bool, error) {
	query := "SELECT count(*) FROM information_schema.tables WHERE table_schema = '" + m.Schema + "' AND table_name = '" + versionTable + "'"
	if m.Dialect == goose.DialectSQLite3 {
		query = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '" + versionTable + "'"
	}
	var n int
	if err := db.QueryRowContext(ctx, query).Scan(&n); err != nil {
		return false, fmt.Errorf("look for the schema version: %w", err)
	}
	return n > 0, nil
}

// Status returns every migration in order, with the time it was applied. It
// writes nothing.
func (m Migrations) Status(ctx context.Context, db *sql.DB) ([]Migration, error) {
	all, err := m.list()
	if err != nil {
		return nil, err
	}
	exists, err := m.versioned(ctx, db)
	if err != nil || !exists {
		return all, err
	}
	provider, err := m.provider(db)
	if err != nil {
		return nil, err
	}
	applied, err := provider.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("migration status: %w", err)
	}
	for _, s := range applied {
		for i := range all {
			if all[i].Version == s.Source.Version && s.State == goose.StateApplied {
				all[i].AppliedAt = s.AppliedAt.UTC()
			}
		}
	}
	return all, nil
}

// PendingSQL returns the statements that [Migrations.Up] would run, each file
// under a comment with its name; empty when nothing is pending.
func (m Migrations) PendingSQL(ctx context.Context, db *sql.DB) (string, error) {
	all, err := m.Status(ctx, db)
	if err != nil {
		return "", err
	}
	return m.text(all)
}

// AllSQL is [Migrations.PendingSQL] for a database that does not exist yet.
func (m Migrations) AllSQL() (string, []Migration, error) {
	all, err := m.list()
	if err != nil {
		return "", nil, err
	}
	text, err := m.text(all)
	return text, all, err
}

func (m Migrations) text(all []Migration) (string, error) {
	var b strings.Builder
	for _, migration := range all {
		if !migration.Pending() {
			continue
		}
		file, err := fs.ReadFile(m.Files, migration.Name)
		if err != nil {
			return "", fmt.Errorf("read migration: %w", err)
		}
		fmt.Fprintf(&b, "-- %s\n%s\n", path.Base(migration.Name), strings.TrimSpace(upPart(string(file))))
	}
	return b.String(), nil
}

// upPart returns what a migration file runs, without goose's marks.
func upPart(file string) string {
	var kept []string
	for line := range strings.Lines(file) {
		mark := strings.TrimSpace(line)
		if mark == "-- +goose Down" {
			break
		}
		if !strings.HasPrefix(mark, "-- +goose") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// Up applies everything that is pending, each file in a transaction of its
// own. Nothing pending is not an error.
func (m Migrations) Up(ctx context.Context, db *sql.DB) error {
	provider, err := m.provider(db)
	if err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

func (m Migrations) provider(db *sql.DB) (*goose.Provider, error) {
	options := []goose.ProviderOption{
		goose.WithTableName(m.table()), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()),
	}
	if m.Locker != nil {
		options = append(options, goose.WithSessionLocker(m.Locker))
	}
	provider, err := goose.NewProvider(m.Dialect, db, m.Files, options...)
	if err != nil {
		return nil, fmt.Errorf("prepare migrations: %w", err)
	}
	return provider, nil
}
