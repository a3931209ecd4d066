package main

import (
	"cmp"
	"context"
	"fmt"
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

// addPeople writes invented people, each at the time they were met.
func addPeople(ctx context.Context, store crm.Store, actor crm.Actor, bar *bar) error {
	g := fakedata.New(demoSeed)
	people := make([]fakedata.Person, demoPeople)
	for i := range people {
		people[i] = g.Person()
	}
	slices.SortStableFunc(people, func(a, b fakedata.Person) int { return cmp.Compare(b.AgeDays, a.AgeDays) })
	begin := time.Now()
	clock := begin
	past, err := crm.New(crm.Config{Store: store, Phones: phone.New(), Now: func() time.Time { return clock }})
	if err != nil {
		return err
	}
	done := 0
	for _, day := range byDay(people) {
		clock = begin.AddDate(0, 0, -day[0].AgeDays)
		batch := crm.BatchInput{}
		for _, p := range day {
			batch.Contacts = append(batch.Contacts, contactOf(p))
		}
		results, err := past.Contacts.Batch(ctx, actor, batch)
		if err != nil {
			return err
		}
		for _, r := range results {
			if r.Err != nil {
				return fmt.Errorf("invented person refused: %w", r.Err)
			}
		}
		done += len(day)
		bar.set(int64(done))
	}
	return past.Close()
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

// byDay cuts people, sorted by age, into those met on one day, at most a
// batch's worth at once.
func byDay(people []fakedata.Person) [][]fakedata.Person {
	var days [][]fakedata.Person
	for begin := 0; begin < len(people); {
		end := begin
		for end < len(people) && end-begin < crm.MaxBatch && people[end].AgeDays == people[begin].AgeDays {
			end++
		}
		days = append(days, people[begin:end])
		begin = end
	}
	return days
}
