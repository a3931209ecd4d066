package crm_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func (e *env) activityOf(a crm.Actor, q crm.ActivityQuery) crm.ActivityList {
	e.t.Helper()
	l, err := e.Activity.List(context.Background(), a, q)
	if err != nil {
		e.t.Fatalf("list activity: %v", err)
	}
	return l
}

func typesOf(all []crm.Activity) []crm.EventType {
	types := make([]crm.EventType, len(all))
	for i, a := range all {
		types[i] = a.Type
	}
	return types
}

func TestActivityTellsWhatHappenedWithPresentNames(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ana := e.create(crm.NewContact{DisplayName: "Ana"})
	if _, err := e.Contacts.Update(t.Context(), e.owner, ana.ID, crm.ContactPatch{DisplayName: new("Anna"), Notes: new("met")}); err != nil {
		t.Fatal(err)
	}
	got := e.activityOf(e.owner, crm.ActivityQuery{}).Items
	equalList(t, "types", typesOf(got), []crm.EventType{crm.EventContactUpdated, crm.EventContactCreated})
	for _, a := range got {
		equal(t, "subject", a.Subject, crm.ActivitySubject{Kind: "contact", ID: ana.ID, Name: "Anna"})
		equal(t, "actor", a.Actor, crm.ActivityActor{Kind: crm.ActorUser, ID: e.owner.User})
		if a.Batch != nil || a.ID.IsZero() || time.Since(a.At) > time.Hour {
			t.Errorf("got %+v", a)
		}
	}
	equalList(t, "changes", got[0].Changes, []string{"displayName", "notes"})
	if err := e.Contacts.Erase(t.Context(), e.owner, ana.ID, 0); err != nil {
		t.Fatal(err)
	}
	got = e.activityOf(e.owner, crm.ActivityQuery{Contact: ana.ID}).Items
	equalList(t, "types after an erase", typesOf(got), []crm.EventType{crm.EventContactErased, crm.EventContactUpdated, crm.EventContactCreated})
	for _, a := range got {
		equal(t, "name after an erase", a.Subject.Name, "")
	}
}

