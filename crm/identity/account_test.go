package identity_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

func TestCreateUser(t *testing.T) {
	t.Parallel()
	f := setup(t)
	owner := f.owner(t)
	ctx := t.Context()
	create := func(in identity.NewAccount) (identity.User, identity.Membership, error) {
		in.NoPassword = in.Password == ""
		return f.Operator.CreateUser(ctx, in)
	}

	t.Run("the address is unique whatever its case", func(t *testing.T) {
		_, _, err := create(identity.NewAccount{Email: "ANA@EXAMPLE.COM"})
		conflict(t, "create", err, crm.ConflictExists)
	})
	t.Run("the only workspace is the default, the role then member", func(t *testing.T) {
		user, m, err := create(identity.NewAccount{Email: "Bob.Li@example.com"})
		must(t, err)
		if m.Workspace != owner.Workspace || m.Name != "Acme" || m.Role != crm.RoleMember || user.Name != "Bob.Li" {
			t.Errorf("user: got %+v in %+v, want Bob.Li, member of Acme", user, m)
		}
	})
	t.Run("a workspace is found by name or id, whatever the case", func(t *testing.T) {
		for i, name := range []string{"ACME", " acme ", strings.ToUpper(owner.Workspace.String())} {
			_, m, err := create(identity.NewAccount{Email: string(rune('a'+i)) + "@example.com", Workspace: name, Role: crm.RoleViewer})
			must(t, err)
			if m.Workspace != owner.Workspace || m.Role != crm.RoleViewer {
				t.Errorf("by %q: got %+v, want a viewer of Acme", name, m)
			}
		}
	})
	t.Run("a new workspace takes its settings and its first user owns it", func(t *testing.T) {
		_, m, err := create(identity.NewAccount{Email: "zoe@example.com", Workspace: "Zoë's", Region: "de", TimeZone: "Europe/Berlin"})
		must(t, err)
		w, err := f.store.GetWorkspace(ctx, m.Workspace)
		must(t, err)
		if m.Role != crm.RoleOwner || w.Name != "Zoë's" || w.Region != "DE" || w.TimeZone != "Europe/Berlin" {
			t.Errorf("workspace: got %+v as %s, want Zoë's as owner", w, m.Role)
		}
		_, _, err = create(identity.NewAccount{Email: "x@example.com", Workspace: "Third", Role: crm.RoleMember})
		invalid(t, "a member of a new workspace", err, "role")
		_, _, err = create(identity.NewAccount{Email: "x@example.com", Workspace: "Acme", Region: "DE"})
		invalid(t, "a region for an old workspace", err, "region")
		_, _, err = create(identity.NewAccount{Email: "x@example.com", Workspace: "Acme", TimeZone: "UTC"})
		invalid(t, "a zone for an old workspace", err, "timeZone")
		_, _, err = create(identity.NewAccount{Email: "x@example.com"})
		invalid(t, "no workspace of several", err, "workspace")
	})
	t.Run("a new workspace can have an id that was chosen", func(t *testing.T) {
		id := crm.WorkspaceID(crm.NamedID("customer:42"))
		_, m, err := create(identity.NewAccount{Email: "id@example.com", Workspace: id.String()})
		must(t, err)
		if m.Workspace != id || m.Role != crm.RoleOwner {
			t.Errorf("membership: got %+v, want the owner of %s", m, id)
		}
	})
	t.Run("a workspace that a host made gets its first owner", func(t *testing.T) {
		id := crm.WorkspaceID(crm.NewID())
		must(t, f.store.PutWorkspace(ctx, crm.Workspace{ID: id, Name: "Hosted", Region: "US", TimeZone: "UTC", Version: 1}, 0))
		_, m, err := create(identity.NewAccount{Email: "host@example.com", Workspace: "hosted"})
		must(t, err)
		if m.Workspace != id || m.Role != crm.RoleOwner {
			t.Errorf("membership: got %+v, want the owner of %s", m, id)
		}
	})
	t.Run("bad input names its fields", func(t *testing.T) {
		_, _, err := f.Operator.CreateUser(ctx, identity.NewAccount{
			Email: "x", Name: "a\nb", Role: "king", Workspace: strings.Repeat("x", 201), Region: "Germany", TimeZone: "Local",
		})
		invalid(t, "everything wrong", err, "email", "name", "password", "role", "workspace", "region", "timeZone")
		_, _, err = f.Operator.CreateUser(ctx, identity.NewAccount{Email: "x@example.com", Password: password, NoPassword: true})
		invalid(t, "a password and none", err, "password")
	})
}

