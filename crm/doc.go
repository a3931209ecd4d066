// Package crm is a contact-centric CRM that runs inside your program.
//
// The words: a workspace owns everything; a user acts in it as an [Actor] with
// a [Role]; a [Contact] is a person or an organisation; an [Event] is a fact
// that the domain records; a [Job] is background work; an [Import] is one file
// on its way in.
//
// # Three lines
//
//	store, err := sqlite.Open(ctx, "crm.db")      // adapters/sqlite
//	app, err := crm.New(crm.Config{Store: store}) // everything else has a default
//	err = app.Start(ctx)                          // background work; Close ends it
//
// Then call services. Each takes the context, who acts, and the input:
//
//	contact, err := app.Contacts.Create(ctx, actor, crm.NewContact{DisplayName: "Zoë Łukasz"})
//	found, err := app.Contacts.List(ctx, actor, crm.ContactListQuery{Filter: crm.ContactFilter{Search: "zoe lukazs"}})
//
// The programs in examples/quickstart and examples/embedded do this from
// beginning to end; examples/customadapter decorates a store and brings a kind
// of job, and examples/mocks tests a program of one's own.
//
// # How it is built
//
// Rules live in services, facts in stores. A service ([ContactService],
// [ImportService], [ExportService], [JobService], ...) validates, authorises,
// decides and records; it is a concrete type. Below it are ports, interfaces
// of a few methods each, composed into [Store]; an adapter implements them and
// keeps what it is given. Why so: a rule that stands in one place cannot
// differ between two databases, and a store without rules can be proven by one
// suite, crm/crmtest, which every adapter runs.
//
// Scope is in the types. Services take an [Actor], ports a [WorkspaceID]; no
// method that a service for actors can reach crosses workspaces ([Tx] against
// [SystemStore]), and a record of another workspace is [ErrNotFound]
// everywhere.
//
// There is one write path. A use case is one [Transactor.InTx]: rows, tag
// counts, before-images and the events they cause commit together. Everything
// derived, such as the search index, is read from the event log and can be
// rebuilt.
//
// # To add a noun
//
// Write its type and its port in a file of its own, with a comment that says
// what each method must do; give every "must" a test in crm/crmtest and a
// broken wrapper that proves the test; implement the port in every store; then
// write the service, the route, and try it by hand. CONTRIBUTING.md has the
// steps with the files.
//
// # To add an adapter
//
// Implement the port, run its suite from a conformance_test.go, and pass it in
// [Config]. Nothing registers itself: there are no globals and no init
// functions, so that several instances live in one process.
package crm