func TestActivityNamesInteractionsByTheirSubject(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ana := e.create(crm.NewContact{DisplayName: "Ana"})
	made, err := e.Interactions.Create(t.Context(), e.owner, crm.NewInteraction{
		Type: crm.InteractionNote, Subject: "Lunch", OccurredAt: time.Now(), Participants: []crm.NewParticipant{{Contact: ana.ID}},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := e.activityOf(actorOf("acme", "vera", crm.RoleViewer), crm.ActivityQuery{Type: crm.EventInteractionCreated}).Items
	want := crm.ActivitySubject{Kind: "interaction", ID: made.ID, Name: "Lunch"}
	if len(got) != 1 || got[0].Subject != want {
		t.Errorf("got %+v", got)
	}
	got = e.activityOf(actorOf("acme", "vera", crm.RoleViewer), crm.ActivityQuery{Contact: ana.ID}).Items
	if len(got) != 2 || got[0].Subject != want || got[1].Type != crm.EventContactCreated {
		t.Errorf("of the contact: got %+v, want its interaction and its creation", got)
	}
	other := e.create(crm.NewContact{DisplayName: "Bo"})
	if got := e.activityOf(e.owner, crm.ActivityQuery{Contact: other.ID}).Items; len(got) != 1 {
		t.Errorf("of another contact: got %+v, want only its creation", got)
	}
}

// whoIs names everybody of a kind alike.
type whoIs struct{}

func (whoIs) Names(_ context.Context, _ crm.WorkspaceID, kind string, ids []crm.ID) (map[crm.ID]string, error) {
	names := map[crm.ID]string{}
	for _, id := range ids {
		names[id] = "a " + kind
	}
	return names, nil
}

func TestActivityAsksTheHostForNames(t *testing.T) {
	t.Parallel()
	e := setup(t, func(c *crm.Config) { c.Names = whoIs{} })
	e.create(crm.NewContact{DisplayName: "Ana"})
	got := e.activityOf(e.owner, crm.ActivityQuery{}).Items[0]
	equal(t, "actor's name", got.Actor.Name, "a user")
	equal(t, "subject's name", got.Subject.Name, "Ana")
}

func TestAnImportIsOneActivityWithItsFigures(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.create(crm.NewContact{DisplayName: "Zoe", Source: "list", SourceID: "1"})
	rows := []string{`{"displayName":"Zoe","source":"list","sourceId":"1","notes":"again"}`}
	for n := range 1_500 {
		rows = append(rows, fmt.Sprintf(`{"displayName":"Person %d","source":"list","sourceId":"p%d"}`, n, n))
	}
	imp := e.run(crm.ImportOptions{}, rows...)
	e.create(crm.NewContact{DisplayName: "Last"})
	records := func(l crm.ActivityList) []crm.Activity {
		return slices.DeleteFunc(l.Items, func(a crm.Activity) bool { return a.Type.Noun() != crm.SubjectContact })
	}
	got := records(e.activityOf(e.owner, crm.ActivityQuery{Limit: 50}))
	if len(got) != 3 {
		t.Fatalf("activities about contacts: got %d, want 3: a create, the import, a create", len(got))
	}
	batch := got[1]
	equal(t, "id", batch.ID, imp.ID)
	equal(t, "subject", batch.Subject, crm.ActivitySubject{Kind: "contact"})
	equal(t, "created", batch.Batch.Counts[crm.EventContactCreated], 1_500)
	equal(t, "updated", batch.Batch.Counts[crm.EventContactUpdated], 1)
	for _, kind := range []crm.EventType{crm.EventContactCreated, crm.EventContactUpdated} {
		of := e.activityOf(e.owner, crm.ActivityQuery{Type: kind}).Items
		if !slices.ContainsFunc(of, func(a crm.Activity) bool { return a.ID == imp.ID && a.Type == kind }) {
			t.Errorf("activities of type %s: got %d without the import", kind, len(of))
		}
	}
	zoe := e.list(crm.ContactListQuery{Filter: crm.ContactFilter{Search: "zoe"}}).Items[0]
	own := e.activityOf(e.owner, crm.ActivityQuery{Contact: zoe.ID}).Items
	equalList(t, "a contact's own activity", typesOf(own), []crm.EventType{crm.EventContactUpdated, crm.EventContactCreated})
	equal(t, "its name", own[0].Subject.Name, "Zoe")
}

func TestActivityIsPagedWithoutGapsOrRepeats(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.crowd(25, nil)
	var got []crm.ID
	q := crm.ActivityQuery{Limit: 4}
	for {
		page := e.activityOf(e.owner, q)
		for _, a := range page.Items {
			got = append(got, a.Subject.ID)
		}
		e.create(crm.NewContact{DisplayName: "Newcomer"}) // Newer ones move no page.
		if q.Cursor = page.NextCursor; q.Cursor == "" {
			break
		}
	}
	want := e.activityOf(e.owner, crm.ActivityQuery{Limit: 100}).Items
	var ids []crm.ID
	for _, a := range want[len(want)-25:] {
		ids = append(ids, a.Subject.ID)
	}
	equalList(t, "subjects over the pages", got, ids)
}

func TestBadActivityQueries(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.crowd(3, nil)
	next := e.activityOf(e.owner, crm.ActivityQuery{Limit: 1}).NextCursor
	for field, q := range map[string]crm.ActivityQuery{
		"limit":  {Limit: 101},
		"type":   {Type: "contact." + crm.EventType(make([]byte, 64))},
		"cursor": {Type: crm.EventContactCreated, Cursor: next},
	} {
		_, err := e.Activity.List(t.Context(), e.owner, q)
		wantInvalid(t, err, field)
	}
	_, err := e.Activity.List(t.Context(), e.owner, crm.ActivityQuery{Cursor: "x"})
	wantInvalid(t, err, "cursor")
}

// TestActivityShowsWhatTheActorMaySee lets a member import and an admin change
// the workspace, and looks with everybody's eyes.
func TestActivityShowsWhatTheActorMaySee(t *testing.T) {
	t.Parallel()
	e := setup(t)
	admin, member, other := actorOf("acme", "adam", crm.RoleAdmin), actorOf("acme", "mia", crm.RoleMember), actorOf("acme", "max", crm.RoleMember)
	stranger := actorOf("away", "stella", crm.RoleOwner)
	e.create(crm.NewContact{DisplayName: "Ana"})
	imp, err := e.Imports.Create(t.Context(), member, jsonl(lines(`{"displayName":"Bo"}`)))
	if err != nil {
		t.Fatal(err)
	}
	_, job, err := e.Imports.Commit(t.Context(), member, imp.ID, 0, crm.ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	e.succeeded(job.ID)
	if _, err := e.Workspaces.Update(t.Context(), e.owner, crm.WorkspacePatch{Name: new("Acme")}); err != nil {
		t.Fatal(err)
	}
	nouns := func(a crm.Actor) []string {
		var seen []string
		for _, item := range e.activityOf(a, crm.ActivityQuery{Limit: 100}).Items {
			seen = append(seen, item.Type.Noun())
		}
		slices.Sort(seen)
		return slices.Compact(seen)
	}
	key := func(a crm.Actor, scopes ...crm.Scope) crm.Actor {
		a.Kind, a.Scopes = crm.ActorKey, append([]crm.Scope{}, scopes...)
		return a
	}
	for name, c := range map[string]struct {
		actor crm.Actor
		want  []string
	}{
		"owner":                       {e.owner, []string{"contact", "import", "job", "workspace"}},
		"admin":                       {admin, []string{"contact", "import", "job", "workspace"}},
		"the member who imports":      {member, []string{"contact", "import", "job"}},
		"another member":              {other, []string{"contact"}},
		"viewer":                      {actorOf("acme", "vera", crm.RoleViewer), []string{"contact"}},
		"a key that reads contacts":   {key(admin, crm.ScopeContactsRead), []string{"contact"}},
		"a key for jobs of an admin":  {key(admin, crm.ScopeJobs), []string{"job"}},
		"a key for jobs of a member":  {key(member, crm.ScopeJobs), []string{"job"}},
		"a key for imports of others": {key(other, crm.ScopeImports), nil},
		"a key for administration":    {key(admin, crm.ScopeAdmin), []string{"workspace"}},
		"somebody elsewhere":          {stranger, nil},
	} {
		equalList(t, "what "+name+" sees", nouns(c.actor), c.want)
	}
	for name, c := range map[string]struct {
		actor crm.Actor
		q     crm.ActivityQuery
	}{
		"a key that may nothing":            {key(admin), crm.ActivityQuery{}},
		"a key that only writes contacts":   {key(admin, crm.ScopeContactsWrite), crm.ActivityQuery{}},
		"a member who asks for the audit":   {member, crm.ActivityQuery{Type: "user.signed_in"}},
		"a viewer who asks for jobs":        {actorOf("acme", "vera", crm.RoleViewer), crm.ActivityQuery{Type: crm.EventJobQueued}},
		"a key for jobs that asks contacts": {key(admin, crm.ScopeJobs), crm.ActivityQuery{Contact: crm.NewID()}},
	} {
		_, err := e.Activity.List(t.Context(), c.actor, c.q)
		if err == nil {
			t.Errorf("%s: got no error", name)
		}
		wantError(t, err, crm.ErrForbidden)
	}
	_, err = e.Activity.List(t.Context(), crm.Actor{}, crm.ActivityQuery{})
	wantError(t, err, crm.ErrUnauthenticated)
}

func TestOldEventsArePurgedNotBeyondAConsumer(t *testing.T) {
	t.Parallel()
	store, now := openStore(t), newClock("2020-01-01T00:00:00Z")
	e := setupOn(t, store, now.config)
	e.crowd(5, nil)
	if _, err := store.ClaimReader(t.Context(), "slow", crm.NewID(), time.Nanosecond); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	left := func() int { return len(e.events(0)) }
	begin := func(retention time.Duration) *env {
		now.forward(399 * 24 * time.Hour)
		later := setupOn(t, store, now.config, func(c *crm.Config) { c.EventRetention = retention })
		later.create(crm.NewContact{DisplayName: "Later"})
		return later
	}
	lease := crm.NewID()
	_ = begin(0).Close() // Too early.
	equal(t, "events after 399 days", left(), 6)
	_ = begin(0).Close() // A consumer has not read them.
	equal(t, "events that a consumer has not read", left(), 7)
	if _, err := store.ClaimReader(t.Context(), "slow", lease, time.Hour); err != nil {
		t.Fatal(err)
	}
	state, err := store.LogState(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := store.AdvanceReader(t.Context(), "slow", lease, state.Head, time.Hour); err != nil {
		t.Fatal(err)
	}
	_ = begin(-1).Close()
	equal(t, "events that are kept for ever", left(), 8)
	later := begin(0)
	await(t, "the purge", func() bool { return left() < 8 })
	got := later.activityOf(later.owner, crm.ActivityQuery{Limit: 100}).Items
	equal(t, "activities left", len(got), left())
}
