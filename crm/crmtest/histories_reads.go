package crmtest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// filter is one of the list, often of nothing.
func (h *history) filter() crm.ContactFilter {
	var f crm.ContactFilter
	for _, set := range some(h.dice, 3,
		func() { f.Search = pick(h.dice, historySearches()...) },
		func() { f.Stages = some(h.dice, 2, crm.Stages()...) },
		func() { f.Tags = some(h.dice, 2, tagNames()...) },
		func() { f.TagMode = crm.TagAll },
		func() { f.Sources = some(h.dice, 2, sourceNames()...) },
		func() { has := h.sometimes(2); f.HasEmail = &has },
		func() { has := h.sometimes(2); f.HasPhone = &has },
		func() { f.CreatedAt.Mode = pick(h.dice, crm.DateToday, crm.DateWeek, crm.DateMonth) },
		func() { f.LastInteractionAt.Mode = pick(h.dice, crm.DateWeek, crm.DateQuarter) },
		func() { f.Fields = map[string]string{"colour": "red"} }) {
		set()
	}
	return f
}

func historySearches() []string {
	return []string{"ana", "peres ana", "washingtn", "lukasz", "3441", "2022243441", "a@x.com", "acme", "vip", "李", "fitz", "b@x", "file 2", "nobody"}
}

// lists pages through a list in a random order.
func (h *history) lists() {
	q := crm.ContactListQuery{
		Filter: h.filter(), Sort: pick(h.dice, "", crm.SortCreatedAt, crm.SortUpdatedAt, crm.SortDisplayName, crm.SortLastInteractionAt),
		Order: pick(h.dice, "", crm.Ascending, crm.Descending), PageSize: pick(h.dice, 3, 25),
	}
	if q.Filter.Trash = h.sometimes(6); q.Filter.Trash {
		q.Filter.Search = ""
	}
	h.pages(q)
}

func (h *history) search() {
	f := h.filter()
	f.Search = pick(h.dice, historySearches()...)
	h.pages(crm.ContactListQuery{Filter: f, PageSize: pick(h.dice, 2, 25), Facets: some(h.dice, 4, crm.FacetStage, crm.FacetTag, crm.FacetSource, crm.FacetCompany)})
}

// pages compares up to four pages of a list.
func (h *history) pages(q crm.ContactListQuery) {
	if q.Filter.Search != "" || len(q.Facets) > 0 { // The clock may have let it go as idle.
		h.awaitIndex()
	}
	cursors := both[string]{}
	for page := range 4 {
		got, ok := do(h, fmt.Sprintf("page %d of %s", page, asText(q)), func(app *crm.CRM, side int) (crm.ContactList, error) {
			mine := q
			mine.Cursor = cursors[side]
			l, err := app.Contacts.List(h.Context(), h.actor, mine)
			cursors[side] = l.NextCursor
			if l.NextCursor != "" { // It holds ids, in a form of its own.
				l.NextCursor = "there is more"
			}
			return l, err
		})
		if !ok || got[0].NextCursor == "" {
			return
		}
		q.Facets = nil
	}
}

func (h *history) timeline() {
	id, q := h.one(), crm.TimelineQuery{Order: pick(h.dice, crm.Ascending, crm.Descending)}
	do(h, fmt.Sprint("timeline of ", id[0]), func(app *crm.CRM, side int) (crm.InteractionList, error) {
		return app.Interactions.Timeline(h.Context(), h.actor, id[side], q)
	})
	do(h, fmt.Sprint("get ", id[0]), func(app *crm.CRM, side int) (crm.Contact, error) {
		return app.Contacts.Get(h.Context(), h.actor, id[side])
	})
}

// feed compares what happened last, to all or to one, without times of jobs.
func (h *history) feed() {
	q, id := crm.ActivityQuery{Limit: 30, Type: pick(h.dice, "", "", crm.EventContactUpdated)}, h.one()
	of := h.sometimes(2)
	do(h, fmt.Sprintf("feed %s of %s (%t)", asText(q), id[0], of), func(app *crm.CRM, side int) ([]crm.Activity, error) {
		mine := q
		if of {
			mine.Contact = id[side]
		}
		l, err := app.Activity.List(h.Context(), h.actor, mine)
		for i := range l.Items {
			l.Items[i].Position = 0
		}
		return l.Items, err
	})
}

func (h *history) dashboard() {
	do(h, "dashboard", func(app *crm.CRM, _ int) ([]any, error) {
		d, err := app.Dashboard.Get(h.Context(), h.actor, crm.DashboardQuery{TimeZone: "Europe/Berlin"})
		d.Totals.Value.FollowUpsDue = 0 // Of scores, which come a moment later.
		for _, failed := range []error{d.Totals.Err, d.Growth.Err, d.InteractionTrend.Err, d.RecentContacts.Err} {
			if err == nil {
				err = failed
			}
		}
		return []any{d.Totals.Value, d.Growth.Value, d.InteractionTrend.Value, d.RecentContacts.Value}, err
	})
	do(h, "tags", func(app *crm.CRM, _ int) ([]crm.Tag, error) { return app.Tags.List(h.Context(), h.actor) })
	do(h, "imports", func(app *crm.CRM, _ int) ([]crm.Import, error) {
		return app.Imports.List(h.Context(), h.actor, crm.ID{}, 100)
	})
}

