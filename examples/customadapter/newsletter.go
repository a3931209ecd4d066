package main

import (
	"context"
	"fmt"

	"github.com/omnicrm/omnicrm/crm"
)

// mailingList is the service of another company. Subscribe of an address that
// is subscribed already changes nothing.
type mailingList interface {
	Subscribe(ctx context.Context, address, name string) error
}

// The job kind of this program: it puts everybody with the tag on the list.
const kindNewsletter crm.JobKind = "newsletter"

// newsletter is its payload, and what it saves after each page.
type newsletter struct {
	Tag string `json:"tag"`
}

type newsletterProgress struct {
	Cursor     string `json:"cursor"`
	Subscribed int64  `json:"subscribed"`
}

// newsletterJob is its handler. It works for whoever asked, with the rights of
// that moment, and goes on after a crash where the last page ended. What came
// after that is subscribed once more, which changes nothing.
type newsletterJob struct {
	contacts *crm.ContactService
	list     mailingList
	pageSize int
}

func (j *newsletterJob) run(ctx context.Context, run *crm.JobRun) error {
	var in newsletter
	var at newsletterProgress
	if err := run.Payload(&in); err != nil {
		return err
	}
	if _, err := run.Checkpoint(&at); err != nil {
		return err
	}
	hasEmail := true
	for {
		page, err := j.contacts.List(ctx, run.Actor(), crm.ContactListQuery{
			Filter: crm.ContactFilter{Tags: []string{in.Tag}, HasEmail: &hasEmail},
			Sort:   crm.SortCreatedAt, Order: crm.Ascending, PageSize: j.pageSize, Cursor: at.Cursor,
		})
		if err != nil {
			return err
		}
		for _, c := range page.Items {
			if err := j.list.Subscribe(ctx, c.PrimaryEmail(), c.DisplayName); err != nil {
				return fmt.Errorf("subscribe contact %s: %w", c.ID, err)
			}
			at.Subscribed++
			run.Progress(at.Subscribed, int64(page.Total))
		}
		if at.Cursor = page.NextCursor; at.Cursor == "" {
			return run.Result(at.Subscribed)
		}
		if err := run.Save(ctx, at); err != nil {
			return err
		}
	}
}
