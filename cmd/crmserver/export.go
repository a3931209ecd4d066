package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/omnicrm/omnicrm/crm"
)

type exportCmd struct {
	Email     string `required:"" help:"Who exports."`
	Workspace string `help:"Name or id. Default: their only one."`
	Format    string `enum:"csv,vcard,jsonl" default:"csv" help:"csv, vcard or jsonl. Default ${default}."`
	Out       string `placeholder:"FILE" help:"Default: standard output."`
}

// Run implements the command.
func (c exportCmd) Run(ctx context.Context, g *Globals, t terminal) error {
	if info, err := os.Stat(c.Out); c.Out != "" && err == nil && info.IsDir() {
		return usageError{"--out: " + c.Out + " is a folder; name a file in it"}
	}
	return g.with(ctx, t, func(ctx context.Context, p parts) error {
		actor, err := p.Identity.Operator.Actor(ctx, c.Email, c.Workspace)
		if err != nil {
			return unknownUser(err, c.Email, g.Data)
		}
		export, err := p.App.Exports.Prepare(ctx, actor, crm.ExportQuery{Format: c.Format})
		if err != nil {
			return err
		}
		defer export.Close(ctx)
		n, err := c.write(ctx, export, t)
		switch {
		case err != nil && ctx.Err() != nil:
			return errors.New("interrupted; the export is not whole, run it again")
		case err != nil:
			return err
		case g.JSON && c.Out != "":
			return printJSON(t.out, map[string]any{"contacts": n, "leftOut": export.LeftOut(), "file": c.Out})
		}
		gone := ""
		if left := export.LeftOut(); left > 0 {
			gone = fmt.Sprintf("; %d were deleted meanwhile and are left out", left)
		}
		_, err = fmt.Fprintf(t.err, "Exported %s%s\n", counted(int64(n), "contact"), gone)
		return err
	})
}

// write streams the export to where it was asked for.
func (c exportCmd) write(ctx context.Context, e *crm.Export, t terminal) (int, error) {
	if c.Out == "" {
		w := bufio.NewWriterSize(t.out, exportBuffer)
		n, err := e.WriteTo(ctx, w, nil)
		if err == nil {
			err = w.Flush()
		}
		return n, err
	}
	bar := newBar(t.err, "Exporting", int64(e.Total))
	n, err := c.writeFile(ctx, e, func(done int) { bar.set(int64(done)) })
	if err == nil {
		bar.set(int64(n))
	}
	bar.end()
	return n, err
}

// exportBuffer is how much is written at once, in bytes.
const exportBuffer = 64 << 10

// writeFile makes the file, which appears under its name only when it is whole.
func (c exportCmd) writeFile(ctx context.Context, e *crm.Export, progress func(done int)) (int, error) {
	if target, err := filepath.EvalSymlinks(c.Out); err == nil {
		c.Out = target // The link stays.
	}
	if info, err := os.Stat(c.Out); err == nil && !info.Mode().IsRegular() {
		return c.writeInto(ctx, e, progress)
	}
	f, err := os.CreateTemp(filepath.Dir(c.Out), filepath.Base(c.Out)+".*")
	if err != nil {
		return 0, fmt.Errorf("make %s: %w", c.Out, rootOf(err))
	}
	defer os.Remove(f.Name()) //nolint:errcheck // Gone when it was renamed.
	w := bufio.NewWriterSize(f, exportBuffer)
	n, err := e.WriteTo(ctx, w, progress)
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
		return n, fmt.Errorf("write %s: %w", c.Out, rootOf(err))
	}
	return n, nil
}

// writeInto writes into what is there and no file: a pipe, a terminal, a device.
func (c exportCmd) writeInto(ctx context.Context, e *crm.Export, progress func(done int)) (int, error) {
	f, err := os.OpenFile(c.Out, os.O_WRONLY, 0)
	if err != nil {
		return 0, fmt.Errorf("open %s: %w", c.Out, rootOf(err))
	}
	w := bufio.NewWriterSize(f, exportBuffer)
	n, err := e.WriteTo(ctx, w, progress)
	if err == nil {
		err = w.Flush()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return n, fmt.Errorf("write %s: %w", c.Out, rootOf(err))
	}
	return n, nil
}

// rootOf takes the name of the temporary file, which nobody knows, off an error.
func rootOf(err error) error {
	var p *os.PathError
	var l *os.LinkError
	switch {
	case errors.As(err, &p):
		return p.Err
	case errors.As(err, &l):
		return l.Err
	}
	return err
}
