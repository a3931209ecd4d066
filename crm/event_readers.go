package crm

import (
	"context"
	"time"
)

// EventReader is how far a durable consumer of the log has come.
type EventReader struct {
	// Name is the consumer's, the same in every version of the program.
	Name string
	// Position is the last event that it is done with.
	Position Position
	// Held says that somebody reads at this moment.
	Held bool
	// Failure is the code of what stopped it since FailingSince, such as
	// "unavailable" or "internal": never a text, which might hold personal data.
	// Empty and zero while all is well.
	Failure      string
	FailingSince time.Time
}

// EventReaders keep the positions of the durable consumers of the log, and give
// each at most one reader at a time. Leases are measured in the database's time.
type EventReaders interface {
	// ClaimReader gives the consumer to whoever holds lease, for the time valid,
	// and returns where it stands. One that was never claimed begins at position
	// 0. While another lease holds, it is a *ConflictError with [ConflictState];
	// one's own is extended.
	ClaimReader(ctx context.Context, name string, lease ID, valid time.Duration) (EventReader, error)
	// AdvanceReader moves the position forward, extends the lease and forgets a
	// failure. A position behind the one it has changes nothing else. When the
	// lease does not hold any more it is a *ConflictError with [ConflictStale] and
	// nothing changes. A power cut may take the last steps back: they are done
	// again.
	AdvanceReader(ctx context.Context, name string, lease ID, to Position, valid time.Duration) error
	// FailReader notes under the lease that the consumer fails; the time since
	// when stays that of the first failure after an advance. Without the lease it
	// fails as AdvanceReader does.
	FailReader(ctx context.Context, name string, lease ID, code string) error
	// ReleaseReader gives the lease back, so that the next claim need not wait. A
	// lease that does not hold any more is no error.
	ReleaseReader(ctx context.Context, name string, lease ID) error
	// ListReaders returns all consumers that were ever claimed, by name.
	ListReaders(ctx context.Context) ([]EventReader, error)
}

// EventLog is the state of the log as a whole.
type EventLog struct {
	// Epoch tells positions of this log from those of another history: a
	// restored database begins a new one.
	Epoch ID
	// Purged is the highest position of an event that was removed, 0 for none.
	Purged Position
	// Head is the position of the newest event of all workspaces, 0 for none.
	Head Position
}

// LogKeeper keeps the log as a whole.
type LogKeeper interface {
	// LogState returns the state of the log. It is asked often and costs little.
	LogState(ctx context.Context) (EventLog, error)
	// RenewLogEpoch begins a new epoch. Whoever restores a database from a copy
	// calls it before anybody reads: positions of streams and cursors given out
	// since the copy was made then belong to no event.
	RenewLogEpoch(ctx context.Context) error
	// PurgeEvents removes up to limit of the oldest events of the log, as long as
	// these happened before the time and stand at or before upTo, and returns how
	// many. The newest event of each workspace always stays, so that its head
	// and, in the log as a whole, the order of positions live on.
	PurgeEvents(ctx context.Context, before time.Time, upTo Position, limit int) (int, error)
}
