package crm_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func (e *env) stream(a crm.Actor, lastID string) *crm.ActivityStream {
	e.t.Helper()
	s, err := e.Activity.Stream(context.Background(), a, lastID)
	if err != nil {
		e.t.Fatalf("stream: %v", err)
	}
	e.t.Cleanup(s.Close)
	return s
}

// next returns the next activity, which must come soon.
func next(t testing.TB, s *crm.ActivityStream) crm.Activity {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	a, err := s.Next(ctx)
	if err != nil {
		t.Fatalf("next: %v", err)
	}
	return a
}

// nextIs checks what the next activity is about: whatever stood before it in the
// log was not for the stream.
func nextIs(t testing.TB, s *crm.ActivityStream, subject crm.ID) {
	t.Helper()
	if a := next(t, s); a.Subject.ID != subject {
		t.Errorf("got %s of %s %q, want %s", a.Type, a.Subject.Kind, a.Subject.Name, subject)
	}
}

func TestAStreamTellsWhatHappensFromNowOn(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.people("Before")
	s := e.stream(e.owner, "")
	equal(t, "reset", s.Reset(), "")
	made := e.people("Ana", "Bo")
	for _, c := range made {
		a := next(t, s)
		equal(t, "type", a.Type, crm.EventContactCreated)
		equal(t, "subject", a.Subject, crm.ActivitySubject{Kind: "contact", ID: c.ID, Name: c.DisplayName})
	}
}

