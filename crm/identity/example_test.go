package identity_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

// example is an Identity over an empty store with one user, the owner Ana.
func example(ctx context.Context) (who *identity.Identity, ana crm.Actor, end func()) {
	store, err := sqlite.Open(ctx, ":memory:")
	check(err)
	who, err = identity.New(identity.Config{Store: store})
	check(err)
	_, _, err = who.Operator.CreateUser(ctx, identity.NewAccount{
		Email: "ana@example.com", Name: "Ana", Password: "correct horse battery", Workspace: "Acme",
	})
	check(err)
	ana, err = who.Operator.Actor(ctx, "ana@example.com", "Acme")
	check(err)
	return who, ana, func() { check(store.Close()) }
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// A user signs in; each request then turns the token into an actor.
func Example() {
	ctx := context.Background()
	who, _, end := example(ctx)
	defer end()

	in, err := who.Sessions.SignIn(ctx, identity.Credentials{Email: "Ana@Example.com", Password: "correct horse battery"})
	check(err)
	caller, err := who.Sessions.Authenticate(ctx, in.Token, crm.WorkspaceID{})
	check(err)
	fmt.Println(caller.User.Name, "is", caller.Actor.Role, "of", in.Workspaces[0].Name)

	check(who.Sessions.SignOut(ctx, in.Token))
	_, err = who.Sessions.Authenticate(ctx, in.Token, crm.WorkspaceID{})
	fmt.Println("signed out:", errors.Is(err, crm.ErrUnauthenticated))
	// Output:
	// Ana is owner of Acme
	// signed out: true
}

// A program reads contacts with a key that can do nothing else.
func ExampleKeyService() {
	ctx := context.Background()
	who, ana, end := example(ctx)
	defer end()

	key, text, err := who.Keys.Create(ctx, ana, identity.NewKey{Name: "Newsletter", Scopes: []crm.Scope{crm.ScopeContactsRead}})
	check(err)
	caller, err := who.Keys.Authenticate(ctx, text, crm.WorkspaceID{})
	check(err)
	fmt.Println(key.Name, caller.Actor.May(crm.PermContactsRead), caller.Actor.May(crm.PermContactsWrite))
	// Output: Newsletter true false
}

// An invitation makes a user and a member; the member becomes an admin.
func ExampleInvitationService() {
	ctx := context.Background()
	who, ana, end := example(ctx)
	defer end()

	_, token, err := who.Invitations.Create(ctx, ana, identity.NewInvitation{Email: "bob@example.com"})
	check(err)
	in, err := who.Invitations.Accept(ctx, identity.AcceptInvitation{Token: token, Name: "Bob", Password: "staple of the horse"})
	check(err)
	m, err := who.Members.ChangeRole(ctx, ana, in.User.ID, crm.RoleAdmin, 0)
	check(err)
	fmt.Println(m.Name, m.Role)
	// Output: Bob admin
}

// The last owner cannot leave.
func ExampleMemberService() {
	ctx := context.Background()
	who, ana, end := example(ctx)
	defer end()

	err := who.Members.Remove(ctx, ana, ana.User, 0)
	if conflict, ok := errors.AsType[*crm.ConflictError](err); ok {
		fmt.Println(conflict.Message)
	}
	// Output: the last owner cannot leave or be demoted; make another member an owner first
}

// A user may have several workspaces.
func ExampleWorkspaceService() {
	ctx := context.Background()
	who, ana, end := example(ctx)
	defer end()

	_, err := who.Workspaces.Create(ctx, ana, identity.NewWorkspace{Name: "Second", Region: "DE", TimeZone: "Europe/Berlin"})
	check(err)
	all, err := who.Workspaces.List(ctx, ana)
	check(err)
	for _, m := range all {
		fmt.Println(m.Name, m.Role)
	}
	// Output:
	// Acme owner
	// Second owner
}

// A password is changed with the one of before.
func ExampleUserService() {
	ctx := context.Background()
	who, ana, end := example(ctx)
	defer end()

	err := who.Users.ChangePassword(ctx, ana, identity.PasswordChange{Current: "a guess", New: "staple of the horse"})
	fmt.Println(err)
	// Output: change password: invalid: currentPassword is not the current password
}

// The first user of a new server is made by a link that works once.
func ExampleOperator() {
	ctx := context.Background()
	store, err := sqlite.Open(ctx, ":memory:")
	check(err)
	defer func() { check(store.Close()) }()
	who, err := identity.New(identity.Config{Store: store})
	check(err)

	link, err := who.Operator.SetUpLink(ctx, 0)
	check(err)
	in, err := who.Sessions.SetUp(ctx, link, identity.SetUp{Email: "ana@example.com", Password: "correct horse battery", Workspace: "Acme"})
	check(err)
	fmt.Println(in.User.Name, "owns", in.Workspaces[0].Name)
	// Output: ana owns Acme
}
