package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/omnicrm/omnicrm/adapters/csv"
	"github.com/omnicrm/omnicrm/adapters/phone"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
	"github.com/omnicrm/omnicrm/internal/fakedata"
	"github.com/omnicrm/omnicrm/transports/httpapi"
)

const seed = 1

// instance is one CRM on a file of its own.
type instance struct {
	path     string
	store    database
	app      *crm.CRM
	identity *identity.Identity
	actor    crm.Actor
	key      string
}

// open opens or makes the CRM of a name, with one user and an API key.
func (b *bench) open(ctx context.Context, name string) (*instance, error) {
	at, err := b.place(ctx, b.dir, name)
	if err != nil {
		return nil, err
	}
	return openInstance(ctx, at)
}

// openInstance is openIdle with the background work of a server.
func openInstance(ctx context.Context, path string) (*instance, error) {
	i, err := openIdle(ctx, path)
	if err != nil {
		return nil, err
	}
	return i, i.app.Start(ctx)
}

// openIdle opens a CRM as a command of crmserver does, whose process is there
// for one thing only.
func openIdle(ctx context.Context, path string) (*instance, error) {
	store, err := openDatabase(ctx, path)
	if err != nil {
		return nil, err
	}
	app, err := crm.New(crm.Config{Store: store, Phones: phone.New(), Formats: []crm.Format{csv.Format{}}})
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	id, err := identity.New(identity.Config{Store: store})
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	i := &instance{path: path, store: store, app: app, identity: id}
	const email = "bench@crm.example"
	if _, err := id.Operator.FindUser(ctx, email); err != nil {
		if _, _, err := id.Operator.CreateUser(ctx, identity.NewAccount{Email: email, Name: "Bench", NoPassword: true, Workspace: "Bench"}); err != nil {
			return nil, err
		}
	}
	if i.actor, err = id.Operator.Actor(ctx, email, ""); err != nil {
		return nil, err
	}
	_, i.key, err = id.Keys.Create(ctx, i.actor, identity.NewKey{Name: "bench"})
	return i, err
}

func (i *instance) close() error {
	if err := i.app.Close(); err != nil {
		return err
	}
	return i.store.Close()
}

// fill adds n invented people.
func (i *instance) fill(ctx context.Context, n int) error {
	g := fakedata.New(seed)
	for done := 0; done < n; {
		batch := crm.BatchInput{}
		for range min(crm.MaxBatch, n-done) {
			batch.Contacts = append(batch.Contacts, contactOf(g.Person()))
		}
		results, err := i.app.Contacts.Batch(ctx, i.actor, batch)
		if err != nil {
			return err
		}
		for _, r := range results {
			if r.Err != nil {
				return r.Err
			}
		}
		done += len(batch.Contacts)
	}
	return nil
}

// filled opens the CRM that most bars are measured on, filling it once.
func (b *bench) filled(ctx context.Context, n int) (*instance, error) {
	at, err := b.place(ctx, b.filledDir, fmt.Sprintf("contacts-%d", n))
	if err != nil {
		return nil, err
	}
	i, err := openInstance(ctx, at)
	if err != nil {
		return nil, err
	}
	list, err := i.app.Contacts.List(ctx, i.actor, crm.ContactListQuery{PageSize: 1})
	if err == nil && list.Total < n {
		err = i.fill(ctx, n-list.Total)
	}
	return i, err
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
		c.Addresses = append(c.Addresses, crm.Address{Label: a.Label, Street: a.Street, City: a.City, Region: a.Region, PostalCode: a.PostalCode, Country: a.Country})
	}
	return c
}

// api is the product's own handler, with sign-in, rights and all.
func (i *instance) api() (http.Handler, error) {
	return httpapi.New(i.app, httpapi.Options{Identity: i.identity, RateLimit: -1})
}

// serve puts a handler on a loopback port.
func serve(h http.Handler) (address string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	var done sync.WaitGroup
	done.Go(func() { s.Serve(l) })
	return "http://" + l.Addr().String(), func() { s.Close(); done.Wait() }, nil
}