func (h *history) views() {
	id := h.one()
	do(h, fmt.Sprint("view ", id[0]), func(app *crm.CRM, side int) ([]crm.RecentContact, error) {
		if err := app.Contacts.MarkViewed(h.Context(), h.actor, id[side]); err != nil {
			return nil, err
		}
		return app.Contacts.Recent(h.Context(), h.actor)
	})
}

const (
	// writersTogether is how many write at once at the end of a history.
	writersTogether = 4
	writesTogether  = 6
)

// together has several write at once, each to contacts of its own, while
// somebody pages: no page skips or repeats who is there all the time.
func (h *history) together() {
	h.Helper()
	notes := make([]string, writesTogether)
	for i := range notes {
		notes[i] = fmt.Sprint("together ", h.IntN(3))
	}
	do(h, "writers at once", func(app *crm.CRM, side int) ([writersTogether][]string, error) {
		var outcomes [writersTogether][]string
		var writers sync.WaitGroup
		want, done := h.walk(app, side, nil), make(chan struct{})
		for w := range writersTogether {
			writers.Go(func() { outcomes[w] = h.writeOwn(app, side, w, notes) })
		}
		go func() { writers.Wait(); close(done) }()
		for walking := true; walking; {
			select {
			case <-done:
				walking = false
			default:
			}
			h.walk(app, side, want)
		}
		return outcomes, nil
	})
}

// writeOwn changes every writersTogether-th contact and says how that went.
func (h *history) writeOwn(app *crm.CRM, side, w int, notes []string) []string {
	var outcomes []string
	for at := w; at < len(h.people); at += writersTogether {
		for _, note := range notes {
			c, err := app.Contacts.Update(h.Context(), h.actor, h.people[at][side], crm.ContactPatch{Notes: &note, Tags: &[]string{note}})
			h.expected("write "+note, side, err)
			outcomes = append(outcomes, fmt.Sprintf("%s: version %d, %s", note, c.Version, errorText(err)))
		}
	}
	return outcomes
}

// walk pages through all live contacts, newest first, and returns them. Those wanted, and
// nobody twice, must be met.
func (h *history) walk(app *crm.CRM, side int, want []crm.ID) []crm.ID {
	var met []crm.ID
	q := crm.ContactListQuery{PageSize: 3}
	for {
		l, err := app.Contacts.List(h.Context(), h.actor, q)
		if err != nil {
			h.Errorf("side %d: page: %v", side, err)
			return met
		}
		for _, c := range l.Items {
			if slices.Contains(met, c.ID) {
				h.Errorf("side %d: contact %s is on two pages", side, c.ID)
			}
			met = append(met, c.ID)
		}
		if q.Cursor = l.NextCursor; q.Cursor == "" {
			break
		}
	}
	if want != nil && !slices.Equal(met, want) {
		h.Errorf("side %d: the pages have %s, want %s", side, met, want)
	}
	return met
}

// sum compares all that is left, and has each side check itself.
func (h *history) sum() {
	h.Helper()
	h.clock.forward(time.Minute)
	h.pages(crm.ContactListQuery{PageSize: 200})
	h.pages(crm.ContactListQuery{PageSize: 200, Filter: crm.ContactFilter{Trash: true}})
	h.dashboard()
	do(h, "all interactions", func(app *crm.CRM, _ int) (string, error) {
		var b bytes.Buffer
		_, err := app.Interactions.Export(h.Context(), h.actor, &b)
		return b.String(), err
	})
	for _, id := range h.imports {
		do(h, fmt.Sprint("rows of import ", id[0]), func(app *crm.CRM, side int) ([]crm.ImportRow, error) {
			return app.Imports.Rows(h.Context(), h.actor, id[side], crm.ImportRowQuery{Limit: 100})
		})
	}
	do(h, "the log", h.log)
	do(h, "check", func(app *crm.CRM, _ int) ([]crm.CheckFinding, error) {
		r, err := app.Check(h.Context(), crm.CheckOptions{})
		if len(r.Findings) > 0 {
			h.Errorf("check: got %+v, want no findings", r.Findings)
		}
		return nil, err
	})
}

// log is what happened, in no order: those who wrote at once came in any.
func (h *history) log(app *crm.CRM, side int) ([]string, error) {
	var all []string
	q := crm.ActivityQuery{Limit: 100}
	for {
		l, err := app.Activity.List(h.Context(), h.actor, q)
		if err != nil {
			return nil, err
		}
		for _, a := range l.Items {
			subject := h.same.common(a.Subject.ID, side)
			if subject == "" && a.Subject.Kind == "job" { // What the CRM does by itself, at times of its own.
				continue
			}
			if a.Batch != nil {
				subject = fmt.Sprint(a.Batch.Counts)
			}
			all = append(all, strings.Join([]string{string(a.Type), subject, a.At.String(), strings.Join(a.Changes, " ")}, ", "))
		}
		if q.Cursor = l.NextCursor; q.Cursor == "" {
			slices.Sort(all)
			return all, nil
		}
	}
}
