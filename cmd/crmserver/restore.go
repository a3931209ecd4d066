package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// restoreCmd fills an empty database from a backup.
type restoreCmd struct {
	File     string `arg:"" help:"A file that backup made."`
	Erasures string `placeholder:"FILE" help:"A journal of erasures: whoever is in it is forgotten again before the restore ends."`
}

// Help says what a restore needs and what it leaves.
func (restoreCmd) Help() string {
	return "Needs a data folder without a database, or with one that holds nothing, and no server on it. " +
		"The file is read to its end before anything is written, so that a damaged one changes nothing. " +
		"Interrupted, the database refuses every other command until restore has been run again with the same file; it goes on where it stopped. " +
		"At the end everything derived is counted anew and checked. Everybody signs in again; API keys stay good."
}

// restoreResult is what --json prints.
type restoreResult struct {
	crm.RestoreReport
	Check   crm.CheckReport `json:"check"`
	Seconds float64         `json:"seconds"`
}

// Run implements the command.
func (c restoreCmd) Run(ctx context.Context, g *Globals, t terminal) error {
	if c.File == "-" {
		return usageError{"restore reads a file twice: save it and name it instead of -"}
	}
	erasures, err := c.readErasures()
	if err != nil {
		return err
	}
	file, err := os.Open(c.File)
	if err != nil {
		return fmt.Errorf("open %s: %w", c.File, rootOf(err))
	}
	defer file.Close() //nolint:errcheck // It was only read.
	return g.withAny(ctx, t, func(ctx context.Context, p parts) error {
		begin := time.Now()
		bar := newBar(t.err, "Restoring", 0)
		var r restoreResult
		r.RestoreReport, err = p.App.Restore(ctx, file, crm.RestoreOptions{Part: p.Identity.Backup, Erasures: erasures, Progress: bar.update})
		bar.end()
		if err != nil {
			return c.explain(ctx, p, err)
		}
		if r.Check, err = p.App.Check(ctx, crm.CheckOptions{}); err != nil {
			return err
		}
		r.Seconds = time.Since(begin).Seconds()
		if err := c.report(g, t, r); err != nil {
			return err
		}
		if len(r.Check.Findings) > 0 {
			return errors.New("restored, but not everything agrees; run `crmserver check --repair`")
		}
		return nil
	})
}

func (c restoreCmd) readErasures() ([]crm.Erasure, error) {
	if c.Erasures == "" {
		return nil, nil
	}
	f, err := os.Open(c.Erasures)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", c.Erasures, rootOf(err))
	}
	defer f.Close() //nolint:errcheck // It was only read.
	return crm.ReadErasures(f)
}

// explain says whether an interrupted restore has begun to write.
func (c restoreCmd) explain(ctx context.Context, p parts, err error) error {
	backup, lookErr := p.Store.Restoring(context.WithoutCancel(ctx))
	begun := lookErr == nil && !backup.IsZero()
	switch {
	case ctx.Err() != nil && begun:
		return errors.New("interrupted; the database is not whole: run the same restore again, it goes on where it stopped")
	case ctx.Err() != nil:
		return errors.New("interrupted before anything was written")
	}
	return err
}

func (c restoreCmd) report(g *Globals, t terminal, r restoreResult) error {
	if g.JSON {
		return printJSON(t.out, r)
	}
	forgotten := ""
	if c.Erasures != "" {
		forgotten = fmt.Sprintf("; forgot %s again, %d were not in the backup", counted(int64(r.Erased), "contact"), r.Unknown)
	}
	_, err := fmt.Fprintf(t.out, "Restored %s, %s and %s of %s in %s%s\nChecked: %s\n",
		counted(r.Contacts, "contact"), counted(r.Interactions, "interaction"), counted(r.Workspaces, "workspace"),
		r.CreatedAt.Format(time.RFC3339), time.Duration(r.Seconds*float64(time.Second)).Round(time.Millisecond), forgotten,
		counted(int64(len(r.Check.Findings)), "finding"))
	return err
}
