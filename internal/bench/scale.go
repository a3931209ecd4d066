package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

const (
	smallSize = 10_000
	// deep is how many rows lie before the page that P2 reads by cursor.
	deep = 50_000
	// perContact is how many interactions a contact has.
	perContact = 5
	// scaleTries is how often each operation runs in a round.
	scaleTries = 40
)

// large is the size of the bars that ask for a million.
func (b *bench) large() int {
	if b.million {
		return 1_000_000
	}
	return b.contacts
}

// fillHistory gives every contact interactions, some of them with another one.
func (i *instance) fillHistory(ctx context.Context, contacts int) error {
	began := time.Now().Add(-time.Hour)
	var after crm.ID
	for done := 0; done < contacts; {
		ids, err := i.store.ListContactIDs(ctx, i.actor.Workspace, crm.ContactCriteria{}, after, crm.MaxBatch/perContact)
		if err != nil || len(ids) == 0 {
			return err
		}
		var batch []crm.NewInteraction
		for n, id := range ids {
			for k := range perContact {
				in := crm.NewInteraction{
					Type: crm.InteractionTypes()[(n+k)%6], Subject: "Delivery dates", Body: "We would like to move the date by a week.",
					OccurredAt:   began.AddDate(0, 0, -((done + n) * (k + 1) % 700)),
					Participants: []crm.NewParticipant{{Role: crm.RoleTo, Contact: id}},
				}
				if k == 0 {
					in.Participants = append(in.Participants, crm.NewParticipant{Role: crm.RoleCc, Contact: ids[(n+1)%len(ids)]})
				}
				batch = append(batch, in)
			}
		}
		if _, err := i.app.Interactions.Batch(ctx, i.actor, batch); err != nil {
			return err
		}
		done += len(ids)
		after = ids[len(ids)-1]
	}
	return nil
}

// withHistory opens the CRM of a size with interactions, filling it once.
func (b *bench) withHistory(ctx context.Context, n int) (*instance, error) {
	i, err := b.filled(ctx, n)
	if err != nil {
		return nil, err
	}
	some, err := i.store.ListInteractionIDs(ctx, i.actor.Workspace, crm.InteractionCriteria{}, crm.ID{}, 1)
	if err == nil && len(some) == 0 {
		err = i.fillHistory(ctx, n)
	}
	if err == nil {
		err = i.settle(ctx)
	}
	return i, err
}

// settle waits until the readers of the event log have read all of it and
// searches are answered by the index: what a bar is about is a server that has
// caught up with its import.
func (i *instance) settle(ctx context.Context) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		state, err := i.store.LogState(ctx)
		if err != nil {
			return err
		}
		readers, err := i.store.ListReaders(ctx)
		if err != nil {
			return err
		}
		found, err := i.app.Contacts.List(ctx, i.actor, crm.ContactListQuery{Filter: crm.ContactFilter{Search: "ana"}, PageSize: 1})
		if err != nil {
			return err
		}
		behind := slices.ContainsFunc(readers, func(r crm.EventReader) bool { return r.Position < state.Head })
		if len(readers) > 0 && !behind && !found.Degraded {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// dashboard is P7.
func (b *bench) dashboard(ctx context.Context) error {
	i, err := b.withHistory(ctx, b.large())
	if err != nil {
		return err
	}
	defer i.close()
	api, err := i.api()
	if err != nil {
		return err
	}
	base, stop, err := serve(api)
	if err != nil {
		return err
	}
	defer stop()
	c := newClient(base, i.key, 1)
	var times []time.Duration
	for range b.rounds {
		l, err := run(ctx, 1, b.turn, func(ctx context.Context, _ int) error { return c.get(ctx, "/api/v1/dashboard?tz=Europe/Berlin") })
		if err != nil {
			return err
		}
		times = append(times, l.times...)
	}
	p95 := percentile(times, 0.95)
	b.table.add(row{
		"P7", "dashboard over HTTP, p95", count(b.large()) + ", " + count(perContact*b.large()) + " interactions", ms(p95), "p50 " + ms(percentile(times, 0.5)),
		"", "<= 15 ms", p95 <= 15*time.Millisecond,
	})
	return nil
}

// scaleCase is one operation of P2 on one instance.
type scaleCase struct {
	name string
	do   func(ctx context.Context) error
}

// scale is P2: the same operations on few contacts and on many, by turns.
func (b *bench) scale(ctx context.Context) error {
	var cases [2][]scaleCase
	for side, n := range []int{smallSize, b.large()} {
		i, err := b.withHistory(ctx, min(n, b.large()))
		if err != nil {
			return err
		}
		defer i.close()
		if cases[side], err = i.scaleCases(ctx); err != nil {
			return err
		}
	}
	for n := range cases[0] {
		var times [2][]float64
		for range b.rounds * scaleTries {
			for side := range cases {
				begin := time.Now()
				if err := cases[side][n].do(ctx); err != nil {
					return fmt.Errorf("%s: %w", cases[side][n].name, err)
				}
				times[side] = append(times[side], float64(time.Since(begin)))
			}
		}
		small, large := median(times[0]), median(times[1])
		b.table.add(row{
			"P2", cases[0][n].name + ", median", count(b.large()), ms(time.Duration(large)), count(min(smallSize, b.large())) + " contacts: " + ms(time.Duration(small)),
			fmt.Sprintf("%.2f", large/small), "<= 1.3", large/small <= 1.3,
		})
	}
	return nil
}

// scaleCases are a list, its page at a depth, a get, a create and the dashboard,
// through the handler without a network.
func (i *instance) scaleCases(ctx context.Context) ([]scaleCase, error) {
	api, err := i.api()
	if err != nil {
		return nil, err
	}
	call := func(ctx context.Context, method, path string) (*httptest.ResponseRecorder, error) {
		r := httptest.NewRequestWithContext(ctx, method, "/api/v1/"+path, http.NoBody)
		r.Header.Set("Authorization", "Bearer "+i.key)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			return w, fmt.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		return w, nil
	}
	get := func(path string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := call(ctx, http.MethodGet, path)
			return err
		}
	}
	first, err := call(ctx, http.MethodGet, "contacts?pageSize=1")
	if err != nil {
		return nil, err
	}
	var page struct {
		Items []struct {
			ID string `json:"id"`
		} `json:"items"`
		Total      int    `json:"total"`
		NextCursor string `json:"nextCursor"`
	}
	if err := json.Unmarshal(first.Body.Bytes(), &page); err != nil {
		return nil, err
	}
	id, cursor := page.Items[0].ID, page.NextCursor
	for at := 1; at < min(deep, page.Total*9/10); at += crm.MaxPageSize {
		w, err := call(ctx, http.MethodGet, fmt.Sprintf("contacts?pageSize=%d&cursor=%s", crm.MaxPageSize, cursor))
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
			return nil, err
		}
		cursor = page.NextCursor
	}
	made := 0
	return []scaleCase{
		{"list of 50 with total", get("contacts?pageSize=50")},
		{"page of 50 at a depth of 50,000", get("contacts?pageSize=50&cursor=" + cursor)},
		{"get", get("contacts/" + id)},
		{"create", func(ctx context.Context) error {
			made++
			_, err := i.app.Contacts.Create(ctx, i.actor, crm.NewContact{
				DisplayName: fmt.Sprintf("New Person %d", made), Emails: []crm.Email{{Address: fmt.Sprintf("new%d@example.net", made)}}, Tags: []string{"vip"},
			})
			return err
		}},
		{"dashboard", get("dashboard")},
	}, nil
}
