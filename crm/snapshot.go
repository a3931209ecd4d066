package crm

import (
	"context"
	"io"
	"time"
)

// Snapshotter reads a store as it was at one moment, for a backup.
type Snapshotter interface {
	// InSnapshot runs fn with a view of what was committed when it began,
	// whatever is written meanwhile. Writers and other readers never wait for it.
	// The view is valid only inside fn and in one goroutine. An error of fn is
	// returned as it is. An end of ctx ends the calls of the view. A view that
	// stays open for long may cost room, as the adapter says.
	InSnapshot(ctx context.Context, fn func(view Snapshot) error) error
}

// Snapshot is everything of a store that a backup holds, at one moment. Methods
// that a store has too do the same here.
type Snapshot interface {
	SnapshotRecords
	SnapshotHistory
	SnapshotBlobs
}

// SnapshotRecords reads workspaces and what they work with.
type SnapshotRecords interface {
	// ListWorkspaces is that of [SystemStore].
	ListWorkspaces(ctx context.Context, after WorkspaceID, limit int) ([]Workspace, error)
	// ListContactIDs and GetContacts are those of [ContactStore].
	ListContactIDs(ctx context.Context, ws WorkspaceID, where ContactCriteria, after ID, limit int) ([]ID, error)
	GetContacts(ctx context.Context, ws WorkspaceID, ids []ID) ([]Contact, error)
	// ListInteractionIDs and GetInteractions are those of [InteractionReader].
	ListInteractionIDs(ctx context.Context, ws WorkspaceID, where InteractionCriteria, after ID, limit int) ([]ID, error)
	GetInteractions(ctx context.Context, ws WorkspaceID, ids []ID) ([]Interaction, error)
	// ListTags is that of [TagStore].
	ListTags(ctx context.Context, ws WorkspaceID) ([]Tag, error)
	// ListJobs is that of [JobStore].
	ListJobs(ctx context.Context, ws WorkspaceID, q JobQuery) ([]Job, error)
}

// SnapshotHistory reads what was done.
type SnapshotHistory interface {
	// ListEvents is that of [EventStore].
	ListEvents(ctx context.Context, ws WorkspaceID, after Position, limit int) ([]Event, error)
	// ListImages is that of [ImageStore].
	ListImages(ctx context.Context, ws WorkspaceID, batch, after ID, limit int) ([]Image, error)
	// ListImageBatches returns up to limit batches that images have, but for the
	// zero one, which sort after the id after, by id, each once.
	ListImageBatches(ctx context.Context, ws WorkspaceID, after ID, limit int) ([]ID, error)
	// ListImports and ListImportRows are those of [ImportStore].
	ListImports(ctx context.Context, ws WorkspaceID, q ImportQuery) ([]Import, error)
	ListImportRows(ctx context.Context, ws WorkspaceID, id ID, q ImportRowQuery) ([]ImportRow, error)
	// ListFingerprints returns up to limit marks whose fingerprint sorts after
	// the one given, by fingerprint.
	ListFingerprints(ctx context.Context, ws WorkspaceID, after Fingerprint, limit int) ([]FingerprintMark, error)
}

// SnapshotBlobs reads files. They are those of [Blobs].
type SnapshotBlobs interface {
	ListBlobs(ctx context.Context, ws WorkspaceID, before time.Time, after ID, limit int) ([]ID, error)
	OpenBlob(ctx context.Context, ws WorkspaceID, id ID, offset int64) (io.ReadCloser, error)
}

// Restorer fills an empty store from a backup, in steps, and keeps what is half
// filled from passing for whole.
type Restorer interface {
	// BeginRestore marks the store as being filled from the backup with this id,
	// which is not zero, and returns how far an earlier call came with it, 0 for a
	// new one. A store that holds anything else, or that other processes are seen
	// to have open, is a *ConflictError with ConflictState; one that is being
	// filled from another backup, one with ConflictExists and that one's id.
	BeginRestore(ctx context.Context, backup ID) (done int64, err error)
	// InRestore runs fn as InTx does and notes in the same transaction how far
	// the restore is. A power cut, never a killed process, may lose the last such
	// steps, but none before a commit of InTx. Without BeginRestore it is a
	// *ConflictError with ConflictState, and fn does not run.
	InRestore(ctx context.Context, done int64, fn func(tx Tx) error) error
	// Restoring returns the backup that the store is being filled from, zero for
	// none.
	Restoring(ctx context.Context) (ID, error)
	// EndRestore takes the mark away. Without one it does nothing.
	EndRestore(ctx context.Context) error
}
