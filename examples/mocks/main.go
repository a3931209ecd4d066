// Mocks is a program's own code on top of the CRM, and how its tests force
// what is hard to bring about: a search service that is down, and a number of
// calls. What can be had for real, such as the store, is real in its tests.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
)

// desk is the screen of a telephone exchange: it shows who is calling.
type desk struct {
	contacts *crm.ContactService
	actor    crm.Actor
}

// whoCalls names the caller in one line, which it always does: a caller whom
// the CRM does not know, or cannot look up now, is still on the line.
func (d *desk) whoCalls(ctx context.Context, number string) string {
	found, err := d.contacts.List(ctx, d.actor, crm.ContactListQuery{Filter: crm.ContactFilter{Search: number}})
	switch {
	case errors.Is(err, crm.ErrUnavailable):
		return number + " (contacts cannot be reached)"
	case err != nil:
		return number + " (" + err.Error() + ")"
	case found.Total == 0:
		return number
	}
	line := found.Items[0].DisplayName
	if found.Total > 1 {
		line += fmt.Sprintf(" or one of %d others", found.Total-1)
	}
	if found.Degraded { // The store answered instead of the index: whole beginnings of words only.
		line += " (quick look)"
	}
	return line
}

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	store, err := sqlite.Open(ctx, ":memory:")
	if err != nil {
		return err
	}
	defer store.Close()
	app, err := crm.New(crm.Config{Store: store})
	if err != nil {
		return err
	}
	if err := app.Start(ctx); err != nil {
		return err
	}
	defer app.Close()
	d := &desk{contacts: app.Contacts, actor: crm.Actor{
		Workspace: crm.WorkspaceID(crm.NamedID("customer:42")), User: crm.NamedID("desk:1"), Role: crm.RoleMember,
	}}
	if _, err := app.Contacts.Create(ctx, d.actor, crm.NewContact{
		DisplayName: "Maria Cantwell", Phones: []crm.Phone{{Number: "+1 202 224 3441"}},
	}); err != nil {
		return err
	}
	for _, number := range []string{"202-224-3441", "202-224-0000"} {
		fmt.Fprintln(out, d.whoCalls(ctx, number))
	}
	return nil
}
