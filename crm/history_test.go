package crm_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/omnicrm/omnicrm/crm"
)

// history does random things to one workspace and remembers what must hold.
type history struct {
	*env
	actor crm.Actor
	ids   []crm.ID
	// imported is the last import while nothing was done since; before is the
	// export from before it.
	imported crm.ID
	before   string
	files    int
}

var (
	histNames = rapid.SampledFrom([]string{"Ana Pérez", "Pérez, Ana", "Bo", "Zoë", "李雷"})
	histMails = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a@x.com", "B@x.com", "c@x.com"}), 0, 2, rapid.ID)
	histTags  = rapid.SliceOfN(rapid.SampledFrom([]string{"vip", "VIP", "Berlin", "x"}), 0, 3)
)

func drawContact(t *rapid.T) crm.NewContact {
	in := crm.NewContact{DisplayName: histNames.Draw(t, "name"), Tags: histTags.Draw(t, "tags")}
	for _, a := range histMails.Draw(t, "emails") {
		in.Emails = append(in.Emails, crm.Email{Address: a})
	}
	if rapid.Bool().Draw(t, "has a phone") {
		in.Phones = []crm.Phone{{Number: "202-224-3441"}}
	}
	return in
}

// allowed stops the test unless err is nil or one of those that bad luck gives.
func (h *history) allowed(t *rapid.T, err error) {
	t.Helper()
	if err != nil && !errors.Is(err, crm.ErrNotFound) && !errors.Is(err, crm.ErrConflict) {
		t.Fatalf("unexpected: %v", err)
	}
	h.imported = crm.ID{}
}

func (h *history) some(t *rapid.T) crm.ID {
	if len(h.ids) == 0 {
		return crm.NewID()
	}
	return rapid.SampledFrom(h.ids).Draw(t, "contact")
}

func (h *history) jsonLines(t *rapid.T) string {
	h.files++
	rows := ""
	for i := range rapid.IntRange(1, 6).Draw(t, "rows") {
		in := drawContact(t)
		record := fmt.Sprintf(`{"displayName":%q,"notes":"file %d row %d"`, in.DisplayName, h.files, i%3)
		if len(in.Emails) > 0 {
			record += fmt.Sprintf(`,"primaryEmail":%q`, in.Emails[0].Address)
		}
		if len(in.Phones) > 0 {
			record += fmt.Sprintf(`,"primaryPhone":%q`, in.Phones[0].Number)
		}
		for _, tag := range in.Tags {
			record += fmt.Sprintf(`,"tags":[%q]`, tag)
			break
		}
		rows += record + "}\n"
	}
	return rows
}

