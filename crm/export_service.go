package crm

import (
	"context"
	"fmt"
	"io"
	"time"
)

// ExportService takes contacts out.
type ExportService struct {
	core *core
}

// ExportQuery says what to export.
type ExportQuery struct {
	// Format is a name of [CRM.Formats]; default csv where there is one, else
	// jsonl.
	Format string
	Filter ContactFilter
}

// Export is a prepared export: its set of contacts is fixed. It is for one
// goroutine.
type Export struct {
	// ID names a set that is stored, for [ExportService.Resume]; zero where it
	// has at most 10,000 contacts and lies in memory.
	ID ID
	// Format, MediaType and FileName describe the file.
	Format, MediaType, FileName string
	// Total is how many contacts the set has.
	Total int

	core    *core
	actor   Actor
	format  Format
	trash   bool
	small   []byte // the ids of a set in memory
	leftOut int
	over    bool
}

// Prepare checks the query and fixes the set of contacts, once: what is made or
// begins to match later is not in it, what stops to match stays. Searches wait
// for the index to be current. Close it when it is not written to the end.
func (s *ExportService) Prepare(ctx context.Context, actor Actor, q ExportQuery) (*Export, error) {
	if err := actor.Authorize(PermContactsRead); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	if q.Format == "" {
		q.Format = s.core.defaultFormat()
	}
	format, err := s.core.format(q.Format)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	next, err := s.core.matches(ctx, actor.Workspace, q.Filter)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	e := &Export{
		Format: q.Format, MediaType: format.MediaType(), FileName: "contacts-" + s.core.now().Format(time.DateOnly) + format.Extension(),
		core: s.core, actor: actor, format: format, trash: q.Filter.Trash,
	}
	if err := e.fix(ctx, next); err != nil {
		return nil, fmt.Errorf("export: fix the set of contacts: %w", err)
	}
	return e, nil
}

// defaultFormat is what most programs read.
func (k *core) defaultFormat() string {
	for _, f := range k.formats {
		if f.FormatName() == "csv" {
			return "csv"
		}
	}
	return JSONLines{}.FormatName()
}

// WriteTo streams the contacts in the order of their ids, which is the order
// they were made in, each as it is when its turn comes, and returns how many
// there were; see LeftOut for the rest of the set. progress, when not nil, is
// called now and then with the number so far. After an error it can be called
// again and begins anew, with the same set; after a success the set is gone.
func (e *Export) WriteTo(ctx context.Context, w io.Writer, progress func(done int)) (int, error) {
	done, err := e.write(ctx, w, progress)
	if err != nil {
		return done, fmt.Errorf("export: %w", err)
	}
	e.end(ctx, JobSucceeded, exportResult{Contacts: done, LeftOut: e.leftOut})
	return done, nil
}

// LeftOut is how many contacts of the set the last WriteTo did not write,
// because they were deleted since it was fixed (or restored, in an export of
// the trash).
func (e *Export) LeftOut() int { return e.leftOut }

// Close gives up the set, if it is there still; twice is fine. An export that
// is not closed keeps its set for a day.
func (e *Export) Close(ctx context.Context) {
	e.end(ctx, JobCancelled, nil)
}

func (e *Export) write(ctx context.Context, w io.Writer, progress func(done int)) (int, error) {
	ids, err := e.open(ctx)
	if err != nil {
		return 0, err
	}
	defer ids.Close() //nolint:errcheck // Nothing was written.
	out, err := e.format.NewWriter(w)
	if err != nil {
		return 0, err
	}
	done := 0
	e.leftOut = 0
	for {
		page, err := readIDs(ids, feedPage)
		if err != nil {
			return done, fmt.Errorf("read the set of contacts: %w", err)
		}
		if len(page) == 0 {
			return done, out.Close()
		}
		n, err := e.writePage(ctx, out, page)
		done += n
		e.leftOut += len(page) - n
		if err != nil {
			return done, err
		}
		if progress != nil {
			progress(done)
		}
	}
}

func (e *Export) writePage(ctx context.Context, out ContactWriter, page []ID) (int, error) {
	contacts, err := e.core.store.GetContacts(ctx, e.actor.Workspace, page)
	if err != nil {
		return 0, err
	}
	done := 0
	for _, c := range contacts {
		if c.InTrash() != e.trash {
			continue
		}
		if err := out.WriteContact(c); err != nil {
			return done, fmt.Errorf("contact %s: %w", c.ID, err)
		}
		done++
	}
	return done, nil
}
