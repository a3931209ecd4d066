package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// touchInterval is how often the use of a session or key is written down.
const touchInterval = time.Minute

// touchPatience bounds how long a request waits for that; it goes on without.
const touchPatience = time.Second

// Caller is who is calling.
type Caller struct {
	Actor crm.Actor
	User  User
	// Session is nil for a caller with an API key, Key for one with a session.
	Session *Session
	Key     *Key
}

// Authenticate returns the caller with the session's token, acting in the
// workspace; the zero workspace means the one the user joined first. It is one
// indexed read, and one write a minute to note the use. A session that is
// unknown, revoked or run out is ErrUnauthenticated; a user who is no member of
// the workspace, or of none, gets ErrForbidden, whether it exists or not.
//
// Take tokens from cookies only: one accepted elsewhere would need no CSRF token.
func (s *SessionService) Authenticate(ctx context.Context, token string, ws crm.WorkspaceID) (Caller, error) {
	digest, ok := tokenDigest(token)
	if !ok {
		return Caller{}, errNoSession()
	}
	c, err := s.core.store.FindSessionCaller(ctx, digest, ws)
	if errors.Is(err, crm.ErrNotFound) {
		return Caller{}, errNoSession()
	}
	if err != nil {
		return Caller{}, fmt.Errorf("authenticate: %w", err)
	}
	now := s.core.now()
	if !c.Session.live(now) {
		return Caller{}, errNoSession()
	}
	if c.Workspace.IsZero() {
		return Caller{}, fmt.Errorf("not a member of the workspace: %w", crm.ErrForbidden)
	}
	if now.Sub(c.Session.SeenAt) >= touchInterval {
		c.Session.SeenAt = now
		s.core.touch(ctx, func(ctx context.Context) error { return s.core.store.TouchSession(ctx, digest, now) })
	}
	c.Session.Current = true
	return Caller{
		Actor: crm.Actor{Workspace: c.Workspace, User: c.User.ID, Name: c.User.Name, Role: c.Role, Kind: crm.ActorUser},
		User:  c.User, Session: &c.Session,
	}, nil
}

// Authenticate returns the caller with an API key. A key acts in one
// workspace: another one than zero or its own is ErrForbidden. A key that is
// unknown, revoked or run out, or whose maker is no member any more, is
// ErrUnauthenticated. It costs what [SessionService.Authenticate] costs.
func (s *KeyService) Authenticate(ctx context.Context, key string, ws crm.WorkspaceID) (Caller, error) {
	digest, ok := keyDigest(key)
	if !ok {
		return Caller{}, errNoKey()
	}
	c, err := s.core.store.FindKeyCaller(ctx, digest)
	if errors.Is(err, crm.ErrNotFound) {
		return Caller{}, errNoKey()
	}
	if err != nil {
		return Caller{}, fmt.Errorf("authenticate: %w", err)
	}
	now := s.core.now()
	if !c.Key.ExpiresAt.IsZero() && !now.Before(c.Key.ExpiresAt) || c.Role == "" {
		return Caller{}, errNoKey()
	}
	if !ws.IsZero() && ws != c.Workspace {
		return Caller{}, fmt.Errorf("the API key is not of the workspace: %w", crm.ErrForbidden)
	}
	if now.Sub(c.Key.UsedAt) >= touchInterval {
		c.Key.UsedAt = now
		s.core.touch(ctx, func(ctx context.Context) error { return s.core.store.TouchKey(ctx, c.Workspace, c.Key.ID, now) })
	}
	return Caller{
		Actor: crm.Actor{
			Workspace: c.Workspace, User: c.User.ID, Name: c.Key.Name, Role: c.Role,
			Scopes: append([]crm.Scope{}, c.Key.Scopes...), // Never nil, which would mean all.
			Kind:   crm.ActorKey,
		},
		User: c.User, Key: &c.Key,
	}, nil
}

// touch notes a use. Nobody is turned away because that fails.
func (k *core) touch(ctx context.Context, write func(context.Context) error) {
	ctx, cancel := context.WithTimeout(ctx, touchPatience)
	defer cancel()
	if err := write(ctx); err != nil {
		k.log.WarnContext(ctx, "note the use of a session or key", "error", err)
	}
}

// These say nothing that tells an unknown secret from an expired one.
func errNoSession() error {
	return fmt.Errorf("no such session, or it has ended; sign in again: %w", crm.ErrUnauthenticated)
}

func errNoKey() error {
	return fmt.Errorf("no such API key, or it has ended: %w", crm.ErrUnauthenticated)
}