func TestPasswordRules(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.owner(t)
	for name, c := range map[string]struct {
		password string
		ok       bool
	}{
		"nine characters":              {"123456789", false},
		"ten characters":               {"1234567890", true},
		"ten characters of four bytes": {strings.Repeat("🐎", 10), true},
		"two hundred characters":       {strings.Repeat("x", 200), true},
		"one more":                     {strings.Repeat("x", 201), false},
		"too many bytes":               {strings.Repeat("👩‍👩‍👧", 60), false},
		"the address":                  {"Ana@Example.COM", false},
		"broken text":                  {"1234567890\xff", false},
		"none":                         {"", false},
	} {
		err := f.Operator.SetPassword(t.Context(), "ana@example.com", c.password)
		if c.ok {
			must(t, err)
			_, err = f.signIn(t.Context(), "ana@example.com", c.password)
			must(t, err)
			continue
		}
		invalid(t, name, err, "password")
	}
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	f := setup(t)
	owner := f.owner(t)
	ctx := t.Context()
	keep, other := f.session(t, owner.User), f.session(t, owner.User)
	change := func(in identity.PasswordChange) error {
		in.Keep = keep.Session.ID
		return f.Users.ChangePassword(ctx, owner, in)
	}
	invalid(t, "blank", change(identity.PasswordChange{}), "currentPassword", "newPassword")
	invalid(t, "wrong", change(identity.PasswordChange{Current: "wrong password", New: "another password"}), "currentPassword")
	invalid(t, "weak", change(identity.PasswordChange{Current: password, New: "ana@example.com"}), "newPassword")
	head := f.head(t, owner.Workspace)
	must(t, change(identity.PasswordChange{Current: password, New: "another password"}))
	want := []crm.EventType{identity.EventPasswordChanged, identity.EventSessionRevoked}
	if got := f.events(t, owner.Workspace, head); !slices.Equal(got, want) {
		t.Errorf("events: got %v, want %v", got, want)
	}
	_, err := f.Sessions.Authenticate(ctx, keep.Token, owner.Workspace)
	must(t, err)
	_, err = f.Sessions.Authenticate(ctx, other.Token, owner.Workspace)
	fails(t, "the other session", err, crm.ErrUnauthenticated)
	_, err = f.signIn(ctx, "ana@example.com", password)
	fails(t, "the old password", err, crm.ErrUnauthenticated)
	_, err = f.signIn(ctx, "ana@example.com", "another password")
	must(t, err)
	fails(t, "nobody", f.Users.ChangePassword(ctx, crm.Actor{}, identity.PasswordChange{}), crm.ErrUnauthenticated)
}

func TestSetPassword(t *testing.T) {
	t.Parallel()
	f := setup(t)
	owner := f.owner(t)
	ctx := t.Context()
	in := f.session(t, owner.User)
	for range 6 {
		_, _ = f.signIn(ctx, "ana@example.com", "wrong password")
	}
	fails(t, "nobody", f.Operator.SetPassword(ctx, "nobody@example.com", password), crm.ErrNotFound)
	must(t, f.Operator.SetPassword(ctx, "ANA@example.com", "another password"))
	_, err := f.Sessions.Authenticate(ctx, in.Token, owner.Workspace)
	fails(t, "a session from before", err, crm.ErrUnauthenticated)
	_, err = f.signIn(ctx, "ana@example.com", "another password")
	must(t, err)
}

