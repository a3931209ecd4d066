package crm

import (
	"context"
	"time"
)

// Tx is what a transaction can read and write: every role that keeps tenant
// data. All of it commits together or not at all.
type Tx interface {
	WorkspaceStore
	ContactStore
	InteractionStore
	InsightStore
	ViewStore
	TagStore
	SeriesStore
	ImageStore
	EventStore
	FeedStore
	JobStore
	ImportStore
	FingerprintStore
	IdempotencyStore
}

// Store is the one database of a CRM. An adapter implements it; package
// crm/crmtest proves it. Outside of InTx every method is its own transaction.
//
// A store brings plain search ([ContactCriteria].Words), a job queue and blobs
// with it; Config.Search, Config.Queue and Config.Blobs replace them.
type Store interface {
	Tx
	Transactor
	JobQueue
	Blobs
	SystemStore
}

// Transactor runs transactions.
type Transactor interface {
	// InTx runs fn in one transaction and commits when it returns nil. An
	// error of fn rolls back and is returned as it is; so does a panic, which
	// goes on. fn sees its own writes, nobody else sees them before the
	// commit, and a nil return means durable. What fn reads by id (contacts,
	// interactions, imports, jobs, the record of a key, also that there is none)
	// stays as it is until the end: two that read the same and write upon it do
	// not both go by what they read. Lists and look-ups by other keys may miss
	// what somebody else is writing at the moment; the unique ones among them
	// (sources, fingerprints, subjects of jobs) are settled when they are written.
	// fn may run again after a
	// serialisation failure, so it does nothing but calls on tx, which is
	// valid only inside fn and in one goroutine. A ctx that ends before fn
	// began means that fn never runs. InTx must not be called inside fn.
	InTx(ctx context.Context, fn func(tx Tx) error) error
}

// SoleWriter is implemented by stores in which a long transaction of this
// process keeps the writes of others waiting. Work that could go on in larger
// steps asks it before each.
type SoleWriter interface {
	// SoleWriter reports whether, as far as the store has seen lately, no other
	// process writes to it. False is always a safe answer.
	SoleWriter() bool
}

// ResumableTransactor is implemented by stores that can commit without waiting
// for the disk.
type ResumableTransactor interface {
	// InResumableTx is InTx for a step of work that notes in the same
	// transaction how far it is and goes on from there. A power cut, never a
	// killed process, may lose the last such steps, which then run again: no
	// commit of InTx that came after one outlives it.
	InResumableTx(ctx context.Context, fn func(tx Tx) error) error
}

// SystemStore is the part of a store that crosses workspaces. Only the
// background services hold it, never one that acts for an actor.
type SystemStore interface {
	JobClaimer
	FigureKeeper
	ActivityReader
	WriteProber
	EventReaders
	LogKeeper
	Snapshotter
	Restorer
	// ListWorkspaces returns up to limit workspaces whose id sorts after the
	// id after, by id.
	ListWorkspaces(ctx context.Context, after WorkspaceID, limit int) ([]Workspace, error)
	// EventsAfter returns up to limit events of all workspaces after the
	// position, oldest first, each with its workspace. Like ListEvents it
	// never lets an event appear behind a position already seen.
	EventsAfter(ctx context.Context, after Position, limit int) ([]WorkspaceEvent, error)
	// PurgeCandidates returns up to limit contacts that went to the trash
	// before the time, oldest first.
	PurgeCandidates(ctx context.Context, deletedBefore time.Time, limit int) ([]WorkspaceContact, error)
	// PurgeImages removes up to limit images made before the time and returns
	// how many.
	PurgeImages(ctx context.Context, before time.Time, limit int) (int, error)
	// PurgeIdempotencyRecords removes up to limit records made before the time
	// and returns how many.
	PurgeIdempotencyRecords(ctx context.Context, before time.Time, limit int) (int, error)
	// Ping proves that the database answers and its schema is the one this
	// version needs. A schema that is older or newer is ErrUnavailable with
	// the reason.
	Ping(ctx context.Context) error
	// Close ends the store; twice is fine. Calls after it are ErrUnavailable.
	Close() error
}

// WriteProber tells whether the database can be written.
type WriteProber interface {
	// ProbeWrite commits a write of its own, as durable as one of InTx, and looks
	// whether the database has room to grow. One that can only be read or has no
	// room, and a store that is closed, are ErrUnavailable. Nobody sees the write:
	// there is no event, no record and no workspace of it, and many take no more
	// room than one. A probe waits for its turn, for instance behind a long write,
	// no longer than ctx, whose error it returns then. Safe for parallel use.
	ProbeWrite(ctx context.Context) error
}

// BusyWindow is how many events [ActivityReader].BusyWorkspaces looks at.
const BusyWindow = 10_000

// ActivityReader tells where something is done.
type ActivityReader interface {
	// BusyWorkspaces returns up to limit workspaces by how many of the newest
	// BusyWindow events of the log are theirs, most first. Those without any
	// are left out.
	BusyWorkspaces(ctx context.Context, limit int) ([]WorkspaceID, error)
	// QueueDepth counts the unfinished jobs of all workspaces, for each of the
	// kinds in their order, also where there is none. It reads no finished job
	// and holds nobody up.
	QueueDepth(ctx context.Context, kinds []JobKind) ([]QueueDepth, error)
}

// QueueDepth is how many jobs of a kind are unfinished.
type QueueDepth struct {
	Kind JobKind
	// Due waits for a worker now, Later for its time, by the database's clock;
	// Running is held by a worker, or was by one that is gone.
	Due, Later, Running int
}

// FigureKeeper mends the figures that are kept beside the rows.
type FigureKeeper interface {
	// RecountSeries sets the workspace's series to what the rows say. It may keep
	// writers of the workspace waiting while it reads them.
	RecountSeries(ctx context.Context, ws WorkspaceID) error
	// RecountContacts sets the workspace's figures of live and trashed
	// contacts to what the rows say.
	RecountContacts(ctx context.Context, ws WorkspaceID) error
}

// WorkspaceEvent is an event with its workspace.
type WorkspaceEvent struct {
	Workspace WorkspaceID
	Event
}

// WorkspaceContact names a contact across workspaces.
type WorkspaceContact struct {
	Workspace WorkspaceID
	Contact   ID
}
