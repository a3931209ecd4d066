package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"
	"time"
)

// While other processes have the file open, a writer that worked for longer
// than longWork without a pause makes one, in which they find the lock free.
// Without it a second process waited 3.5 s for its turn and made 14 creates/s;
// with 20 ms 281/s. Many short transactions back to back starve the others as
// one long one does, so that work adds up until there was a pause.
const (
	longWork   = 10 * time.Millisecond
	longPause  = 20 * time.Millisecond
	manyWork   = 40 * time.Millisecond
	shortPause = 5 * time.Millisecond
	// lookInterval is how often it is looked who has the file open.
	lookInterval = 100 * time.Millisecond
)

// neighbours knows whether other processes, or other stores of this one, have
// the same file open. Only the writer's goroutine uses it, but for alone.
type neighbours struct {
	lock   *lockFile   // nil for a private store: nobody else can open it
	alone  atomic.Bool // as last seen
	looked time.Time
	worked time.Duration // since the last pause
	last   time.Time     // the end of the last work
}

// meetNeighbours announces this store beside the file.
func meetNeighbours(ctx context.Context, path string) (*neighbours, error) {
	lock, err := openLock(ctx, path+"-open", shared)
	if err != nil {
		return nil, fmt.Errorf("announce the store: %w", err)
	}
	return &neighbours{lock: lock}, nil
}

// isAlone looks who else has the file open, at most every lookInterval.
func (n *neighbours) isAlone(now time.Time) bool {
	if n.lock == nil {
		return true
	}
	if n.looked.IsZero() || now.Sub(n.looked) > lookInterval {
		n.alone.Store(n.lock.alone())
		n.looked = now
	}
	return n.alone.Load()
}

// giveWay is called after a group that held the lock for that long. It pauses
// when others may wait, until stop at the latest.
func (n *neighbours) giveWay(held time.Duration, stop <-chan struct{}) {
	now := time.Now()
	if now.Add(-held).Sub(n.last) >= shortPause {
		n.worked = 0 // There was a pause anyway.
	}
	n.worked += held
	n.last = now
	pause := n.pause(held, now)
	if pause == 0 {
		return
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-stop:
	}
	n.worked = 0
}

// pause returns how long to leave the lock to others.
func (n *neighbours) pause(held time.Duration, now time.Time) time.Duration {
	switch {
	case held < longWork && n.worked < manyWork:
		return 0
	case n.isAlone(now):
		return 0
	case held >= longWork:
		return longPause
	}
	return shortPause
}

// leave ends the announcement.
func (n *neighbours) leave() error {
	if n.lock == nil {
		return nil
	}
	return n.lock.release()
}

// Unused reports whether no store, of this process or another, has the file
// open. It makes nothing, and says false where locks cannot be seen. A store that
// is opened a moment later is not kept from it.
func Unused(path string) (unused bool, err error) {
	if !canLock {
		return false, nil
	}
	f, err := os.OpenFile(path+"-open", os.O_RDWR, 0) //nolint:gosec // The path is the database's, which the program chose.
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("look who has %s open: %w", path, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	switch held := lockHandle(f, exclusive, try); {
	case errors.Is(held, errHeld):
		return false, nil
	case held != nil:
		return false, fmt.Errorf("look who has %s open: %w", path, held)
	}
	return true, nil
}
