package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// maxSessions is how many sessions a user can have; the oldest gives way.
const maxSessions = 100

// purgeLimit is how many rows of a kind that have run out go with a sign-in.
const purgeLimit = 100

// Credentials are what a user signs in with.
type Credentials struct {
	Email    string
	Password string
	Origin   Origin
}

// SignedIn is a fresh session. Token and CSRFToken are shown here and never
// again.
type SignedIn struct {
	User User
	// Workspaces are the user's, the one joined first first.
	Workspaces []Membership
	Session    Session
	Token      string
	CSRFToken  string
}

// SignIn makes a session. A wrong password and an unknown address are the same
// ErrUnauthenticated after the same time; too many failures of an account or
// from an address are a *[ThrottledError]; blank credentials a
// *crm.ValidationError.
func (s *SessionService) SignIn(ctx context.Context, c Credentials) (SignedIn, error) {
	key := EmailKey(c.Email)
	var p problems
	if key == "" {
		p.add("email", crm.CodeRequired, "must be given")
	}
	if c.Password == "" {
		p.add("password", crm.CodeRequired, "must be given")
	}
	if err := p.err(); err != nil {
		return SignedIn{}, err
	}
	in, err := s.core.signIn(ctx, key, c)
	if err != nil {
		return SignedIn{}, fmt.Errorf("sign in: %w", err)
	}
	return in, nil
}

func (k *core) signIn(ctx context.Context, key string, c Credentials) (SignedIn, error) {
	t := k.throttle(key, c.Origin)
	user, err := k.checkPassword(ctx, t, key, c.Password)
	if err != nil {
		return SignedIn{}, err
	}
	var in SignedIn
	err = k.store.InIdentityTx(ctx, func(tx Tx) error {
		if err := k.unchanged(ctx, tx, user); err != nil {
			return err
		}
		if err := t.succeed(ctx, tx); err != nil {
			return err
		}
		in, err = k.openSession(ctx, tx, user.User, c.Origin)
		return err
	})
	if err != nil {
		return SignedIn{}, err
	}
	k.purge(ctx)
	return in, nil
}

// checkPassword returns the user with the address and the password. The try is
// counted; the caller forgets it with throttle.succeed.
func (k *core) checkPassword(ctx context.Context, t throttle, key, password string) (UserRecord, error) {
	if err := t.begin(ctx); err != nil {
		return UserRecord{}, err
	}
	user, err := k.store.FindUser(ctx, key)
	if err != nil && !errors.Is(err, crm.ErrNotFound) {
		return UserRecord{}, err
	}
	ok, err := k.hasher.verify(ctx, password, user.PasswordHash)
	if err != nil {
		return UserRecord{}, err
	}
	if !ok {
		k.noteFailure(ctx, t, user.ID)
		return UserRecord{}, errWrongPassword()
	}
	return user, nil
}

func errWrongPassword() error {
	return fmt.Errorf("the email address or the password is wrong: %w", crm.ErrUnauthenticated)
}

// noteFailure writes the event of a failed sign-in. For an address that nobody
// has it writes as well, so that the time tells nothing.
func (k *core) noteFailure(ctx context.Context, t throttle, user crm.ID) {
	err := k.store.InIdentityTx(ctx, func(tx Tx) error {
		counted, err := tx.GetAttempts(ctx, t.counters[0].subject)
		if err != nil {
			return err
		}
		if err := tx.PutAttempts(ctx, t.counters[0].subject, counted); err != nil || user.IsZero() {
			return err
		}
		return k.tellAll(ctx, tx, user, k.event(EventUserSignInFailed, bySystem(), subject(SubjectUser, user)))
	})
	if err != nil {
		k.log.WarnContext(ctx, "note a failed sign-in", "error", err)
	}
}

