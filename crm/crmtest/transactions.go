package crmtest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func testTransactions(t *testing.T, open func(testing.TB) crm.Store) {
	tests := []storeTest{
		{"everything written in a transaction is there after it", func(f *fixture) {
			f.inTx(func(tx crm.Tx) error { return writeWorld(f.Context(), tx, f.ws) })
			f.awaitEvents(1)
			if got := f.dump(f.ws).missing(); got != "" {
				f.Errorf("after the commit there are no %s", got)
			}
		}},
		{"a transaction sees what it wrote", testOwnWrites},
		{"nobody else sees what is not committed", testIsolation},
		{"an error of the function comes back as it is", func(f *fixture) {
			want := fmt.Errorf("mine: %w", crm.ErrTooLarge)
			//nolint:errorlint // The very same error is promised.
			if got := f.s.InTx(f.Context(), func(crm.Tx) error { return want }); got != want {
				f.Errorf("InTx: got error %v, want the very error %v", got, want)
			}
		}},
		{"a panic goes on to the caller", func(f *fixture) {
			if got := f.panicking(func(crm.Tx) {}); got != panicValue {
				f.Errorf("InTx: got panic %v, want %v", got, panicValue)
			}
		}},
		{"a context that has ended runs nothing", func(f *fixture) {
			ctx, cancel := context.WithCancel(f.Context())
			cancel()
			err := f.s.InTx(ctx, func(crm.Tx) error {
				f.Error("the function ran although its context had ended")
				return nil
			})
			if err == nil {
				f.Error("InTx: got no error, want one")
			}
		}},
		{"a context that ends inside leaves all or nothing", testCancelInside},
		{"a failed write can be followed by another transaction", func(f *fixture) {
			for range 3 {
				_ = f.s.InTx(f.Context(), func(tx crm.Tx) error {
					return tx.PutContacts(f.Context(), f.ws, []crm.ContactWrite{crm.NewContactWrite(f.contact(1), 9)})
				})
			}
			f.inTx(func(tx crm.Tx) error {
				return tx.PutContacts(f.Context(), f.ws, newWrites([]crm.Contact{f.contact(1)}))
			})
			f.wantContacts(f.contact(1))
		}},
		{"64 parallel transactions lose no change", testCounter},
	}
	for name, abandon := range abandonments() {
		tests = append(tests, storeTest{"nothing remains of a transaction that ends by " + name, func(f *fixture) { testAbandoned(f, abandon) }})
	}
	runTests(t, open, tests)
}

const panicValue = "a panic of the test"

// panicking runs fn in a transaction that panics and returns the panic.
func (f *fixture) panicking(fn func(tx crm.Tx)) (value any) {
	defer func() { value = recover() }()
	err := f.s.InTx(f.Context(), func(tx crm.Tx) error {
		fn(tx)
		panic(panicValue)
	})
	f.Errorf("InTx: returned %v, want a panic", err)
	return nil
}

// abandonments are the ways in which a transaction does not commit. Each runs
// fn inside.
func abandonments() map[string]func(f *fixture, fn func(tx crm.Tx)) {
	return map[string]func(f *fixture, fn func(tx crm.Tx)){
		"an error": func(f *fixture, fn func(tx crm.Tx)) {
			stop := errors.New("stop")
			if err := f.s.InTx(f.Context(), func(tx crm.Tx) error { fn(tx); return stop }); !errors.Is(err, stop) {
				f.Errorf("InTx: got error %v, want the one of the function", err)
			}
		},
		"a panic": func(f *fixture, fn func(tx crm.Tx)) { f.panicking(fn) },
		"the end of its goroutine": func(f *fixture, fn func(tx crm.Tx)) {
			done := make(chan struct{})
			go func() {
				defer close(done)
				_ = f.s.InTx(f.Context(), func(tx crm.Tx) error {
					fn(tx)
					runtime.Goexit()
					return nil
				})
			}()
			<-done
		},
		"a cancelled context": func(f *fixture, fn func(tx crm.Tx)) {
			ctx, cancel := context.WithCancel(f.Context())
			defer cancel()
			if err := f.s.InTx(ctx, func(tx crm.Tx) error { fn(tx); cancel(); return ctx.Err() }); err == nil {
				f.Error("InTx: got no error, want one")
			}
		},
	}
}

func testAbandoned(f *fixture, abandon func(f *fixture, fn func(tx crm.Tx))) {
	f.create(f.contact(900), f.contact(901))
	before := f.dump(f.ws)
	abandon(f, func(tx crm.Tx) {
		if err := writeWorld(f.Context(), tx, f.ws); err != nil {
			f.Errorf("writing inside: %v", err)
		}
		if _, err := tx.EraseContacts(f.Context(), f.ws, f.ids(900)); err != nil {
			f.Errorf("EraseContacts inside: %v", err)
		}
	})
	// A marker shows that the log has come this far.
	f.ok("AppendEvents", f.s.AppendEvents(f.Context(), f.ws, []crm.Event{f.event(77)}))
	got := f.awaitEvents(1)
	if len(got) != 1 || got[0].ID != f.id(77) {
		f.Errorf("ListEvents: got %d events, want only the marker", len(got))
	}
	after := f.dump(f.ws)
	after.events, after.feed, after.head = before.events, before.feed, before.head
	if d := after.diff(before); d != "" {
		f.Errorf("after a transaction that did not commit: %s", d)
	}
	f.create(f.contact(902)) // The store goes on.
}

