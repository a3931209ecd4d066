package sqlite

import (
	"fmt"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// nowMicros is the database's own clock in microseconds.
const nowMicros = "CAST(unixepoch('subsec') * 1000000 AS INTEGER)"

// idColumn scans the 16 bytes of an id without a copy of its own; an empty
// blob is the zero id.
type idColumn [16]byte

// Scan implements sql.Scanner.
func (c *idColumn) Scan(src any) error {
	b, ok := src.([]byte)
	if !ok || (len(b) != 16 && len(b) != 0) {
		return fmt.Errorf("scan id: got %T of %d bytes", src, len(b))
	}
	*c = idColumn{}
	copy(c[:], b)
	return nil
}

// timeColumn scans microseconds.
type timeColumn time.Time

// Scan implements sql.Scanner.
func (c *timeColumn) Scan(src any) error {
	n, ok := src.(int64)
	if !ok {
		return fmt.Errorf("scan time: got %T", src)
	}
	*c = timeColumn(crm.FromMicros(n))
	return nil
}

func scanID(id *crm.ID) *idColumn                 { return (*idColumn)(id) }
func scanWorkspace(ws *crm.WorkspaceID) *idColumn { return (*idColumn)(ws) }
func scanTime(t *time.Time) *timeColumn           { return (*timeColumn)(t) }

// blob is an id as an argument.
func blob[T ~[16]byte](id T) []byte { return id[:] }

// optionalBlob is an id as an argument where the zero id is kept as an empty
// blob, to save space and to leave it out of indexes.
func optionalBlob(id crm.ID) []byte {
	if id.IsZero() {
		return []byte{}
	}
	return id[:]
}

// blobs turns ids into arguments.
func blobs[T ~[16]byte](ids []T) []any {
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = blob(id)
	}
	return args
}

// flag is a bool as an argument.
func flag(on bool) int64 {
	if on {
		return 1
	}
	return 0
}
