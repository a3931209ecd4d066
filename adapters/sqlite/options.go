package sqlite

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// SyncMode says what an acknowledged write survives.
type SyncMode int

const (
	// SyncFull flushes every commit to the disk: an acknowledged write
	// survives a power cut. Writers that wait at the same moment share a flush.
	SyncFull SyncMode = iota
	// SyncNormal leaves flushing to the operating system between checkpoints:
	// an acknowledged write survives a killed process, a power cut may lose
	// the last ones. The file stays whole either way.
	SyncNormal
)

// Options tunes a store. The zero value works.
type Options struct {
	// Sync is what an acknowledged write survives. Default SyncFull.
	Sync SyncMode
	// Readers is the number of reading connections, at most 64. Default 4.
	Readers int
	// CacheKB is the page cache of each reading connection in KiB; the writing
	// one has six times as much while it is at work. The library takes about
	// twice the memory for it. Default 4,096.
	CacheKB int
	// BusyTimeout is how long a write waits for another process to end its
	// transaction before it fails with ErrUnavailable. Default 30 seconds.
	BusyTimeout time.Duration
	// OpenDB makes the pools of connections, for instance with instruments
	// around them. What it returns must pass errors on as they are and leave the
	// context of a call alone. Default sql.OpenDB.
	OpenDB func(driver.Connector) *sql.DB

	// trace is told the text of every statement, for the test of the plans.
	trace func(text string)
}

const (
	defaultReaders     = 4
	maxReaders         = 64
	defaultCacheKB     = 4 << 10
	defaultBusyTimeout = 30 * time.Second
)

// withDefaults checks o and fills what is not set. A value out of bounds is a
// *crm.ValidationError that names the field.
func (o Options) withDefaults() (Options, error) {
	if o.Sync != SyncFull && o.Sync != SyncNormal {
		return o, crm.Invalid("Sync", crm.CodeUnknown, "must be SyncFull or SyncNormal")
	}
	if o.Readers < 0 || o.Readers > maxReaders {
		return o, crm.Invalid("Readers", crm.CodeInvalid, fmt.Sprintf("must be 0 to %d", maxReaders))
	}
	if o.CacheKB < 0 {
		return o, crm.Invalid("CacheKB", crm.CodeInvalid, "must not be negative")
	}
	if o.BusyTimeout < 0 {
		return o, crm.Invalid("BusyTimeout", crm.CodeInvalid, "must not be negative")
	}
	if o.Readers == 0 {
		o.Readers = defaultReaders
	}
	if o.CacheKB == 0 {
		o.CacheKB = defaultCacheKB
	}
	if o.BusyTimeout == 0 {
		o.BusyTimeout = defaultBusyTimeout
	}
	if o.OpenDB == nil {
		o.OpenDB = sql.OpenDB
	}
	return o, nil
}
