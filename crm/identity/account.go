package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/omnicrm/omnicrm/crm"
)

// firstWorkspace is the name of a workspace that nobody named.
const firstWorkspace = "Workspace"

// NewAccount is the input of a new user with the first membership.
type NewAccount struct {
	Email string
	Name  string // default: the address up to the "@"
	// Password is required unless NoPassword says that the user signs in by
	// links only.
	Password   string
	NoPassword bool
	// Workspace is a name or an id; one that does not exist is made. Default:
	// the only one there is, or a first one named "Workspace".
	Workspace string
	// Role in the workspace. Default owner where it has none, as a new one,
	// else member.
	Role crm.Role
	// Region and TimeZone are those of a new workspace. Default US and UTC.
	Region   string
	TimeZone string
}

// draft is an account checked and ready to be written.
type draft struct {
	user      UserRecord
	workspace crm.Workspace // new, unless the operator found one
	role      crm.Role
}

// draft checks the input for a new workspace and makes the rows.
func (k *core) draft(in NewAccount) (draft, error) {
	var p problems
	email, key := p.email("email", in.Email)
	d := draft{user: k.newUser(email, p.name("name", in.Name, nameOf(email))), role: in.Role}
	if !in.NoPassword {
		p.password("password", in.Password, key)
	} else if in.Password != "" {
		p.add("password", crm.CodeInvalid, "must be absent for a user without one")
	}
	if in.Role != "" {
		p.role("role", in.Role)
	}
	workspace := strings.TrimSpace(in.Workspace)
	id := k.newID()
	if given, err := crm.ParseID(workspace); err == nil {
		id, workspace = given, firstWorkspace
	}
	if workspace == "" {
		workspace = firstWorkspace
	}
	d.workspace = p.workspace("workspace", NewWorkspace{workspace, in.Region, in.TimeZone}, id, d.user.CreatedAt)
	return d, p.err()
}

func (k *core) newUser(email, name string) UserRecord {
	now := k.now()
	return UserRecord{
		User:     User{ID: k.newID(), Email: email, Name: name, CreatedAt: now, UpdatedAt: now, Version: 1},
		EmailKey: EmailKey(email),
	}
}

// CreateUser makes a user and a member of a workspace, which is made where it
// does not exist. An address that is taken is a *crm.ConflictError with the id
// of the user who has it.
func (o *Operator) CreateUser(ctx context.Context, in NewAccount) (User, Membership, error) {
	user, m, err := o.createUser(ctx, in)
	if err != nil {
		return User{}, Membership{}, fmt.Errorf("create user: %w", err)
	}
	return user, m, nil
}

func (o *Operator) createUser(ctx context.Context, in NewAccount) (User, Membership, error) {
	d, err := o.core.draft(in)
	if err != nil {
		return User{}, Membership{}, err
	}
	if err := o.free(ctx, d.user.EmailKey); err != nil {
		return User{}, Membership{}, err
	}
	if _, err := o.choose(ctx, o.core.store, in, d); err != nil { // Before the costly hash, too.
		return User{}, Membership{}, err
	}
	if !in.NoPassword {
		if d.user.PasswordHash, err = o.core.hasher.hash(ctx, in.Password); err != nil {
			return User{}, Membership{}, err
		}
	}
	drafted := d
	err = o.core.store.InIdentityTx(ctx, func(tx Tx) error {
		// Two who make the first user of a workspace at once must not make two
		// workspaces of a name.
		var err error
		if d, err = o.choose(ctx, tx, in, drafted); err != nil {
			return err
		}
		if d.workspace == drafted.workspace {
			return o.core.putFirstOwner(ctx, tx, d)
		}
		return o.core.putAccount(ctx, tx, d)
	})
	if err != nil {
		return User{}, Membership{}, err
	}
	return d.user.User, Membership{d.workspace.ID, d.workspace.Name, d.role, d.user.CreatedAt}, nil
}

// free refuses an address that another user has, before the costly hash; the
// unique key decides.
func (o *Operator) free(ctx context.Context, emailKey string) error {
	user, err := o.core.store.FindUser(ctx, emailKey)
	if errors.Is(err, crm.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return &crm.ConflictError{Reason: crm.ConflictExists, ID: user.ID, Message: "a user has the email address already"}
}

// choose returns the draft with the existing workspace that is meant, if there
// is one, in place of its own.
func (o *Operator) choose(ctx context.Context, tx Tx, in NewAccount, d draft) (draft, error) {
	found, err := findWorkspace(ctx, tx, in.Workspace)
	if err != nil {
		return d, err
	}
	switch {
	case len(found) > 1:
		return d, ambiguous(in.Workspace, len(found))
	case len(found) == 0 && d.role != "" && d.role != crm.RoleOwner:
		return d, crm.Invalid("role", crm.CodeInvalid, "must be owner: the workspace is new, and its first user owns it")
	case len(found) == 0:
		d.role = crm.RoleOwner
		return d, nil
	case in.Region != "":
		return d, crm.Invalid("region", crm.CodeInvalid, "must be absent: the workspace exists and has its own")
	case in.TimeZone != "":
		return d, crm.Invalid("timeZone", crm.CodeInvalid, "must be absent: the workspace exists and has its own")
	}
	d.workspace = found[0]
	return d, defaultRole(ctx, tx, &d)
}

// defaultRole makes the first user of a workspace that an embedding program
// made, or whose owner is gone, its owner.
func defaultRole(ctx context.Context, tx Tx, d *draft) error {
	if d.role != "" {
		return nil
	}
	owners, err := tx.CountOwners(ctx, d.workspace.ID)
	d.role = crm.RoleMember
	if owners == 0 {
		d.role = crm.RoleOwner
	}
	return err
}

// putFirstOwner writes the user and the new workspace.
func (k *core) putFirstOwner(ctx context.Context, tx Tx, d draft) error {
	if err := tx.PutUser(ctx, d.user, 0); err != nil {
		return err
	}
	if err := k.putWorkspace(ctx, tx, d.workspace, d.user.ID, bySystem()); err != nil {
		return err
	}
	return k.tell(ctx, tx, d.workspace.ID, EventUserCreated, bySystem(), subject(SubjectUser, d.user.ID))
}

// putAccount writes the user as a member of an existing workspace.
func (k *core) putAccount(ctx context.Context, tx Tx, d draft) error {
	if err := tx.PutUser(ctx, d.user, 0); err != nil {
		return err
	}
	if err := k.addMember(ctx, tx, d.workspace.ID, d.user.ID, d.role, bySystem()); err != nil {
		return err
	}
	return k.tell(ctx, tx, d.workspace.ID, EventUserCreated, bySystem(), subject(SubjectUser, d.user.ID))
}
