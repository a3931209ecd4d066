package crm_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// stillClock is a CRM's clock that a test moves.
type stillClock struct{ at atomic.Pointer[time.Time] }

func stillAt(t time.Time) *stillClock {
	c := &stillClock{}
	c.set(t)
	return c
}

func (c *stillClock) set(t time.Time) { c.at.Store(&t) }

func (c *stillClock) now(config *crm.Config) { config.Now = func() time.Time { return *c.at.Load() } }

// consumeInsights hands over the events after a position and returns the head.
func (e *env) consumeInsights(after crm.Position) crm.Position {
	e.t.Helper()
	for {
		events, err := e.store.EventsAfter(context.Background(), after, 500)
		if err != nil {
			e.t.Fatalf("events: %v", err)
		}
		if len(events) == 0 {
			return after
		}
		if err := e.ConsumeInsights(context.Background(), events); err != nil {
			e.t.Fatalf("consume: %v", err)
		}
		after = events[len(events)-1].Position
	}
}

func (e *env) focus(q crm.FocusQuery) crm.FocusList {
	e.t.Helper()
	list, err := e.Insights.Focus(context.Background(), e.owner, q)
	if err != nil {
		e.t.Fatalf("focus: %v", err)
	}
	return list
}

func focused(l crm.FocusList) []string {
	var out []string
	for _, i := range l.Items {
		out = append(out, i.Contact.DisplayName)
	}
	return out
}

func (e *env) insight(id crm.ID) crm.Insight {
	e.t.Helper()
	i, err := e.Insights.Get(context.Background(), e.owner, id)
	if err != nil {
		e.t.Fatalf("insights: %v", err)
	}
	return i
}

func (e *env) storedInsights(ids ...crm.ID) []crm.StoredInsight {
	e.t.Helper()
	list, err := e.store.GetInsights(context.Background(), e.owner.Workspace, ids)
	if err != nil {
		e.t.Fatalf("stored insights: %v", err)
	}
	return list
}

func scoreOf(c crm.Contact) int {
	if c.Score == nil {
		return -1
	}
	return *c.Score
}

func TestInsightsFollowTheLog(t *testing.T) {
	t.Parallel()
	time0 := stillAt(past(0))
	e := setup(t, time0.now)
	ana := e.create(crm.NewContact{DisplayName: "Ana", Emails: []crm.Email{{Address: "ana@example.com"}}, Stage: crm.StageCustomer})
	head := e.consumeInsights(0)
	first := scoreOf(e.get(ana.ID))
	if want := e.insight(ana.ID).Score; first != want || first < 1 {
		t.Fatalf("score of a new contact: got %d, want %d", first, want)
	}
	time0.set(past(1))
	call := e.talk(ana.ID, crm.NewInteraction{})
	head = e.consumeInsights(head)
	second := scoreOf(e.get(ana.ID))
	if second <= first || second != e.insight(ana.ID).Score {
		t.Errorf("score after a call: got %d, want more than %d", second, first)
	}
	if got := e.get(ana.ID); got.Version != ana.Version || !got.UpdatedAt.Equal(ana.UpdatedAt) {
		t.Errorf("a score changed the version or the time: %d, %s", got.Version, got.UpdatedAt)
	}
	time0.set(past(2))
	if err := e.Interactions.Delete(context.Background(), e.owner, call.ID, 0); err != nil {
		t.Fatal(err)
	}
	head = e.consumeInsights(head)
	if got := scoreOf(e.get(ana.ID)); got != first {
		t.Errorf("score after the call is gone: got %d, want %d", got, first)
	}
	time0.set(past(3))
	stage, notes := crm.StageAdvocate, "x"
	if _, err := e.Contacts.Update(context.Background(), e.owner, ana.ID, crm.ContactPatch{Stage: &stage}); err != nil {
		t.Fatal(err)
	}
	head = e.consumeInsights(head)
	if got := scoreOf(e.get(ana.ID)); got <= first {
		t.Errorf("score of an advocate: got %d, want more than %d", got, first)
	}
	before := e.storedInsights(ana.ID)
	time0.set(past(4))
	if _, err := e.Contacts.Update(context.Background(), e.owner, ana.ID, crm.ContactPatch{Notes: &notes}); err != nil {
		t.Fatal(err)
	}
	e.consumeInsights(head)
	if got := e.storedInsights(ana.ID); !slices.Equal(got, before) {
		t.Errorf("notes count: got %+v, want %+v", got, before)
	}
	e.consumeInsights(0) // From the beginning once more: the state is what counts.
	if got := scoreOf(e.get(ana.ID)); got != before[0].Score {
		t.Errorf("after the whole log again: got %d, want %d", got, before[0].Score)
	}
}

