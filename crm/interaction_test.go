package crm_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/omnicrm/omnicrm/crm"
)

// past is a moment that no clock of a test is before.
func past(hours int) time.Time {
	return time.Date(2026, time.January, 5, 9, 0, 0, 0, time.UTC).Add(time.Duration(hours) * time.Hour)
}

func (e *env) talk(contact crm.ID, in crm.NewInteraction) crm.Interaction {
	e.t.Helper()
	if in.Type == "" {
		in.Type = crm.InteractionCall
	}
	if in.OccurredAt.IsZero() {
		in.OccurredAt = past(0)
	}
	i, err := e.Interactions.CreateWith(context.Background(), e.owner, contact, in)
	if err != nil {
		e.t.Fatalf("create interaction: %v", err)
	}
	return i
}

func (e *env) timeline(contact crm.ID) []crm.Interaction {
	e.t.Helper()
	list, err := e.Interactions.Timeline(context.Background(), e.owner, contact, crm.TimelineQuery{})
	if err != nil {
		e.t.Fatalf("timeline: %v", err)
	}
	return list.Items
}

func subjects(list []crm.Interaction) []string {
	out := make([]string, len(list))
	for n, i := range list {
		out[n] = i.Subject
	}
	return out
}

func TestInteractionsLinkParticipants(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ana := e.create(crm.NewContact{DisplayName: "Ana Ruiz", Emails: []crm.Email{{Address: "ana@example.com"}}, Phones: []crm.Phone{{Number: "202-555-0123"}}})
	twin := []crm.Email{{Address: "office@example.com"}}
	e.create(crm.NewContact{DisplayName: "One", Emails: twin})
	e.create(crm.NewContact{DisplayName: "Two", Emails: twin})
	i, err := e.Interactions.Create(context.Background(), e.owner, crm.NewInteraction{
		Type: crm.InteractionEmail, Subject: "Lunch", OccurredAt: past(1), Participants: []crm.NewParticipant{
			{Role: crm.RoleFrom, Address: "ANA@example.com"},
			{Role: crm.RoleTo, Address: "office@example.com"},
			{Role: crm.RoleCc, Address: "nobody@example.com", Name: "Nobody"},
			{Role: crm.RoleCc, Address: "(202) 555-0123", Name: "ruiz, ana"},
			{Role: crm.RoleCc, Address: "(202) 555-0123", Name: "Somebody Else"},
			{Role: crm.RoleCc, Name: "Ana Ruiz"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []crm.ID{ana.ID, {}, {}, ana.ID, {}, {}}
	for n, p := range i.Participants {
		if p.Contact != want[n] {
			t.Errorf("participant %d (%s %s): got contact %s, want %s", n, p.Name, p.Address, p.Contact, want[n])
		}
	}
	if got := e.get(ana.ID).LastInteractionAt; !got.Equal(past(1)) {
		t.Errorf("last interaction: got %s, want %s", got, past(1))
	}
	if got := subjects(e.timeline(ana.ID)); !slices.Equal(got, []string{"Lunch"}) {
		t.Errorf("timeline: got %q", got)
	}
	if got := e.get(ana.ID); got.Version != ana.Version || !got.UpdatedAt.Equal(ana.UpdatedAt) {
		t.Errorf("a derived value changed the version or the time: %d, %s", got.Version, got.UpdatedAt)
	}
}

func TestInteractionWithContact(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ana := e.create(crm.NewContact{DisplayName: "Ana", Emails: []crm.Email{{Address: "ana@example.com"}}})
	roles := map[crm.Direction]crm.ParticipantRole{
		crm.DirectionInbound: crm.RoleFrom, crm.DirectionOutbound: crm.RoleTo, crm.DirectionInternal: crm.RoleParticipant, "": crm.RoleTo,
	}
	for direction, role := range roles {
		i := e.talk(ana.ID, crm.NewInteraction{Direction: direction})
		if len(i.Participants) != 1 || i.Participants[0].Contact != ana.ID || i.Participants[0].Role != role || i.Participants[0].Name != "Ana" {
			t.Errorf("direction %q: got %+v, want Ana as %s", direction, i.Participants, role)
		}
	}
	named := e.talk(ana.ID, crm.NewInteraction{Participants: []crm.NewParticipant{{Role: crm.RoleTo, Address: "ana@example.com"}}})
	if len(named.Participants) != 1 {
		t.Errorf("a contact that is there by its address: got %+v", named.Participants)
	}
	note := e.talk(ana.ID, crm.NewInteraction{Type: crm.InteractionNote})
	if note.Direction != "" {
		t.Errorf("a note has the direction %q", note.Direction)
	}
	if _, err := e.Contacts.Delete(context.Background(), e.owner, ana.ID, 0); err != nil {
		t.Fatal(err)
	}
	_, err := e.Interactions.CreateWith(context.Background(), e.owner, ana.ID, crm.NewInteraction{Type: crm.InteractionNote, OccurredAt: past(0)})
	if c, ok := errors.AsType[*crm.ConflictError](err); !ok || c.Reason != crm.ConflictState {
		t.Errorf("with a contact in the trash: got %v, want a conflict", err)
	}
	if got := len(e.timeline(ana.ID)); got != 6 {
		t.Errorf("the timeline of a trashed contact: got %d, want 6", got)
	}
}

func TestInteractionRules(t *testing.T) {
	t.Parallel()
	now := past(1_000)
	e := setup(t, func(c *crm.Config) { c.Now = func() time.Time { return now } })
	ana := e.people("Ana")[0]
	other := actorOf("other", "olga", crm.RoleOwner)
	foreign, err := e.Contacts.Create(context.Background(), other, crm.NewContact{DisplayName: "Foreign"})
	if err != nil {
		t.Fatal(err)
	}
	many := make([]crm.NewParticipant, crm.MaxParticipants+1)
	for n := range many {
		many[n] = crm.NewParticipant{Name: fmt.Sprint(n)}
	}
	good := crm.NewInteraction{Type: crm.InteractionEmail, OccurredAt: past(0)}
	for name, test := range map[string]struct {
		change func(*crm.NewInteraction)
		field  string
	}{
		"no type":                    {func(in *crm.NewInteraction) { in.Type = "" }, "type"},
		"an unknown type":            {func(in *crm.NewInteraction) { in.Type = "fax" }, "type"},
		"an unknown direction":       {func(in *crm.NewInteraction) { in.Direction = "up" }, "direction"},
		"a note with a direction":    {func(in *crm.NewInteraction) { in.Type, in.Direction = crm.InteractionNote, crm.DirectionInbound }, "direction"},
		"no time":                    {func(in *crm.NewInteraction) { in.OccurredAt = time.Time{} }, "occurredAt"},
		"the year 1":                 {func(in *crm.NewInteraction) { in.OccurredAt = time.Date(1, 2, 3, 0, 0, 0, 0, time.UTC) }, "occurredAt"},
		"the future":                 {func(in *crm.NewInteraction) { in.OccurredAt = now.Add(time.Hour) }, "occurredAt"},
		"a long subject":             {func(in *crm.NewInteraction) { in.Subject = strings.Repeat("x", crm.MaxSubject+1) }, "subject"},
		"a body of 10 MB":            {func(in *crm.NewInteraction) { in.Body = strings.Repeat("x", 10<<20) }, "body"},
		"NUL in the body":            {func(in *crm.NewInteraction) { in.Body = "a\x00b" }, "body"},
		"too many participants":      {func(in *crm.NewInteraction) { in.Participants = many }, "participants"},
		"a participant with nothing": {func(in *crm.NewInteraction) { in.Participants = []crm.NewParticipant{{Role: crm.RoleTo}} }, "participants[0]"},
		"an unknown role": {func(in *crm.NewInteraction) {
			in.Participants = []crm.NewParticipant{{Role: "boss", Name: "x"}}
		}, "participants[0].role"},
		"a foreign contact": {func(in *crm.NewInteraction) {
			in.Participants = []crm.NewParticipant{{Name: "x"}, {Contact: foreign.ID}}
		}, "participants[1].contactId"},
		"an absent contact": {func(in *crm.NewInteraction) {
			in.Participants = []crm.NewParticipant{{Contact: crm.NewID()}}
		}, "participants[0].contactId"},
	} {
		in := good
		test.change(&in)
		_, err := e.Interactions.CreateWith(context.Background(), e.owner, ana.ID, in)
		invalid, ok := errors.AsType[*crm.ValidationError](err)
		if !ok || len(invalid.Fields) != 1 || invalid.Fields[0].Field != test.field {
			t.Errorf("%s: got %v, want a broken rule of %s", name, err, test.field)
		}
	}
	good.OccurredAt = now.Add(time.Minute)
	e.talk(ana.ID, good) // Clocks differ.
	if got := len(e.timeline(ana.ID)); got != 1 {
		t.Errorf("timeline: got %d, want 1", got)
	}
}

func TestInteractionChanges(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	people := e.people("Ana", "Bo")
	ana, bo := people[0], people[1]
	first := e.talk(ana.ID, crm.NewInteraction{Subject: "first", OccurredAt: past(1)})
	e.talk(ana.ID, crm.NewInteraction{Subject: "second", OccurredAt: past(2)})
	later, text := past(5), "moved"
	both := []crm.NewParticipant{{Contact: ana.ID}, {Contact: bo.ID}}
	changed, err := e.Interactions.Update(ctx, e.owner, first.ID, crm.InteractionPatch{OccurredAt: &later, Subject: &text, Participants: &both, Version: 1})
	if err != nil {
		t.Fatal(err)
	}
	if changed.Version != 2 || changed.Subject != text || len(changed.Participants) != 2 {
		t.Errorf("got %+v", changed)
	}
	for _, c := range people {
		if got := e.get(c.ID).LastInteractionAt; !got.Equal(later) {
			t.Errorf("%s: got %s, want %s", c.DisplayName, got, later)
		}
	}
	if _, err := e.Interactions.Update(ctx, e.owner, first.ID, crm.InteractionPatch{Subject: &text, Version: 1}); !crm.IsStale(err) {
		t.Errorf("a stale patch: got %v", err)
	}
	same, err := e.Interactions.Update(ctx, e.owner, first.ID, crm.InteractionPatch{Subject: &text})
	if err != nil || same.Version != 2 {
		t.Errorf("a patch that changes nothing: got version %d, error %v", same.Version, err)
	}
	if err := e.Interactions.Delete(ctx, e.owner, first.ID, 1); !crm.IsStale(err) {
		t.Errorf("a stale delete: got %v", err)
	}
	if err := e.Interactions.Delete(ctx, e.owner, first.ID, 2); err != nil {
		t.Fatal(err)
	}
	if got := e.get(ana.ID).LastInteractionAt; !got.Equal(past(2)) {
		t.Errorf("after the delete: got %s, want %s", got, past(2))
	}
	if got := e.get(bo.ID).LastInteractionAt; !got.IsZero() {
		t.Errorf("after the delete: got %s, want none", got)
	}
	if err := e.Interactions.Delete(ctx, e.owner, first.ID, 0); !errors.Is(err, crm.ErrNotFound) {
		t.Errorf("a second delete: got %v", err)
	}
}

// What a patch took out of every timeline, no erase would find.
func TestAPatchLeavesAnInteractionWithSomebody(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	ana := e.create(crm.NewContact{DisplayName: "Ana", Emails: []crm.Email{{Address: "ana@example.com"}}})
	bo := e.people("Bo")[0]
	note := e.talk(ana.ID, crm.NewInteraction{Type: crm.InteractionNote, Body: "what Ana said"})
	for name, list := range map[string][]crm.NewParticipant{
		"nobody": {}, "none": nil, "a name": {{Name: "Ana"}}, "a stranger": {{Address: "nobody@example.com"}},
	} {
		_, err := e.Interactions.Update(ctx, e.owner, note.ID, crm.InteractionPatch{Participants: &list})
		v, ok := errors.AsType[*crm.ValidationError](err)
		if !ok || len(v.Fields) != 1 || v.Fields[0].Field != "participants" || !strings.Contains(v.Fields[0].Message, "delete it") {
			t.Errorf("%s: got %v, want a problem of the participants", name, err)
		}
	}
	for name, list := range map[string][]crm.NewParticipant{
		"the address": {{Address: "ANA@example.com"}}, "somebody else": {{Contact: bo.ID}}, "both": {{Contact: bo.ID}, {Contact: ana.ID}},
	} {
		if _, err := e.Interactions.Update(ctx, e.owner, note.ID, crm.InteractionPatch{Participants: &list}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	stranger, err := e.Interactions.Create(ctx, e.owner, crm.NewInteraction{
		Type: crm.InteractionNote, OccurredAt: past(0), Participants: []crm.NewParticipant{{Name: "Whoever"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Interactions.Update(ctx, e.owner, stranger.ID, crm.InteractionPatch{Participants: new([]crm.NewParticipant)}); err != nil {
		t.Errorf("one that was nobody's: %v", err)
	}
	if err := e.Interactions.Delete(ctx, e.owner, note.ID, 0); err != nil {
		t.Errorf("the way out: %v", err)
	}
}

func TestInteractionAccess(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	ana := e.people("Ana")[0]
	i := e.talk(ana.ID, crm.NewInteraction{})
	viewer, stranger := actorOf("acme", "vera", crm.RoleViewer), actorOf("other", "olga", crm.RoleOwner)
	if _, err := e.Interactions.Get(ctx, viewer, i.ID); err != nil {
		t.Errorf("a viewer reads: %v", err)
	}
	if err := e.Interactions.Delete(ctx, viewer, i.ID, 0); !errors.Is(err, crm.ErrForbidden) {
		t.Errorf("a viewer deletes: %v", err)
	}
	for name, err := range map[string]error{
		"get":    func() error { _, err := e.Interactions.Get(ctx, stranger, i.ID); return err }(),
		"update": func() error { _, err := e.Interactions.Update(ctx, stranger, i.ID, crm.InteractionPatch{}); return err }(),
		"delete": e.Interactions.Delete(ctx, stranger, i.ID, 0),
		"timeline": func() error {
			_, err := e.Interactions.Timeline(ctx, stranger, ana.ID, crm.TimelineQuery{})
			return err
		}(),
	} {
		if !errors.Is(err, crm.ErrNotFound) {
			t.Errorf("%s from another workspace: got %v, want not found", name, err)
		}
	}
}

func TestInteractionBatch(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	ana := e.create(crm.NewContact{DisplayName: "Ana", Emails: []crm.Email{{Address: "ana@example.com"}}})
	mail := crm.NewInteraction{
		Type: crm.InteractionEmail, OccurredAt: past(1), Source: "gmail", SourceID: "1",
		Participants: []crm.NewParticipant{{Address: "ana@example.com"}},
	}
	foreign := mail
	foreign.SourceID, foreign.Participants = "2", []crm.NewParticipant{{Contact: crm.NewID()}}
	list := []crm.NewInteraction{mail, {Type: "fax"}, mail, foreign, {Type: crm.InteractionNote, OccurredAt: past(2), Participants: []crm.NewParticipant{{Contact: ana.ID}}}}
	for round, want := range [][]crm.RowOutcome{
		{crm.RowCreated, crm.RowProblem, crm.RowUnchanged, crm.RowProblem, crm.RowCreated},
		{crm.RowUnchanged, crm.RowProblem, crm.RowUnchanged, crm.RowProblem, crm.RowCreated},
	} {
		results, err := e.Interactions.Batch(ctx, e.owner, list)
		if err != nil {
			t.Fatal(err)
		}
		var got []crm.RowOutcome
		for _, r := range results {
			got = append(got, r.Outcome)
			if (r.Err != nil) != (r.Outcome == crm.RowProblem) || (r.Interaction == nil) != (r.Outcome == crm.RowProblem) {
				t.Errorf("got %+v", r)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("round %d: got %v, want %v", round+1, got, want)
		}
	}
	if got := len(e.timeline(ana.ID)); got != 3 || !e.get(ana.ID).LastInteractionAt.Equal(past(2)) {
		t.Errorf("timeline: got %d, last %s", got, e.get(ana.ID).LastInteractionAt)
	}
	for _, n := range []int{0, crm.MaxBatch + 1} {
		if _, err := e.Interactions.Batch(ctx, e.owner, make([]crm.NewInteraction, n)); !errors.Is(err, crm.ErrInvalid) {
			t.Errorf("a batch of %d: got %v", n, err)
		}
	}
}

func TestTimelinePages(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ana := e.people("Ana")[0]
	var want []string
	for n := range 25 {
		kind := crm.InteractionTypes()[n%2]
		e.talk(ana.ID, crm.NewInteraction{Type: kind, Subject: fmt.Sprint(n), OccurredAt: past(n / 3)})
		if kind == crm.InteractionCall {
			want = append(want, fmt.Sprint(n))
		}
	}
	for _, order := range []crm.SortOrder{crm.Ascending, crm.Descending} {
		q := crm.TimelineQuery{Type: crm.InteractionCall, Order: order, Limit: 5}
		var got []string
		for {
			list, err := e.Interactions.Timeline(context.Background(), e.owner, ana.ID, q)
			if err != nil {
				t.Fatal(err)
			}
			if list.Total != len(want) || list.More {
				t.Errorf("total: got %d, more %t; want %d", list.Total, list.More, len(want))
			}
			got = append(got, subjects(list.Items)...)
			if q.Cursor = list.NextCursor; q.Cursor == "" {
				break
			}
		}
		if order == crm.Descending {
			slices.Reverse(got)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", order, got, want)
		}
	}
	for name, q := range map[string]crm.TimelineQuery{
		"type": {Type: "fax"}, "order": {Order: "up"}, "limit": {Limit: 201}, "cursor": {Cursor: "nonsense"},
	} {
		_, err := e.Interactions.Timeline(context.Background(), e.owner, ana.ID, q)
		if invalid, ok := errors.AsType[*crm.ValidationError](err); !ok || invalid.Fields[0].Field != name {
			t.Errorf("a bad %s: got %v", name, err)
		}
	}
}

func TestEraseForgetsHistory(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	ana := e.create(crm.NewContact{DisplayName: "Ana Ruiz", Emails: []crm.Email{{Address: "ana@example.com"}, {Address: "desk@example.com"}}})
	bo := e.create(crm.NewContact{DisplayName: "Bo", Emails: []crm.Email{{Address: "desk@example.com"}}})
	alone := e.talk(ana.ID, crm.NewInteraction{Subject: "alone", OccurredAt: past(9)})
	shared := e.talk(ana.ID, crm.NewInteraction{
		Subject: "about Ana", Body: "Ana said", OccurredAt: past(8), ThreadID: "ana-1", Source: "gmail", SourceID: "<ana@x>",
		Participants: []crm.NewParticipant{{Contact: bo.ID}, {Contact: ana.ID, Name: "Ana"}},
	})
	office := e.talk(bo.ID, crm.NewInteraction{Subject: "desk", OccurredAt: past(7), Participants: []crm.NewParticipant{{Address: "desk@example.com"}}})
	if err := e.Contacts.Erase(ctx, e.owner, ana.ID, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Interactions.Get(ctx, e.owner, alone.ID); !errors.Is(err, crm.ErrNotFound) {
		t.Errorf("an interaction with the person alone: got %v, want not found", err)
	}
	left, err := e.Interactions.Get(ctx, e.owner, shared.ID)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(left.Record())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(strings.ToLower(string(text)), "ana") {
		t.Errorf("the person is still in %s", text)
	}
	if len(left.Participants) != 1 || left.Participants[0].Contact != bo.ID || !left.OccurredAt.Equal(past(8)) {
		t.Errorf("what others took part in: got %+v", left)
	}
	if kept, err := e.Interactions.Get(ctx, e.owner, office.ID); err != nil || kept.Subject != "desk" {
		t.Errorf("an address that is another's too: got %+v, %v", kept, err)
	}
	if got := e.get(bo.ID).LastInteractionAt; !got.Equal(past(8)) {
		t.Errorf("the last interaction of the other: got %s, want %s", got, past(8))
	}
}

func TestEraseForgetsStrangers(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	bo := e.people("Bo")[0]
	mail := e.talk(bo.ID, crm.NewInteraction{Body: "from Ana", Participants: []crm.NewParticipant{{Address: "ana@example.com", Name: "Ana"}}})
	twins := []crm.Contact{
		e.create(crm.NewContact{DisplayName: "Ana", Emails: []crm.Email{{Address: "ana@example.com"}}}),
		e.create(crm.NewContact{DisplayName: "Ana", Emails: []crm.Email{{Address: "ana@example.com"}}}),
	}
	for n, c := range twins {
		if err := e.Contacts.Erase(ctx, e.owner, c.ID, 0); err != nil {
			t.Fatal(err)
		}
		left, err := e.Interactions.Get(ctx, e.owner, mail.ID)
		if err != nil {
			t.Fatal(err)
		}
		if forgotten := left.Body == "" && len(left.Participants) == 1; forgotten != (n == 1) {
			t.Errorf("after %d erases: got %+v", n+1, left)
		}
	}
}

// TestLastInteractionProperty does at random what moves last interactions and
// compares each contact with its timeline.
func TestLastInteractionProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		e := setup(t, storeSearched)
		ctx := context.Background()
		people := e.people("A", "B", "C")
		var made []crm.ID
		someone := rapid.SampledFrom(people)
		for range rapid.IntRange(1, 15).Draw(r, "steps") {
			at := past(rapid.IntRange(0, 5).Draw(r, "hour"))
			switch rapid.IntRange(0, 3).Draw(r, "what") {
			case 0, 1:
				made = append(made, e.talk(someone.Draw(r, "with").ID, crm.NewInteraction{OccurredAt: at}).ID)
			case 2:
				if len(made) > 0 {
					with := []crm.NewParticipant{{Contact: someone.Draw(r, "with").ID}, {Contact: someone.Draw(r, "and").ID}}
					_, err := e.Interactions.Update(ctx, e.owner, rapid.SampledFrom(made).Draw(r, "which"), crm.InteractionPatch{OccurredAt: &at, Participants: &with})
					if err != nil && !errors.Is(err, crm.ErrNotFound) {
						r.Fatal(err)
					}
				}
			case 3:
				if len(made) > 0 {
					if err := e.Interactions.Delete(ctx, e.owner, rapid.SampledFrom(made).Draw(r, "which"), 0); err != nil && !errors.Is(err, crm.ErrNotFound) {
						r.Fatal(err)
					}
				}
			}
		}
		for _, c := range people {
			var want time.Time
			if line := e.timeline(c.ID); len(line) > 0 {
				want = line[0].OccurredAt
			}
			if got := e.get(c.ID).LastInteractionAt; !got.Equal(want) {
				r.Errorf("%s: got %s, want %s", c.DisplayName, got, want)
			}
		}
	})
}

func TestRankingFollowsInteractions(t *testing.T) {
	t.Parallel()
	e := setup(t)
	people := e.people("Sam Old", "Sam New")
	e.awaitIndex()
	if got := e.found("sam"); got[0] != "Sam New" {
		t.Fatalf("got %q", got)
	}
	i := e.talk(people[0].ID, crm.NewInteraction{OccurredAt: time.Now().Add(time.Minute)})
	if got := e.found("sam"); got[0] != "Sam Old" {
		t.Errorf("after an interaction with Sam Old: got %q", got)
	}
	if err := e.Interactions.Delete(context.Background(), e.owner, i.ID, 0); err != nil {
		t.Fatal(err)
	}
	if got := e.found("sam"); got[0] != "Sam New" {
		t.Errorf("after it was deleted: got %q", got)
	}
}
