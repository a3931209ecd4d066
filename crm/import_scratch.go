package crm

import (
	"context"
	"fmt"
	"io"
	"os"
)

// unnamedFile makes a temporary file that has lost its name already where the
// system allows that, so that not even a killed process leaves people's data
// in the temporary folder. close removes it where it does not.
func unnamedFile() (file *os.File, discard func(), err error) {
	if file, err = os.CreateTemp("", "omnicrm-*"); err != nil {
		return nil, nil, fmt.Errorf("make a temporary file: %w", err)
	}
	os.Remove(file.Name()) //nolint:errcheck // Discard tries again.
	return file, func() {
		file.Close()           //nolint:errcheck // It is removed.
		os.Remove(file.Name()) //nolint:errcheck // Gone already, but on Windows.
	}, nil
}

// scratchBlobs holds the one file of a dry run outside of the store.
type scratchBlobs struct {
	file *os.File
	size int64
}

// PutBlob implements [Blobs].
func (b *scratchBlobs) PutBlob(ctx context.Context, _ WorkspaceID, _ ID, r io.Reader) (int64, error) {
	var err error
	if b.size, err = io.Copy(b.file, contextReader{ctx, r}); err != nil {
		return 0, fmt.Errorf("copy the file: %w", err)
	}
	return b.size, nil
}

// OpenBlob implements [Blobs].
func (b *scratchBlobs) OpenBlob(_ context.Context, _ WorkspaceID, _ ID, offset int64) (io.ReadCloser, error) {
	return io.NopCloser(io.NewSectionReader(b.file, offset, b.size-offset)), nil
}

// DeleteBlob implements [Blobs]. The file goes with the dry run.
func (b *scratchBlobs) DeleteBlob(context.Context, WorkspaceID, ID) error { return nil }

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

// Read implements [io.Reader].
func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
