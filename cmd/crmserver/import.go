package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

type importCmd struct {
	File        string `arg:"" help:"File to import, or - for standard input."`
	Email       string `required:"" help:"Who imports."`
	Workspace   string `help:"Name or id. Default: their only one."`
	Format      string `enum:",csv,vcard,jsonl" default:"" placeholder:"FORMAT" help:"csv, vcard or jsonl. Default: told from the content."`
	Mapping     string `placeholder:"FILE" help:"JSON file with the mapping of columns: [{\"column\", \"target\"}, ...]."`
	OnDuplicate string `enum:",update,skip,create" default:"" placeholder:"POLICY" help:"What happens to a row that matches a contact: update, skip, create. Default update."`
	DryRun      bool   `help:"Say what would happen and write nothing."`
}

// importResult is what --json prints.
type importResult struct {
	ImportID *crm.ID `json:"importId"`
	crm.ImportCounts
	Report string `json:"report"`
}

// Run implements the command.
func (c importCmd) Run(ctx context.Context, g *Globals, t terminal) error {
	in := crm.RunImport{DryRun: c.DryRun}
	in.Format, in.FileName, in.OnDuplicate = c.Format, filepath.Base(c.File), crm.OnDuplicate(c.OnDuplicate)
	body, err := c.open(t)
	if err != nil {
		return err
	}
	defer body.Close() //nolint:errcheck // It was only read.
	in.Body = body
	if in.Mapping, err = c.mapping(); err != nil {
		return err
	}
	return g.with(ctx, t, func(ctx context.Context, p parts) error {
		actor, err := p.Identity.Operator.Actor(ctx, c.Email, c.Workspace)
		if err != nil {
			return unknownUser(err, c.Email, g.Data)
		}
		return c.run(ctx, p, actor, in, g, t)
	})
}

func (c importCmd) open(t terminal) (io.ReadCloser, error) {
	if c.File == "-" {
		return io.NopCloser(t.in), nil
	}
	f, err := os.Open(c.File)
	if err != nil {
		return nil, fmt.Errorf("open the file: %w", err)
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		f.Close() //nolint:errcheck // It was only opened.
		return nil, fmt.Errorf("open the file: %s is a folder; give one of its files", c.File)
	}
	return f, nil
}

func (c importCmd) mapping() ([]crm.ImportColumn, error) {
	if c.Mapping == "" {
		return nil, nil
	}
	text, err := os.ReadFile(c.Mapping)
	if err != nil {
		return nil, fmt.Errorf("read the mapping: %w", err)
	}
	var m []crm.ImportColumn
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields() // A name with a typo would change the mapping without a word.
	err = d.Decode(&m)
	if err == nil && d.More() {
		err = errors.New("there is more behind the list")
	}
	if err != nil {
		return nil, usageError{fmt.Sprintf("--mapping: %s must be JSON such as [{\"column\": \"Mail\", \"target\": \"emails[0].address\"}]: %v", c.Mapping, err)}
	}
	return m, nil
}

func (c importCmd) run(ctx context.Context, p parts, actor crm.Actor, in crm.RunImport, g *Globals, t terminal) error {
	title := "Importing"
	if c.DryRun {
		title = "Dry run"
	}
	bar := newBar(t.err, title, 0)
	in.Progress = bar.update
	in.OnResume = func(i crm.Import) { c.sayResumed(t, i) }
	report := newReportFile(c.File, c.DryRun)
	defer report.abandon()
	in.OnRow = report.row
	begin := time.Now()
	done, err := p.App.Imports.Run(ctx, actor, in)
	bar.end()
	if err != nil {
		return c.failed(ctx, err)
	}
	if !c.DryRun {
		if err := report.from(func(w io.Writer) error {
			return p.App.Imports.WriteReport(ctx, actor, done.ID, crm.ImportRowQuery{NotAsItStood: true}, w)
		}); err != nil {
			return err
		}
	}
	path, err := report.finish()
	if err != nil {
		return err
	}
	if err := c.print(done, path, time.Since(begin), g, t); err != nil {
		return err
	}
	if n := done.Counts; n.Rows > 0 && n.Problems == n.Rows {
		return fmt.Errorf("no row of the file could be read; %s says why", path)
	}
	return nil
}

// sayResumed tells by which choices an unfinished import goes on: those it
// began with.
func (c importCmd) sayResumed(t terminal, i crm.Import) {
	mapping := ""
	if len(i.Mapping) > 0 {
		mapping = " and the mapping"
	}
	fmt.Fprintf(t.err, "Going on with the import of %s, %s done, with the --on-duplicate %s%s that it began with\n", //nolint:errcheck // It is said once more by the result.
		i.CreatedAt.Format(time.DateTime), counted(i.Checkpoint, "row"), i.OnDuplicate, mapping)
}

// failed says that the user's own signal ended the import, where it did.
func (c importCmd) failed(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	if c.DryRun {
		return errors.New("interrupted; nothing was written")
	}
	return errors.New("interrupted; run the same command again and it goes on where it stopped")
}

func (c importCmd) print(done crm.Import, path string, took time.Duration, g *Globals, t terminal) error {
	n := done.Counts
	if g.JSON {
		r := importResult{ImportCounts: n, Report: path}
		if !c.DryRun {
			r.ImportID = &done.ID
		}
		return printJSON(t.out, r)
	}
	head := "Imported"
	if c.DryRun {
		head = "Would import"
	}
	_, err := fmt.Fprintf(t.out, "%s %s in %s: %d created, %d updated, %d unchanged, %d ambiguous, %s\n",
		head, counted(n.Rows, "row"), took.Round(10*time.Millisecond), n.Created, n.Updated, n.Unchanged, n.Ambiguous, counted(n.Problems, "problem"))
	if err == nil && n.Kept > 0 {
		_, err = fmt.Fprintf(t.out, "Kept in custom fields or notes: %s\n", counted(n.Kept, "value"))
	}
	if err == nil && n.Dropped > 0 {
		_, err = fmt.Fprintf(t.out, "Could not be kept: %s\n", counted(n.Dropped, "value"))
	}
	if err == nil && path != "" {
		_, err = fmt.Fprintf(t.out, "Rows that were not written as they stand: %s\n", path)
	}
	return err
}
