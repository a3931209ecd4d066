package identity

import (
	"context"
	"errors"
	"fmt"

	"github.com/omnicrm/omnicrm/crm"
)

// SessionService signs users in and out and tells who calls with a session.
type SessionService struct{ core *core }

// SignOut ends the session of a token. One that has ended already, or never
// was, is no error.
func (s *SessionService) SignOut(ctx context.Context, token string) error {
	digest, ok := tokenDigest(token)
	if !ok {
		return nil
	}
	err := s.core.store.InIdentityTx(ctx, func(tx Tx) error {
		session, err := tx.FindSession(ctx, digest)
		if err != nil {
			return err
		}
		return s.core.revokeSession(ctx, tx, byUser(session.User), session.User, session.ID)
	})
	if err != nil && !errors.Is(err, crm.ErrNotFound) {
		return fmt.Errorf("sign out: %w", err)
	}
	return nil
}

func (k *core) revokeSession(ctx context.Context, tx Tx, who crm.EventActor, user, id crm.ID) error {
	if err := tx.DeleteSession(ctx, user, id); err != nil {
		return err
	}
	return k.tellAll(ctx, tx, user, k.event(EventSessionRevoked, who, subject(SubjectSession, id)))
}

// List returns the actor's own sessions that have not run out, newest first, at
// most 100. The one with the id current, which may be zero, is marked.
func (s *SessionService) List(ctx context.Context, actor crm.Actor, current crm.ID) ([]Session, error) {
	if err := actor.Authorize(crm.PermSignIn); err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	all, err := s.core.store.ListSessions(ctx, actor.User, maxSessions)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	now := s.core.now()
	var live []Session
	for _, session := range all {
		if session.live(now) {
			session.Current = session.ID == current
			live = append(live, session)
		}
	}
	return live, nil
}

// Revoke ends one of the actor's own sessions at once; another user's is
// ErrNotFound.
func (s *SessionService) Revoke(ctx context.Context, actor crm.Actor, id crm.ID) error {
	if err := actor.Authorize(crm.PermSignIn); err != nil {
		return fmt.Errorf("revoke session: %w", err)
	}
	err := s.core.store.InIdentityTx(ctx, func(tx Tx) error {
		return s.core.revokeSession(ctx, tx, by(actor), actor.User, id)
	})
	if err != nil {
		return fmt.Errorf("revoke session %s: %w", id, err)
	}
	return nil
}

// RevokeOthers ends the actor's own sessions but the current one, all of them
// when current is zero, and returns how many.
func (s *SessionService) RevokeOthers(ctx context.Context, actor crm.Actor, current crm.ID) (int, error) {
	if err := actor.Authorize(crm.PermSignIn); err != nil {
		return 0, fmt.Errorf("revoke sessions: %w", err)
	}
	var n int
	err := s.core.store.InIdentityTx(ctx, func(tx Tx) (err error) {
		n, err = s.core.revokeSessions(ctx, tx, by(actor), actor.User, current)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("revoke sessions: %w", err)
	}
	return n, nil
}

// revokeSessions tells of many at once by one event about the user.
func (k *core) revokeSessions(ctx context.Context, tx Tx, who crm.EventActor, user, keep crm.ID) (int, error) {
	n, err := tx.DeleteSessions(ctx, user, keep)
	if err != nil || n == 0 {
		return n, err
	}
	return n, k.tellAll(ctx, tx, user, k.event(EventSessionRevoked, who, subject(SubjectUser, user)))
}
