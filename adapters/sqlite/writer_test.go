package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
)

// group holds the writer busy while its members queue up, so that they share
// one transaction, and lets them go.
type group struct {
	t       *testing.T
	s       *sqlite.Store
	release chan struct{}
	blocker chan error
	members sync.WaitGroup
}

func newGroup(t *testing.T, s *sqlite.Store) *group {
	t.Helper()
	return newGroupOf(t, s, s.InTx)
}

// newGroupOf is newGroup with the kind of transaction that comes first.
func newGroupOf(t *testing.T, s *sqlite.Store, inTx func(context.Context, func(crm.Tx) error) error) *group {
	t.Helper()
	s.GroupFor(time.Minute) // Until all have joined, however busy the machine is.
	g := &group{t: t, s: s, release: make(chan struct{}), blocker: make(chan error, 1)}
	running := make(chan struct{})
	begin := sync.OnceFunc(func() { close(running) })
	go func() {
		g.blocker <- inTx(context.Background(), func(crm.Tx) error {
			begin() // It runs again when its group is lost.
			<-g.release
			return nil
		})
	}()
	<-running
	return g
}

// join queues one call; it returns when the call waits.
func (g *group) join(do func()) {
	before := g.s.Waiting()
	g.members.Go(do)
	for g.s.Waiting() == before {
		runtime.Gosched()
	}
}

// run lets all go and waits for them.
func (g *group) run() {
	g.t.Helper()
	close(g.release)
	if err := <-g.blocker; err != nil {
		g.t.Fatal(err)
	}
	g.members.Wait()
}

func has(tb testing.TB, s crm.Store, id crm.ID) bool {
	tb.Helper()
	got, err := s.GetContacts(tb.Context(), workspace("w"), []crm.ID{id})
	if err != nil {
		tb.Fatal(err)
	}
	return len(got) == 1
}

func putOne(ctx context.Context, tx crm.ContactStore, w crm.ContactWrite) error {
	return tx.PutContacts(ctx, workspace("w"), []crm.ContactWrite{w})
}

