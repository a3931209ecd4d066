package crmtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func testSystem(t *testing.T, open func(testing.TB) crm.Store) {
	// These cross workspaces, so each has a store of its own.
	for _, test := range []storeTest{
		{"events of all workspaces are read in one order", testEventsAfter},
		{"workspaces are listed by id", testListWorkspaces},
		{"the busiest workspaces come first", testBusyWorkspaces},
		{"contacts are purged that long lie in the trash, oldest first", testPurgeCandidates},
		{"old images are purged up to the limit", testPurgeImages},
		{"old idempotency records are purged up to the limit", testPurgeRecords},
		{"a store that is open answers a ping", func(f *fixture) { f.ok("Ping", f.s.Ping(f.Context())) }},
		{"a probe of writes leaves nothing that anybody sees", testProbeWrite},
		{"a probe of writes waits no longer than its context", testProbeWriteWaits},
		{"a closed store is unavailable, and closing twice is fine", testClose},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(newFixture(t, open(t)))
		})
	}
}

func testEventsAfter(f *fixture) {
	others := []*fixture{f, f.in("two"), f.in("three")}
	got, err := f.s.EventsAfter(f.Context(), 0, 10)
	f.ok("EventsAfter", err)
	if len(got) != 0 {
		f.Errorf("EventsAfter of an empty log: got %d events, want none", len(got))
	}
	for n := range 12 {
		ws := others[n%3].ws
		f.ok("AppendEvents", f.s.AppendEvents(f.Context(), ws, []crm.Event{eventOf(ws, n+1)}))
		others[n%3].awaitEvents(n/3 + 1) // So that their order is known.
	}
	var all []crm.WorkspaceEvent
	var after crm.Position
	for range 20 {
		page, err := f.s.EventsAfter(f.Context(), after, 5)
		f.ok("EventsAfter", err)
		if len(page) == 0 {
			break
		}
		if len(page) > 5 {
			f.Fatalf("EventsAfter: got %d events, want at most 5", len(page))
		}
		all = append(all, page...)
		after = page[len(page)-1].Position
	}
	if len(all) != 12 {
		f.Fatalf("EventsAfter: got %d events in all, want 12", len(all))
	}
	for n, e := range all {
		want := crm.WorkspaceEvent{Workspace: others[n%3].ws, Event: eventOf(others[n%3].ws, n+1)}
		want.Position = others[n%3].awaitEvents(1)[n/3].Position
		if d := diff(e, want, false); d != "" {
			f.Errorf("event %d: %s", n, d)
		}
		if n > 0 && e.Position <= all[n-1].Position {
			f.Errorf("position %d follows %d, want a higher one", e.Position, all[n-1].Position)
		}
	}
}

func testListWorkspaces(f *fixture) {
	var want []crm.Workspace
	for i := range 7 {
		w := f.in(fmt.Sprint(i)).workspace()
		w.Name = fmt.Sprintf("Workspace %d", i)
		f.ok("PutWorkspace", f.s.PutWorkspace(f.Context(), w, 0))
		want = append(want, w)
	}
	slices.SortFunc(want, func(a, b crm.Workspace) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	var got []crm.Workspace
	var after crm.WorkspaceID
	for range 5 {
		page, err := f.s.ListWorkspaces(f.Context(), after, 3)
		f.ok("ListWorkspaces", err)
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
		after = page[len(page)-1].ID
	}
	if d := diff(got, want, false); d != "" {
		f.Errorf("ListWorkspaces, 3 at a time: %s", d)
	}
}

func testBusyWorkspaces(f *fixture) {
	got, err := f.s.BusyWorkspaces(f.Context(), 5)
	f.ok("BusyWorkspaces", err)
	if len(got) != 0 {
		f.Errorf("BusyWorkspaces of an empty log: got %v, want none", got)
	}
	var want []crm.WorkspaceID
	for i, events := range []int{4, 9, 1, 6} {
		other := f.in(fmt.Sprint(i))
		for n := range events {
			f.ok("AppendEvents", f.s.AppendEvents(f.Context(), other.ws, []crm.Event{eventOf(other.ws, n+1)}))
		}
		other.awaitEvents(events)
		want = append(want, other.ws)
	}
	want = []crm.WorkspaceID{want[1], want[3], want[0], want[2]}
	for _, limit := range []int{1, 3, 4, 10} {
		got, err := f.s.BusyWorkspaces(f.Context(), limit)
		f.ok("BusyWorkspaces", err)
		if !slices.Equal(got, want[:min(limit, len(want))]) {
			f.Errorf("BusyWorkspaces, limit %d: got %v, want %v", limit, got, want[:min(limit, len(want))])
		}
	}
}

func testPurgeCandidates(f *fixture) {
	one, two := f.in("one"), f.in("two")
	gone := func(hour int) func(*crm.Contact) {
		return func(c *crm.Contact) { c.DeletedAt = day().Add(time.Duration(hour) * time.Hour) }
	}
	one.create(one.contact(1, gone(5)), one.contact(2), one.contact(3, gone(1)), one.contact(4, gone(9)))
	two.create(two.contact(1, gone(3)), two.contact(2, gone(6)), two.contact(3, gone(2)))
	restored := two.contact(3)
	restored.Version = 2
	two.change(restored, 1)
	want := []crm.WorkspaceContact{{Workspace: one.ws, Contact: one.id(3)}, {Workspace: two.ws, Contact: two.id(1)}, {Workspace: one.ws, Contact: one.id(1)}}
	for _, limit := range []int{1, 2, 3, 10} {
		got, err := f.s.PurgeCandidates(f.Context(), day().Add(6*time.Hour), limit)
		f.ok("PurgeCandidates", err)
		if !slices.Equal(got, want[:min(limit, len(want))]) {
			f.Errorf("PurgeCandidates, limit %d: got %v, want %v", limit, got, want[:min(limit, len(want))])
		}
	}
}

func testPurgeImages(f *fixture) {
	var images []crm.Image
	for n := range 6 {
		image := f.image(n+1, 1)
		image.At = day().Add(time.Duration(n) * time.Hour)
		images = append(images, image)
	}
	f.ok("PutImages", f.s.PutImages(f.Context(), f.ws, images))
	other := f.in("other")
	f.ok("PutImages", f.s.PutImages(f.Context(), other.ws, []crm.Image{other.image(1, 1)}))
	total := 0
	for range 10 {
		n, err := f.s.PurgeImages(f.Context(), day().Add(3*time.Hour), 3)
		f.ok("PurgeImages", err)
		if n > 3 {
			f.Errorf("PurgeImages: got %d, want at most 3", n)
		}
		total += n
		if n == 0 {
			break
		}
	}
	if total != 4 {
		f.Errorf("PurgeImages: removed %d images, want 4", total)
	}
	f.wantImages(crm.ID{}, 10, "4.1 5.1 6.1")
	other.wantImages(crm.ID{}, 10, "")
}

func testProbeWrite(f *fixture) {
	f.create(f.contact(1))
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 5 {
				if err := f.s.ProbeWrite(f.Context()); err != nil {
					f.Errorf("ProbeWrite: %v", err)
				}
			}
		})
	}
	group.Wait()
	events, err := f.s.EventsAfter(f.Context(), 0, 10)
	f.ok("EventsAfter", err)
	workspaces, err := f.s.ListWorkspaces(f.Context(), crm.WorkspaceID{}, 10)
	f.ok("ListWorkspaces", err)
	if len(events) != 0 || len(workspaces) != 0 {
		f.Errorf("after probes: got %d events and %d workspaces, want none", len(events), len(workspaces))
	}
	wantIDs(f.T, "contacts after probes", f.listIDs(crm.ContactCriteria{}, crm.ID{}, 10), f.ids(1))
}

