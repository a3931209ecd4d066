package asynq_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	lib "github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/omnicrm/omnicrm/adapters/asynq"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/internal/testkit/redistest"
)

func await(t testing.TB, what string, so func() bool) {
	t.Helper()
	end := time.Now().Add(2 * time.Minute)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
		<-tick.C
	}
}

func tickets(kind crm.JobKind, n int) []crm.JobTicket {
	out := make([]crm.JobTicket, n)
	for i := range out {
		out[i] = crm.JobTicket{Workspace: crm.WorkspaceID(crm.NamedID("acme")), Job: crm.NamedID(fmt.Sprint(kind, i)), Kind: kind}
	}
	return out
}

func wants(kinds ...crm.JobKind) []crm.JobWant {
	out := make([]crm.JobWant, len(kinds))
	for i, k := range kinds {
		out[i].Kind = k
	}
	return out
}

func receive(t *testing.T, q *asynq.Queue, limit int, kinds ...crm.JobKind) []crm.JobTicket {
	t.Helper()
	got, err := q.ReceiveJobs(t.Context(), wants(kinds...), limit)
	if err != nil {
		t.Fatalf("receive: %v", err)
	}
	return got
}

func dispatch(t *testing.T, q *asynq.Queue, all []crm.JobTicket) {
	t.Helper()
	if err := q.DispatchJobs(t.Context(), all); err != nil {
		t.Fatalf("dispatch: %v", err)
	}
}

func TestATicketThatComesAgainIsNotDoubled(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	// Each process hands over what it sees due.
	one, other := openQueue(t, s.URL(), asynq.Options{}), openQueue(t, s.URL(), asynq.Options{})
	for range 3 {
		dispatch(t, one, tickets("x", 3))
		dispatch(t, other, tickets("x", 3))
	}
	if n := s.Client().LLen(t.Context(), "asynq:{crm:normal}:pending").Val(); n != 3 {
		t.Errorf("tasks in Redis: got %d, want 3", n)
	}
	var got []crm.JobTicket
	await(t, "the tickets", func() bool {
		got = append(got, receive(t, one, 10, "x")...)
		return len(got) >= 3
	})
	await(t, "them to be forgotten", func() bool { return s.Client().ZCard(t.Context(), "omnicrm:{crm:normal}:x:waiting").Val() == 0 })
	dispatch(t, other, tickets("x", 3)) // They failed, say, and are due again.
	await(t, "the tickets again", func() bool {
		got = append(got, receive(t, one, 10, "x")...)
		return len(got) >= 6
	})
}

func TestFewTicketsOfAKindLieInRedis(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	q := openQueue(t, s.URL(), asynq.Options{})
	err := q.DispatchJobs(t.Context(), tickets("x", 500))
	full, ok := errors.AsType[*crm.QueueFullError](err)
	if !ok || full.Taken != 4 {
		t.Fatalf("500 tickets of a kind that nobody takes: got %v, want 4 taken", err)
	}
	dispatch(t, q, tickets("y", 4)) // They do not stand in the way of others.
	urgent := tickets("x", 510)[506:]
	for i := range urgent {
		urgent[i].Priority = crm.PriorityHigh
	}
	dispatch(t, q, urgent)
	// The faster they are taken, the more there may be.
	most := 0
	await(t, "more room", func() bool {
		all := tickets("x", 500)
		if full, ok := errors.AsType[*crm.QueueFullError](q.DispatchJobs(t.Context(), all)); ok {
			most = max(most, full.Taken)
		} else {
			most = len(all)
		}
		receive(t, q, 100, "x")
		return most > 100
	})
}

func TestATaskThatNobodyHereWantsGoesToAnotherProcess(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	busy, idle := openQueue(t, s.URL(), asynq.Options{Slots: 1}), openQueue(t, s.URL(), asynq.Options{})
	dispatch(t, busy, tickets("x", 2))
	await(t, "the busy one to fetch it", func() bool {
		receive(t, busy, 10, "other")
		return s.Client().LLen(t.Context(), "asynq:{crm:normal}:active").Val() == 1
	})
	var got []crm.JobTicket
	await(t, "the other one to get both", func() bool {
		receive(t, busy, 10, "other")
		got = append(got, receive(t, idle, 10, "x")...)
		return len(got) == 2
	})
	// What nobody wants anywhere does not go round for ever.
	dispatch(t, busy, tickets("nobodys", 2))
	await(t, "them to be dropped", func() bool {
		receive(t, busy, 10, "other")
		n := int64(0)
		for _, list := range []string{"pending", "active"} {
			n += s.Client().LLen(t.Context(), "asynq:{crm:normal}:"+list).Val()
		}
		return n+s.Client().ZCard(t.Context(), "asynq:{crm:normal}:retry").Val() == 0
	})
}