func TestGroupCommit(t *testing.T) {
	t.Parallel()
	failure := errors.New("no")
	writes := people(3)
	// The one in the middle fails in each way; the others must be written.
	for _, c := range []struct {
		name string
		bad  func(ctx context.Context, s *sqlite.Store) error
		want error
	}{
		{"a call that fails before it wrote leaves the others alone", func(ctx context.Context, s *sqlite.Store) error {
			return s.InTx(ctx, func(crm.Tx) error { return failure })
		}, failure},
		{"a call that fails after it wrote is rolled back alone", func(ctx context.Context, s *sqlite.Store) error {
			return s.InTx(ctx, func(tx crm.Tx) error { return errors.Join(putOne(ctx, tx, writes[1]), failure) })
		}, failure},
		{"a panic after a write goes on in its caller and is rolled back alone", func(ctx context.Context, s *sqlite.Store) (err error) {
			defer func() {
				if p := recover(); p != "boom" {
					err = fmt.Errorf("recovered %v", p)
				} else {
					err = failure
				}
			}()
			return s.InTx(ctx, func(tx crm.Tx) error {
				if err := putOne(ctx, tx, writes[1]); err != nil {
					return err
				}
				panic("boom")
			})
		}, failure},
		{"a Goexit after a write ends its caller only and is rolled back alone", func(ctx context.Context, s *sqlite.Store) error {
			done := make(chan error, 2)
			go func() {
				defer func() { done <- failure }()
				done <- s.InTx(ctx, func(tx crm.Tx) error { // Never sent: Goexit comes first.
					if err := putOne(ctx, tx, writes[1]); err != nil {
						return err
					}
					runtime.Goexit()
					return nil
				})
			}()
			return <-done
		}, failure},
		{"a context that ends inside a call stops that call only", func(ctx context.Context, s *sqlite.Store) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			return s.InTx(ctx, func(tx crm.Tx) error {
				if err := putOne(ctx, tx, writes[1]); err != nil {
					return err
				}
				cancel()
				_, err := tx.ListTags(ctx, workspace("w"))
				return err
			})
		}, context.Canceled},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, ":memory:", sqlite.Options{})
			for round := range 2 { // The second one meets a writer that has become careful.
				g := newGroup(t, s)
				ws := people(2)
				var first, bad, last error
				g.join(func() { first = putOne(t.Context(), s, ws[0]) })
				g.join(func() { bad = c.bad(t.Context(), s) })
				g.join(func() { last = putOne(t.Context(), s, ws[1]) })
				g.run()
				if first != nil || last != nil {
					t.Errorf("round %d: the others: got %v and %v, want nil", round, first, last)
				}
				if !errors.Is(bad, c.want) {
					t.Errorf("round %d: the bad call: got %v, want %v", round, bad, c.want)
				}
				if !has(t, s, ws[0].Contact.ID) || !has(t, s, ws[1].Contact.ID) {
					t.Errorf("round %d: a call that was answered with nil is not written", round)
				}
				if has(t, s, writes[1].Contact.ID) {
					t.Errorf("round %d: the bad call is written", round)
				}
			}
		})
	}
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	s := open(t, newFile(t), sqlite.Options{})
	if err := s.FillDisk(); err != nil {
		t.Fatal(err)
	}
	large := people(400)
	g := newGroup(t, s)
	var small, swallowed, big error
	tag := func() error {
		return s.AddTagCounts(t.Context(), workspace("w"), []crm.TagDelta{{Key: "a", Name: "a", Delta: 1}})
	}
	g.join(func() { small = tag() })
	g.join(func() { big = s.PutContacts(t.Context(), workspace("w"), large) })
	g.join(func() {
		swallowed = s.InTx(t.Context(), func(tx crm.Tx) error {
			if err := tx.PutContacts(t.Context(), workspace("w"), large); err == nil {
				t.Error("a put on a full disk: got nil")
			}
			return nil
		})
	})
	g.run()
	if small != nil {
		t.Errorf("a call that needs no space: got %v, want nil", small)
	}
	for _, err := range []error{big, swallowed} {
		if !errors.Is(err, crm.ErrUnavailable) {
			t.Errorf("a call that needs space: got %v, want ErrUnavailable", err)
		}
	}
	if tags, err := s.ListTags(t.Context(), workspace("w")); err != nil || len(tags) != 1 || tags[0].Count != 1 {
		t.Errorf("tags: got %v, %v, want one counted once", tags, err)
	}
	if err := s.FreeDisk(); err != nil {
		t.Fatal(err)
	}
	if err := s.PutContacts(t.Context(), workspace("w"), large); err != nil {
		t.Errorf("after the disk has space again: got %v, want nil", err)
	}
}

func TestGivingUp(t *testing.T) {
	t.Parallel()
	t.Run("a caller that gives up in the queue never runs", func(t *testing.T) {
		t.Parallel()
		s := open(t, ":memory:", sqlite.Options{})
		g := newGroup(t, s)
		ctx, cancel := context.WithCancel(t.Context())
		var err error
		var ran atomic.Bool
		g.join(func() {
			err = s.InTx(ctx, func(crm.Tx) error {
				ran.Store(true)
				return nil
			})
		})
		cancel()
		g.members.Wait() // It answers although the writer is still busy.
		g.run()
		if !errors.Is(err, context.Canceled) || ran.Load() {
			t.Errorf("got %v, ran %t, want Canceled and false", err, ran.Load())
		}
	})
	t.Run("every answer is true, whenever the caller gives up", func(t *testing.T) {
		t.Parallel()
		s := open(t, ":memory:", sqlite.Options{})
		var wg sync.WaitGroup
		for g := range 32 {
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(1, uint64(g)))
				for _, w := range people(40) {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rng.IntN(3_000))*time.Microsecond)
					err := putOne(ctx, s, w)
					cancel()
					if written := has(t, s, w.Contact.ID); written != (err == nil) {
						t.Errorf("answered %v, but written %t", err, written)
					}
				}
			})
		}
		wg.Wait()
	})
	t.Run("a transaction is of no use after its end", func(t *testing.T) {
		t.Parallel()
		s := open(t, ":memory:", sqlite.Options{})
		var kept crm.Tx
		if err := s.InTx(t.Context(), func(tx crm.Tx) error { kept = tx; return nil }); err != nil {
			t.Fatal(err)
		}
		if err := putOne(t.Context(), kept, people(1)[0]); err == nil {
			t.Error("a write after the end: got nil")
		}
	})
}

