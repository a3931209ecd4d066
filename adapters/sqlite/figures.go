package sqlite

import (
	"os"
	"sync/atomic"
	"time"
)

// Figures are what the store counts of its writing, since it was opened.
type Figures struct {
	// Waiting is how many transactions wait for the writer now.
	Waiting int
	// Commits counts the transactions of the database, Writes those of callers,
	// which share them; FailedWrites are the callers' whose commit failed.
	Commits, Writes, FailedWrites int64
	// CommitTime is how long the commits took, most of it the flush to the
	// disk; Held how long the writer held the database's lock.
	CommitTime, Held time.Duration
	// LogBytes is the size of the write-ahead log, 0 when there is none.
	LogBytes int64
}

// writerCounts are written by the writer alone.
type writerCounts struct {
	commits, writes, failed, took, held atomic.Int64
}

func (c *writerCounts) committed(members int, took time.Duration, err error) {
	c.took.Add(int64(took))
	if err != nil {
		c.failed.Add(int64(members))
		return
	}
	c.commits.Add(1)
	c.writes.Add(int64(members))
}

// Figures reads the counts. It asks nothing of the database.
func (s *Store) Figures() Figures {
	c := &s.writer.counts
	f := Figures{
		Waiting: len(s.writer.queue), Commits: c.commits.Load(), Writes: c.writes.Load(), FailedWrites: c.failed.Load(),
		CommitTime: time.Duration(c.took.Load()), Held: time.Duration(c.held.Load()),
	}
	if info, err := os.Stat(s.copies.log); err == nil {
		f.LogBytes = info.Size()
	}
	return f
}