// testProbeWriteWaits probes while a transaction is open. Where writes do not
// wait for each other the probe may well succeed.
func testProbeWriteWaits(f *fixture) {
	over, cancel := context.WithCancel(f.Context())
	cancel()
	if err := f.s.ProbeWrite(over); !errors.Is(err, context.Canceled) {
		f.Errorf("ProbeWrite after the end of its context: got error %v, want context.Canceled", err)
	}
	running, release, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	begun := sync.OnceFunc(func() { close(running) }) // The function may run again.
	go func() {
		ended <- f.s.InTx(f.Context(), func(tx crm.Tx) error {
			if err := tx.PutContacts(f.Context(), f.ws, newWrites(f.contacts(1))); err != nil {
				return err
			}
			begun()
			<-release
			return nil
		})
	}()
	<-running
	ctx, stop := context.WithTimeout(f.Context(), 20*time.Millisecond)
	defer stop()
	answer := make(chan error, 1)
	go func() { answer <- f.s.ProbeWrite(ctx) }()
	end := time.NewTimer(patience(f.T))
	defer end.Stop()
	select {
	case err := <-answer:
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			f.Errorf("ProbeWrite beside a long write: got error %v, want none or context.DeadlineExceeded", err)
		}
	case <-end.C:
		f.Error("ProbeWrite beside a long write: it waits beyond the end of its context")
	}
	close(release)
	f.ok("InTx", <-ended)
}

func testClose(f *fixture) {
	f.create(f.contact(1))
	f.ok("Close", f.s.Close())
	f.ok("Close", f.s.Close())
	for what, call := range map[string]func(ctx context.Context) error{
		"Ping":        f.s.Ping,
		"ProbeWrite":  f.s.ProbeWrite,
		"GetContacts": func(ctx context.Context) error { _, err := f.s.GetContacts(ctx, f.ws, f.ids(1)); return err },
		"PutContacts": func(ctx context.Context) error { return f.s.PutContacts(ctx, f.ws, newWrites(f.contacts(2))) },
		"InTx":        func(ctx context.Context) error { return f.s.InTx(ctx, func(crm.Tx) error { return nil }) },
		"EventsAfter": func(ctx context.Context) error { _, err := f.s.EventsAfter(ctx, 0, 1); return err },
		"ReceiveJobs": func(ctx context.Context) error {
			_, err := f.s.ReceiveJobs(ctx, wants(crm.JobPurge), 1)
			return err
		},
		"OpenBlob": func(ctx context.Context) error { _, err := f.s.OpenBlob(ctx, f.ws, f.id(1), 0); return err },
	} {
		if err := call(f.Context()); !errors.Is(err, crm.ErrUnavailable) {
			f.Errorf("%s of a closed store: got error %v, want crm.ErrUnavailable", what, err)
		}
	}
}
