package crm

import (
	"context"
	"io"
	"time"
)

// Blobs keeps files: uploads, reports. By default they are chunked rows in
// the store, so that any worker on any machine can read them.
// All methods are safe for parallel use.
type Blobs interface {
	// PutBlob stores what r yields under the id and returns its size in bytes.
	// It reads in pieces, so that memory does not grow with the file. A blob
	// is visible only when whole; when r or the store fails nothing is left.
	// An id that is taken is a *ConflictError with ConflictExists.
	PutBlob(ctx context.Context, ws WorkspaceID, id ID, r io.Reader) (int64, error)
	// OpenBlob reads a blob from the offset on; ErrNotFound when there is
	// none. The reader must be closed and holds no transaction open while it
	// is not being read.
	OpenBlob(ctx context.Context, ws WorkspaceID, id ID, offset int64) (io.ReadCloser, error)
	// ListBlobs returns up to limit ids, rising and behind the id after, of the
	// visible blobs whose upload began before the time, by the clock of whoever
	// keeps them.
	ListBlobs(ctx context.Context, ws WorkspaceID, before time.Time, after ID, limit int) ([]ID, error)
	// DeleteBlob removes a blob; removing an absent one is nothing.
	DeleteBlob(ctx context.Context, ws WorkspaceID, id ID) error
}
