package crm

import (
	"context"
	"errors"
	"fmt"
	"io"
)

const (
	// restoreRecords and restoreBytes bound what one transaction of a restore
	// writes.
	restoreRecords = 500
	restoreBytes   = 4 << 20
)

// RestoreOptions says what [CRM.Restore] does beside writing the records.
type RestoreOptions struct {
	// Part takes what the backup holds beside the CRM's own records. A backup
	// with a part is refused without it. Default: none.
	Part BackupPart
	// Erasures are forgotten again before the restore ends, see
	// [ReadErasures]. Default: none.
	Erasures []Erasure
	// Progress is told now and then how many of the records are read and
	// written: the file is read twice, so that total is twice their number once
	// that is known, and 0 before. Default: nobody.
	Progress func(done, total int64)
}

// RestoreReport is what was restored.
type RestoreReport struct {
	// BackupReport is what the backup held, whichever call wrote it.
	BackupReport
	// Erased is how many contacts of Erasures were forgotten again, Unknown how
	// many were not in the backup or had been forgotten already.
	Erased  int `json:"erased"`
	Unknown int `json:"unknownErasures"`
}

// Restore fills an empty database from a backup. The file is read to its end
// first: a damaged one changes nothing. When it is interrupted, the database
// says so wherever it is opened, see [CRM.Opened], until Restore has been called
// again with the same file and come to its end; it goes on where it stopped.
// Jobs that were running go on from their checkpoints, everybody signs in again,
// keys sent before with an Idempotency-Key are forgotten, and streams of events
// begin anew. The CRM must not have been started. It is for operators and asks
// for no actor.
func (c *CRM) Restore(ctx context.Context, file io.ReadSeeker, o RestoreOptions) (RestoreReport, error) {
	r := restore{c: c, o: o, file: file}
	if err := r.run(ctx); err != nil {
		return r.report, fmt.Errorf("restore: %w", err)
	}
	return r.report, nil
}

// Opened returns nil where the database is whole, and an ErrUnavailable with a
// way out where a restore into it was interrupted. Start asks it; a program that
// does not start asks it itself before it shows anything.
func (c *CRM) Opened(ctx context.Context) error { return c.opened(ctx) }

func (c *CRM) opened(ctx context.Context) error {
	backup, err := c.system.Restoring(ctx)
	if err == nil && !backup.IsZero() {
		err = fmt.Errorf("the restore of backup %s into this database is unfinished; run it again with the same file: %w", backup, ErrUnavailable)
	}
	return err
}

// restore is one [CRM.Restore] at work.
type restore struct {
	c      *CRM
	o      RestoreOptions
	file   io.ReadSeeker
	in     *backupReader
	total  int64
	report RestoreReport
	// held are records of one kind and workspace that are to be written
	// together, and how long their lines are.
	held  []backupRecord
	bytes int
}

func (r *restore) run(ctx context.Context) error {
	r.c.mu.Lock()
	started := r.c.cancel != nil
	r.c.mu.Unlock()
	if started {
		return &ConflictError{Reason: ConflictState, Message: "the CRM must not be started before a restore into it"}
	}
	if err := r.verify(ctx); err != nil {
		return err
	}
	done, err := r.c.system.BeginRestore(ctx, r.in.header.ID)
	if err != nil {
		return withWayOut(err)
	}
	if err := r.rewind(); err != nil {
		return err
	}
	if err := r.write(ctx, done); err != nil {
		return err
	}
	if err := r.eachWorkspace(ctx, r.recount); err != nil {
		return err
	}
	if err := r.forget(ctx); err != nil {
		return err
	}
	// Positions that were given out by the log of before belong to no event here.
	if err := r.c.system.RenewLogEpoch(ctx); err != nil {
		return err
	}
	return r.c.system.EndRestore(ctx)
}

// withWayOut says what to do about a database that cannot be filled.
func withWayOut(err error) error {
	var c *ConflictError
	if !errors.As(err, &c) {
		return err
	}
	out := *c
	if c.Reason == ConflictExists {
		out.Message += fmt.Sprintf(" (%s): run that one again with its file, or restore into another, empty one", c.ID)
	} else {
		out.Message += "; a restore needs an empty one that nobody uses"
	}
	return &out
}

// verify reads the whole file without looking into the records.
func (r *restore) verify(ctx context.Context) error {
	if err := r.rewind(); err != nil {
		return err
	}
	if name := r.in.header.Part; name != "" && (r.o.Part == nil || r.o.Part.PartName() != name) {
		return Invalid("file", CodeInvalid, fmt.Sprintf("holds a part %q that this program does not keep; restore it with one that does", name))
	}
	for {
		more, err := r.in.skip()
		if err != nil {
			return err
		}
		if !more {
			r.total = r.in.read
			return nil
		}
		if r.in.read%1_000 == 0 {
			r.tell(0)
			if err := ctx.Err(); err != nil {
				return err
			}
		}
	}
}

