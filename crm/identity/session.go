package identity

import (
	"context"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// A session ends when it was not used for SessionIdle, and SessionLifetime
// after the sign-in whatever happens.
const (
	SessionIdle     = 14 * 24 * time.Hour
	SessionLifetime = 90 * 24 * time.Hour
)

// Session is one sign-in of a user.
type Session struct {
	ID        crm.ID
	User      crm.ID
	CreatedAt time.Time
	// SeenAt is when it was last used, to the minute.
	SeenAt time.Time
	// Address and UserAgent are those of the sign-in, as the transport saw
	// them, cut at 64 and 400 bytes.
	Address   string
	UserAgent string
	// Current marks the session that asks. It is not stored.
	Current bool
}

// live reports whether the session has not run out.
func (s Session) live(now time.Time) bool {
	return now.Before(s.SeenAt.Add(SessionIdle)) && now.Before(s.CreatedAt.Add(SessionLifetime))
}

// Origin is where a sign-in comes from.
type Origin struct {
	// Address is the caller's network address, without a port. Failed
	// sign-ins are counted by it; "" counts none.
	Address   string
	UserAgent string
}

// SessionStore keeps sessions.
type SessionStore interface {
	// PutSession inserts the session under the digest of its token; its user
	// missing is ErrNotFound.
	PutSession(ctx context.Context, s Session, token Digest) error
	// FindSession returns the session of a token, or ErrNotFound.
	FindSession(ctx context.Context, token Digest) (Session, error)
	// TouchSession moves SeenAt forward; a session that is gone stays gone and
	// an earlier time changes nothing, without an error.
	TouchSession(ctx context.Context, token Digest, seen time.Time) error
	// ListSessions returns up to limit sessions of the user, newest (highest
	// id) first.
	ListSessions(ctx context.Context, user crm.ID, limit int) ([]Session, error)
	// DeleteSession removes the user's session, or returns ErrNotFound.
	DeleteSession(ctx context.Context, user, id crm.ID) error
	// DeleteSessions removes the user's sessions but the one to keep, which
	// may be zero, and returns how many.
	DeleteSessions(ctx context.Context, user, keep crm.ID) (int, error)
}

// LinkPurpose says what a one-time link is good for.
type LinkPurpose string

// The purposes.
const (
	// LinkSignIn signs its user in.
	LinkSignIn LinkPurpose = "sign_in"
	// LinkSetUp makes the first user.
	LinkSetUp LinkPurpose = "set_up"
)

// Link is a one-time link.
type Link struct {
	Purpose LinkPurpose
	// User is who it signs in, zero for LinkSetUp.
	User      crm.ID
	ExpiresAt time.Time
}

// LinkStore keeps one-time links.
type LinkStore interface {
	// PutLink inserts the link under the digest of its token; its user missing
	// is ErrNotFound.
	PutLink(ctx context.Context, l Link, token Digest) error
	// FindLink returns the link of a token and leaves it, or ErrNotFound.
	FindLink(ctx context.Context, token Digest) (Link, error)
	// TakeLink removes the link of a token and returns it, or ErrNotFound. Of
	// many that take it at once exactly one gets it.
	TakeLink(ctx context.Context, token Digest) (Link, error)
}