func TestAStreamGoesOnBehindAnyID(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	e := setupOn(t, store)
	s := e.stream(e.owner, "")
	ids := []string{s.ID()}
	var made []crm.ID
	for n := range 20 {
		made = append(made, e.create(crm.NewContact{DisplayName: fmt.Sprint("Ana ", n)}).ID)
		nextIs(t, s, made[n])
		ids = append(ids, s.ID())
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = setupOn(t, store) // Another process.
	last := e.create(crm.NewContact{DisplayName: "Last"}).ID
	for n, id := range ids {
		again := e.stream(e.owner, id)
		equal(t, "reset", again.Reset(), "")
		for _, want := range append(made[n:len(made):len(made)], last) {
			nextIs(t, again, want)
		}
	}
}

func TestAnIDThatAStreamCannotGoOnFromResetsIt(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.people("Ana")
	epoch, position, _ := strings.Cut(e.stream(e.owner, "").ID(), "-")
	purged := func() string {
		e.people("Bo", "Cleo")
		if _, err := e.store.PurgeEvents(t.Context(), time.Now().Add(time.Hour), 1<<40, 1); err != nil {
			t.Fatal(err)
		}
		return epoch + "-0"
	}()
	for id, want := range map[string]crm.StreamReset{
		"x": crm.ResetUnknown, "-1": crm.ResetUnknown, epoch: crm.ResetUnknown, epoch + "-": crm.ResetUnknown, epoch + "--1": crm.ResetUnknown,
		epoch + "-01": crm.ResetUnknown, epoch + "-+1": crm.ResetUnknown, epoch + "-99999999999999999999": crm.ResetUnknown,
		strings.ToUpper(epoch) + "x-1": crm.ResetUnknown, epoch + "-1\x00": crm.ResetUnknown, strings.Repeat("9", 10_000): crm.ResetUnknown,
		strings.Repeat("0", 32) + "-" + position: crm.ResetEpoch, epoch + "-9000": crm.ResetFuture, purged: crm.ResetPurged,
	} {
		s := e.stream(e.owner, id)
		equal(t, fmt.Sprintf("reset of %.60q", id), s.Reset(), want)
		nextIs(t, s, e.create(crm.NewContact{DisplayName: "Now"}).ID)
	}
}

func TestAStreamShowsWhatTheActorMaySeeInTheOwnWorkspace(t *testing.T) {
	t.Parallel()
	e := setup(t)
	mia, max, stranger := actorOf("acme", "mia", crm.RoleMember), actorOf("acme", "max", crm.RoleMember), actorOf("away", "stella", crm.RoleOwner)
	start := e.stream(e.owner, "").ID()
	streams := map[*crm.Actor][]*crm.ActivityStream{}
	for _, a := range []*crm.Actor{&e.owner, &mia, &max, &stranger} {
		streams[a] = append(streams[a], e.stream(*a, ""))
	}
	e.create(crm.NewContact{DisplayName: "Ana"})
	j, err := e.Contacts.BulkByFilter(t.Context(), mia, crm.ContactFilter{}, crm.BulkAction{Verb: crm.BulkTag, AddTags: []string{"t"}})
	if err != nil {
		t.Fatal(err)
	}
	e.succeeded(j.ID)
	if _, err := e.Workspaces.Update(t.Context(), e.owner, crm.WorkspacePatch{Name: new("Acme")}); err != nil {
		t.Fatal(err)
	}
	for _, a := range []*crm.Actor{&e.owner, &mia, &max, &stranger} {
		streams[a] = append(streams[a], e.stream(*a, start)) // What is read again is seen alike.
	}
	if _, err := e.Contacts.Create(t.Context(), stranger, crm.NewContact{DisplayName: "End"}); err != nil {
		t.Fatal(err)
	}
	e.create(crm.NewContact{DisplayName: "End"})
	for a, want := range map[*crm.Actor]string{
		&e.owner:  "contact.created job.queued contact.updated job.finished workspace.updated",
		&mia:      "contact.created job.queued contact.updated job.finished",
		&max:      "contact.created contact.updated",
		&stranger: "",
	} {
		for _, s := range streams[a] {
			var got []string
			for got1 := next(t, s); got1.Subject.Name != "End"; got1 = next(t, s) {
				got = append(got, string(got1.Type))
			}
			equal(t, "what the "+string(a.Role)+" "+a.Name+" sees", strings.Join(got, " "), want)
		}
	}
}

func TestAStreamTellsOfABatchNowAndThenAndWithTheWholeFigure(t *testing.T) {
	t.Parallel()
	e := setup(t)
	start := e.stream(e.owner, "").ID()
	live := e.stream(e.owner, "")
	var rows []string
	for n := range severalChunks {
		rows = append(rows, fmt.Sprintf(`{"displayName":"Person %d"}`, n))
	}
	imp := e.run(crm.ImportOptions{}, rows...)
	end := e.create(crm.NewContact{DisplayName: "End"}).ID
	for name, s := range map[string]*crm.ActivityStream{"live": live, "read again": e.stream(e.owner, start)} {
		told, figure := 0, int64(0)
		for a := next(t, s); a.Subject.ID != end; a = next(t, s) {
			if a.Batch == nil {
				continue
			}
			told++
			equal(t, name+": id", a.ID, imp.ID)
			if n := a.Batch.Counts[crm.EventContactCreated]; n < figure {
				t.Errorf("%s: the figure went from %d to %d", name, figure, n)
			} else {
				figure = n
			}
		}
		equal(t, name+": the last figure", figure, severalChunks)
		if told == 0 || told > 50 {
			t.Errorf("%s: the batch was told of %d times, want a few", name, told)
		}
	}
}

func TestAStreamWhoseBufferWasFullReadsTheRestInTheLog(t *testing.T) {
	t.Parallel()
	e := setup(t)
	slow := e.stream(e.owner, "")
	var made []crm.ID
	for round := range 3 { // It is behind more than once.
		for range 3 {
			e.crowd(crm.StreamBuffer, nil)
		}
		page := e.activityOf(e.owner, crm.ActivityQuery{Limit: 1})
		want := (round + 1) * 3 * crm.StreamBuffer
		for len(made) < want {
			made = append(made, next(t, slow).Subject.ID)
		}
		equal(t, "the last", made[len(made)-1], page.Items[0].Subject.ID)
	}
	var want []crm.ID
	events, err := e.store.ListEvents(t.Context(), e.owner.Workspace, 0, len(made))
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range events {
		want = append(want, event.Subject.ID)
	}
	equalList(t, "subjects", made, want)
}

func TestAStreamThatDoesNotKeepUpIsDroppedAndGoesOnLater(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.DropSlowStreamsAfter(0)
	slow := e.stream(e.owner, "")
	var made []crm.ID
	await(t, "the slow stream to be dropped", func() bool {
		made = append(made, idsOf(e.people("Ana", "Bo", "Cleo", "Dora", "Eva"))...)
		return e.Health(t.Context()).Streams == 0
	})
	_, err := slow.Next(t.Context())
	wantError(t, err, crm.ErrStreamSlow)
	e.DropSlowStreamsAfter(time.Minute)
	again := e.stream(e.owner, slow.ID())
	for _, want := range made {
		nextIs(t, again, want)
	}
}

func TestAStreamEndsWithTheRightsOfItsActor(t *testing.T) {
	t.Parallel()
	e := setup(t)
	key := e.owner
	key.Scopes = []crm.Scope{}
	for name, c := range map[string]struct {
		actor crm.Actor
		want  error
	}{
		"without scopes":       {key, crm.ErrForbidden},
		"nobody":               {crm.Actor{}, crm.ErrUnauthenticated},
		"in another workspace": {actorOf("away", "olga", crm.RoleOwner), crm.ErrForbidden},
		"as somebody else":     {actorOf("acme", "mia", crm.RoleOwner), crm.ErrForbidden},
	} {
		s := e.stream(e.owner, "")
		wantError(t, s.Authorize(c.actor), c.want)
		_, err := s.Next(t.Context())
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	s := e.stream(e.owner, "")
	viewer := actorOf("acme", "olga", crm.RoleViewer)
	wantError(t, s.Authorize(viewer), nil)
	if _, err := e.Workspaces.Update(t.Context(), e.owner, crm.WorkspacePatch{Name: new("Acme")}); err != nil {
		t.Fatal(err)
	}
	nextIs(t, s, e.create(crm.NewContact{DisplayName: "Ana"}).ID) // Not the workspace, any more.
	_, err := e.Activity.Stream(t.Context(), key, "")
	wantError(t, err, crm.ErrForbidden)
}

func TestStreamsEndWithTheCRMAndAreBounded(t *testing.T) {
	t.Parallel()
	e := setup(t, func(c *crm.Config) { c.MaxStreams = 2 })
	one, two := e.stream(e.owner, ""), e.stream(e.owner, "")
	equal(t, "open streams", e.Health(t.Context()).Streams, 2)
	_, err := e.Activity.Stream(t.Context(), e.owner, "")
	wantError(t, err, crm.ErrUnavailable)
	two.Close()
	two.Close()
	three := e.stream(e.owner, "")
	e.EndStreams()
	for _, s := range []*crm.ActivityStream{one, three} {
		_, err := s.Next(t.Context())
		wantError(t, err, crm.ErrUnavailable)
	}
	_, err = e.Activity.Stream(t.Context(), e.owner, "")
	wantError(t, err, crm.ErrUnavailable)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	other := setup(t)
	_, err = other.stream(other.owner, "").Next(over)
	wantError(t, err, context.Canceled)
}

func TestStreamsEndWhenTheLogIsAnother(t *testing.T) {
	t.Parallel()
	e := setup(t)
	s := e.stream(e.owner, "")
	if err := e.store.RenewLogEpoch(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := s.Next(ctx)
	wantError(t, err, crm.ErrUnavailable)
	equal(t, "reset", e.stream(e.owner, s.ID()).Reset(), crm.ResetEpoch)
}

func TestStreamsHearOfOtherProcesses(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	here, there := setupOn(t, store), setupOn(t, store)
	s := here.stream(here.owner, "")
	nextIs(t, s, there.create(crm.NewContact{DisplayName: "Ana"}).ID)
}

// What a stream has read in the log and could not name is told of later: the time
// of one call is over while a database is slow or away, and it asks again.
func TestAStreamLosesNothingWhenNamesCannotBeRead(t *testing.T) {
	t.Parallel()
	var away atomic.Bool
	e := setupOn(t, hook(openStore(t), func(method string) error {
		if method == "GetContacts" && away.Load() {
			return context.DeadlineExceeded
		}
		return nil
	}))
	first := e.stream(e.owner, "")
	made := e.people("Ana", "Bo", "Cleo")
	for _, c := range made {
		nextIs(t, first, c.ID)
	}
	s := e.stream(e.owner, strings.Split(first.ID(), "-")[0]+"-0")
	away.Store(true)
	for range 3 {
		if _, err := s.Next(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("without names: got %v, want the store's error", err)
		}
	}
	away.Store(false)
	for _, c := range made {
		nextIs(t, s, c.ID)
	}
	away.Store(true)
	e.people("Dora")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := s.Next(ctx); !errors.Is(err, crm.ErrUnavailable) {
		t.Errorf("a stream that heard of what could not be named: got %v, want its end", err)
	}
}
