// Quickstart makes a CRM in a temporary folder, creates a contact, imports a
// file, finds people despite a typo, and prints what it found.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/omnicrm/omnicrm/adapters/csv"
	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
)

// people is a file as other programs write it.
const people = `Name,Email,Phone,Company,Tags
Maria Cantwell,maria@senate.example,(202) 224-3441,United States Senate,"senate, west"
José Núñez,jose@example.com,+34 912 345 678,Núñez e Hijos,customer
山田 太郎,taro@example.jp,+81 3-1234-5678,山田商店,customer
`

func main() {
	dir, err := os.MkdirTemp("", "quickstart-*")
	if err != nil {
		log.Fatal(err)
	}
	err = run(context.Background(), filepath.Join(dir, "crm.db"), os.Stdout)
	os.RemoveAll(dir)
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, path string, out io.Writer) error {
	store, err := sqlite.Open(ctx, path)
	if err != nil {
		return err
	}
	defer store.Close()
	app, err := crm.New(crm.Config{Store: store, Formats: []crm.Format{csv.Format{}}})
	if err != nil {
		return err
	}
	if err := app.Start(ctx); err != nil {
		return err
	}
	defer app.Close()

	// Who acts, and where. The workspace is made on first use.
	actor := crm.Actor{Workspace: crm.WorkspaceID(crm.NamedID("customer:42")), User: crm.NamedID("user:7"), Role: crm.RoleOwner}

	zoe, err := app.Contacts.Create(ctx, actor, crm.NewContact{
		DisplayName: "Zoë Łukasz", Emails: []crm.Email{{Address: "zoe@example.com"}}, Tags: []string{"customer"},
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "created", zoe.DisplayName)

	done, err := app.Imports.Run(ctx, actor, crm.RunImport{NewImport: crm.NewImport{FileName: "people.csv", Body: strings.NewReader(people)}})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "imported %d of %d rows\n", done.Counts.Created, done.Counts.Rows)

	for _, search := range []string{"cantwel", "zoe lukasz", "224-3441", "nunez", "太郎"} {
		found, err := app.Contacts.List(ctx, actor, crm.ContactListQuery{Filter: crm.ContactFilter{Search: search}})
		if err != nil {
			return err
		}
		for _, c := range found.Items {
			fmt.Fprintf(out, "%s: %s, %s\n", search, c.DisplayName, c.PrimaryEmail())
		}
	}
	return nil
}
