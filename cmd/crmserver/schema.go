package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"text/tabwriter"
	"time"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
)

// migrateCmd groups the commands about the schema.
type migrateCmd struct {
	Up     migrateUpCmd     `cmd:"" default:"withargs" help:"Create or upgrade the schema."`
	Status migrateStatusCmd `cmd:"" help:"List the migrations and which of them the database has."`
}

type migrateUpCmd struct {
	DryRun bool `help:"Print the SQL and run nothing."`
}

// Run implements the command.
func (c migrateUpCmd) Run(ctx context.Context, g *Globals, t terminal) error {
	sql, err := sqlite.PendingSQL(ctx, g.databasePath())
	if err != nil {
		return err
	}
	if sql == "" {
		_, err = fmt.Fprintln(t.out, "The schema is up to date")
		return err
	}
	if c.DryRun {
		_, err = fmt.Fprintln(t.out, sql)
		return err
	}
	if err := g.prepare(); err != nil {
		return err
	}
	if err := sqlite.Migrate(ctx, g.databasePath()); err != nil {
		return err
	}
	_, err = fmt.Fprintln(t.out, "The schema is up to date now")
	return err
}

type migrateStatusCmd struct{}

// Run implements the command.
func (migrateStatusCmd) Run(ctx context.Context, g *Globals, t terminal) error {
	all, err := sqlite.MigrationStatus(ctx, g.databasePath())
	if err != nil {
		return err
	}
	if g.JSON {
		return printJSON(t.out, all)
	}
	w := tabwriter.NewWriter(t.out, 0, 4, 2, ' ', 0)
	for _, m := range all {
		state := "pending"
		if !m.Pending() {
			state = "applied " + m.AppliedAt.UTC().Format(time.DateTime)
		}
		if _, err := fmt.Fprintf(w, "%d\t%s\t%s\n", m.Version, m.Name, state); err != nil {
			return err
		}
	}
	return w.Flush()
}

type versionCmd struct{}

// Run implements the command.
func (versionCmd) Run(ctx context.Context, g *Globals, t terminal) error {
	all, err := sqlite.MigrationStatus(ctx, filepath.Join(os.TempDir(), "omnicrm-no-such-file"))
	if err != nil {
		return err
	}
	schema := all[len(all)-1].Version
	if g.JSON {
		return printJSON(t.out, map[string]any{"version": versionText(), "schema": schema, "go": runtime.Version()})
	}
	_, err = fmt.Fprintf(t.out, "crmserver %s, schema %d, %s %s/%s\n", versionText(), schema, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