func TestClose(t *testing.T) {
	t.Parallel()
	s := open(t, newFile(t), sqlite.Options{})
	g := newGroup(t, s)
	var waiting error
	g.join(func() { waiting = putOne(t.Context(), s, people(1)[0]) })
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	g.members.Wait() // Close answers who waits, while the call at hand still runs.
	g.run()
	if err := <-closed; err != nil {
		t.Errorf("close: got %v, want nil", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("close again: got %v, want nil", err)
	}
	_, read := s.ListTags(t.Context(), workspace("w"))
	_, blob := s.OpenBlob(t.Context(), workspace("w"), crm.NewID(), 0)
	for what, err := range map[string]error{
		"waiting": waiting, "write": putOne(t.Context(), s, people(1)[0]), "read": read, "ping": s.Ping(t.Context()), "blob": blob,
	} {
		if !errors.Is(err, crm.ErrUnavailable) {
			t.Errorf("%s: got %v, want ErrUnavailable", what, err)
		}
	}
}

func TestSmallWritesBesideAnImport(t *testing.T) {
	t.Parallel()
	s := open(t, newFile(t), sqlite.Options{Sync: sqlite.SyncNormal})
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for from := 0; ; from += 500 {
			select {
			case <-stop:
				return
			default:
			}
			if err := importBatch(t.Context(), s, workspace("w"), crm.NamedID("import"), from, people(500)); err != nil {
				t.Error(err)
				return
			}
		}
	})
	var took []time.Duration
	for _, w := range people(100) {
		began := time.Now()
		if err := create(t.Context(), s, workspace("w"), w); err != nil {
			t.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	close(stop)
	wg.Wait()
	slices.Sort(took)
	t.Logf("creates beside an import: p50 %v, p99 %v", took[50], took[99])
	if took[50] > time.Second { // Loose: the machine may be busy.
		t.Errorf("half of the creates took longer than %v", took[50])
	}
}

// A call that may be lost by a power cut never takes the flush from one that
// may not, whichever comes first.
func TestOnlyGroupsOfResumableCallsGoWithoutAFlush(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		mode  sqlite.SyncMode
		first func(s *sqlite.Store) func(context.Context, func(crm.Tx) error) error
		want  [3]bool // of a resumable, an ordinary and another resumable call behind the first
	}{
		{"behind a resumable call, an ordinary one begins a group of its own", sqlite.SyncFull, func(s *sqlite.Store) func(context.Context, func(crm.Tx) error) error {
			return s.InResumableTx
		}, [3]bool{false, true, true}},
		{"behind an ordinary call, all share its flush", sqlite.SyncFull, func(s *sqlite.Store) func(context.Context, func(crm.Tx) error) error {
			return s.InTx
		}, [3]bool{true, true, true}},
		{"a store that flushes nothing goes on so", sqlite.SyncNormal, func(s *sqlite.Store) func(context.Context, func(crm.Tx) error) error {
			return s.InResumableTx
		}, [3]bool{false, false, false}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, newFile(t), sqlite.Options{Sync: c.mode})
			g := newGroupOf(t, s, c.first(s))
			writes := people(3)
			var got [3]bool
			var errs [3]error
			for i, inTx := range []func(context.Context, func(crm.Tx) error) error{s.InResumableTx, s.InTx, s.InResumableTx} {
				g.join(func() {
					errs[i] = inTx(t.Context(), func(tx crm.Tx) error {
						got[i] = sqlite.Flushes(t, tx)
						return putOne(t.Context(), tx, writes[i])
					})
				})
			}
			g.run()
			if got != c.want {
				t.Errorf("flushes: got %v, want %v", got, c.want)
			}
			for i, w := range writes {
				if errs[i] != nil || !has(t, s, w.Contact.ID) {
					t.Errorf("call %d: got %v, want it written", i, errs[i])
				}
			}
		})
	}
}

