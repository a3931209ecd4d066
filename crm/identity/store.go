package identity

import (
	"context"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// Tx is what a transaction of this package can read and write: every role that
// keeps identities, and the event log, the keys of requests and the workspaces
// of package crm, so that a change, the events it causes and the key it was asked
// with commit together or not at all.
type Tx interface {
	UserStore
	MemberStore
	SessionStore
	KeyStore
	InvitationStore
	LinkStore
	AttemptStore
	crm.EventStore
	crm.IdempotencyStore
	crm.WorkspaceStore
	// ListWorkspaces returns up to limit workspaces whose id sorts after the
	// id after, by id. Only [Operator] asks.
	ListWorkspaces(ctx context.Context, after crm.WorkspaceID, limit int) ([]crm.Workspace, error)
}

// Store keeps identities. An adapter implements it in the database of its
// [crm.Store]; package identitytest proves it. Outside of InIdentityTx every
// method is its own transaction. Times are UTC and whole microseconds, and come
// back as they were given. A method that fails has written nothing.
// All methods are safe for parallel use.
type Store interface {
	Tx
	CallerStore
	Snapshotter
	// PurgeIdentity removes what has run out, at most limit rows of each kind.
	PurgeIdentity(ctx context.Context, e Expired, limit int) error
	// InIdentityTx runs fn in one transaction, under the contract of
	// [crm.Transactor]. What fn has read of a row, or of the absence of one,
	// stays so until the end: two transactions that read the same and write
	// on it do not both commit on what they read; one waits or runs again.
	InIdentityTx(ctx context.Context, fn func(tx Tx) error) error
}

// Expired says what has run out. A zero time keeps the kind whole.
type Expired struct {
	// SessionsSeenBefore and SessionsCreatedBefore: sessions last used, or
	// made, before that.
	SessionsSeenBefore, SessionsCreatedBefore time.Time
	// LinksBefore: links that ended before that.
	LinksBefore time.Time
	// AttemptsBefore: attempts whose last one was before that.
	AttemptsBefore time.Time
}

// CallerStore finds who is calling. It is asked on every request, so each
// method is one indexed read. It is not part of a [Tx].
type CallerStore interface {
	// FindSessionCaller returns the session with its user and the user's
	// membership in the workspace; the zero workspace means the one joined
	// first. Without the session, ErrNotFound; without the membership, a zero
	// Workspace and no Role.
	FindSessionCaller(ctx context.Context, token Digest, ws crm.WorkspaceID) (SessionCaller, error)
	// FindKeyCaller returns the key with its maker and the role the maker has
	// in the key's workspace now, or ErrNotFound.
	FindKeyCaller(ctx context.Context, key Digest) (KeyCaller, error)
}

// SessionCaller is what a session says about a caller.
type SessionCaller struct {
	Session   Session
	User      User
	Workspace crm.WorkspaceID
	Role      crm.Role
}

// KeyCaller is what an API key says about a caller.
type KeyCaller struct {
	Key       Key
	User      User
	Workspace crm.WorkspaceID
	Role      crm.Role
}
