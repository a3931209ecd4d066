package crm

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Erasure says that a contact was removed for good: ids and a time, no personal
// data, so that it can be kept for as long as backups that hold the person are.
type Erasure struct {
	Workspace WorkspaceID `json:"workspaceId"`
	Contact   ID          `json:"contactId"`
	At        time.Time   `json:"at"`
}

// Erasures reads the event log after a position, hands each erasure to do, and
// returns how far it came: the position to go on from, also after an error. It
// is for operators, crosses workspaces and asks for no actor.
func (c *CRM) Erasures(ctx context.Context, after Position, do func(e Erasure, at Position) error) (Position, error) {
	for {
		events, err := c.system.EventsAfter(ctx, after, feedPage)
		if err != nil {
			return after, fmt.Errorf("read erasures: %w", err)
		}
		for _, e := range events {
			if e.Type == EventContactErased {
				if err := do(Erasure{Workspace: e.Workspace, Contact: e.Subject.ID, At: e.At}, e.Position); err != nil {
					return after, err
				}
			}
			after = e.Position
		}
		if len(events) < feedPage {
			return after, nil
		}
	}
}

// maxErasureLine bounds a line of a journal of erasures, in bytes.
const maxErasureLine = 64 << 10

// ReadErasures reads a journal of erasures: JSON lines with workspaceId,
// contactId and at, whatever else they hold. A line that is none is a
// *ValidationError that names it; of a last line without its end, which a
// power cut leaves, nothing is said.
func ReadErasures(r io.Reader) ([]Erasure, error) {
	var all []Erasure
	in := bufio.NewReaderSize(r, maxErasureLine)
	for n := 1; ; n++ {
		line, err := in.ReadSlice('\n')
		ended := errors.Is(err, io.EOF)
		if err != nil && !ended && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, fmt.Errorf("read erasures: %w", err)
		}
		if len(bytes.TrimSpace(line)) > 0 {
			e, found, whole := parseErasure(line)
			switch {
			case ended && !whole && bytes.HasPrefix(line, []byte("{")): // What a power cut left.
			case !whole:
				return nil, Invalid("erasures", CodeInvalid, fmt.Sprintf("line %d is no erasure; name a file that `crmserver erasures` made", n))
			case found:
				all = append(all, e)
			}
		}
		if ended {
			return all, nil
		}
	}
}

// parseErasure reads a line; one that only says how far a journal has come, in a
// field named position, is whole and holds no erasure.
func parseErasure(line []byte) (e Erasure, found, whole bool) {
	var l struct {
		Erasure
		Position *Position `json:"position"`
	}
	if json.Unmarshal(line, &l) != nil {
		return e, false, false
	}
	found = !l.Contact.IsZero() && l.Workspace != (WorkspaceID{})
	none := l.Contact.IsZero() && l.Workspace == (WorkspaceID{}) && l.Position != nil
	return l.Erasure, found, found || none
}
