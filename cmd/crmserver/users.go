package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

// userCmd groups the commands about users.
type userCmd struct {
	Create userCreateCmd `cmd:"" help:"Create a user; a workspace that is new is made, and the user its owner."`
	List   userListCmd   `cmd:"" help:"List the users."`
	Passwd userPasswdCmd `cmd:"" help:"Set a user's password and end all their sessions."`
}

type userCreateCmd struct {
	Email         string `required:"" help:"Address to sign in with."`
	Name          string `help:"Name shown to others."`
	Workspace     string `help:"Name or id. Default: the only one, or a new one."`
	Role          string `enum:",owner,admin,member,viewer" default:"" placeholder:"ROLE" help:"owner, admin, member or viewer. Default: owner of a new workspace, else member."`
	Region        string `help:"Country of phone numbers without one, for a new workspace. Default US."`
	TimeZone      string `help:"Time zone of a new workspace. Default UTC."`
	PasswordStdin bool   `required:"" help:"Read the password from standard input."`
}

// Run implements the command.
func (c userCreateCmd) Run(ctx context.Context, g *Globals, t terminal) error {
	password, err := readPassword(t)
	if err != nil {
		return err
	}
	return g.with(ctx, t, func(ctx context.Context, p parts) error {
		user, m, err := p.Identity.Operator.CreateUser(ctx, identity.NewAccount{
			Email: c.Email, Name: c.Name, Password: password, Workspace: c.Workspace, Role: crm.Role(c.Role), Region: c.Region, TimeZone: c.TimeZone,
		})
		if conflict, ok := errors.AsType[*crm.ConflictError](err); ok && conflict.Reason == crm.ConflictExists {
			return fmt.Errorf("%s is a user already; `crmserver user passwd --email %s --password-stdin` sets a new password, and an invitation (POST /api/v1/invitations) adds them to another workspace", c.Email, c.Email)
		}
		if err != nil {
			return err
		}
		if g.JSON {
			return printJSON(t.out, map[string]any{"id": user.ID, "email": user.Email, "workspaceId": m.Workspace, "workspace": m.Name, "role": m.Role})
		}
		_, err = fmt.Fprintf(t.out, "%s is %s of %s\n", user.Email, m.Role, m.Name)
		return err
	})
}

// maxPasswordLine bounds what is read as a password, in bytes.
const maxPasswordLine = 4 << 10

// readPassword reads one line; the line's end does not belong to it.
func readPassword(t terminal) (string, error) {
	if isTerminal(t.in) {
		if _, err := fmt.Fprint(t.err, "Password: "); err != nil {
			return "", err
		}
	}
	line, err := bufio.NewReader(io.LimitReader(t.in, maxPasswordLine)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password: %w", err)
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", usageError{"no password on standard input"}
	}
	return line, nil
}

type userListCmd struct{}

// listPage is how many rows a command reads at once.
const listPage = 200

// Run implements the command.
func (userListCmd) Run(ctx context.Context, g *Globals, t terminal) error {
	return g.with(ctx, t, func(ctx context.Context, p parts) error {
		w := tabwriter.NewWriter(t.out, 0, 4, 2, ' ', 0)
		if !g.JSON {
			if _, err := fmt.Fprintln(w, "EMAIL\tNAME\tCREATED\tID"); err != nil {
				return err
			}
		}
		var after crm.ID
		for {
			users, err := p.Identity.Operator.ListUsers(ctx, after, listPage)
			if err != nil {
				return err
			}
			for _, u := range users {
				if g.JSON {
					err = printJSON(t.out, map[string]any{"id": u.ID, "email": u.Email, "name": u.Name, "createdAt": u.CreatedAt})
				} else {
					_, err = fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", u.Email, u.Name, u.CreatedAt.Format(time.DateOnly), u.ID)
				}
				if err != nil {
					return err
				}
				after = u.ID
			}
			if len(users) < listPage {
				return w.Flush()
			}
		}
	})
}

type userPasswdCmd struct {
	Email         string `required:"" help:"Whose password."`
	PasswordStdin bool   `required:"" help:"Read the password from standard input."`
}

// Run implements the command.
func (c userPasswdCmd) Run(ctx context.Context, g *Globals, t terminal) error {
	password, err := readPassword(t)
	if err != nil {
		return err
	}
	return g.with(ctx, t, func(ctx context.Context, p parts) error {
		if err := p.Identity.Operator.SetPassword(ctx, c.Email, password); err != nil {
			return unknownUser(err, c.Email, g.Data)
		}
		if g.JSON {
			return printJSON(t.out, map[string]any{"email": c.Email})
		}
		_, err := fmt.Fprintf(t.out, "%s has a new password; their sessions are ended\n", c.Email)
		return err
	})
}

// unknownUser says which address no user has, where that is the error.
func unknownUser(err error, email, folder string) error {
	if errors.Is(err, crm.ErrNotFound) {
		return fmt.Errorf("no user has the address %s in the folder %s; see `crmserver user list`, or name another folder with --data", email, folder)
	}
	return err
}

// apiKeyCmd groups the commands about API keys.
type apiKeyCmd struct {
	Create apiKeyCreateCmd `cmd:"" help:"Make a key and print it, once."`
}

type apiKeyCreateCmd struct {
	Email     string   `required:"" help:"Whose key: it never may more than they."`
	Workspace string   `help:"Name or id. Default: their only one."`
	Name      string   `help:"What the key is for."`
	Scope     []string `enum:"contacts:read,contacts:write,imports,jobs,admin" help:"contacts:read, contacts:write, imports, jobs, admin. Default: all but admin."`
}

// Run implements the command.
func (c apiKeyCreateCmd) Run(ctx context.Context, g *Globals, t terminal) error {
	return g.with(ctx, t, func(ctx context.Context, p parts) error {
		actor, err := p.Identity.Operator.Actor(ctx, c.Email, c.Workspace)
		if err != nil {
			return unknownUser(err, c.Email, g.Data)
		}
		in := identity.NewKey{Name: c.Name}
		for _, s := range c.Scope {
			in.Scopes = append(in.Scopes, crm.Scope(s))
		}
		key, secret, err := p.Identity.Keys.Create(ctx, actor, in)
		if err != nil {
			return err
		}
		if g.JSON {
			return printJSON(t.out, map[string]any{"id": key.ID, "key": secret, "scopes": key.Scopes})
		}
		_, err = fmt.Fprintln(t.out, secret)
		return err
	})
}