func TestARedisThatWasEmptiedTakesTicketsAtOnce(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	q := openQueue(t, s.URL(), asynq.Options{})
	receive(t, q, 1, "x")
	for _, lose := range []func(){s.Flush, s.Restart, func() { s.Kill(); s.Start() }} {
		dispatch(t, q, tickets("x", 3))
		lose()
		await(t, "it to take tickets", func() bool { return q.DispatchJobs(t.Context(), tickets("x", 3)) == nil })
		var got []crm.JobTicket
		await(t, "the tickets", func() bool {
			some, err := q.ReceiveJobs(t.Context(), wants("x"), 10)
			got = append(got, some...)
			return err == nil && len(got) >= 3
		})
		await(t, "the queues to be listed", func() bool { return s.Client().SCard(t.Context(), "asynq:queues").Val() == 3 })
		await(t, "all to be over", func() bool { return s.Client().ZCard(t.Context(), "omnicrm:{crm:normal}:x:waiting").Val() == 0 })
	}
}

func TestARedisThatDoesNotAnswerHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	for name, mood := range map[string]struct{ bad, good func(s *redistest.Server) }{
		"paused": {(*redistest.Server).Pause, (*redistest.Server).Resume},
		"killed": {(*redistest.Server).Kill, (*redistest.Server).Start},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t, redistest.Options{})
			q := openQueue(t, s.URL(), asynq.Options{})
			receive(t, q, 1, "x")
			mood.bad(s)
			for i := range 20 {
				began := time.Now()
				err := q.DispatchJobs(t.Context(), tickets("x", 1))
				if took := time.Since(began); !errors.Is(err, crm.ErrUnavailable) || took > 2*time.Second {
					t.Errorf("dispatch %d: got %v after %s, want ErrUnavailable within half a second", i, err, took)
				}
			}
			await(t, "the workers to be told", func() bool {
				_, err := q.ReceiveJobs(t.Context(), wants("x"), 1)
				return errors.Is(err, crm.ErrUnavailable)
			})
			mood.good(s)
			await(t, "it to take tickets", func() bool { return q.DispatchJobs(t.Context(), tickets("x", 1)) == nil })
			await(t, "it to bring them", func() bool {
				got, err := q.ReceiveJobs(t.Context(), wants("x"), 1)
				return err == nil && len(got) == 1
			})
		})
	}
}

func TestAQueueThatIsClosed(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	q, other := openQueue(t, s.URL(), asynq.Options{}), openQueue(t, s.URL(), asynq.Options{})
	dispatch(t, q, tickets("x", 3))
	await(t, "it to hold the tickets", func() bool {
		receive(t, q, 1, "other")
		return s.Client().LLen(t.Context(), "asynq:{crm:normal}:active").Val() == 3
	})
	if err := errors.Join(q.Close(), q.Close()); err != nil {
		t.Errorf("close: %v", err)
	}
	_, err := q.ReceiveJobs(t.Context(), wants("x"), 1)
	for what, err := range map[string]error{"receive": err, "dispatch": q.DispatchJobs(t.Context(), tickets("x", 1))} {
		if !errors.Is(err, crm.ErrUnavailable) {
			t.Errorf("%s after the close: got %v, want ErrUnavailable", what, err)
		}
	}
	began, got := time.Now(), 0
	await(t, "another process to get what it gave back", func() bool {
		got += len(receive(t, other, 10, "x"))
		return got >= 3
	})
	t.Logf("given back and received within %s", time.Since(began).Round(time.Millisecond))
}

func TestCloseDoesNotWaitForARedisThatIsAway(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	q := openQueue(t, s.URL(), asynq.Options{})
	dispatch(t, q, tickets("x", 4))
	await(t, "it to hold them", func() bool {
		receive(t, q, 1, "other")
		return s.Client().LLen(t.Context(), "asynq:{crm:normal}:active").Val() > 0
	})
	s.Pause()
	began := time.Now()
	if err := q.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("close took %s, want a few seconds", took)
	}
}

