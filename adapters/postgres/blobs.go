package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
)

// chunkSize is how much of a blob one row holds. A chunk is a transaction of
// its own, which does not wait for the disk: the one that makes the blob visible
// does, and all that was committed before it is on the disk then.
const chunkSize = 256 << 10

// abandonedAfter is when an upload that was not finished counts as abandoned, in
// microseconds.
const abandonedAfter = "3600000000" // an hour

// PutBlob implements [crm.Blobs]. Chunks go under the id of the upload; the
// row that ties the blob's id to it is written last.
func (s *Store) PutBlob(ctx context.Context, ws crm.WorkspaceID, id crm.ID, r io.Reader) (int64, error) {
	size, err := s.putBlob(ctx, ws, id, r)
	if err != nil {
		return 0, fmt.Errorf("put blob %s: %w", id, err)
	}
	return size, nil
}

func (s *Store) putBlob(ctx context.Context, ws crm.WorkspaceID, id crm.ID, r io.Reader) (int64, error) {
	if _, err := s.blobHead(ctx, ws, id); !errors.Is(err, crm.ErrNotFound) {
		return 0, orTaken(id, err)
	}
	upload := crm.NewID()
	size, err := s.putChunks(ctx, ws, upload, r)
	if err == nil {
		err = s.inTx(ctx, func(t *tx) error { return t.finishUpload(ctx, ws, id, upload, size) })
	}
	if err == nil {
		return size, nil
	}
	// Nothing may be left, also when ctx is why it failed.
	undo := s.inTx(context.WithoutCancel(ctx), func(t *tx) error { return t.deleteUpload(ctx, ws, upload) })
	if undo != nil { // It stays invisible and is removed when a store is opened later.
		err = errors.Join(err, undo)
	}
	return 0, err
}

func orTaken(id crm.ID, err error) error {
	if err != nil {
		return err
	}
	return existsConflict(id, "a blob with this id exists already")
}

// putChunks reads r to its end, a chunk at a time.
func (s *Store) putChunks(ctx context.Context, ws crm.WorkspaceID, upload crm.ID, r io.Reader) (int64, error) {
	var size int64
	buf := make([]byte, chunkSize)
	for n := 0; ; n++ {
		length, err := io.ReadFull(r, buf)
		if errors.Is(err, io.EOF) {
			return size, nil
		}
		last := errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return 0, fmt.Errorf("read: %w", err)
		}
		size += int64(length)
		err = s.putChunk(ctx, ws, upload, n, buf[:length])
		if err != nil || last {
			return size, err
		}
	}
}

// putChunk is one statement and so one round trip. The first chunk notes the
// upload; a later one finds it there, else it was taken for abandoned.
func (s *Store) putChunk(ctx context.Context, ws crm.WorkspaceID, upload crm.ID, n int, data []byte) error {
	text := `WITH noted AS (UPDATE crm.blob_uploads SET touched_at = ` + nowMicros + ` WHERE workspace = $1 AND upload = $2 RETURNING 1)`
	if n == 0 {
		text = `WITH noted AS (INSERT INTO crm.blob_uploads (workspace, upload, touched_at) VALUES ($1, $2, ` + nowMicros + `) RETURNING 1)`
	}
	_, noted, err := one(ctx, s, number, fixed(text+`
		INSERT INTO crm.blob_chunks (workspace, upload, n, data) SELECT $1, $2, $3, $4 FROM noted WHERE `+unsynced+` RETURNING 1`),
		uuidOf(ws), uuidOf(upload), n, data)
	if err == nil && !noted {
		err = errAbandoned
	}
	return err
}

// errAbandoned is the end of an upload that stood still for so long that another
// process took it away.
var errAbandoned = fmt.Errorf("the upload stood still for more than an hour: %w", crm.ErrUnavailable)

func (t *tx) finishUpload(ctx context.Context, ws crm.WorkspaceID, id, upload crm.ID, size int64) error {
	n, err := t.change(ctx, fixed("INSERT INTO crm.blobs (workspace, id, upload, size) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"),
		uuidOf(ws), uuidOf(id), uuidOf(upload), size)
	if err == nil && n == 0 {
		return orTaken(id, nil)
	}
	if err != nil {
		return err
	}
	n, err = t.forgetUpload(ctx, ws, upload)
	if err == nil && n == 0 && size > 0 {
		err = errAbandoned
	}
	return err
}

func (t *tx) forgetUpload(ctx context.Context, ws crm.WorkspaceID, upload crm.ID) (int64, error) {
	return t.change(ctx, fixed("DELETE FROM crm.blob_uploads WHERE workspace = ? AND upload = ?"), uuidOf(ws), uuidOf(upload))
}

// deleteUpload removes the chunks of an upload.
func (t *tx) deleteUpload(ctx context.Context, ws crm.WorkspaceID, upload crm.ID) error {
	if _, err := t.forgetUpload(ctx, ws, upload); err != nil {
		return err
	}
	_, err := t.exec(ctx, fixed("DELETE FROM crm.blob_chunks WHERE workspace = ? AND upload = ?"), uuidOf(ws), uuidOf(upload))
	return err
}

// blobHead is the visible row of a blob.
type blobHead struct {
	upload crm.ID
	size   int64
}

