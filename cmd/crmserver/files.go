package main

import (
	"bufio"
	"context"
	"encoding/json"
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
	Format      string `help:"csv, vcard or jsonl. Default: told from the content."`
	Mapping     string `placeholder:"FILE" help:"JSON file with the mapping of columns: [{\"column\", \"target\"}, ...]."`
	OnDuplicate string `enum:"update,skip,create" default:"update" help:"What happens to a row that matches a contact: update, skip, create. Default ${default}."`
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
			return notFound(err, "user "+c.Email)
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
		return nil, usageError{c.File + " is a folder"}
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
	if err := json.Unmarshal(text, &m); err != nil {
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
	report := newReportFile(c.File, c.DryRun)
	defer report.abandon()
	in.OnRow = report.row
	begin := time.Now()
	done, err := p.App.Imports.Run(ctx, actor, in)
	bar.end()
	if err != nil {
		return err
	}
	if !c.DryRun {
		if err := report.from(func(w io.Writer) error { return p.App.Imports.WriteReport(ctx, actor, done.ID, w) }); err != nil {
			return err
		}
	}
	path, err := report.finish()
	if err != nil {
		return err
	}
	return c.print(done, path, time.Since(begin), g, t)
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
	_, err := fmt.Fprintf(t.out, "%s %d rows in %s: %d created, %d updated, %d unchanged, %d ambiguous, %d problems; %d values kept in custom fields or notes\n",
		head, n.Rows, took.Round(10*time.Millisecond), n.Created, n.Updated, n.Unchanged, n.Ambiguous, n.Problems, n.Kept)
	if err == nil && path != "" {
		_, err = fmt.Fprintf(t.out, "Rows that were not written as they stand: %s\n", path)
	}
	return err
}

// reportFile collects the report in a file that appears under its name only
// when it is whole, and only when it has a row.
type reportFile struct {
	path string
	file *os.File
	out  *crm.ImportReport
	rows int
	err  error
}

func newReportFile(source string, dryRun bool) *reportFile {
	name := filepath.Base(source)
	if source == "-" {
		name = "stdin"
	}
	kind := "import"
	if dryRun {
		kind = "dry-run"
	}
	return &reportFile{path: fmt.Sprintf("%s.%s-report.csv", name, kind)}
}

func (r *reportFile) begin() {
	if r.file == nil && r.err == nil {
		if r.file, r.err = os.CreateTemp(filepath.Dir(r.path), filepath.Base(r.path)+".*"); r.err == nil {
			r.out = crm.NewImportReport(r.file)
		}
	}
}

// row adds a row of a dry run.
func (r *reportFile) row(row crm.ImportRow) {
	r.begin()
	if r.err == nil {
		r.rows++
		r.err = r.out.Write(row)
	}
}

// from takes the whole report from elsewhere.
func (r *reportFile) from(write func(io.Writer) error) error {
	r.begin()
	if r.err != nil {
		return r.err
	}
	lines := &lineCounter{w: r.file}
	if r.err = r.out.Close(); r.err == nil { // The header was begun; the other report brings its own.
		if _, r.err = r.file.Seek(0, io.SeekStart); r.err == nil {
			r.err = r.file.Truncate(0)
		}
	}
	if r.err != nil {
		return r.err
	}
	r.err = write(lines)
	r.rows = lines.n - 1
	return r.err
}

// finish gives the report its name and returns it; "" when it has no rows.
func (r *reportFile) finish() (string, error) {
	if r.err != nil || r.file == nil || r.rows < 1 {
		return "", r.err
	}
	if r.err = r.out.Close(); r.err != nil {
		return "", r.err
	}
	if r.err = r.file.Close(); r.err != nil {
		return "", r.err
	}
	if r.err = os.Rename(r.file.Name(), r.path); r.err != nil {
		return "", r.err
	}
	r.file = nil
	path, err := filepath.Abs(r.path)
	if err != nil {
		return r.path, nil //nolint:nilerr // The short name is good too.
	}
	return path, nil
}

// abandon removes what was not finished.
func (r *reportFile) abandon() {
	if r.file != nil {
		r.file.Close()           //nolint:errcheck // It is removed next.
		os.Remove(r.file.Name()) //nolint:errcheck // A leftover does no harm.
	}
}

type lineCounter struct {
	w io.Writer
	n int
}

// Write implements io.Writer.
func (l *lineCounter) Write(p []byte) (int, error) {
	for _, b := range p {
		if b == '\n' {
			l.n++
		}
	}
	return l.w.Write(p)
}

type exportCmd struct {
	Email     string `required:"" help:"Who exports."`
	Workspace string `help:"Name or id. Default: their only one."`
	Format    string `enum:"csv,vcard,jsonl" default:"csv" help:"csv, vcard or jsonl. Default ${default}."`
	Out       string `placeholder:"FILE" help:"Default: standard output."`
}

// Run implements the command.
func (c exportCmd) Run(ctx context.Context, g *Globals, t terminal) error {
	return g.with(ctx, t, func(ctx context.Context, p parts) error {
		actor, err := p.Identity.Operator.Actor(ctx, c.Email, c.Workspace)
		if err != nil {
			return notFound(err, "user "+c.Email)
		}
		export, err := p.App.Exports.Prepare(ctx, actor, crm.ExportQuery{Format: c.Format})
		if err != nil {
			return err
		}
		n, err := c.write(ctx, export, t)
		if err != nil {
			return err
		}
		if g.JSON && c.Out != "" {
			return printJSON(t.out, map[string]any{"contacts": n, "file": c.Out})
		}
		_, err = fmt.Fprintf(t.err, "Exported %d contacts\n", n)
		return err
	})
}

// write streams the export; a file appears under its name only when it is whole.
func (c exportCmd) write(ctx context.Context, e *crm.Export, t terminal) (int, error) {
	if c.Out == "" {
		w := bufio.NewWriter(t.out)
		n, err := e.WriteTo(ctx, w, nil)
		if err == nil {
			err = w.Flush()
		}
		return n, err
	}
	f, err := os.CreateTemp(filepath.Dir(c.Out), filepath.Base(c.Out)+".*")
	if err != nil {
		return 0, fmt.Errorf("make the file: %w", err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // Gone when it was renamed.
	w := bufio.NewWriterSize(f, 1<<16)
	bar := newBar(t.err, "Exporting", 0)
	n, err := e.WriteTo(ctx, w, func(done int) { bar.set(int64(done)) })
	if err == nil {
		err = w.Flush()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), c.Out)
	}
	if err != nil {
		return n, fmt.Errorf("write %s: %w", c.Out, err)
	}
	return n, nil
}
