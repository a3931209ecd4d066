package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/omnicrm/omnicrm/crm"
)

// reindexCmd makes search indexes anew.
type reindexCmd struct {
	Workspace string `help:"Name or id. Default: all workspaces."`
}

// Help says what happens to the servers.
func (reindexCmd) Help() string {
	return "Fills an index from the store in this process, which proves that it can be made, and asks every server that holds the workspace's index " +
		"in its memory to make its own anew: it does so within moments, beside the old one, which answers until then. " +
		"A server shows crm_search_rebuilds_total in /metrics. An index that servers share is filled and cleaned by this command itself."
}

// reindexed is what --json prints, a line for each workspace.
type reindexed struct {
	Workspace crm.WorkspaceID `json:"workspaceId"`
	Name      string          `json:"workspace"`
	Documents int             `json:"documents"`
}

// Run implements the command.
func (c reindexCmd) Run(ctx context.Context, g *Globals, t terminal) error {
	return g.with(ctx, t, func(ctx context.Context, p parts) error {
		chosen, err := c.workspaces(ctx, p.Store)
		if err != nil {
			return err
		}
		for _, w := range chosen {
			if err := c.one(ctx, g, t, p.App, w); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c reindexCmd) one(ctx context.Context, g *Globals, t terminal, app *crm.CRM, w crm.Workspace) error {
	j, err := app.Reindex(ctx, w.ID)
	if err != nil {
		return err
	}
	var result crm.ReindexResult
	if err := json.Unmarshal(j.Result, &result); err != nil {
		return fmt.Errorf("read the result of job %s: %w", j.ID, err)
	}
	if g.JSON {
		return printJSON(t.out, reindexed{w.ID, w.Name, result.Documents})
	}
	_, err = fmt.Fprintf(t.out, "%s: an index of %s; servers make theirs anew\n", w.Name, counted(int64(result.Documents), "contact"))
	return err
}

// workspacePage is how many workspaces are read at once.
const workspacePage = 500

// workspaces returns the one that was named, or all.
func (c reindexCmd) workspaces(ctx context.Context, store crm.Store) ([]crm.Workspace, error) {
	var chosen []crm.Workspace
	var after crm.WorkspaceID
	for {
		page, err := store.ListWorkspaces(ctx, after, workspacePage)
		if err != nil {
			return nil, err
		}
		for _, w := range page {
			if c.Workspace == "" || c.Workspace == w.ID.String() || strings.EqualFold(c.Workspace, w.Name) {
				chosen = append(chosen, w)
			}
			after = w.ID
		}
		if len(page) < workspacePage {
			break
		}
	}
	switch {
	case c.Workspace == "":
	case len(chosen) == 0:
		return nil, usageError{fmt.Sprintf("--workspace: there is no workspace %q; leave it away to take all", c.Workspace)}
	case len(chosen) > 1:
		return nil, usageError{fmt.Sprintf("--workspace: %d workspaces are called %q; give the id", len(chosen), c.Workspace)}
	}
	return chosen, nil
}