func TestTheToolOfAsynqShowsWhatLiesThere(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	q := openQueue(t, s.URL(), asynq.Options{Name: "shop"})
	all := tickets("contact_import", 3)
	all[1].Priority, all[2].Priority = crm.PriorityHigh, crm.PriorityLow
	dispatch(t, q, all)
	tool := lib.NewInspector(lib.RedisClientOpt{Addr: s.Addr()})
	t.Cleanup(func() { tool.Close() }) //nolint:errcheck // It has read.
	names, err := tool.Queues()
	slices.Sort(names)
	if err != nil || !slices.Equal(names, []string{"shop:high", "shop:low", "shop:normal"}) {
		t.Fatalf("queues: got %v (%v)", names, err)
	}
	waiting, err := tool.ListPendingTasks("shop:high")
	if err != nil || len(waiting) != 1 || waiting[0].Type != "contact_import" || !strings.HasPrefix(waiting[0].ID, all[1].Job.String()) {
		t.Fatalf("tasks: got %+v (%v)", waiting, err)
	}
	var payload map[string][]map[string]string
	if err := json.Unmarshal(waiting[0].Payload, &payload); err != nil || payload["jobs"][0]["job"] != all[1].Job.String() {
		t.Errorf("payload: got %s (%v), want the ids as JSON", waiting[0].Payload, err)
	}
	got := 0
	await(t, "all to be received", func() bool { got += len(receive(t, q, 10, "contact_import")); return got == 3 })
	await(t, "nothing to be left", func() bool {
		left := 0
		for _, name := range names {
			info, err := tool.GetQueueInfo(name)
			if err != nil {
				t.Fatal(err)
			}
			left += info.Size + info.Archived + info.Completed
		}
		return left == 0
	})
}

func TestWhatAsynqLeavesBehindIsRemoved(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	c := s.Client()
	const prefix = "asynq:{crm:normal}:"
	later := float64(time.Now().Add(time.Hour).Unix())
	_, err := c.Pipelined(t.Context(), func(p redis.Pipeliner) error {
		ctx := context.Background()
		p.SAdd(ctx, "asynq:queues", "crm:normal")
		p.HSet(ctx, prefix+"t:orphan", "msg", "x", "state", "active")
		p.LPush(ctx, prefix+"active", "orphan", "empty", "held")
		p.ZAdd(ctx, prefix+"lease", redis.Z{Score: later, Member: "empty"}, redis.Z{Score: later, Member: "held"})
		p.HSet(ctx, prefix+"t:empty", "state", "active")
		p.HSet(ctx, prefix+"t:held", "msg", "x", "state", "active")
		p.HSet(ctx, prefix+"t:dead", "msg", "x", "state", "archived")
		p.ZAdd(ctx, prefix+"archived", redis.Z{Score: later, Member: "dead"})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	q := openQueue(t, s.URL(), asynq.Options{})
	receive(t, q, 1, "x")
	await(t, "the tidying", func() bool {
		return c.Exists(t.Context(), prefix+"t:orphan", prefix+"t:empty", prefix+"t:dead").Val() == 0
	})
	if got := c.LRange(t.Context(), prefix+"active", 0, -1).Val(); !slices.Equal(got, []string{"held"}) {
		t.Errorf("active tasks: got %v, want the one that somebody holds", got)
	}
}

func TestATaskThatCannotBeReadIsDropped(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	c := lib.NewClient(lib.RedisClientOpt{Addr: s.Addr()})
	t.Cleanup(func() { c.Close() }) //nolint:errcheck // It has written.
	for _, text := range []string{"", "{", "[]", `{"jobs":[]}`, `{"jobs":[{"workspace":"x","job":"y"}]}`} {
		if _, err := c.Enqueue(lib.NewTask("x", []byte(text)), lib.Queue("crm:normal")); err != nil {
			t.Fatal(err)
		}
	}
	q := openQueue(t, s.URL(), asynq.Options{})
	await(t, "all to be gone", func() bool {
		if got := receive(t, q, 10, "x"); len(got) > 0 {
			t.Fatalf("got %v of tasks that name no job", got)
		}
		keys := s.Client().Keys(t.Context(), "asynq:{crm:normal}:t:*").Val()
		return len(keys) == 0
	})
}

func TestBadOptionsAreRefused(t *testing.T) {
	t.Parallel()
	for field, o := range map[string]asynq.Options{
		"Name": {Name: "a b"}, "CheckEvery": {CheckEvery: -1}, "Slots": {Slots: -1},
	} {
		_, err := asynq.Open(t.Context(), "redis://localhost", o)
		if v, ok := errors.AsType[*crm.ValidationError](err); !ok || v.Fields[0].Field != field {
			t.Errorf("got %v, want a *ValidationError that names %s", err, field)
		}
	}
	_, err := asynq.Open(t.Context(), "redis://:hunter2@127.0.0.1:1", asynq.Options{})
	if !errors.Is(err, crm.ErrUnavailable) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("nobody there: got %v, want ErrUnavailable without the password", err)
	}
}
