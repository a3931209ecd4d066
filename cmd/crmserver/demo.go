package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/omnicrm/omnicrm/adapters/phone"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
	"github.com/omnicrm/omnicrm/internal/fakedata"
)

const (
	demoPeople = 2_000
	demoSeed   = 20_261_123
	demoLink   = 10 * time.Minute
)

// fillDemo makes the demo's user and people and returns the token of a link
// that signs in.
func (s *server) fillDemo(ctx context.Context, t terminal) (string, error) {
	user, membership, err := s.identity.Operator.CreateUser(ctx, identity.NewAccount{
		Email: "demo@crm.example", Name: "Dana Demo", NoPassword: true, Workspace: "Demo",
	})
	if err != nil {
		return "", err
	}
	actor := crm.Actor{Workspace: membership.Workspace, User: user.ID, Role: membership.Role}
	bar := newBar(t.err, "Inventing people", demoPeople)
	if err := addPeople(ctx, s.store, actor, bar); err != nil {
		return "", err
	}
	bar.end()
	return s.identity.Operator.SignInLink(ctx, user.ID, demoLink)
}

// addPeople writes invented people and what was said with them, each at its
// time.
func addPeople(ctx context.Context, store crm.Store, actor crm.Actor, bar *bar) error {
	g := fakedata.New(demoSeed)
	days := map[int]*demoDay{}
	on := func(daysAgo int) *demoDay {
		if days[daysAgo] == nil {
			days[daysAgo] = &demoDay{}
		}
		return days[daysAgo]
	}
	for range demoPeople {
		p := g.Person()
		met := on(p.AgeDays)
		person := &demoPerson{Person: p}
		met.people = append(met.people, person)
		for _, e := range g.History(p) {
			on(e.DaysAgo).said = append(on(e.DaysAgo).said, demoExchange{person, e})
		}
	}
	past := &demoPast{begin: time.Now(), actor: actor}
	var err error
	past.app, err = crm.New(crm.Config{Store: store, Phones: phone.New(), Now: func() time.Time { return past.clock }})
	if err != nil {
		return err
	}
	done := 0
	for _, daysAgo := range slices.Backward(slices.Sorted(maps.Keys(days))) {
		if err := past.live(ctx, days[daysAgo], daysAgo); err != nil {
			return err
		}
		done += len(days[daysAgo].people)
		bar.set(int64(done))
	}
	return past.app.Close()
}

// demoDay is what happened on one day.
type demoDay struct {
	people []*demoPerson
	said   []demoExchange
}

type demoPerson struct {
	fakedata.Person
	id crm.ID
}

type demoExchange struct {
	with *demoPerson
	fakedata.Exchange
}

// demoPast is a CRM whose clock stands where the demo puts it.
type demoPast struct {
	begin, clock time.Time
	actor        crm.Actor
	app          *crm.CRM
}

// live writes a day.
func (d *demoPast) live(ctx context.Context, day *demoDay, daysAgo int) error {
	d.clock = d.begin.AddDate(0, 0, -daysAgo)
	for part := range slices.Chunk(day.people, crm.MaxBatch) {
		batch := crm.BatchInput{}
		for _, p := range part {
			batch.Contacts = append(batch.Contacts, contactOf(p.Person))
		}
		results, err := d.app.Contacts.Batch(ctx, d.actor, batch)
		if err != nil {
			return err
		}
		for i, r := range results {
			if r.Err != nil {
				return fmt.Errorf("invented person refused: %w", r.Err)
			}
			part[i].id = r.Contact.ID
		}
	}
	for part := range slices.Chunk(day.said, crm.MaxBatch) {
		var batch []crm.NewInteraction
		for _, e := range part {
			batch = append(batch, d.interactionOf(e))
		}
		results, err := d.app.Interactions.Batch(ctx, d.actor, batch)
		if err != nil {
			return err
		}
		for _, r := range results {
			if r.Err != nil {
				return fmt.Errorf("invented interaction refused: %w", r.Err)
			}
		}
	}
	return nil
}

func (d *demoPast) interactionOf(e demoExchange) crm.NewInteraction {
	midnight := time.Date(d.clock.Year(), d.clock.Month(), d.clock.Day(), 0, 0, 0, 0, d.clock.Location())
	at := midnight.Add(time.Duration(e.Minute) * time.Minute)
	if at.After(d.clock) { // Today is not over.
		at = d.clock.Add(-time.Duration(e.Minute) * time.Second)
	}
	in := crm.NewInteraction{
		Type: crm.InteractionType(e.Type), Direction: crm.Direction(e.Direction), Subject: e.Subject, Body: e.Body, OccurredAt: at,
		Participants: []crm.NewParticipant{{Role: crm.RoleParticipant, Name: e.with.DisplayName, Contact: e.with.id}},
	}
	them, us := &in.Participants[0], crm.NewParticipant{Role: crm.RoleFrom, Name: "Dana Demo", Address: "demo@crm.example"}
	switch {
	case e.Type == "email" && len(e.with.Emails) > 0:
		them.Address = e.with.Emails[0].Address
	case e.Type == "call" && len(e.with.Phones) > 0:
		them.Address = e.with.Phones[0].Number
	}
	switch in.Direction {
	case crm.DirectionOutbound:
		them.Role = crm.RoleTo
		in.Participants = append(in.Participants, us)
	case crm.DirectionInbound:
		us.Role, them.Role = crm.RoleTo, crm.RoleFrom
		in.Participants = append(in.Participants, us)
	case crm.DirectionInternal:
		them.Role = crm.RoleAttendee
	}
	if e.Thread > 0 {
		in.ThreadID = fmt.Sprintf("%s/%d", e.with.id, e.Thread)
	}
	return in
}

func contactOf(p fakedata.Person) crm.NewContact {
	c := crm.NewContact{
		DisplayName: p.DisplayName, GivenName: p.GivenName, FamilyName: p.FamilyName, Company: p.Company, JobTitle: p.JobTitle,
		Websites: p.Websites, Birthday: p.Birthday, Stage: crm.Stage(p.Stage), Tags: p.Tags, Notes: p.Notes, Source: p.Source,
	}
	for _, e := range p.Emails {
		c.Emails = append(c.Emails, crm.Email{Address: e.Address, Label: e.Label})
	}
	for _, n := range p.Phones {
		c.Phones = append(c.Phones, crm.Phone{Number: n.Number, Label: n.Label})
	}
	for _, a := range p.Addresses {
		c.Addresses = append(c.Addresses, crm.Address{
			Label: a.Label, Street: a.Street, City: a.City, Region: a.Region, PostalCode: a.PostalCode, Country: a.Country,
		})
	}
	return c
}