func TestInsightsOfTheTrashAndTheErased(t *testing.T) {
	t.Parallel()
	e := setup(t)
	list := e.people("Ana", "Bo", "Cleo")
	for _, c := range list {
		e.talk(c.ID, crm.NewInteraction{Type: crm.InteractionEmail, Direction: crm.DirectionInbound, OccurredAt: time.Now().Add(-72 * time.Hour)})
		if err := e.Contacts.MarkViewed(context.Background(), e.owner, c.ID); err != nil {
			t.Fatal(err)
		}
	}
	head := e.consumeInsights(0)
	if got := e.focus(crm.FocusQuery{}); len(got.Items) != 3 || got.Total != 3 {
		t.Fatalf("got %v of %d, want three", focused(got), got.Total)
	}
	if _, err := e.Contacts.Delete(context.Background(), e.owner, list[0].ID, 0); err != nil {
		t.Fatal(err)
	}
	if err := e.Contacts.Erase(context.Background(), e.owner, list[1].ID, 0); err != nil {
		t.Fatal(err)
	}
	check := func(when string) {
		t.Helper()
		if got := e.focus(crm.FocusQuery{}); !slices.Equal(focused(got), []string{"Cleo"}) || got.Total != 1 {
			t.Errorf("%s: got %v of %d, want Cleo", when, focused(got), got.Total)
		}
		if got := e.storedInsights(list[0].ID, list[1].ID); len(got) != 0 {
			t.Errorf("%s: got insights %+v, want none", when, got)
		}
	}
	check("at once")
	head = e.consumeInsights(head)
	check("after the log was read")
	counts, err := e.Contacts.Views(context.Background(), e.owner, idsOf(list))
	if err != nil || len(counts) != 2 || counts[list[1].ID] != 0 {
		t.Errorf("views: got %v, %v, want none of the erased", counts, err)
	}
	if got := e.insight(list[0].ID); got.FollowUp != nil {
		t.Errorf("a trashed contact has the follow-up %+v", got.FollowUp)
	}
	if _, err := e.Insights.Refresh(context.Background(), e.owner, list[0].ID); err != nil {
		t.Errorf("refresh of a trashed contact: %v", err)
	}
	check("after a refresh")
	if _, err := e.Contacts.Restore(context.Background(), e.owner, list[0].ID, 0); err != nil {
		t.Fatal(err)
	}
	e.consumeInsights(head)
	if got := e.focus(crm.FocusQuery{}); got.Total != 2 {
		t.Errorf("after the restore: got %v of %d, want two", focused(got), got.Total)
	}
}

func TestNightlyInsights(t *testing.T) {
	t.Parallel()
	time0 := stillAt(past(0))
	e := setupLive(t, time0.now)
	var in []crm.NewContact
	for n := range 450 {
		in = append(in, crm.NewContact{DisplayName: fmt.Sprintf("Lead %03d", n), Stage: crm.StageLead})
	}
	made, err := e.Contacts.Batch(context.Background(), e.owner, crm.BatchInput{Contacts: in})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Contacts.Delete(context.Background(), e.owner, made[3].Contact.ID, 0); err != nil {
		t.Fatal(err)
	}
	e.consumeInsights(0)
	if got := e.focus(crm.FocusQuery{}); len(got.Items) != 0 || got.Total != 0 {
		t.Fatalf("on the first day: got %v of %d, want nobody", focused(got), got.Total)
	}
	time0.set(past(24 * 9))
	await(t, "the night's pass", func() bool {
		page := e.focus(crm.FocusQuery{Limit: 100})
		for n := 0; page.NextCursor != ""; n++ {
			if page = e.focus(crm.FocusQuery{Limit: 100, Cursor: page.NextCursor}); n == 3 {
				return len(page.Items) == 49
			}
		}
		return false
	})
	list := e.focus(crm.FocusQuery{Limit: 100})
	if list.Total != 449 || len(list.Items) != 100 {
		t.Errorf("got %d of %d, want 100 of 449", len(list.Items), list.Total)
	}
	if f := list.Items[0].Insight.FollowUp; f.Reason != "no contact yet; a lead for 9 days" || f.Action != crm.ActionComplete {
		t.Errorf("got follow-up %+v", f)
	}
}

