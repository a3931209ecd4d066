package identity

import (
	"context"
	"errors"
	"fmt"

	"github.com/omnicrm/omnicrm/crm"
)

// UserService shows and changes the actor's own account. [Operator] makes and
// removes accounts, [InvitationService] makes them for the invited.
type UserService struct{ core *core }

// Get returns the actor's own account; an actor whose users are not kept here
// gets ErrNotFound.
func (s *UserService) Get(ctx context.Context, actor crm.Actor) (User, error) {
	if err := actor.Authorize(crm.PermSignIn); err != nil {
		return User{}, fmt.Errorf("get user: %w", err)
	}
	user, err := s.core.store.GetUser(ctx, actor.User)
	if err != nil {
		return User{}, fmt.Errorf("get user %s: %w", actor.User, err)
	}
	return user.User, nil
}

// Rename changes the actor's own name, 1 to 200 characters.
func (s *UserService) Rename(ctx context.Context, actor crm.Actor, name string) (User, error) {
	if err := actor.Authorize(crm.PermSignIn); err != nil {
		return User{}, fmt.Errorf("rename user: %w", err)
	}
	var p problems
	name = p.name("name", name, "")
	if err := p.err(); err != nil {
		return User{}, fmt.Errorf("rename user: %w", err)
	}
	var user UserRecord
	err := s.core.store.InIdentityTx(ctx, func(tx Tx) (err error) {
		if user, err = tx.GetUser(ctx, actor.User); err != nil || user.Name == name {
			return err
		}
		user.Name = name
		return s.core.putUser(ctx, tx, &user, by(actor), EventUserUpdated, "name")
	})
	if err != nil {
		return User{}, fmt.Errorf("rename user %s: %w", actor.User, err)
	}
	return user.User, nil
}

// putUser writes a changed user, with its next version, and the event.
func (k *core) putUser(ctx context.Context, tx Tx, user *UserRecord, who crm.EventActor, t crm.EventType, changed string) error {
	user.UpdatedAt, user.Version = k.now(), user.Version+1
	if err := tx.PutUser(ctx, *user, user.Version-1); err != nil {
		return err
	}
	event := k.event(t, who, subject(SubjectUser, user.ID))
	event.Changed, event.Version = []string{changed}, user.Version
	return k.tellAll(ctx, tx, user.ID, event)
}

// PasswordChange is the input of a change of password.
type PasswordChange struct {
	Current string
	New     string
	// Keep is the session that goes on; all others of the user end.
	Keep   crm.ID
	Origin Origin
}

// ChangePassword changes the actor's own password and ends the other sessions.
// A wrong current password, or a new one against the rules, is
// a *crm.ValidationError of "currentPassword" or "newPassword"; a wrong one
// counts as a failed sign-in, so that too many are a *[ThrottledError].
func (s *UserService) ChangePassword(ctx context.Context, actor crm.Actor, in PasswordChange) error {
	if err := actor.Authorize(crm.PermSignIn); err != nil {
		return fmt.Errorf("change password: %w", err)
	}
	if err := s.core.changePassword(ctx, actor, in); err != nil {
		return fmt.Errorf("change password: %w", err)
	}
	return nil
}

func (k *core) changePassword(ctx context.Context, actor crm.Actor, in PasswordChange) error {
	user, err := k.store.GetUser(ctx, actor.User)
	if err != nil {
		return err
	}
	var p problems
	if in.Current == "" {
		p.add("currentPassword", crm.CodeRequired, "must be given")
	}
	p.password("newPassword", in.New, user.EmailKey)
	if err := p.err(); err != nil {
		return err
	}
	t := k.throttle(user.EmailKey, in.Origin)
	verified, err := k.checkPassword(ctx, t, user.EmailKey, in.Current)
	if errors.Is(err, crm.ErrUnauthenticated) {
		return crm.Invalid("currentPassword", crm.CodeInvalid, "is not the current password")
	}
	if err != nil {
		return err
	}
	hash, err := k.hasher.hash(ctx, in.New)
	if err != nil {
		return err
	}
	return k.store.InIdentityTx(ctx, func(tx Tx) error {
		if err := k.unchanged(ctx, tx, verified); err != nil {
			return err
		}
		if err := t.succeed(ctx, tx); err != nil {
			return err
		}
		return k.setPassword(ctx, tx, actor.User, hash, by(actor), in.Keep)
	})
}

// setPassword stores a new hash and ends the user's sessions but one.
func (k *core) setPassword(ctx context.Context, tx Tx, id crm.ID, hash string, who crm.EventActor, keep crm.ID) error {
	user, err := tx.GetUser(ctx, id)
	if err != nil {
		return err
	}
	user.PasswordHash = hash
	if err := k.putUser(ctx, tx, &user, who, EventPasswordChanged, "password"); err != nil {
		return err
	}
	_, err = k.revokeSessions(ctx, tx, who, id, keep)
	return err
}