func (h *history) actions() map[string]func(*rapid.T) {
	ctx := context.Background()
	return map[string]func(*rapid.T){
		"create": func(t *rapid.T) {
			c, err := h.Contacts.Create(ctx, h.actor, drawContact(t))
			h.allowed(t, err)
			h.ids = append(h.ids, c.ID)
		},
		"upsert": func(t *rapid.T) {
			got, err := h.Contacts.Batch(ctx, h.actor, crm.BatchInput{Mode: crm.BatchUpsert, Contacts: []crm.NewContact{drawContact(t), drawContact(t), drawContact(t)}})
			h.allowed(t, err)
			for _, r := range got {
				if r.Outcome == crm.RowCreated {
					h.ids = append(h.ids, r.Contact.ID)
				}
			}
		},
		"patch": func(t *rapid.T) {
			in := drawContact(t)
			_, err := h.Contacts.Update(ctx, h.actor, h.some(t), crm.ContactPatch{DisplayName: &in.DisplayName, Tags: &in.Tags, Emails: &in.Emails})
			h.allowed(t, err)
		},
		"delete": func(t *rapid.T) {
			_, err := h.Contacts.Delete(ctx, h.actor, h.some(t), 0)
			h.allowed(t, err)
		},
		"restore": func(t *rapid.T) {
			_, err := h.Contacts.Restore(ctx, h.actor, h.some(t), 0)
			h.allowed(t, err)
		},
		"erase": func(t *rapid.T) { h.allowed(t, h.Contacts.Erase(ctx, h.actor, h.some(t), 0)) },
		"bulk": func(t *rapid.T) {
			verb := rapid.SampledFrom([]crm.BulkVerb{crm.BulkTag, crm.BulkDelete, crm.BulkRestore}).Draw(t, "verb")
			_, err := h.Contacts.Bulk(ctx, h.actor, []crm.ID{h.some(t), h.some(t)}, crm.BulkAction{Verb: verb, AddTags: []string{"bulk"}, RemoveTags: []string{"vip"}})
			h.allowed(t, err)
		},
		"bulk by filter and undo": func(t *rapid.T) {
			before := h.exportOf(h.actor)
			verb := rapid.SampledFrom([]crm.BulkVerb{crm.BulkTag, crm.BulkDelete}).Draw(t, "verb")
			j, err := h.Contacts.BulkByFilter(ctx, h.owner, crm.ContactFilter{Search: "ana"}, crm.BulkAction{Verb: verb, AddTags: []string{"f"}})
			h.allowed(t, err)
			h.succeeded(j.ID)
			if rapid.Bool().Draw(t, "undo") {
				u, err := h.Jobs.Undo(ctx, h.actor, j.ID, 0)
				h.allowed(t, err)
				h.succeeded(u.ID)
				if got := h.exportOf(h.actor); got != before {
					t.Fatalf("export after the undo of a bulk action: got %s, want %s", got, before)
				}
			}
		},
		"import": func(t *rapid.T) {
			before := h.exportOf(h.actor)
			policy := rapid.SampledFrom([]crm.OnDuplicate{crm.DuplicateUpdate, crm.DuplicateSkip, crm.DuplicateCreate}).Draw(t, "policy")
			file := h.jsonLines(t)
			run := func(dry bool) crm.Import {
				i, err := h.Imports.Run(ctx, h.actor, crm.RunImport{NewImport: withOptions(jsonl(lines(file)), crm.ImportOptions{OnDuplicate: policy}), DryRun: dry})
				h.allowed(t, err)
				return i
			}
			dry := run(true)
			i := run(false)
			if dry.Counts != i.Counts {
				t.Fatalf("figures of the commit: got %+v, want those of the dry run %+v", i.Counts, dry.Counts)
			}
			for _, r := range h.rows(i.ID) {
				if r.Outcome == crm.RowCreated {
					h.ids = append(h.ids, r.Contact)
				}
			}
			h.imported, h.before = i.ID, before
		},
		"undo of the last import": func(t *rapid.T) {
			if h.imported.IsZero() {
				t.Skip("nothing to undo")
			}
			if r := h.undo(h.imported); r.Kept != 0 {
				t.Fatalf("kept by the undo: got %d, want none", r.Kept)
			}
			if got := h.exportOf(h.actor); got != h.before {
				t.Fatalf("export after the undo of an import: got %s, want %s", got, h.before)
			}
			h.imported = crm.ID{}
		},
		"": func(t *rapid.T) { // After every step: all that is derived is right.
			r, err := h.Check(ctx, crm.CheckOptions{})
			if err != nil || len(r.Findings) > 0 {
				t.Fatalf("check: got %+v (%v), want no findings", r.Findings, err)
			}
			want := h.list(crm.ContactListQuery{}).Total
			if got := h.list(crm.ContactListQuery{Facets: []crm.Facet{crm.FacetStage}}).Facets[crm.FacetStage]; want > 0 && (len(got) != 1 || got[0].Count != want) {
				t.Fatalf("contacts in the index: got %v, want %d", got, want)
			}
		},
	}
}

func (e *env) exportOf(a crm.Actor) string {
	e.t.Helper()
	other := *e
	other.owner = a
	return other.export()
}

func TestHistoriesKeepEverythingInStep(t *testing.T) {
	t.Parallel()
	e := setup(t)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++ // Every history has a workspace of its own.
		own := *e
		own.owner = actorOf(fmt.Sprint("history", n), "olga", crm.RoleOwner)
		h := &history{env: &own, actor: own.owner}
		rt.Repeat(h.actions())
	})
}
