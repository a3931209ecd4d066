package crm_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
)

// open gives the examples a CRM in memory and an actor who may do everything.
func open() (*crm.CRM, crm.Actor, func()) {
	ctx := context.Background()
	store, err := sqlite.Open(ctx, ":memory:")
	if err != nil {
		log.Fatal(err)
	}
	app, err := crm.New(crm.Config{Store: store})
	if err != nil {
		log.Fatal(err)
	}
	if err := app.Start(ctx); err != nil {
		log.Fatal(err)
	}
	actor := crm.Actor{Workspace: crm.WorkspaceID(crm.NamedID("customer:42")), User: crm.NamedID("user:7"), Role: crm.RoleOwner}
	return app, actor, func() {
		if err := app.Close(); err != nil {
			log.Print(err)
		}
		if err := store.Close(); err != nil {
			log.Print(err)
		}
	}
}

func ExampleContactService() {
	app, actor, end := open()
	defer end()
	ctx := context.Background()
	zoe, err := app.Contacts.Create(ctx, actor, crm.NewContact{DisplayName: "Zoë Łukasz", Phones: []crm.Phone{{Number: "(202) 224-3441"}}})
	if err != nil {
		log.Fatal(err)
	}
	stage := crm.StageLead
	zoe, err = app.Contacts.Update(ctx, actor, zoe.ID, crm.ContactPatch{Stage: &stage, Version: zoe.Version})
	if err != nil {
		log.Fatal(err)
	}
	list, err := app.Contacts.List(ctx, actor, crm.ContactListQuery{Filter: crm.ContactFilter{Search: "lukazs"}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(list.Total, list.Items[0].DisplayName, zoe.Stage, zoe.Phones[0].E164)
	// Output: 1 Zoë Łukasz lead +12022243441
}

func ExampleImportService() {
	app, actor, end := open()
	defer end()
	file := `{"displayName": "Ana", "primaryEmail": "ana@example.com"}` + "\n" + `{"displayName": "Bo", "birthday": "2023-02-29"}` + "\n"
	for range 2 {
		done, err := app.Imports.Run(context.Background(), actor, crm.RunImport{
			NewImport: crm.NewImport{FileName: "people.jsonl", Body: strings.NewReader(file)},
		})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(done.Counts.Created, "created,", done.Counts.Unchanged, "unchanged,", done.Counts.Problems, "with problems")
	}
	// Output:
	// 1 created, 0 unchanged, 1 with problems
	// 0 created, 1 unchanged, 1 with problems
}

func ExampleExportService() {
	app, actor, end := open()
	defer end()
	ctx := context.Background()
	for _, name := range []string{"Ana", "Bo"} {
		if _, err := app.Contacts.Create(ctx, actor, crm.NewContact{DisplayName: name}); err != nil {
			log.Fatal(err)
		}
	}
	export, err := app.Exports.Prepare(ctx, actor, crm.ExportQuery{Format: "jsonl", Filter: crm.ContactFilter{Search: "ana"}})
	if err != nil {
		log.Fatal(err)
	}
	var file strings.Builder
	n, err := export.WriteTo(ctx, &file, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(n, export.MediaType, strings.Contains(file.String(), `"displayName":"Ana"`))
	// Output: 1 application/x-ndjson; charset=utf-8 true
}

func ExampleJobService() {
	app, actor, end := open()
	defer end()
	ctx := context.Background()
	if _, err := app.Contacts.Create(ctx, actor, crm.NewContact{DisplayName: "Ana"}); err != nil {
		log.Fatal(err)
	}
	job, err := app.Contacts.BulkByFilter(ctx, actor, crm.ContactFilter{Search: "ana"}, crm.BulkAction{Verb: crm.BulkTag, AddTags: []string{"vip"}})
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
	fmt.Println(job.Status, string(job.Result))
	// Output: succeeded {"changed":1}
}

func ExampleTagService() {
	app, actor, end := open()
	defer end()
	ctx := context.Background()
	for _, tags := range [][]string{{"VIP", "Berlin"}, {"vip"}} {
		if _, err := app.Contacts.Create(ctx, actor, crm.NewContact{DisplayName: "Somebody", Tags: tags}); err != nil {
			log.Fatal(err)
		}
	}
	tags, err := app.Tags.List(ctx, actor)
	if err != nil {
		log.Fatal(err)
	}
	for _, t := range tags {
		fmt.Println(t.Name, t.Count)
	}
	// Output:
	// Berlin 1
	// VIP 2
}

func ExampleWorkspaceService() {
	app, actor, end := open()
	defer end()
	ctx := context.Background()
	region, zone := "DE", "Europe/Berlin"
	w, err := app.Workspaces.Update(ctx, actor, crm.WorkspacePatch{Region: &region, TimeZone: &zone})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(w.Region, w.TimeZone)
	_, err = app.Workspaces.Update(ctx, actor, crm.WorkspacePatch{Region: new(string)})
	fmt.Println(err)
	// Output:
	// DE Europe/Berlin
	// update workspace: invalid: region must be a two-letter country code such as US
}

func ExampleInsightService() {
	app, actor, end := open()
	defer end()
	ctx := context.Background()
	ana, err := app.Contacts.Create(ctx, actor, crm.NewContact{DisplayName: "Ana Ruiz", Phones: []crm.Phone{{Number: "(202) 224-3441"}}})
	if err != nil {
		log.Fatal(err)
	}
	for _, days := range []int{40, 52, 64, 76} {
		_, err := app.Interactions.CreateWith(ctx, actor, ana.ID, crm.NewInteraction{Type: crm.InteractionCall, OccurredAt: time.Now().AddDate(0, 0, -days)})
		if err != nil {
			log.Fatal(err)
		}
	}
	insight, err := app.Insights.Refresh(ctx, actor, ana.ID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(insight.Parts[1].Reason)
	next, err := app.Insights.Focus(ctx, actor, crm.FocusQuery{})
	if err != nil {
		log.Fatal(err)
	}
	for _, item := range next.Items {
		fmt.Printf("%s: %s\n", item.Insight.FollowUp.Text, item.Insight.FollowUp.Reason)
	}
	// Output:
	// 4 exchanges in 90 days, usually every 12 days
	// Call Ana Ruiz: 40 days quiet, usually every 12 days
}

func ExampleCRM_Backup() {
	app, actor, end := open()
	defer end()
	ctx := context.Background()
	contact, err := app.Contacts.Create(ctx, actor, crm.NewContact{DisplayName: "Zoë Łukasz"})
	if err != nil {
		log.Fatal(err)
	}
	var file bytes.Buffer
	if _, err := app.Backup(ctx, &file, crm.BackupOptions{}); err != nil {
		log.Fatal(err)
	}

	// Into an empty store, of any kind, before anything is started on it.
	store, err := sqlite.Open(ctx, ":memory:")
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close() //nolint:errcheck // It lies in memory.
	other, err := crm.New(crm.Config{Store: store})
	if err != nil {
		log.Fatal(err)
	}
	report, err := other.Restore(ctx, bytes.NewReader(file.Bytes()), crm.RestoreOptions{})
	if err != nil {
		log.Fatal(err)
	}
	same, err := other.Contacts.Get(ctx, actor, contact.ID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Contacts, same.DisplayName, same.Version == contact.Version)
	// Output: 1 Zoë Łukasz true
}
