package main

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/omnicrm/omnicrm/crm"
)

// list is P1: the list over HTTP against a handler that does nothing but the
// same two queries and encoding/json.
func (b *bench) list(ctx context.Context) error {
	i, err := b.filled(ctx, b.contacts)
	if err != nil {
		return err
	}
	defer i.close()
	api, err := i.api()
	if err != nil {
		return err
	}
	ours, stopOurs, err := serve(api)
	if err != nil {
		return err
	}
	defer stopOurs()
	bare, stopBare, err := serve(bareList(i.store, i.actor.Workspace))
	if err != nil {
		return err
	}
	defer stopBare()
	const clients = 8
	var rates [2][]float64
	for range b.rounds {
		for side, base := range []string{ours, bare} {
			c := newClient(base, i.key, clients)
			l, err := run(ctx, clients, b.turn, func(ctx context.Context, _ int) error { return c.get(ctx, "/api/v1/contacts?pageSize=50") })
			if err != nil {
				return err
			}
			rates[side] = append(rates[side], l.rate)
		}
	}
	ratio := median(rates[0]) / median(rates[1])
	b.table.add(row{
		"P1", "list of 50 over HTTP, 8 clients", count(b.contacts), perSecond(median(rates[0])), "bare handler " + perSecond(median(rates[1])),
		percent(ratio), ">= 85 %", ratio >= 0.85,
	})
	return nil
}

// bareList answers the same page with no sign-in, no validation, no headers.
func bareList(store crm.Store, ws crm.WorkspaceID) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		contacts, err := store.ListContacts(r.Context(), ws, crm.ContactQuery{Sort: crm.SortCreatedAt, Desc: true, Limit: 51})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		total, err := store.CountContacts(r.Context(), ws, crm.ContactCriteria{}, 0)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		page := struct {
			Items []crm.ContactRecord `json:"items"`
			Total int                 `json:"total"`
		}{Total: total}
		for _, c := range contacts[:min(50, len(contacts))] {
			page.Items = append(page.Items, c.Record())
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(page)
	})
}
