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
	"github.com/omnicrm/omnicrm/crm"
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
	if !c.DryRun {
		if err := g.database().prepare(); err != nil {
			return err
		}
	}
	sql, err := g.database().pendingSQL(ctx)
	if err != nil {
		return err
	}
	text := "The schema is up to date"
	switch {
	case sql == "":
	case c.DryRun:
		text = sql
	default:
		if err := g.database().migrate(ctx); err != nil {
			return err
		}
		text = "The schema is up to date now"
	}
	if g.JSON {
		return printJSON(t.out, migrateResult{Pending: c.DryRun && sql != "", Migrated: !c.DryRun && sql != "", SQL: sql})
	}
	_, err = fmt.Fprintln(t.out, text)
	return err
}

// migrateResult is what --json prints: whether something is left to do, whether
// something was done, and the statements of either.
type migrateResult struct {
	Pending  bool   `json:"pending"`
	Migrated bool   `json:"migrated"`
	SQL      string `json:"sql"`
}

type migrateStatusCmd struct{}

// Run implements the command.
func (migrateStatusCmd) Run(ctx context.Context, g *Globals, t terminal) error {
	all, err := g.database().migrations(ctx)
	if err != nil {
		return err
	}
	if g.JSON {
		list := make([]migrationState, len(all))
		for i, m := range all {
			list[i] = migrationState{Version: m.version, Name: m.name}
			if !m.appliedAt.IsZero() {
				list[i].AppliedAt = &m.appliedAt
			}
		}
		return printJSON(t.out, list)
	}
	w := tabwriter.NewWriter(t.out, 0, 4, 2, ' ', 0)
	if _, err := fmt.Fprintln(w, "VERSION\tNAME\tSTATE"); err != nil {
		return err
	}
	for _, m := range all {
		state := "pending"
		if !m.appliedAt.IsZero() {
			state = "applied " + m.appliedAt.UTC().Format(time.DateTime)
		}
		if _, err := fmt.Fprintf(w, "%d\t%s\t%s\n", m.version, m.name, state); err != nil {
			return err
		}
	}
	return w.Flush()
}

// migrationState is what --json prints of a migration; a pending one has no time.
type migrationState struct {
	Version   int64      `json:"version"`
	Name      string     `json:"name"`
	AppliedAt *time.Time `json:"appliedAt"`
}

type versionCmd struct{}

// Run implements the command.
func (versionCmd) Run(ctx context.Context, g *Globals, t terminal) error {
	// A file that is not there has every migration pending.
	all, err := sqlite.MigrationStatus(ctx, filepath.Join(os.TempDir(), crm.NewID().String()))
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
