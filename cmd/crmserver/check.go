package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/omnicrm/omnicrm/crm"
)

// checkCmd proves that what is derived agrees with the contacts.
type checkCmd struct {
	Repair bool `help:"Mend what is wrong."`
}

// errUnrepaired makes the exit code tell that something is wrong.
var errUnrepaired = errors.New("something is wrong; run it again with --repair")

// Help says what the command proves and what it cannot reach.
func (checkCmd) Help() string {
	return "Counts every workspace anew and compares the totals, the tags' counts, and the imports with their jobs. " +
		"It also fills a search index from the store, in this process, and compares each of its documents: that proves that the index can be made, " +
		"not what a server holds in its own memory. A running server compares that itself, an hour after loading and hourly, loads again what is wrong, " +
		"and shows under index of GET /readyz when, how much, and what it found."
}

// Run implements the command.
func (c checkCmd) Run(ctx context.Context, g *Globals, t terminal) error {
	return g.withData(ctx, t, func(ctx context.Context, p parts) error {
		r, err := p.App.Check(ctx, crm.CheckOptions{Repair: c.Repair})
		if err != nil {
			return err
		}
		if g.JSON {
			if err := printJSON(t.out, r); err != nil {
				return err
			}
		} else if err := c.print(t, r); err != nil {
			return err
		}
		for _, f := range r.Findings {
			if !f.Repaired {
				return errUnrepaired
			}
		}
		return nil
	})
}

func (c checkCmd) print(t terminal, r crm.CheckReport) error {
	for _, f := range r.Findings {
		state := ""
		if f.Repaired {
			state = " (repaired)"
		}
		if _, err := fmt.Fprintf(t.out, "%s %s: %s%s\n", f.Workspace, f.Part, f.Detail, state); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(t.out, "Checked %s in %s: %s\n",
		counted(int64(r.Contacts), "contact"), counted(int64(r.Workspaces), "workspace"), counted(int64(len(r.Findings)), "finding"))
	return err
}