func TestFocusPages(t *testing.T) {
	t.Parallel()
	e := setup(t)
	now := time.Now()
	var list []crm.Contact
	for n := range 7 {
		c := e.create(crm.NewContact{DisplayName: fmt.Sprint("P", n), Stage: crm.StageCustomer, Phones: []crm.Phone{{Number: "202-555-0123"}}})
		for m := range n + 1 { // The more there was, the more there is to lose.
			e.talk(c.ID, crm.NewInteraction{OccurredAt: now.Add(-time.Duration(60+30*m) * 24 * time.Hour)})
		}
		list = append(list, c)
	}
	e.consumeInsights(0)
	want := []string{"P6", "P5", "P4", "P3", "P2", "P1", "P0"}
	walk := func(limit int) []string {
		var got []string
		for q := (crm.FocusQuery{Limit: limit}); ; {
			page := e.focus(q)
			got = append(got, focused(page)...)
			if page.Total != 7 || page.More {
				t.Errorf("got total %d, more %t", page.Total, page.More)
			}
			if q.Cursor = page.NextCursor; q.Cursor == "" {
				return got
			}
		}
	}
	for _, limit := range []int{0, 1, 2, 3, 6, 7, 8} {
		if got := walk(limit); !slices.Equal(got, want) {
			t.Errorf("pages of %d: got %v, want %v", limit, got, want)
		}
	}
	if f := e.focus(crm.FocusQuery{Limit: 1}).Items[0].Insight.FollowUp; f.Text != "Call P6" || f.Reason != "60 days quiet, usually every 30 days" {
		t.Errorf("got follow-up %+v", f)
	}
	e.talk(list[5].ID, crm.NewInteraction{OccurredAt: now}) // Nobody has computed that yet.
	want = slices.Delete(want, 1, 2)
	for _, limit := range []int{1, 2, 6} {
		var got []string
		for q := (crm.FocusQuery{Limit: limit}); ; {
			page := e.focus(q)
			got = append(got, focused(page)...)
			if q.Cursor = page.NextCursor; q.Cursor == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d after a call: got %v, want %v", limit, got, want)
		}
	}
	for _, q := range []crm.FocusQuery{{Limit: -1}, {Limit: 101}, {Cursor: "x"}} {
		if _, err := e.Insights.Focus(context.Background(), e.owner, q); !errors.Is(err, crm.ErrInvalid) {
			t.Errorf("%+v: got %v, want ErrInvalid", q, err)
		}
	}
}

func TestInsightRights(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ana := e.create(crm.NewContact{DisplayName: "Ana"})
	ctx := context.Background()
	use := func(a crm.Actor) []error {
		_, err1 := e.Insights.Get(ctx, a, ana.ID)
		_, err2 := e.Insights.Refresh(ctx, a, ana.ID)
		_, err3 := e.Insights.Focus(ctx, a, crm.FocusQuery{})
		_, err4 := e.Contacts.Recent(ctx, a)
		_, err5 := e.Contacts.Views(ctx, a, []crm.ID{ana.ID})
		return []error{err1, err2, err3, err4, err5, e.Contacts.MarkViewed(ctx, a, ana.ID)}
	}
	for n, err := range use(actorOf("acme", "vera", crm.RoleViewer)) {
		if err != nil {
			t.Errorf("call %d by a viewer: %v", n, err)
		}
	}
	narrow := e.owner
	narrow.Scopes = []crm.Scope{crm.ScopeImports}
	for n, err := range use(narrow) {
		if !errors.Is(err, crm.ErrForbidden) {
			t.Errorf("call %d without the scope: got %v, want ErrForbidden", n, err)
		}
	}
	for n, err := range use(actorOf("other", "otto", crm.RoleOwner)) {
		if want := n == 0 || n == 1 || n == 5; errors.Is(err, crm.ErrNotFound) != want || !want && err != nil {
			t.Errorf("call %d of another workspace: got %v", n, err)
		}
	}
}