// TestTotalsInAGroup looks at totals and tags in one group with the calls that
// changed them, of which one is rolled back.
func TestTotalsInAGroup(t *testing.T) {
	t.Parallel()
	s := open(t, ":memory:", sqlite.Options{})
	ws, ctx := workspace("w"), t.Context()
	writes := people(4)
	add := func(w crm.ContactWrite, end error) func() {
		return func() {
			err := s.InTx(ctx, func(tx crm.Tx) error {
				return errors.Join(putOne(ctx, tx, w), tx.AddTagCounts(ctx, ws, []crm.TagDelta{{Key: "a", Name: "A", Delta: 1}}), end)
			})
			if !errors.Is(err, end) {
				t.Errorf("got %v, want %v", err, end)
			}
		}
	}
	look := func(want int) func() {
		return func() {
			err := s.InTx(ctx, func(tx crm.Tx) error {
				n, err := tx.CountContacts(ctx, ws, crm.ContactCriteria{}, 0)
				tags, tagErr := tx.ListTags(ctx, ws)
				if n != want || len(tags) != 1 || tags[0] != (crm.Tag{Key: "a", Name: "A", Count: want}) {
					t.Errorf("in the group: got %d contacts, tags %v, want %d of each", n, tags, want)
				}
				return errors.Join(err, tagErr)
			})
			if err != nil {
				t.Error(err)
			}
		}
	}
	g := newGroup(t, s)
	g.join(add(writes[0], nil))
	g.join(look(1))
	g.join(func() { // In the group its rows are there and its figures are not yet.
		if err := s.RecountContacts(ctx, ws); err != nil {
			t.Error(err)
		}
	})
	g.join(add(writes[1], nil))
	g.join(look(2))
	g.run()
	g = newGroup(t, s)
	g.join(add(writes[2], errors.New("no")))
	g.join(add(writes[3], nil))
	g.join(look(3))
	g.run()
	look(3)()
	if n, err := s.CountContacts(ctx, ws, crm.ContactCriteria{}, 0); err != nil || n != 3 {
		t.Errorf("afterwards: got %d, %v, want 3", n, err)
	}
	if tags, err := s.ListTags(ctx, ws); err != nil || len(tags) != 1 || tags[0].Count != 3 {
		t.Errorf("tags afterwards: got %v, %v, want 3", tags, err)
	}
}

// TestTheLogStaysSmall writes so little at once that each page of the log
// changes few bytes.
func TestTheLogStaysSmall(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	s := open(t, path, sqlite.Options{Sync: sqlite.SyncNormal})
	logSize := func() int64 {
		info, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	var highest int64
	for _, w := range people(4_000) {
		if err := create(t.Context(), s, workspace("w"), w); err != nil {
			t.Fatal(err)
		}
		highest = max(highest, logSize())
	}
	if highest < 120<<20 || highest > 160<<20 {
		t.Errorf("largest log: got %d bytes, want the 131 MB after which it is copied, and little more", highest)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); logSize() > 0; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("the log while nobody writes: got %d bytes, want none", logSize())
		}
	}
}
