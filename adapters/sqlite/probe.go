package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/omnicrm/omnicrm/crm"
)

const (
	// probeRoom is how much room a probe wants on the disk, in bytes: what a few
	// writes need in the log and then in the file.
	probeRoom = 32 * pageSize
	// probesPerCopy is after how many probes the log is copied into the file.
	// Where somebody asks without a pause the writer is never idle enough to do
	// it, and at a page each the log would grow to checkpointPages.
	probesPerCopy = 64
)

// prober is what probes of writes need.
type prober struct {
	room  string // the path of the scratch file
	count atomic.Int64
}

// ProbeWrite implements [crm.WriteProber]. It commits a change of one row
// through the writer, as any other write, which finds a file, a folder or a
// file system that can only be read. That alone would find a full disk late:
// the log is written over again and again in the room that it has, while no new
// contact would fit. So it makes a scratch file beside the database too.
func (s *Store) ProbeWrite(ctx context.Context) error {
	err := s.inTx(ctx, func(t *tx) error {
		// A row that stays as it is SQLite would not write at all.
		_, err := t.exec(ctx, fixed("INSERT INTO write_probe (id, side) VALUES (1, 0) ON CONFLICT (id) DO UPDATE SET side = 1 - side"))
		return err
	})
	if s.probes.count.Add(1)%probesPerCopy == 0 {
		s.copies.soon()
	}
	if err == nil {
		err = makeRoom(s.probes.room)
	}
	if err != nil {
		return fmt.Errorf("probe a write: %w", err)
	}
	return nil
}

// makeRoom writes a file and removes it. One that a kill leaves is used by the
// next probe, also another process's: there is never more than one.
func makeRoom(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // The path is the database's, which the program chose.
	if err != nil {
		return joined(crm.ErrUnavailable, fmt.Errorf("make a file beside the database: %w", err))
	}
	_, err = f.Write(bytes.Repeat([]byte("room for a write"), probeRoom/16)) // Zeros might be kept as a hole.
	err = errors.Join(err, f.Close())
	_ = os.Remove(path) // Left there, the next probe writes over it.
	if err != nil {
		return joined(crm.ErrUnavailable, fmt.Errorf("write beside the database: %w", err))
	}
	return nil
}
