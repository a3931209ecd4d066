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

// Export is a prepared export.
type Export struct {
	// Format, MediaType and FileName describe the file.
	Format, MediaType, FileName string

	core   *core
	ws     WorkspaceID
	format Format
	next   idPages
}

// Prepare checks the query; what it answers is written by WriteTo. Searches
// wait for the index to be current.
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
	return &Export{
		Format: q.Format, MediaType: format.MediaType(), FileName: "contacts-" + s.core.now().Format(time.DateOnly) + format.Extension(),
		core: s.core, ws: actor.Workspace, format: format, next: next,
	}, nil
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
// they were made in, and returns how many there were. progress, when not nil,
// is called now and then with the number so far.
func (e *Export) WriteTo(ctx context.Context, w io.Writer, progress func(done int)) (int, error) {
	out, err := e.format.NewWriter(w)
	if err != nil {
		return 0, fmt.Errorf("export: %w", err)
	}
	done := 0
	var after ID
	for {
		ids, err := e.next(ctx, after)
		if err != nil {
			return done, fmt.Errorf("export: %w", err)
		}
		if len(ids) == 0 {
			break
		}
		contacts, err := e.core.store.GetContacts(ctx, e.ws, ids)
		if err != nil {
			return done, fmt.Errorf("export: %w", err)
		}
		for _, c := range contacts {
			if err := out.WriteContact(c); err != nil {
				return done, fmt.Errorf("export contact %s: %w", c.ID, err)
			}
			done++
		}
		if progress != nil {
			progress(done)
		}
		after = ids[len(ids)-1]
	}
	if err := out.Close(); err != nil {
		return done, fmt.Errorf("export: %w", err)
	}
	return done, nil
}