func testOwnWrites(f *fixture) {
	f.inTx(func(tx crm.Tx) error {
		if err := writeWorld(f.Context(), tx, f.ws); err != nil {
			return err
		}
		inside, err := dumpOf(f.Context(), tx, f.ws)
		if err != nil {
			return err
		}
		later := []string{"positions come with the commit"}
		inside.events, inside.feed, inside.batches, inside.head = later, later, later, 1
		if got := inside.missing(); got != "" {
			f.Errorf("inside the transaction there are no %s", got)
		}
		if _, err := tx.EraseContacts(f.Context(), f.ws, []crm.ID{worldIDs(f.ws).contact}); err != nil {
			return err
		}
		got, err := tx.GetContacts(f.Context(), f.ws, []crm.ID{worldIDs(f.ws).contact})
		if len(got) != 0 {
			f.Error("GetContacts: got a contact that the transaction erased")
		}
		return err
	})
}

func testIsolation(f *fixture) {
	f.create(f.contact(900))
	before := f.dump(f.ws)
	var during dump
	var failed error
	read := make(chan struct{})
	f.inTx(func(tx crm.Tx) error {
		if err := writeWorld(f.Context(), tx, f.ws); err != nil {
			return err
		}
		go func() {
			defer close(read)
			during, failed = dumpOf(f.Context(), f.s, f.ws)
		}()
		// A store whose readers wait for writers has shown nothing either.
		select {
		case <-read:
			if failed != nil {
				f.Errorf("reading beside a transaction: %v", failed)
			} else if d := during.diff(before); d != "" {
				f.Errorf("beside a transaction that has not committed: %s", d)
			}
		case <-time.After(patience(f.T) / 2):
		}
		return nil
	})
	<-read
	f.awaitEvents(1)
	if got := f.dump(f.ws).missing(); got != "" {
		f.Errorf("after the commit there are no %s", got)
	}
}

func testCancelInside(f *fixture) {
	ctx, cancel := context.WithCancel(f.Context())
	defer cancel()
	err := f.s.InTx(ctx, func(tx crm.Tx) error {
		if err := tx.PutContacts(f.Context(), f.ws, newWrites(f.contacts(3))); err != nil {
			return err
		}
		cancel()
		return nil
	})
	want := 3
	if err != nil {
		want = 0
	}
	if got := f.count(crm.ContactCriteria{}); got != want {
		f.Errorf("InTx answered %v and left %d contacts, want %d", err, got, want)
	}
}

// testCounter lets 64 writers add one to a value at the same moment. A writer
// may be told that its copy is stale; it then tries again.
func testCounter(f *fixture) {
	const writers = 64
	f.create(f.contact(1, func(c *crm.Contact) { c.Fields = map[string]any{"n": 0.0} }))
	add := func(tx crm.Tx, writer int) error {
		got, err := tx.GetContacts(f.Context(), f.ws, f.ids(1))
		if err != nil || len(got) != 1 {
			return fmt.Errorf("read %d contacts: %w", len(got), err)
		}
		c := got[0]
		n, _ := c.Fields["n"].(float64)
		c.Fields = map[string]any{"n": n + 1}
		c.Version, c.PeakVersion = c.Version+1, c.Version+1
		if err := tx.PutContacts(f.Context(), f.ws, []crm.ContactWrite{crm.NewContactWrite(c, c.Version-1)}); err != nil {
			return err
		}
		if err := tx.AddTagCounts(f.Context(), f.ws, []crm.TagDelta{{Key: "n", Name: "N", Delta: 1}}); err != nil {
			return err
		}
		return tx.AppendEvents(f.Context(), f.ws, []crm.Event{f.event(writer)})
	}
	f.inParallel(writers, func(i int) error {
		var err error
		for range 100 * writers {
			err = f.s.InTx(f.Context(), func(tx crm.Tx) error { return add(tx, i) })
			if !crm.IsStale(err) {
				break
			}
		}
		return err
	})
	c := f.one(f.id(1))
	if c.Fields["n"] != float64(writers) || c.Version != writers+1 {
		f.Errorf("the counter: got %v at version %d, want %d at %d", c.Fields["n"], c.Version, writers, writers+1)
	}
	f.wantTags(crm.Tag{Key: "n", Name: "N", Count: writers})
	if got := len(f.awaitEvents(writers)); got != writers {
		f.Errorf("ListEvents: got %d events, want %d", got, writers)
	}
}

// inParallel runs fn n times at the same moment and waits for all.
func (f *fixture) inParallel(n int, fn func(i int) error) {
	f.Helper()
	var all sync.WaitGroup
	start := make(chan struct{})
	errs := make([]error, n)
	for i := range n {
		all.Go(func() {
			<-start
			errs[i] = fn(i)
		})
	}
	close(start)
	all.Wait()
	f.ok("in parallel", errors.Join(errs...))
}
