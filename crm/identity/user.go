package identity

import (
	"context"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// User is a person who can sign in. A user belongs to no workspace; a [Member]
// ties the two.
type User struct {
	ID crm.ID
	// Email is the address as it was typed. Two users never have the same
	// one, whatever the case.
	Email     string
	Name      string
	CreatedAt time.Time
	UpdatedAt time.Time
	Version   int64
}

// UserRecord is a user as a store keeps it.
type UserRecord struct {
	User
	// EmailKey is the address in lower case, unique.
	EmailKey string
	// PasswordHash is an argon2id hash in its text form, "" for a user who
	// cannot sign in by password.
	PasswordHash string
}

// UserStore keeps users.
type UserStore interface {
	// PutUser inserts u when expect is 0, else replaces the row whose version
	// is expect. A *ConflictError with ConflictExists and the other user's id
	// when another user has the EmailKey; with ConflictStale when the version
	// differs or the row is gone.
	PutUser(ctx context.Context, u UserRecord, expect int64) error
	// GetUser returns the user, or ErrNotFound.
	GetUser(ctx context.Context, id crm.ID) (UserRecord, error)
	// FindUser returns the user with the key of an address, or ErrNotFound.
	FindUser(ctx context.Context, emailKey string) (UserRecord, error)
	// ListUsers returns up to limit users whose id sorts after the id after,
	// by id.
	ListUsers(ctx context.Context, after crm.ID, limit int) ([]User, error)
	// DeleteUser removes the user with the sessions, links, memberships and
	// API keys, or returns ErrNotFound.
	DeleteUser(ctx context.Context, id crm.ID) error
}