func (r reads) blobHead(ctx context.Context, ws crm.WorkspaceID, id crm.ID) (blobHead, error) {
	head, ok, err := one(ctx, r, func(rows *sqlx.Rows) (h blobHead, err error) {
		err = rows.Scan(scanID(&h.upload), &h.size)
		return h, err
	}, fixed("SELECT upload, size FROM crm.blobs WHERE workspace = ? AND id = ?"), uuidOf(ws), uuidOf(id))
	if err == nil && !ok {
		err = crm.ErrNotFound
	}
	return head, err
}

// OpenBlob implements [crm.Blobs]. An offset at or behind the end gives an
// empty reader; a negative one is a *crm.ValidationError. When the blob is
// deleted meanwhile, the reader fails with ErrNotFound.
func (r reads) OpenBlob(ctx context.Context, ws crm.WorkspaceID, id crm.ID, offset int64) (io.ReadCloser, error) {
	if offset < 0 {
		return nil, fmt.Errorf("open blob %s: %w", id, crm.Invalid("offset", crm.CodeInvalid, "must not be negative"))
	}
	head, err := r.blobHead(ctx, ws, id)
	if err != nil {
		return nil, fmt.Errorf("open blob %s: %w", id, err)
	}
	fetch := func(n int64) ([]byte, error) {
		data, ok, err := one(ctx, r, func(rows *sqlx.Rows) (b []byte, err error) {
			err = rows.Scan(&b)
			return b, err
		}, fixed("SELECT data FROM crm.blob_chunks WHERE workspace = ? AND upload = ? AND n = ?"), uuidOf(ws), uuidOf(head.upload), n)
		if err == nil && !ok {
			err = crm.ErrNotFound
		}
		if err != nil {
			return nil, fmt.Errorf("read blob %s: %w", id, err)
		}
		return data, nil
	}
	return &blobReader{fetch: fetch, at: offset, size: head.size}, nil
}

// blobReader reads chunk by chunk; between two reads it holds nothing open.
type blobReader struct {
	fetch    func(n int64) ([]byte, error)
	at, size int64
	rest     []byte
	closed   bool
}

// Read implements io.Reader.
func (r *blobReader) Read(p []byte) (int, error) {
	if r.closed {
		return 0, io.ErrClosedPipe
	}
	if len(r.rest) == 0 {
		if r.at >= r.size {
			return 0, io.EOF
		}
		data, err := r.fetch(r.at / chunkSize)
		if err != nil {
			return 0, err
		}
		from := r.at % chunkSize
		if from >= int64(len(data)) {
			return 0, io.ErrUnexpectedEOF
		}
		r.rest = data[from:]
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	r.at += int64(n)
	return n, nil
}

// Close implements io.Closer.
func (r *blobReader) Close() error {
	r.closed, r.rest = true, nil
	return nil
}

// ListBlobs implements [crm.Blobs]. The id of an upload begins with the time
// when it began.
func (r reads) ListBlobs(ctx context.Context, ws crm.WorkspaceID, before time.Time, after crm.ID, limit int) ([]crm.ID, error) {
	ids, err := list(ctx, r, func(rows *sqlx.Rows) (id crm.ID, err error) {
		err = rows.Scan(scanID(&id))
		return id, err
	}, fixed("SELECT id FROM crm.blobs WHERE workspace = ? AND id > ? AND upload < ? ORDER BY id LIMIT ?"), uuidOf(ws), uuidOf(after), uuidOf(firstID(before)), limit)
	if err != nil {
		return nil, fmt.Errorf("list blobs: %w", err)
	}
	return ids, nil
}

// firstID returns what the ids made at a time or later (UUIDv7, whose first 48
// bits are milliseconds) do not sort before.
func firstID(at time.Time) (id crm.ID) {
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(max(at.UnixMilli(), 0)))
	copy(id[:6], ms[2:])
	return id
}

// DeleteBlob implements [crm.Blobs].
func (s *Store) DeleteBlob(ctx context.Context, ws crm.WorkspaceID, id crm.ID) error {
	err := s.inTx(ctx, func(t *tx) error {
		upload, there, err := one(ctx, t, scanOneID, fixed("DELETE FROM crm.blobs WHERE workspace = ? AND id = ? RETURNING upload"), uuidOf(ws), uuidOf(id))
		if err != nil || !there {
			return err
		}
		return t.deleteUpload(ctx, ws, upload)
	})
	if err != nil {
		return fmt.Errorf("delete blob %s: %w", id, err)
	}
	return nil
}

// upload names an upload that was not finished.
type upload struct {
	workspace crm.WorkspaceID
	id        crm.ID
}

// removeOrphans removes what uploads left that a killed process did not
// finish: those that nobody touched for an hour.
func (s *Store) removeOrphans(ctx context.Context) error {
	orphans, err := list(ctx, s, func(rows *sqlx.Rows) (u upload, err error) {
		err = rows.Scan(scanWorkspace(&u.workspace), scanID(&u.id))
		return u, err
	}, fixed("SELECT workspace, upload FROM crm.blob_uploads WHERE touched_at < "+nowMicros+" - "+abandonedAfter))
	if err != nil {
		return fmt.Errorf("look for orphaned uploads: %w", err)
	}
	for _, u := range orphans {
		if err := s.inTx(ctx, func(t *tx) error { return t.deleteUpload(ctx, u.workspace, u.id) }); err != nil {
			return fmt.Errorf("remove orphaned upload: %w", err)
		}
	}
	return nil
}
