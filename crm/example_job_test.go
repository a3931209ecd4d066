package crm_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
)

// A program that embeds the CRM brings a kind of its own: it sends letters, one
// after the other, and goes on after a crash where it stopped.
func ExampleJobService_Register() {
	ctx := context.Background()
	store, err := sqlite.Open(ctx, ":memory:")
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close() //nolint:errcheck // The example ends here.
	app, err := crm.New(crm.Config{Store: store})
	if err != nil {
		log.Fatal(err)
	}
	type mailing struct{ Letters int }
	sendLetters := func(ctx context.Context, run *crm.JobRun) error {
		var m mailing
		if err := run.Payload(&m); err != nil {
			return err
		}
		sent := 0
		if _, err := run.Checkpoint(&sent); err != nil {
			return err
		}
		for ; sent < m.Letters; sent++ {
			// Send letter number sent here, until ctx ends.
			run.Progress(int64(sent+1), int64(m.Letters))
			if err := run.Save(ctx, sent+1); err != nil {
				return err
			}
		}
		return run.Result(map[string]int{"sent": sent})
	}
	if err := app.Jobs.Register("send_letters", sendLetters, crm.JobOptions{Timeout: time.Hour, PerWorkspace: 1}); err != nil {
		log.Fatal(err)
	}
	if err := app.Start(ctx); err != nil {
		log.Fatal(err)
	}
	defer app.Close() //nolint:errcheck // It never fails.

	actor := crm.Actor{Workspace: crm.WorkspaceID(crm.NamedID("customer:42")), User: crm.NamedID("user:7"), Role: crm.RoleOwner}
	job, err := app.Jobs.Enqueue(ctx, actor, crm.NewJob{Kind: "send_letters", Payload: mailing{Letters: 3}, Priority: crm.PriorityHigh})
	if err != nil {
		log.Fatal(err)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !job.Status.Final() {
		<-tick.C
		if job, err = app.Jobs.Get(ctx, actor, job.ID); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(job.Status, job.Done, "of", job.Total, string(job.Result))
	// Output: succeeded 3 of 3 {"sent":3}
}
