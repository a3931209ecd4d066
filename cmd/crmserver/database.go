package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"time"

	"go.uber.org/fx"

	"github.com/omnicrm/omnicrm/adapters/postgres"
	"github.com/omnicrm/omnicrm/adapters/postgres/postgresfx"
	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/adapters/sqlite/sqlitefx"
)

// database is where everything is kept, and what commands ask of its kind.
type database interface {
	// name is how messages call it. It holds no secret.
	name() string
	// module provides the store.
	module(told *telemetry) fx.Option
	// prepare makes what must be there before it is opened, and exists refuses
	// where that is not.
	prepare() error
	exists() error
	// The schema: what is to be done, doing it, and what was done.
	pendingSQL(ctx context.Context) (string, error)
	migrate(ctx context.Context) error
	migrations(ctx context.Context) ([]migration, error)
}

// migration is one numbered step of a schema; AppliedAt is zero while it is
// pending.
type migration struct {
	version   int64
	name      string
	appliedAt time.Time
}

// database is the one that the settings name.
func (g *Globals) database() database {
	if g.DatabaseURL != "" {
		return &postgresDatabase{url: g.DatabaseURL, options: postgres.Options{DirectURL: g.DatabaseDirectURL, MaxConns: g.DatabaseConns}}
	}
	o := sqlite.Options{}
	if g.SyncNormal {
		o.Sync = sqlite.SyncNormal
	}
	return &sqliteDatabase{folder: g.Data, path: g.databasePath(), options: o}
}

// databaseHint says what to do about an error of either kind.
func databaseHint(err error) string {
	if hint := sqlite.Hint(err); hint != "" {
		return hint
	}
	return postgres.Hint(err)
}

// sqliteDatabase is the embedded one.
type sqliteDatabase struct {
	folder, path string
	options      sqlite.Options
}

func (d *sqliteDatabase) name() string { return d.folder }

func (d *sqliteDatabase) module(told *telemetry) fx.Option {
	o := d.options
	o.OpenDB = told.openDB()
	return fx.Options(fx.Supply(sqlitefx.Config{Path: d.path, Options: o}), sqlitefx.Module())
}

// prepare makes the data folder, for the owner alone.
func (d *sqliteDatabase) prepare() error {
	if err := os.MkdirAll(d.folder, 0o700); err != nil {
		return fmt.Errorf("make the data folder (choose another with --data): %w", err)
	}
	return nil
}

func (d *sqliteDatabase) exists() error {
	if _, err := os.Stat(d.path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no database in the folder %s; name another folder with --data", d.folder)
	}
	return nil
}

func (d *sqliteDatabase) pendingSQL(ctx context.Context) (string, error) {
	text, err := sqlite.PendingSQL(ctx, d.path)
	return text, d.looking(err)
}

func (d *sqliteDatabase) migrate(ctx context.Context) error { return sqlite.Migrate(ctx, d.path) }

func (d *sqliteDatabase) migrations(ctx context.Context) ([]migration, error) {
	found, err := sqlite.MigrationStatus(ctx, d.path)
	var all []migration
	for _, m := range found {
		all = append(all, migration{m.Version, m.Name, m.AppliedAt})
	}
	return all, d.looking(err)
}

func (d *sqliteDatabase) looking(err error) error {
	if err != nil {
		return fmt.Errorf("look at %s: %w", d.path, err)
	}
	return nil
}

// postgresDatabase is one on a server.
type postgresDatabase struct {
	url     string
	options postgres.Options
}

// name leaves out user and password.
func (d *postgresDatabase) name() string {
	u, err := url.Parse(d.url)
	if err != nil {
		return "the database"
	}
	return "the database " + u.Host + u.Path
}

func (d *postgresDatabase) module(told *telemetry) fx.Option {
	o := d.options
	o.OpenDB = told.openDB()
	return fx.Options(fx.Supply(postgresfx.Config{URL: d.url, Options: o}), postgresfx.Module())
}

func (d *postgresDatabase) prepare() error { return nil }

func (d *postgresDatabase) exists() error { return nil }

func (d *postgresDatabase) pendingSQL(ctx context.Context) (string, error) {
	text, err := postgres.PendingSQL(ctx, d.url, d.options)
	return text, d.looking(err)
}

func (d *postgresDatabase) migrate(ctx context.Context) error {
	return postgres.Migrate(ctx, d.url, d.options)
}

func (d *postgresDatabase) migrations(ctx context.Context) ([]migration, error) {
	found, err := postgres.MigrationStatus(ctx, d.url, d.options)
	var all []migration
	for _, m := range found {
		all = append(all, migration{m.Version, m.Name, m.AppliedAt})
	}
	return all, d.looking(err)
}

func (d *postgresDatabase) looking(err error) error {
	if err != nil {
		return fmt.Errorf("look at %s: %w", d.name(), err)
	}
	return nil
}
