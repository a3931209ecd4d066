package postgres

import (
	"sync/atomic"
	"time"
)

// Figures are what the store counts of its work, since it was opened.
type Figures struct {
	// Open and InUse are the connections now, MostOpen how many there may be.
	Open, InUse, MostOpen int
	// Waits counts the calls that had to wait for a connection, and WaitTime how
	// long they did.
	Waits    int64
	WaitTime time.Duration
	// Writes counts the transactions that were committed, FailedWrites those that
	// were not, Retries the further tries after a lost race or a deadlock.
	Writes, FailedWrites, Retries int64
}

// counts are written by every transaction.
type counts struct{ writes, failed, retries atomic.Int64 }

func (c *counts) ended(err error) {
	if err != nil {
		c.failed.Add(1)
		return
	}
	c.writes.Add(1)
}

// Figures reads the counts. It asks nothing of the database.
func (s *Store) Figures() Figures {
	pool := s.pool.db.Stats()
	return Figures{
		Open: pool.OpenConnections, InUse: pool.InUse, MostOpen: pool.MaxOpenConnections, Waits: pool.WaitCount, WaitTime: pool.WaitDuration,
		Writes: s.counts.writes.Load(), FailedWrites: s.counts.failed.Load(), Retries: s.counts.retries.Load(),
	}
}
