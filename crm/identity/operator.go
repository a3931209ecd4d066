package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// Operator is for who runs the machine: the command line and the first set-up.
// It asks nobody for permission, so that nothing behind a route may hold one. In
// events its actor is the system.
type Operator struct{ core *core }

// HasUsers reports whether there is a user already.
func (o *Operator) HasUsers(ctx context.Context) (bool, error) {
	some, err := o.core.store.ListUsers(ctx, crm.ID{}, 1)
	if err != nil {
		return false, fmt.Errorf("look for users: %w", err)
	}
	return len(some) > 0, nil
}

func noUsers(ctx context.Context, in UserStore) error {
	some, err := in.ListUsers(ctx, crm.ID{}, 1)
	if err != nil || len(some) == 0 {
		return err
	}
	return &crm.ConflictError{Reason: crm.ConflictState, Message: "there is a user already; sign in, or ask for an invitation"}
}

// ListUsers returns up to limit users whose id sorts after the id after, by id.
// A limit of 0 means 100, the highest is 200.
func (o *Operator) ListUsers(ctx context.Context, after crm.ID, limit int) ([]User, error) {
	limit, err := pageLimit(limit)
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	all, err := o.core.store.ListUsers(ctx, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	return all, nil
}

// FindUser returns the user with the address, whatever its case, or ErrNotFound.
func (o *Operator) FindUser(ctx context.Context, email string) (User, error) {
	user, err := o.find(ctx, email)
	return user.User, err
}

func (o *Operator) find(ctx context.Context, email string) (UserRecord, error) {
	user, err := o.core.store.FindUser(ctx, EmailKey(email))
	if err != nil {
		return UserRecord{}, fmt.Errorf("find the user with the address: %w", err)
	}
	return user, nil
}

// SetPassword gives the user with the address a new password, ends all the
// user's sessions and forgets failed sign-ins.
func (o *Operator) SetPassword(ctx context.Context, email, password string) error {
	user, err := o.find(ctx, email)
	if err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	var p problems
	p.password("password", password, user.EmailKey)
	if err := p.err(); err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	hash, err := o.core.hasher.hash(ctx, password)
	if err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	err = o.core.store.InIdentityTx(ctx, func(tx Tx) error {
		if err := o.core.throttle(user.EmailKey, Origin{}).succeed(ctx, tx); err != nil {
			return err
		}
		return o.core.setPassword(ctx, tx, user.ID, hash, bySystem(), crm.ID{})
	})
	if err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	return nil
}

// DeleteUser removes a user with everything that signs in as the user. The last
// owner of a workspace is a *crm.ConflictError with ConflictState. What the user
// did stays in the log, by id.
func (o *Operator) DeleteUser(ctx context.Context, id crm.ID) error {
	err := o.core.store.InIdentityTx(ctx, func(tx Tx) error {
		all, err := tx.ListMemberships(ctx, id, maxMemberships)
		if err != nil {
			return err
		}
		for _, m := range all {
			if m.Role != crm.RoleOwner {
				continue
			}
			if err := anotherOwner(ctx, tx, m.Workspace, id); err != nil {
				return err
			}
		}
		if err := tx.DeleteUser(ctx, id); err != nil {
			return err
		}
		return o.core.tellEach(ctx, tx, all, o.core.event(EventUserDeleted, bySystem(), subject(SubjectUser, id)))
	})
	if err != nil {
		return fmt.Errorf("delete user %s: %w", id, err)
	}
	return nil
}

// Actor returns the user with the address acting in one of the user's
// workspaces, named by id or by name, whatever its case; "" is the only one. A
// workspace that is not the user's, or not the only one so named, is
// a *crm.ValidationError of "workspace".
func (o *Operator) Actor(ctx context.Context, email, workspace string) (crm.Actor, error) {
	user, err := o.find(ctx, email)
	if err != nil {
		return crm.Actor{}, err
	}
	all, err := o.core.store.ListMemberships(ctx, user.ID, maxMemberships)
	if err != nil {
		return crm.Actor{}, fmt.Errorf("list workspaces: %w", err)
	}
	var fitting []Membership
	for _, m := range all {
		if named(workspace, m.Workspace, m.Name) {
			fitting = append(fitting, m)
		}
	}
	if len(fitting) != 1 {
		return crm.Actor{}, fmt.Errorf("choose a workspace: %w", ambiguous(workspace, len(fitting)))
	}
	return crm.Actor{Workspace: fitting[0].Workspace, User: user.ID, Name: user.Name, Role: fitting[0].Role, Kind: crm.ActorUser}, nil
}

// named reports whether a text means the workspace; "" means any.
func named(text string, id crm.WorkspaceID, name string) bool {
	text = strings.TrimSpace(text)
	return text == "" || strings.EqualFold(text, id.String()) || strings.EqualFold(text, name)
}

func ambiguous(workspace string, fitting int) error {
	switch {
	case fitting == 0 && workspace == "":
		return crm.Invalid("workspace", crm.CodeUnknown, "cannot be chosen: the user is a member of none")
	case fitting == 0:
		return crm.Invalid("workspace", crm.CodeUnknown, "must be the name or the id of a workspace of the user")
	case workspace == "":
		return crm.Invalid("workspace", crm.CodeRequired, "must be given, because there are several")
	}
	return crm.Invalid("workspace", crm.CodeInvalid, "must be given by its id, because several have the name")
}

// SignInLink returns the token of a link that signs the user in once, see
// [SessionService.RedeemLink]. It is good for ttl, at most a day; 0 means ten
// minutes.
func (o *Operator) SignInLink(ctx context.Context, user crm.ID, ttl time.Duration) (string, error) {
	return o.link(ctx, Link{Purpose: LinkSignIn, User: user}, ttl)
}

// SetUpLink returns the token of a link that makes the first user once, see
// [SessionService.SetUp]. It is good for ttl, at most a day; 0 means ten
// minutes. Where there is a user already it is a *crm.ConflictError with
// ConflictState.
func (o *Operator) SetUpLink(ctx context.Context, ttl time.Duration) (string, error) {
	if err := noUsers(ctx, o.core.store); err != nil {
		return "", fmt.Errorf("make a set-up link: %w", err)
	}
	return o.link(ctx, Link{Purpose: LinkSetUp}, ttl)
}

func (o *Operator) link(ctx context.Context, l Link, ttl time.Duration) (string, error) {
	if ttl < 0 || ttl > maxLink {
		return "", fmt.Errorf("make a link: %w", crm.Invalid("ttl", crm.CodeInvalid, "must be at most a day"))
	}
	if ttl == 0 {
		ttl = defaultLink
	}
	l.ExpiresAt = o.core.now().Add(ttl)
	token := newToken()
	if err := o.core.store.PutLink(ctx, l, digestOf(token)); err != nil {
		return "", fmt.Errorf("make a link: %w", err)
	}
	return token, nil
}

// findWorkspace returns the workspaces that a text names, by id or name; "" is
// all. It looks at every workspace, which only the operator's own commands do.
func findWorkspace(ctx context.Context, tx Tx, text string) ([]crm.Workspace, error) {
	const page = 500
	if id, err := crm.ParseID(strings.TrimSpace(text)); err == nil {
		w, err := tx.GetWorkspace(ctx, crm.WorkspaceID(id))
		if errors.Is(err, crm.ErrNotFound) {
			return nil, nil
		}
		return []crm.Workspace{w}, err
	}
	var found []crm.Workspace
	var after crm.WorkspaceID
	for {
		all, err := tx.ListWorkspaces(ctx, after, page)
		if err != nil {
			return nil, err
		}
		for _, w := range all {
			if named(text, w.ID, w.Name) {
				found = append(found, w)
			}
		}
		if len(all) < page || len(found) > 1 {
			return found, nil
		}
		after = all[len(all)-1].ID
	}
}
