package crm

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// unlink takes the name of a temporary file away while it is in use, so that
// not even a killed process leaves it. Where the system does not allow that,
// closeScratch does it at the end.
func unlink(file *os.File) {
	os.Remove(file.Name()) //nolint:errcheck // See closeScratch.
}

func closeScratch(file *os.File) {
	file.Close()           //nolint:errcheck // What was in it is not needed any more.
	os.Remove(file.Name()) //nolint:errcheck // It has no name any more, save where unlink could not.
}

// scratchFile is the one file of an import that leaves no trace: a dry run of
// the command line. It stands in for Blobs. A regular file is read where it is,
// anything else is copied into a temporary file without a name.
type scratchFile struct {
	file io.ReaderAt
	size int64
	// own is the temporary file, nil where there is none.
	own *os.File
}

var _ Blobs = (*scratchFile)(nil)

// newScratchFile returns the file of a body and the body to read it by.
func newScratchFile(body io.Reader) (*scratchFile, error) {
	if f, ok := body.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			return &scratchFile{file: f}, nil
		}
	}
	own, err := os.CreateTemp("", "omnicrm-dry-run-*")
	if err != nil {
		return nil, fmt.Errorf("make a temporary file: %w", err)
	}
	unlink(own)
	return &scratchFile{file: own, own: own}, nil
}

func (s *scratchFile) close() {
	if s.own != nil {
		closeScratch(s.own)
	}
}

// PutBlob reads the file to its end; only what has no place yet is copied.
func (s *scratchFile) PutBlob(ctx context.Context, _ WorkspaceID, _ ID, r io.Reader) (int64, error) {
	to := io.Discard
	if s.own != nil {
		to = s.own
	}
	var err error
	if s.size, err = io.Copy(to, contextReader{ctx, r}); err != nil {
		return 0, fmt.Errorf("read the file: %w", err)
	}
	return s.size, nil
}

// OpenBlob reads the file from the offset on.
func (s *scratchFile) OpenBlob(_ context.Context, _ WorkspaceID, _ ID, offset int64) (io.ReadCloser, error) {
	if offset < 0 || offset > s.size {
		return nil, fmt.Errorf("open the file: %w", fs.ErrInvalid)
	}
	return io.NopCloser(io.NewSectionReader(s.file, offset, s.size-offset)), nil
}

// ListBlobs lists nothing: nothing is kept.
func (*scratchFile) ListBlobs(context.Context, WorkspaceID, time.Time, ID, int) ([]ID, error) {
	return nil, nil
}

// DeleteBlob does nothing: nothing is kept.
func (*scratchFile) DeleteBlob(context.Context, WorkspaceID, ID) error { return nil }

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context //nolint:containedctx // An io.Reader has no other way; it lives for one call.
	r   io.Reader
}

// Read implements [io.Reader].
func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