// unchanged refuses a password that was right a moment ago.
func (k *core) unchanged(ctx context.Context, tx Tx, verified UserRecord) error {
	now, err := tx.GetUser(ctx, verified.ID)
	if errors.Is(err, crm.ErrNotFound) || err == nil && now.PasswordHash != verified.PasswordHash {
		return errWrongPassword()
	}
	return err
}

// openSession makes a session of the user in tx.
func (k *core) openSession(ctx context.Context, tx Tx, user User, o Origin) (SignedIn, error) {
	if err := k.makeRoom(ctx, tx, user.ID); err != nil {
		return SignedIn{}, err
	}
	now, token, origin := k.now(), newToken(), o.bounded()
	session := Session{ID: k.newID(), User: user.ID, CreatedAt: now, SeenAt: now, Address: origin.Address, UserAgent: origin.UserAgent}
	if err := tx.PutSession(ctx, session, digestOf(token)); err != nil {
		return SignedIn{}, err
	}
	workspaces, err := tx.ListMemberships(ctx, user.ID, maxMemberships)
	if err != nil {
		return SignedIn{}, err
	}
	event := k.event(EventUserSignedIn, byUser(user.ID), subject(SubjectUser, user.ID))
	if err := k.tellEach(ctx, tx, workspaces, event); err != nil {
		return SignedIn{}, err
	}
	session.Current = true
	return SignedIn{User: user, Workspaces: workspaces, Session: session, Token: token, CSRFToken: CSRFToken(token)}, nil
}

// makeRoom ends the oldest sessions beyond the limit.
func (k *core) makeRoom(ctx context.Context, tx Tx, user crm.ID) error {
	all, err := tx.ListSessions(ctx, user, 2*maxSessions)
	if err != nil {
		return err
	}
	for _, old := range all[min(len(all), maxSessions-1):] {
		if err := tx.DeleteSession(ctx, user, old.ID); err != nil {
			return err
		}
	}
	return nil
}

// purge removes what has run out. Sign-ins are what leaves such rows, and rare
// enough to carry the work; there is no need for a job.
func (k *core) purge(ctx context.Context) {
	now := k.now()
	err := k.store.PurgeIdentity(ctx, Expired{
		SessionsSeenBefore: now.Add(-SessionIdle), SessionsCreatedBefore: now.Add(-SessionLifetime),
		LinksBefore: now, AttemptsBefore: now.Add(-attemptWindow - maxWait),
	}, purgeLimit)
	if err != nil {
		k.log.WarnContext(ctx, "purge sessions", "error", err)
	}
}

// The lifetimes of links.
const (
	defaultLink = 10 * time.Minute
	maxLink     = 24 * time.Hour
)

// CheckLink returns the user whom [SessionService.RedeemLink] would sign in by
// the link now, and leaves it good. Its errors are those of RedeemLink.
func (s *SessionService) CheckLink(ctx context.Context, token string) (User, error) {
	link, err := s.core.checkLink(ctx, token, LinkSignIn)
	if err != nil {
		return User{}, fmt.Errorf("check link: %w", err)
	}
	user, err := s.core.store.GetUser(ctx, link.User)
	if errors.Is(err, crm.ErrNotFound) { // Deleted since, and the link with the user.
		err = errDeadLink()
	}
	if err != nil {
		return User{}, fmt.Errorf("check link: %w", err)
	}
	return user.User, nil
}

// RedeemLink signs in by a one-time link of [Operator.SignInLink]. Of many who
// redeem one at once exactly one gets in; the others, and those with a link that
// is used, run out or unknown, get ErrUnauthenticated.
func (s *SessionService) RedeemLink(ctx context.Context, token string, o Origin) (SignedIn, error) {
	var in SignedIn
	err := s.core.takeLink(ctx, token, LinkSignIn, func(tx Tx, l Link) error {
		user, err := tx.GetUser(ctx, l.User)
		if err != nil {
			return err
		}
		in, err = s.core.openSession(ctx, tx, user.User, o)
		return err
	})
	if err != nil {
		return SignedIn{}, fmt.Errorf("redeem link: %w", err)
	}
	return in, nil
}

