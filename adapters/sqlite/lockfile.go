package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// errHeld says that another process holds the lock.
var errHeld = errors.New("held by another process")

// lockMode says how a lock file is held.
type lockMode int

const (
	shared    lockMode = iota // beside others who share it
	exclusive                 // alone
)

// lockFile is a file that processes lock, beside the database; what it holds
// means nothing. The lock ends with the process, however that ends.
//
// It is never the database file itself: closing any handle of that would drop
// SQLite's own locks on it.
type lockFile struct {
	path string
	file *os.File
}

// openLock makes the file where it is missing and waits for the lock until ctx
// ends.
func openLock(ctx context.Context, path string, mode lockMode) (*lockFile, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // The path is the database's, which the program chose.
		if err != nil {
			return nil, fmt.Errorf("open lock file: %w", err)
		}
		if err := acquire(ctx, f, mode); err != nil {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
		}
		if stillAt(f, path) {
			return &lockFile{path: path, file: f}, nil
		}
		// Its last holder removed it between the two steps: the next one to
		// open the path would not meet this lock.
		if err := f.Close(); err != nil {
			return nil, fmt.Errorf("close lock file: %w", err)
		}
	}
}

// acquire polls, because waiting in the kernel would not end with ctx.
func acquire(ctx context.Context, f *os.File, mode lockMode) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		if err := lockHandle(f, mode, try); !errors.Is(err, errHeld) || !canLock {
			return nilIfHeld(err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// nilIfHeld lets those pass who live where no locks can be seen.
func nilIfHeld(err error) error {
	if errors.Is(err, errHeld) {
		return nil
	}
	return err
}

func stillAt(f *os.File, path string) bool {
	held, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(path)
	return err == nil && os.SameFile(held, named)
}

// alone reports whether nobody else holds the file. The lock, shared before,
// is shared afterwards.
func (l *lockFile) alone() bool {
	if lockHandle(l.file, exclusive, try) == nil {
		// Shared again at once: others who come meanwhile wait for that moment.
		return lockHandle(l.file, shared, wait) == nil
	}
	// A failed try may have dropped the shared lock (flock(2)).
	if err := lockHandle(l.file, shared, wait); err != nil {
		return false
	}
	return false
}

// release ends the lock and removes the file unless others hold it. One that
// cannot be removed, as in a folder that can only be read, does no harm there.
func (l *lockFile) release() error {
	if lockHandle(l.file, exclusive, try) == nil {
		_ = os.Remove(l.path)
	}
	return l.file.Close()
}