func TestAccountAndWorkspaces(t *testing.T) {
	t.Parallel()
	f := setup(t)
	owner := f.owner(t)
	ctx := t.Context()

	t.Run("a user is renamed", func(t *testing.T) {
		_, err := f.Users.Rename(ctx, owner, " ")
		invalid(t, "blank", err, "name")
		_, err = f.Users.Rename(ctx, owner, " Ana María ")
		must(t, err)
		user, err := f.Users.Get(ctx, owner)
		must(t, err)
		if user.Name != "Ana María" || user.Version != 2 {
			t.Errorf("user: got %+v, want Ana María, version 2", user)
		}
	})
	t.Run("a user makes workspaces and acts in each", func(t *testing.T) {
		_, err := f.Workspaces.Create(ctx, owner, identity.NewWorkspace{Region: "X1"})
		invalid(t, "bad input", err, "name", "region")
		f.clock.pass(1)
		made, err := f.Workspaces.Create(ctx, owner, identity.NewWorkspace{Name: "Second"})
		must(t, err)
		all, err := f.Workspaces.List(ctx, owner)
		must(t, err)
		if len(all) != 2 || all[0].Name != "Acme" || all[1].Name != "Second" || all[1].Role != crm.RoleOwner {
			t.Errorf("workspaces: got %+v, want Acme and Second", all)
		}
		in := f.session(t, owner.User)
		caller, err := f.Sessions.Authenticate(ctx, in.Token, made.Workspace)
		must(t, err)
		if caller.Actor.Workspace != made.Workspace {
			t.Errorf("workspace: got %s, want %s", caller.Actor.Workspace, made.Workspace)
		}
	})
	t.Run("a key and a user of a host cannot", func(t *testing.T) {
		key := owner
		key.Kind = crm.ActorKey
		_, err := f.Workspaces.Create(ctx, key, identity.NewWorkspace{Name: "x"})
		fails(t, "a key", err, crm.ErrForbidden)
		all, err := f.Workspaces.List(ctx, key)
		must(t, err)
		if len(all) != 1 || all[0].Workspace != owner.Workspace {
			t.Errorf("workspaces of a key: got %+v, want its own", all)
		}
		hosted := crm.Actor{Workspace: owner.Workspace, User: crm.NamedID("host:1"), Role: crm.RoleOwner}
		_, err = f.Workspaces.Create(ctx, hosted, identity.NewWorkspace{Name: "x"})
		fails(t, "a user of a host", err, crm.ErrForbidden)
		_, err = f.Users.Get(ctx, hosted)
		fails(t, "the account of a user of a host", err, crm.ErrNotFound)
	})
	t.Run("the operator acts as a user in a workspace", func(t *testing.T) {
		_, err := f.Operator.Actor(ctx, "ana@example.com", "")
		invalid(t, "one of two", err, "workspace")
		_, err = f.Operator.Actor(ctx, "ana@example.com", "Third")
		invalid(t, "none", err, "workspace")
		_, err = f.Operator.Actor(ctx, "nobody@example.com", "")
		fails(t, "nobody", err, crm.ErrNotFound)
		actor, err := f.Operator.Actor(ctx, "ANA@example.com", "acme")
		must(t, err)
		if actor.Workspace != owner.Workspace || actor.User != owner.User || actor.Role != crm.RoleOwner {
			t.Errorf("actor: got %+v, want %+v", actor, owner)
		}
	})
}

func TestConfig(t *testing.T) {
	t.Parallel()
	_, err := identity.New(identity.Config{})
	invalid(t, "no store", err, "Store")
	f := setup(t)
	_, err = identity.New(identity.Config{Store: f.store, Hashes: -1})
	invalid(t, "negative", err, "Hashes")
	some, err := f.Operator.HasUsers(t.Context())
	must(t, err)
	f.owner(t)
	more, err := f.Operator.HasUsers(t.Context())
	must(t, err)
	if some || !more {
		t.Errorf("users: got %v before and %v after the first, want false and true", some, more)
	}
}

func TestACancelledSignInCostsNoHash(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := f.signIn(ctx, "ana@example.com", password)
	fails(t, "sign in", err, context.Canceled)
}

func TestUsersOfANewWorkspaceMadeAtOnceShareIt(t *testing.T) {
	t.Parallel()
	f := setup(t)
	workspaces := make([]crm.WorkspaceID, 4)
	var all sync.WaitGroup
	for i := range workspaces {
		all.Go(func() {
			_, m, err := f.Operator.CreateUser(context.Background(), identity.NewAccount{
				Email: fmt.Sprintf("fresh%d@crm.example", i), Name: "Fresh", NoPassword: true, Workspace: "Fresh",
			})
			if err != nil {
				t.Error(err)
			}
			workspaces[i] = m.Workspace
		})
	}
	all.Wait()
	for _, w := range workspaces {
		if w != workspaces[0] {
			t.Fatalf("workspaces: got %v, want the same one four times", workspaces)
		}
	}
}
