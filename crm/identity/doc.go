// Package identity answers one question: who is calling? It keeps users and
// their passwords, the workspaces they are members of, sessions, API keys and
// invitations, and turns a session or a key into a [crm.Actor]. It is optional:
// an embedding program that has users of its own makes its actors itself.
//
//	who, err := identity.New(identity.Config{Store: store}) // a sqlite.Store is an identity.Store too
//	in, err := who.Sessions.SignIn(ctx, identity.Credentials{Email: "ana@example.com", Password: password})
//	caller, err := who.Sessions.Authenticate(ctx, in.Token, crm.WorkspaceID{})
//	contacts, err := app.Contacts.List(ctx, caller.Actor, crm.ContactListQuery{})
//
// Users and sessions are global; a [Member] ties a user to a workspace with a
// role. What is secret is never stored: a password as its argon2id hash; the
// tokens of sessions, keys, invitations and links, which are 32 random bytes, as
// their SHA-256. Nothing is cached, so that a revoked session, a changed role
// and a removed member count with the next request, in every process.
//
// Every change is an event in the log of the workspaces concerned, written in
// the same transaction, without personal data. What concerns a user and no
// single workspace, such as a sign-in, stands in the log of every workspace the
// user is a member of at that moment.
//
// Services take the actor after the context and decide once, by
// [crm.Actor.Authorize]. Only [Operator] takes none: it is for who runs the
// machine, the command line and the first set-up, and stands behind no route.
package identity
