package crmtest

import (
	"fmt"
	"strings"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// step does one random thing.
func (h *history) step() {
	h.Helper()
	steps := []func(){
		h.create, h.create, h.create, h.upsert, h.patch, h.patch, h.trash, h.restore, h.erase, h.bulk, h.bulkByFilter, h.undoBulk,
		h.importFile, h.importFile, h.undoImport, h.talk, h.talk, h.retell, h.unsay, h.lists, h.lists, h.search, h.search, h.timeline,
		h.feed, h.dashboard, h.views,
	}
	steps[h.IntN(len(steps))]()
}

// historyNames meet again and again, so that contacts match and searches find
// several.
func historyNames() []string {
	return []string{"Ana Pérez", "Pérez, Ana", "Bo", "Zoë Łukasz", "李雷", "Washington Fitzgerald", "Anna Perez"}
}

func (h *history) input() crm.NewContact {
	in := crm.NewContact{
		DisplayName: pick(h.dice, historyNames()...), Tags: some(h.dice, 3, tagNames()...), Company: pick(h.dice, "", "acme", "Øster & Co"),
		Stage: pick(h.dice, append(crm.Stages(), "")...),
	}
	for _, address := range some(h.dice, 2, "a@x.com", "B@x.com", "c@y.org", "nobody at home") {
		in.Emails = append(in.Emails, crm.Email{Address: address})
	}
	if h.sometimes(2) {
		in.Phones = []crm.Phone{{Number: pick(h.dice, "202-224-3441", "+1 202 224 3442")}}
	}
	if h.sometimes(3) {
		in.Fields = map[string]any{"colour": pick(h.dice, fieldValues()...)}
	}
	if h.sometimes(6) {
		in.Source, in.SourceID = "api", fmt.Sprint(h.IntN(3))
	}
	return in
}

// one returns a contact that was there once, or one that never was.
func (h *history) one() both[crm.ID] {
	if len(h.people) == 0 || h.sometimes(20) {
		never := crm.NamedID("nobody")
		return both[crm.ID]{never, never}
	}
	return pick(h.dice, h.people...)
}

func (h *history) create() {
	in := h.input()
	c, ok := do(h, "create "+asText(in), func(app *crm.CRM, _ int) (crm.Contact, error) {
		return app.Contacts.Create(h.Context(), h.actor, in)
	})
	if ok {
		h.people = append(h.people, both[crm.ID]{c[0].ID, c[1].ID})
	}
}

func (h *history) upsert() {
	in := crm.BatchInput{Mode: pick(h.dice, crm.BatchUpsert, crm.BatchCreate), Contacts: []crm.NewContact{h.input(), h.input(), h.input()}}
	got, ok := do(h, "batch "+asText(in), func(app *crm.CRM, _ int) ([]crm.BatchResult, error) {
		return app.Contacts.Batch(h.Context(), h.actor, in)
	})
	for i := range got[0] {
		if ok && got[0][i].Outcome == crm.RowCreated {
			h.people = append(h.people, both[crm.ID]{got[0][i].Contact.ID, got[1][i].Contact.ID})
		}
	}
}

func (h *history) patch() {
	id, in := h.one(), h.input()
	p := crm.ContactPatch{Version: pick(h.dice, int64(0), 0, 1, 2)}
	for _, set := range some(h.dice, 3,
		func() { p.DisplayName = &in.DisplayName }, func() { p.Emails = &in.Emails }, func() { p.Phones = &in.Phones },
		func() { p.Tags = &in.Tags }, func() { p.Stage = &in.Stage }, func() { p.Company = &in.Company },
		func() { p.Fields, p.ClearFields = in.Fields, h.sometimes(2) }, func() { notes := in.Company + " noted"; p.Notes = &notes }) {
		set()
	}
	do(h, fmt.Sprintf("patch %s %s", id[0], asText(p)), func(app *crm.CRM, side int) (crm.Contact, error) {
		return app.Contacts.Update(h.Context(), h.actor, id[side], p)
	})
}

func (h *history) trash() {
	id := h.one()
	do(h, fmt.Sprint("delete ", id[0]), func(app *crm.CRM, side int) (crm.Contact, error) {
		return app.Contacts.Delete(h.Context(), h.actor, id[side], 0)
	})
}

func (h *history) restore() {
	id := h.one()
	do(h, fmt.Sprint("restore ", id[0]), func(app *crm.CRM, side int) (crm.Contact, error) {
		return app.Contacts.Restore(h.Context(), h.actor, id[side], 0)
	})
}

func (h *history) erase() {
	id := h.one()
	do(h, fmt.Sprint("erase ", id[0]), func(app *crm.CRM, side int) (bool, error) {
		return true, app.Contacts.Erase(h.Context(), h.actor, id[side], 0)
	})
}

func (h *history) action() crm.BulkAction {
	a := crm.BulkAction{Verb: pick(h.dice, crm.BulkTag, crm.BulkUpdate, crm.BulkDelete, crm.BulkRestore)}
	switch a.Verb {
	case crm.BulkTag:
		a.AddTags, a.RemoveTags = []string{"bulk"}, some(h.dice, 1, tagNames()...)
	case crm.BulkUpdate:
		stage := pick(h.dice, crm.Stages()...)
		a.Stage = &stage
	}
	return a
}

func (h *history) bulk() {
	ids, a := []both[crm.ID]{h.one(), h.one(), h.one()}, h.action()
	do(h, fmt.Sprintf("bulk %s of %s", asText(a), ids), func(app *crm.CRM, side int) (int, error) {
		return app.Contacts.Bulk(h.Context(), h.actor, []crm.ID{ids[0][side], ids[1][side], ids[2][side]}, a)
	})
}

// ended is what two stores must agree on of a job that has ended.
type ended struct {
	Kind        crm.JobKind
	Status      crm.JobStatus
	Done, Total int64
	Result      string
	ErrorCode   string
}

// await waits for the ends of a job on both sides and compares them.
func (h *history) await(what string, ids both[crm.ID]) {
	h.Helper()
	do(h, "the end of "+what, func(app *crm.CRM, side int) (ended, error) {
		var j crm.Job
		var err error
		h.waitFor("the end of a job", func() bool {
			j, err = app.Jobs.Get(h.Context(), h.actor, ids[side])
			return err != nil || j.Status.Final()
		})
		return ended{j.Kind, j.Status, j.Done, j.Total, string(j.Result), j.ErrorCode}, err
	})
}

func (h *history) bulkByFilter() {
	f, a := h.filter(), h.action()
	if f.Trash = a.Verb == crm.BulkRestore; f.Trash {
		f.Search = ""
	}
	what := fmt.Sprintf("bulk %s by %s", asText(a), asText(f))
	j, ok := do(h, what, func(app *crm.CRM, _ int) (crm.ID, error) {
		j, err := app.Contacts.BulkByFilter(h.Context(), h.actor, f, a)
		return j.ID, err
	})
	if ok {
		h.await(what, j)
		h.bulks = append(h.bulks, j)
	}
}

func (h *history) undoBulk() {
	if len(h.bulks) == 0 {
		return
	}
	id := pick(h.dice, h.bulks...)
	what := fmt.Sprint("undo ", id[0])
	j, ok := do(h, what, func(app *crm.CRM, side int) (crm.ID, error) {
		j, err := app.Jobs.Undo(h.Context(), h.actor, id[side], 0)
		return j.ID, err
	})
	if ok {
		h.await(what, j)
	}
}

// file is one of JSON lines; some come twice.
func (h *history) file() string {
	if h.files == 0 || !h.sometimes(4) {
		h.files++
	}
	d := newDice(uint64(h.files)) //nolint:gosec // A number of files is not negative.
	var b strings.Builder
	for range 1 + d.IntN(6) {
		fmt.Fprintf(&b, `{"displayName":%q,"notes":"of file %d"`, pick(d, historyNames()...), h.files)
		if d.sometimes(2) {
			fmt.Fprintf(&b, `,"primaryEmail":%q`, pick(d, "a@x.com", "d@x.com", "no address"))
		}
		if d.sometimes(3) {
			fmt.Fprintf(&b, `,"primaryPhone":"202-224-3441","tags":[%q]`, pick(d, tagNames()...))
		}
		b.WriteString("}\n")
	}
	return b.String()
}

func (h *history) importFile() {
	file, o := h.file(), crm.ImportOptions{OnDuplicate: pick(h.dice, crm.DuplicateUpdate, crm.DuplicateUpdate, crm.DuplicateSkip, crm.DuplicateCreate)}
	run := func(dry bool) (both[crm.Import], bool) {
		return do(h, fmt.Sprintf("import (dry %t, %s) %s", dry, o.OnDuplicate, file), func(app *crm.CRM, _ int) (crm.Import, error) {
			return app.Imports.Run(h.Context(), h.actor, crm.RunImport{
				NewImport: crm.NewImport{Format: "jsonl", Body: strings.NewReader(file), ImportOptions: o}, DryRun: dry,
			})
		})
	}
	dry, _ := run(true)
	i, ok := run(false)
	if !ok {
		return
	}
	if dry[0].Counts != i[0].Counts {
		h.Errorf("import: got %+v, want the figures of the dry run %+v", i[0].Counts, dry[0].Counts)
	}
	id := both[crm.ID]{i[0].ID, i[1].ID}
	h.imports = append(h.imports, id)
	rows, _ := do(h, "rows", func(app *crm.CRM, side int) ([]crm.ImportRow, error) {
		return app.Imports.Rows(h.Context(), h.actor, id[side], crm.ImportRowQuery{Limit: 100})
	})
	for n := range rows[0] {
		if rows[0][n].Outcome == crm.RowCreated {
			h.people = append(h.people, both[crm.ID]{rows[0][n].Contact, rows[1][n].Contact})
		}
	}
}

func (h *history) undoImport() {
	if len(h.imports) == 0 {
		return
	}
	id := pick(h.dice, h.imports...)
	what := fmt.Sprint("undo import ", id[0])
	j, ok := do(h, what, func(app *crm.CRM, side int) (crm.ID, error) {
		_, j, err := app.Imports.Undo(h.Context(), h.actor, id[side], 0)
		return j.ID, err
	})
	if ok {
		h.await(what, j)
	}
}

// when is a time around the clock's.
func (h *history) when() time.Time {
	return h.clock.now().Add(-time.Duration(h.IntN(100)) * time.Hour)
}

func (h *history) talk() {
	id, with, at := h.one(), h.one(), h.when()
	i, ok := do(h, fmt.Sprintf("talk to %s and %s at %s", id[0], with[0], at), func(app *crm.CRM, side int) (crm.Interaction, error) {
		return app.Interactions.CreateWith(h.Context(), h.actor, id[side], crm.NewInteraction{
			Type: crm.InteractionCall, Subject: "hello", OccurredAt: at, Participants: []crm.NewParticipant{{Contact: with[side]}},
		})
	})
	if ok {
		h.interactions = append(h.interactions, both[crm.ID]{i[0].ID, i[1].ID})
	}
}

// retell changes an interaction.
func (h *history) retell() {
	if len(h.interactions) == 0 {
		return
	}
	id, with, at, subject := pick(h.dice, h.interactions...), h.one(), h.when(), "changed"
	do(h, fmt.Sprintf("patch interaction %s: %s at %s", id[0], with[0], at), func(app *crm.CRM, side int) (crm.Interaction, error) {
		p := crm.InteractionPatch{Subject: &subject, OccurredAt: &at}
		if with[0] != with[1] {
			p.Participants = &[]crm.NewParticipant{{Contact: with[side]}}
		}
		return app.Interactions.Update(h.Context(), h.actor, id[side], p)
	})
}

func (h *history) unsay() {
	if len(h.interactions) == 0 {
		return
	}
	id := pick(h.dice, h.interactions...)
	do(h, fmt.Sprint("delete interaction ", id[0]), func(app *crm.CRM, side int) (bool, error) {
		return true, app.Interactions.Delete(h.Context(), h.actor, id[side], 0)
	})
}
