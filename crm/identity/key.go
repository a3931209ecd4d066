package identity

import (
	"context"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// KeyPrefix begins every API key, so that scanners for leaked secrets, and
// people, know one when they see it.
const KeyPrefix = "omni_"

// shownPrefix is how many characters of a key are kept to tell it by.
const shownPrefix = len(KeyPrefix) + 6

// Key is an API key of a member. It acts with the role its maker has at that
// moment, narrowed by the scopes, and ends with the membership.
type Key struct {
	ID crm.ID
	// User is the maker.
	User crm.ID
	Name string
	// Prefix is the beginning of the key, to tell it by.
	Prefix string
	// Scopes in the order of [crm.Scopes].
	Scopes    []crm.Scope
	CreatedAt time.Time
	// ExpiresAt is zero for a key that does not end by itself.
	ExpiresAt time.Time
	// UsedAt is when it was last used, to the minute; zero for never.
	UsedAt time.Time
}

// KeyQuery asks for a page of keys.
type KeyQuery struct {
	// User, when not zero, keeps to the keys that this user made.
	User  crm.ID
	After crm.ID
	// Limit is at least 1.
	Limit int
}

// KeyStore keeps API keys.
type KeyStore interface {
	// PutKey inserts the key under the digest of its text. Its maker not being
	// a member is ErrNotFound.
	PutKey(ctx context.Context, ws crm.WorkspaceID, k Key, digest Digest) error
	// GetKey returns the key, or ErrNotFound.
	GetKey(ctx context.Context, ws crm.WorkspaceID, id crm.ID) (Key, error)
	// ListKeys returns a page by id, beginning after the id After.
	ListKeys(ctx context.Context, ws crm.WorkspaceID, q KeyQuery) ([]Key, error)
	// CountKeys returns how many keys the user made, all of them for the zero
	// user.
	CountKeys(ctx context.Context, ws crm.WorkspaceID, user crm.ID) (int, error)
	// TouchKey moves UsedAt forward; a key that is gone stays gone and an
	// earlier time changes nothing, without an error.
	TouchKey(ctx context.Context, ws crm.WorkspaceID, id crm.ID, used time.Time) error
	// DeleteKey removes the key, or returns ErrNotFound.
	DeleteKey(ctx context.Context, ws crm.WorkspaceID, id crm.ID) error
}