// takeLink uses a link up for what use does; when use fails the link stays.
func (k *core) takeLink(ctx context.Context, token string, purpose LinkPurpose, use func(Tx, Link) error) error {
	digest, ok := tokenDigest(token)
	if !ok {
		return errDeadLink()
	}
	return k.store.InIdentityTx(ctx, func(tx Tx) error {
		link, err := k.liveLink(purpose)(tx.TakeLink(ctx, digest))
		if err != nil {
			return err
		}
		return use(tx, link)
	})
}

// checkLink looks whether a link is good and leaves it so.
func (k *core) checkLink(ctx context.Context, token string, purpose LinkPurpose) (Link, error) {
	digest, ok := tokenDigest(token)
	if !ok {
		return Link{}, errDeadLink()
	}
	return k.liveLink(purpose)(k.store.FindLink(ctx, digest))
}

// liveLink passes on what a store has found, where it serves the purpose.
func (k *core) liveLink(purpose LinkPurpose) func(Link, error) (Link, error) {
	return func(l Link, err error) (Link, error) {
		if errors.Is(err, crm.ErrNotFound) || err == nil && (l.Purpose != purpose || !k.now().Before(l.ExpiresAt)) {
			err = errDeadLink()
		}
		return l, err
	}
}

func errDeadLink() error {
	return fmt.Errorf("the link was used, has run out or never was: %w", crm.ErrUnauthenticated)
}

// SetUp is what the first user is made from.
type SetUp struct {
	Email    string
	Name     string // default: the address up to the "@"
	Password string
	// Workspace is the name of the first workspace. Default "Workspace".
	Workspace string
	Region    string // default US
	TimeZone  string // default UTC
	Origin    Origin
}

// CheckSetUp looks whether SetUp would take the link now, and leaves it good. Its
// errors are those of SetUp.
func (s *SessionService) CheckSetUp(ctx context.Context, token string) error {
	_, err := s.core.checkLink(ctx, token, LinkSetUp)
	if err == nil {
		err = noUsers(ctx, s.core.store)
	}
	if err != nil {
		return fmt.Errorf("set up: %w", err)
	}
	return nil
}

// SetUp makes the first user, owner of a new workspace, by the one-time link of
// [Operator.SetUpLink], and signs the user in. A link that is used, run out or
// unknown is ErrUnauthenticated; input against the rules a *crm.ValidationError
// that leaves the link good; a user who was made otherwise in the meantime
// a *crm.ConflictError.
func (s *SessionService) SetUp(ctx context.Context, token string, in SetUp) (SignedIn, error) {
	// Before the costly hash; the transaction below decides.
	if err := s.CheckSetUp(ctx, token); err != nil {
		return SignedIn{}, err
	}
	draft, err := s.core.draft(NewAccount{
		Email: in.Email, Name: in.Name, Password: in.Password, Workspace: in.Workspace, Region: in.Region, TimeZone: in.TimeZone,
	})
	if err != nil {
		return SignedIn{}, fmt.Errorf("set up: %w", err)
	}
	if draft.user.PasswordHash, err = s.core.hasher.hash(ctx, in.Password); err != nil {
		return SignedIn{}, fmt.Errorf("set up: %w", err)
	}
	var signedIn SignedIn
	err = s.core.takeLink(ctx, token, LinkSetUp, func(tx Tx, _ Link) error {
		if err := noUsers(ctx, tx); err != nil {
			return err
		}
		if err := s.core.putFirstOwner(ctx, tx, draft); err != nil {
			return err
		}
		signedIn, err = s.core.openSession(ctx, tx, draft.user.User, in.Origin)
		return err
	})
	if err != nil {
		return SignedIn{}, fmt.Errorf("set up: %w", err)
	}
	return signedIn, nil
}