// rewind begins to read from the start.
func (r *restore) rewind() error {
	_, err := r.file.Seek(0, io.SeekStart)
	if err != nil {
		return fmt.Errorf("read the backup: %w", err)
	}
	id := ID{}
	if r.in != nil {
		id = r.in.header.ID
	}
	if r.in, err = newBackupReader(r.file); err != nil {
		return err
	}
	if !id.IsZero() && r.in.header.ID != id {
		return Invalid("file", CodeInvalid, "changed while it was read")
	}
	r.report.BackupReport = BackupReport{ID: r.in.header.ID, CreatedAt: r.in.header.CreatedAt}
	return nil
}

func (r *restore) tell(pass int64) {
	if r.o.Progress != nil {
		r.o.Progress(pass*r.total+r.in.read, 2*r.total)
	}
}

// write writes the records behind the first done ones, which are in.
func (r *restore) write(ctx context.Context, done int64) error {
	for {
		var d backupRecord
		more, err := r.in.next(&d)
		if err != nil {
			return err
		}
		if !more {
			return r.flush(ctx, r.in.read)
		}
		r.report.count(&d)
		if r.in.read%1_000 == 0 {
			r.tell(1)
		}
		if r.in.read <= done {
			continue
		}
		if len(r.held) > 0 && (len(r.held) >= restoreRecords || r.bytes >= restoreBytes || groupOf(&d) != groupOf(&r.held[0])) {
			if err := r.flush(ctx, r.in.read-1); err != nil {
				return err
			}
		}
		if d.Blob != nil {
			if err := r.writeBlob(ctx, d); err != nil {
				return err
			}
			continue
		}
		r.held = append(r.held, d)
		r.bytes += r.in.length
	}
}

// group is what records have alike that are written together.
type group struct {
	kind string
	ws   WorkspaceID
	of   ID
}

func groupOf(d *backupRecord) group {
	g := group{ws: d.Workspace}
	switch {
	case d.Space != nil:
		g.kind = "workspace"
	case d.Part != nil: // In their order, whatever workspace they are of.
		return group{kind: "part"}
	case d.Tag != nil:
		g.kind = "tag"
	case d.Contact != nil:
		g.kind = "contact"
	case d.Interaction != nil:
		g.kind = "interaction"
	case d.Image != nil:
		g.kind = "image"
	case d.Import != nil:
		g.kind = "import"
	case d.Row != nil:
		g.kind, g.of = "row", d.Row.Import
	case d.Print != nil:
		g.kind = "print"
	case d.Job != nil:
		g.kind = "job"
	case d.Event != nil:
		g.kind = "event"
	}
	return g
}

// flush writes what is held; done is how far the file is read then.
func (r *restore) flush(ctx context.Context, done int64) error {
	held := r.held
	r.held, r.bytes = nil, 0
	if len(held) == 0 {
		return nil
	}
	g := groupOf(&held[0])
	if g.kind == "part" {
		docs := make([]PartDocument, len(held))
		for i, d := range held {
			docs[i] = *d.Part
		}
		if r.o.Part == nil {
			return errDamaged
		}
		if err := r.o.Part.RestorePart(ctx, docs); err != nil {
			return err
		}
		return r.note(ctx, done)
	}
	err := r.c.system.InRestore(ctx, done, func(tx Tx) error { return putRecords(ctx, tx, g, held) })
	if err != nil {
		return fmt.Errorf("write %d records of kind %q: %w", len(held), g.kind, err)
	}
	return nil
}

// note keeps how far the restore is where that was written otherwise.
func (r *restore) note(ctx context.Context, done int64) error {
	return r.c.system.InRestore(ctx, done, func(Tx) error { return nil })
}

// writeBlob writes a file piece by piece; d is the first of them.
func (r *restore) writeBlob(ctx context.Context, d backupRecord) error {
	pieces := &blobPieces{in: r.in, now: d, report: &r.report.BackupReport}
	_, err := r.c.core.blobs.PutBlob(ctx, d.Workspace, d.Blob.ID, pieces)
	var c *ConflictError
	if errors.As(err, &c) && c.Reason == ConflictExists { // From an earlier try.
		_, err = io.Copy(io.Discard, pieces)
	}
	if err != nil {
		return err
	}
	return r.note(ctx, r.in.read)
}
