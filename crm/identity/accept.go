package identity

import (
	"context"
	"errors"
	"fmt"

	"github.com/omnicrm/omnicrm/crm"
)

// AcceptInvitation is the input of who accepts an invitation.
type AcceptInvitation struct {
	Token string
	// Name is that of a new user. Default: the address up to the "@".
	Name string
	// Password is chosen by a new user; one who exists proves to be the owner
	// of the address by it, because the token passed through other hands.
	Password string
	Origin   Origin
}

// Accept makes the owner of the invited address a member, and a user where there
// is none, and signs in. A token that is used, revoked, run out or unknown is
// ErrNotFound; of many who accept at once exactly one does. For an existing user
// a wrong password is what it is in [SessionService.SignIn]; for a new one the
// rules of passwords hold.
func (s *InvitationService) Accept(ctx context.Context, in AcceptInvitation) (SignedIn, error) {
	signedIn, err := s.accept(ctx, in)
	if err != nil {
		return SignedIn{}, fmt.Errorf("accept invitation: %w", err)
	}
	return signedIn, nil
}

func (s *InvitationService) accept(ctx context.Context, in AcceptInvitation) (SignedIn, error) {
	ws, i, err := s.find(ctx, s.core.store, in.Token)
	if err != nil {
		return SignedIn{}, err
	}
	_, err = s.core.store.FindUser(ctx, i.EmailKey)
	if errors.Is(err, crm.ErrNotFound) {
		return s.acceptNew(ctx, in, ws, i)
	}
	if err != nil {
		return SignedIn{}, err
	}
	if in.Password == "" {
		return SignedIn{}, crm.Invalid("password", crm.CodeRequired, "must be the password of the user who has the address")
	}
	t := s.core.throttle(i.EmailKey, in.Origin)
	user, err := s.core.checkPassword(ctx, t, i.EmailKey, in.Password)
	if err != nil {
		return SignedIn{}, err
	}
	return s.join(ctx, in, user, func(tx Tx) error {
		if err := s.core.unchanged(ctx, tx, user); err != nil {
			return err
		}
		return t.succeed(ctx, tx)
	})
}

func (s *InvitationService) acceptNew(ctx context.Context, in AcceptInvitation, ws crm.WorkspaceID, i InvitationRecord) (SignedIn, error) {
	var p problems
	user := s.core.newUser(i.Email, p.name("name", in.Name, nameOf(i.Email)))
	p.password("password", in.Password, user.EmailKey)
	err := p.err()
	if err != nil {
		return SignedIn{}, err
	}
	if user.PasswordHash, err = s.core.hasher.hash(ctx, in.Password); err != nil {
		return SignedIn{}, err
	}
	return s.join(ctx, in, user, func(tx Tx) error {
		if err := tx.PutUser(ctx, user, 0); err != nil {
			return err
		}
		return s.core.tell(ctx, tx, ws, EventUserCreated, byUser(user.ID), subject(SubjectUser, user.ID))
	})
}

// join uses the invitation up and signs the user in, after prepare has done its
// part of the transaction.
func (s *InvitationService) join(ctx context.Context, in AcceptInvitation, user UserRecord, prepare func(Tx) error) (SignedIn, error) {
	var signedIn SignedIn
	err := s.core.store.InIdentityTx(ctx, func(tx Tx) error {
		ws, i, err := s.find(ctx, tx, in.Token)
		if err != nil {
			return err
		}
		if err := prepare(tx); err != nil {
			return err
		}
		if err := s.use(ctx, tx, ws, i, user.User); err != nil {
			return err
		}
		signedIn, err = s.core.openSession(ctx, tx, user.User, in.Origin)
		return err
	})
	return signedIn, err
}

// find returns the open invitation of a token.
func (s *InvitationService) find(ctx context.Context, in InvitationStore, token string) (crm.WorkspaceID, InvitationRecord, error) {
	errGone := fmt.Errorf("the invitation was used or revoked, has run out or never was: %w", crm.ErrNotFound)
	digest, ok := tokenDigest(token)
	if !ok {
		return crm.WorkspaceID{}, InvitationRecord{}, errGone
	}
	ws, i, err := in.FindInvitation(ctx, digest)
	if errors.Is(err, crm.ErrNotFound) || err == nil && !s.core.now().Before(i.ExpiresAt) {
		err = errGone
	}
	return ws, i, err
}

// use removes the invitation and makes the user a member; one who is already
// keeps the role.
func (s *InvitationService) use(ctx context.Context, tx Tx, ws crm.WorkspaceID, i InvitationRecord, user User) error {
	if err := tx.DeleteInvitation(ctx, ws, i.ID); err != nil {
		return err
	}
	if err := s.core.tell(ctx, tx, ws, EventInvitationUsed, byUser(user.ID), subject(SubjectInvitation, i.ID)); err != nil {
		return err
	}
	_, err := tx.GetMember(ctx, ws, user.ID)
	if errors.Is(err, crm.ErrNotFound) {
		return s.core.addMember(ctx, tx, ws, user.ID, i.Role, byUser(user.ID))
	}
	return err
}

// AcceptAs is Accept for a user who is signed in, to whatever workspace. The
// invitation must be of the user's own address, else it is ErrForbidden. An API
// key cannot accept.
func (s *InvitationService) AcceptAs(ctx context.Context, actor crm.Actor, token string) (Membership, error) {
	if err := actor.Authorize(crm.PermSignIn); err != nil {
		return Membership{}, fmt.Errorf("accept invitation: %w", err)
	}
	if actor.Kind == crm.ActorKey {
		return Membership{}, fmt.Errorf("accept invitation: an API key acts in its own workspace: %w", crm.ErrForbidden)
	}
	var made Membership
	err := s.core.store.InIdentityTx(ctx, func(tx Tx) (err error) {
		made, err = s.acceptAs(ctx, tx, actor, token)
		return err
	})
	if err != nil {
		return Membership{}, fmt.Errorf("accept invitation: %w", err)
	}
	return made, nil
}

func (s *InvitationService) acceptAs(ctx context.Context, tx Tx, actor crm.Actor, token string) (Membership, error) {
	ws, i, err := s.find(ctx, tx, token)
	if err != nil {
		return Membership{}, err
	}
	user, err := tx.GetUser(ctx, actor.User)
	if errors.Is(err, crm.ErrNotFound) || err == nil && user.EmailKey != i.EmailKey {
		return Membership{}, fmt.Errorf("the invitation is for another address: %w", crm.ErrForbidden)
	}
	if err != nil {
		return Membership{}, err
	}
	if err := s.use(ctx, tx, ws, i, user.User); err != nil {
		return Membership{}, err
	}
	m, err := tx.GetMember(ctx, ws, user.ID)
	if err != nil {
		return Membership{}, err
	}
	w, err := tx.GetWorkspace(ctx, ws)
	return Membership{Workspace: ws, Name: w.Name, Role: m.Role, JoinedAt: m.CreatedAt}, err
}
