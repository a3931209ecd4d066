package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// backupCmd writes everything to a file.
type backupCmd struct {
	File string `arg:"" help:"The file to make, - for standard output. One that is there is never replaced."`
}

// Help says what is in a backup and what is not.
func (backupCmd) Help() string {
	return "Works beside a running server: the backup holds the moment at which it began. " +
		"It holds everything that cannot be made again: contacts, interactions, what undo needs, imports with their rows and files, jobs, " +
		"the event log, users with their passwords, members, API keys (as digests) and invitations. " +
		"Sessions and links are not in it: everybody signs in again. Whoever has the file has the data: it is made for its owner alone (0600)."
}

// backupResult is what --json prints.
type backupResult struct {
	crm.BackupReport
	File    string  `json:"file,omitempty"`
	Bytes   int64   `json:"bytes"`
	Seconds float64 `json:"seconds"`
}

// Run implements the command.
func (c backupCmd) Run(ctx context.Context, g *Globals, t terminal) error {
	if c.File == "-" && isTerminal(t.out) {
		return usageError{"a backup is no text: send it somewhere, as in `crmserver backup - > FILE`"}
	}
	if _, err := os.Lstat(c.File); c.File != "-" && err == nil {
		return usageError{c.File + " is there already and is not replaced; name another file"}
	}
	return g.withData(ctx, t, func(ctx context.Context, p parts) error {
		begin := time.Now()
		bar := newBar(t.err, "Backing up, records", 0)
		o := crm.BackupOptions{Part: p.Identity.Backup, Progress: bar.set}
		var r backupResult
		write := func(w io.Writer) (err error) {
			count := &countingWriter{w: w}
			r.BackupReport, err = p.App.Backup(ctx, count, o)
			r.Bytes = count.n
			return err
		}
		var err error
		if c.File == "-" {
			err = buffered(t.out, write)
		} else {
			r.File = c.File
			err = c.writeFile(write)
		}
		bar.set(r.Records)
		bar.end()
		if err != nil && ctx.Err() != nil {
			return errors.New("interrupted; there is no backup, run it again")
		}
		if err != nil {
			return err
		}
		r.Seconds = time.Since(begin).Seconds()
		return c.report(g, t, r)
	})
}

func (c backupCmd) report(g *Globals, t terminal, r backupResult) error {
	if g.JSON && c.File != "-" {
		return printJSON(t.out, r)
	}
	if g.JSON {
		return printJSON(t.err, r)
	}
	_, err := fmt.Fprintf(t.err, "Backed up %s, %s and %s in %s, %d bytes\n", counted(r.Contacts, "contact"), counted(r.Interactions, "interaction"),
		counted(r.Workspaces, "workspace"), time.Duration(r.Seconds*float64(time.Second)).Round(time.Millisecond), r.Bytes)
	return err
}

// countingWriter counts what goes through it.
type countingWriter struct {
	w io.Writer
	n int64
}

// Write implements io.Writer.
func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func buffered(w io.Writer, write func(io.Writer) error) error {
	b := bufio.NewWriterSize(w, exportBuffer)
	if err := write(b); err != nil {
		return err
	}
	return b.Flush()
}

// writeFile makes the file, which has its name only when it is whole and on the
// disk. What a kill leaves is named FILE.partial-...
func (c backupCmd) writeFile(write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(c.File), filepath.Base(c.File)+".partial-*") // Made with 0600.
	if err != nil {
		return fmt.Errorf("make %s: %w", c.File, rootOf(err))
	}
	defer os.Remove(f.Name()) //nolint:errcheck // It is another name by then, or worth nothing.
	err = buffered(f, write)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = giveName(f.Name(), c.File)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", c.File, rootOf(err))
	}
	return nil
}

// giveName names a file without ever replacing another. Where the file system
// has no links, another that is made in this very moment would be replaced.
func giveName(from, to string) error {
	err := os.Link(from, to)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		if _, there := os.Lstat(to); there == nil {
			return fs.ErrExist
		}
		err = os.Rename(from, to)
	}
	if err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(to))
	if err != nil {
		return err
	}
	// Not every system can flush a folder; the file itself is on the disk.
	_ = folder.Sync()
	return folder.Close()
}
