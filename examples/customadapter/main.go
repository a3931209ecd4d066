// Customadapter shows what a third party adds to the CRM: a store that decorates
// another one and passes the public suites, and a kind of job of its own.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
)

// printer is a mailing list that only says what it was told.
type printer struct{ out io.Writer }

func (p printer) Subscribe(_ context.Context, address, name string) error {
	_, err := fmt.Fprintf(p.out, "subscribed %s <%s>\n", name, address)
	return err
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	err := run(ctx, os.Stdout, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	cancel()
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer, logger *slog.Logger) error {
	inner, err := sqlite.Open(ctx, ":memory:")
	if err != nil {
		return err
	}
	store := &slowLog{Store: inner, after: 100 * time.Millisecond, log: logger}
	defer store.Close()
	app, err := crm.New(crm.Config{Store: store, Logger: logger})
	if err != nil {
		return err
	}
	job := &newsletterJob{contacts: app.Contacts, list: printer{out}, pageSize: crm.MaxPageSize}
	// One list is filled by one job at a time, and a service of another company
	// deserves more patience than the default.
	if err := app.Jobs.Register(kindNewsletter, job.run, crm.JobOptions{Unique: true, MaxAttempts: 10}); err != nil {
		return err
	}
	if err := app.Start(ctx); err != nil {
		return err
	}
	defer app.Close()
	actor := crm.Actor{Workspace: crm.WorkspaceID(crm.NamedID("customer:42")), User: crm.NamedID("user:7"), Role: crm.RoleMember}
	for _, name := range []string{"Ana", "Bo", "Cleo"} {
		if _, err := app.Contacts.Create(ctx, actor, crm.NewContact{
			DisplayName: name, Emails: []crm.Email{{Address: name + "@example.com"}}, Tags: []string{"news"},
		}); err != nil {
			return err
		}
	}
	queued, err := app.Jobs.Enqueue(ctx, actor, crm.NewJob{
		Kind: kindNewsletter, Subject: crm.NamedID("list:monthly"), Payload: newsletter{Tag: "news"},
	})
	if err != nil {
		return err
	}
	done, err := await(ctx, app.Jobs, actor, queued.ID)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: %s of %d\n", done.Status, done.Result, done.Total)
	return nil
}

// await looks at a job until it has ended. A program with an interface would
// rather follow app.Activity.
func await(ctx context.Context, jobs *crm.JobService, actor crm.Actor, id crm.ID) (crm.Job, error) {
	for {
		job, err := jobs.Get(ctx, actor, id)
		if err != nil || job.Status.Final() {
			return job, err
		}
		select {
		case <-ctx.Done():
			return job, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}