func TestRecentlyViewed(t *testing.T) {
	t.Parallel()
	time0 := stillAt(past(0))
	e := setup(t, time0.now)
	ctx := context.Background()
	list := make([]crm.Contact, 22)
	for n := range list {
		list[n] = e.create(crm.NewContact{DisplayName: fmt.Sprint("P", n)})
	}
	look := func(a crm.Actor, n, hour int) {
		t.Helper()
		time0.set(past(hour))
		if err := e.Contacts.MarkViewed(ctx, a, list[n].ID); err != nil {
			t.Fatal(err)
		}
	}
	recent := func(a crm.Actor) (names []string, views []int64) {
		t.Helper()
		got, err := e.Contacts.Recent(ctx, a)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range got {
			names, views = append(names, r.Contact.DisplayName), append(views, r.Views)
		}
		return names, views
	}
	vera, key := actorOf("acme", "vera", crm.RoleViewer), e.owner
	key.Kind = crm.ActorKey
	look(e.owner, 0, 1)
	look(e.owner, 1, 2)
	look(vera, 0, 3)
	look(e.owner, 0, 4)
	look(key, 1, 5)
	if names, views := recent(e.owner); !slices.Equal(names, []string{"P0", "P1"}) || !slices.Equal(views, []int64{3, 1}) {
		t.Errorf("got %v viewed %v", names, views)
	}
	if names, _ := recent(vera); !slices.Equal(names, []string{"P0"}) {
		t.Errorf("of another user: got %v", names)
	}
	for n := range list {
		look(e.owner, n, 10+n)
	}
	names, _ := recent(e.owner)
	if len(names) != crm.MaxRecentViews || names[0] != "P21" || names[19] != "P2" {
		t.Errorf("got %v, want the last 20", names)
	}
	if _, err := e.Contacts.Delete(ctx, e.owner, list[21].ID, 0); err != nil {
		t.Fatal(err)
	}
	if err := e.Contacts.Erase(ctx, e.owner, list[20].ID, 0); err != nil {
		t.Fatal(err)
	}
	if names, _ := recent(e.owner); len(names) != 18 || names[0] != "P19" {
		t.Errorf("without the trashed and the erased: got %v", names)
	}
	if err := e.Contacts.MarkViewed(ctx, e.owner, list[20].ID); !errors.Is(err, crm.ErrNotFound) {
		t.Errorf("a view of the erased: got %v, want ErrNotFound", err)
	}
}

// BenchmarkInsights is the pass over contacts with five interactions each, as
// the night's job makes it: b.N contacts.
func BenchmarkInsights(b *testing.B) {
	e := setup(b, storeSearched)
	ctx := context.Background()
	var ids []crm.ID
	for len(ids) < b.N {
		in := make([]crm.NewContact, min(500, b.N-len(ids)))
		for n := range in {
			in[n] = crm.NewContact{DisplayName: fmt.Sprint("Person ", len(ids)+n), Stage: crm.StageCustomer}
		}
		made, err := e.Contacts.Batch(ctx, e.owner, crm.BatchInput{Contacts: in})
		if err != nil {
			b.Fatal(err)
		}
		var talks []crm.InteractionWrite
		for _, m := range made {
			ids = append(ids, m.Contact.ID)
			for n := range 5 {
				at := time.Now().Add(-time.Duration(24*(20*n+len(talks)%60)) * time.Hour)
				talks = append(talks, crm.NewInteractionWrite(crm.Interaction{
					ID: crm.NewID(), Type: crm.InteractionEmail, Direction: crm.DirectionOutbound, OccurredAt: at, Version: 1,
					Participants: []crm.Participant{{Role: crm.RoleTo, Contact: m.Contact.ID}},
				}, 0))
			}
		}
		if err := e.store.PutInteractions(ctx, e.owner.Workspace, talks); err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	if err := e.RecomputeInsights(ctx, e.owner.Workspace, ids); err != nil {
		b.Fatal(err)
	}
}
