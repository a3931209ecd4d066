package crmtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func testInteractions(t *testing.T, open func(testing.TB) crm.Store) {
	runTests(t, open, []storeTest{
		{"an interaction comes back as it was written", testInteractionFields},
		{"interactions come in the order asked for, each once, absent ones left out", func(f *fixture) {
			f.put(f.interaction(1, 100), f.interaction(2, 100), f.interaction(3, 100))
			got, err := f.s.GetInteractions(f.Context(), f.ws, f.ids(3, 9, 1, 3))
			f.ok("GetInteractions", err)
			wantIDs(f.T, "GetInteractions", interactionIDs(got), f.ids(3, 1))
		}},
		{"an interaction of another version is stale and writes nothing", testInteractionVersions},
		{"an id that is there is refused", func(f *fixture) {
			f.put(f.interaction(1, 100))
			err := f.s.PutInteractions(f.Context(), f.ws, interactionWrites(f.interaction(2, 100), f.interaction(1, 100)))
			if c := conflictOf(f.T, "PutInteractions of an id that is there", err, crm.ConflictExists); c.ID != f.id(1) {
				f.Errorf("the conflict names %s, want %s", c.ID, f.id(1))
			}
			wantIDs(f.T, "all", f.interactionIDs(crm.InteractionCriteria{}, crm.ID{}, 9), f.ids(1))
		}},
		{"a source id belongs to one interaction at a time", testInteractionSources},
		{"interactions are found by source and source id", func(f *fixture) {
			a, b := f.interaction(1, 100), f.interaction(2, 100)
			a.Source, a.SourceID = "gmail", "<a@example.com>"
			b.Source, b.SourceID = "other", "<a@example.com>"
			f.put(a, b, f.interaction(3, 100))
			got, err := f.s.FindInteractions(f.Context(), f.ws, []crm.SourceRef{
				{Source: "gmail", SourceID: "<a@example.com>"},
				{Source: "gmail", SourceID: "<A@example.com>"},
				{Source: "other", SourceID: "<a@example.com>"},
				{Source: "manual"},
			})
			f.ok("FindInteractions", err)
			if len(got) != 2 || got[crm.SourceRef{Source: "gmail", SourceID: "<a@example.com>"}] != a.ID ||
				got[crm.SourceRef{Source: "other", SourceID: "<a@example.com>"}] != b.ID {
				f.Errorf("FindInteractions: got %v, want the two with source ids", got)
			}
		}},
		{"deleted interactions are gone everywhere", testInteractionDelete},
		{"ids are listed by batch and stranger", testInteractionCriteria},
		{"strangers are found by many keys at once", testStrangerKeys},
		{"a roll back leaves neither interactions nor links", func(f *fixture) {
			_ = f.s.InTx(f.Context(), func(tx crm.Tx) error {
				if err := tx.PutInteractions(f.Context(), f.ws, interactionWrites(f.interaction(1, 100))); err != nil {
					return err
				}
				return errors.New("roll back")
			})
			wantIDs(f.T, "timeline", f.timeline(crm.InteractionQuery{Contact: f.id(100), Limit: 9}), nil)
			wantIDs(f.T, "all", f.interactionIDs(crm.InteractionCriteria{}, crm.ID{}, 9), nil)
		}},
	})
}

// interaction returns a plain, valid interaction with the n-th id, n minutes
// after [day], in which the contacts take part.
func (f *fixture) interaction(n int, contacts ...int) crm.Interaction {
	return interactionOf(f.ws, n, f.ids(contacts...)...)
}

func interactionOf(ws crm.WorkspaceID, n int, contacts ...crm.ID) crm.Interaction {
	at := day().Add(time.Duration(n) * time.Minute)
	i := crm.Interaction{
		ID: recordID(ws, n), Type: crm.InteractionEmail, Direction: crm.DirectionInbound, Subject: fmt.Sprintf("Subject %d", n),
		OccurredAt: at, Source: "manual", CreatedAt: at, UpdatedAt: at, Version: 1,
	}
	for _, c := range contacts {
		i.Participants = append(i.Participants, crm.Participant{Role: crm.RoleTo, Contact: c})
	}
	return i
}

func interactionWrites(list ...crm.Interaction) []crm.InteractionWrite {
	writes := make([]crm.InteractionWrite, len(list))
	for n, i := range list {
		writes[n] = crm.NewInteractionWrite(i, 0)
	}
	return writes
}

// put writes new interactions.
func (f *fixture) put(list ...crm.Interaction) {
	f.Helper()
	for chunk := range slices.Chunk(list, 500) {
		f.ok("PutInteractions", f.s.PutInteractions(f.Context(), f.ws, interactionWrites(chunk...)))
	}
}

// rewrite puts an interaction over the stored version expect.
func (f *fixture) rewrite(i crm.Interaction, expect int64) {
	f.Helper()
	f.ok("PutInteractions", f.s.PutInteractions(f.Context(), f.ws, []crm.InteractionWrite{crm.NewInteractionWrite(i, expect)}))
}

func (f *fixture) timeline(q crm.InteractionQuery) []crm.ID {
	f.Helper()
	got, err := f.s.ListInteractions(f.Context(), f.ws, q)
	f.ok("ListInteractions", err)
	return interactionIDs(got)
}

func (f *fixture) interactionIDs(where crm.InteractionCriteria, after crm.ID, limit int) []crm.ID {
	f.Helper()
	got, err := f.s.ListInteractionIDs(f.Context(), f.ws, where, after, limit)
	f.ok("ListInteractionIDs", err)
	return got
}

func interactionIDs(list []crm.Interaction) []crm.ID {
	ids := make([]crm.ID, len(list))
	for n, i := range list {
		ids[n] = i.ID
	}
	return ids
}

// wantInteractions checks that exactly these are there.
func (f *fixture) wantInteractions(want ...crm.Interaction) {
	f.Helper()
	got, err := f.s.GetInteractions(f.Context(), f.ws, f.interactionIDs(crm.InteractionCriteria{}, crm.ID{}, 1_000))
	f.ok("GetInteractions", err)
	if d := diff(got, want, true); d != "" {
		f.Errorf("GetInteractions: %s", d)
	}
}

// fullInteraction has a value in every field.
func fullInteraction(ws crm.WorkspaceID, n int) crm.Interaction {
	i := interactionOf(ws, n)
	i.Type, i.Direction = crm.InteractionMeeting, crm.DirectionInternal
	i.Subject, i.Body = "Überblick 会議 👩‍👩‍👧", "Zeile 1\nسطر 2\t\"'\\ "+strings.Repeat("lang ", 20_000)
	i.OccurredAt = day().Add(-3*time.Hour + 7*time.Microsecond)
	i.Participants = []crm.Participant{
		{Role: crm.RoleOrganizer, Name: "Zoë Łukasz", Address: "zoe@example.com", Contact: recordID(ws, 100)},
		{Role: crm.RoleAttendee, Name: "", Address: "+1 202-555-0123", E164: "+12025550123"},
		{Role: crm.RoleAttendee, Address: "ANA@example.com"},
		{Role: crm.RoleFrom, Name: "only a name"},
		{Role: crm.RoleTo, Contact: recordID(ws, 101)},
		{Role: crm.RoleCc, Contact: recordID(ws, 100)},
	}
	i.ThreadID, i.Source, i.SourceID, i.Batch = "thread-1", "calendar", "id-1", recordID(ws, 140)
	i.CreatedAt, i.UpdatedAt, i.Version, i.Edited = day().Add(time.Microsecond), day().Add(time.Hour), 7, true
	return i
}

func testInteractionFields(f *fixture) {
	full, bare := fullInteraction(f.ws, 1), f.interaction(2)
	bare.Type, bare.Direction, bare.Subject = crm.InteractionNote, "", ""
	f.put(full, bare)
	f.wantInteractions(full, bare)
	other := fullInteraction(f.ws, 2)
	other.SourceID, other.Version = "id-2", 2
	f.rewrite(other, 1)
	f.wantInteractions(full, other)
	bare.Version = 3
	f.rewrite(bare, 2)
	f.wantInteractions(full, bare)
}

func testInteractionVersions(f *fixture) {
	stored := f.interaction(1, 100)
	stored.Version = 5
	f.put(stored)
	for _, expect := range []int64{1, 4, 6} {
		change := stored
		change.Subject, change.Version = "stale", expect+1
		writes := []crm.InteractionWrite{crm.NewInteractionWrite(f.interaction(2, 100), 0), crm.NewInteractionWrite(change, expect)}
		err := f.s.PutInteractions(f.Context(), f.ws, writes)
		if c := conflictOf(f.T, "PutInteractions of a stale version", err, crm.ConflictStale); c.ID != stored.ID {
			f.Errorf("the conflict names %s, want %s", c.ID, stored.ID)
		}
	}
	absent := f.interaction(3, 100)
	err := f.s.PutInteractions(f.Context(), f.ws, []crm.InteractionWrite{crm.NewInteractionWrite(absent, 1)})
	wantConflict(f.T, "PutInteractions of one that is gone", err, crm.ConflictStale)
	f.wantInteractions(stored)
}

func testInteractionSources(f *fixture) {
	first := f.interaction(1, 100)
	first.Source, first.SourceID = "gmail", "x"
	f.put(first)
	second := f.interaction(2, 100)
	second.Source, second.SourceID = "gmail", "x"
	refused := func(what string, writes ...crm.InteractionWrite) {
		f.Helper()
		c := conflictOf(f.T, what, f.s.PutInteractions(f.Context(), f.ws, writes), crm.ConflictExists)
		if c.ID != first.ID {
			f.Errorf("%s: the conflict names %s, want %s", what, c.ID, first.ID)
		}
	}
	refused("a new one with a source id that is taken", crm.NewInteractionWrite(second, 0))
	plain := second
	plain.SourceID = ""
	f.put(plain)
	second.Version = 2
	refused("a change to a source id that is taken", crm.NewInteractionWrite(second, 1))
	second.SourceID = "X" // Another one: source ids are compared byte by byte.
	f.rewrite(second, 1)
	first.SourceID, first.Version = "y", 2
	f.rewrite(first, 1)
	second.SourceID, second.Version = "x", 3 // It is free now.
	f.rewrite(second, 2)
	_, err := f.s.DeleteInteractions(f.Context(), f.ws, f.ids(2))
	f.ok("DeleteInteractions", err)
	third := f.interaction(3, 100)
	third.Source, third.SourceID = "gmail", "x"
	f.put(third, f.interaction(4), f.interaction(5)) // Those without a source id share none.
	f.wantInteractions(first, third, f.interaction(4), f.interaction(5))
}

func testInteractionDelete(f *fixture) {
	gone := fullInteraction(f.ws, 1)
	f.put(gone, f.interaction(2, 100))
	n, err := f.s.DeleteInteractions(f.Context(), f.ws, f.ids(1, 9, 1))
	f.ok("DeleteInteractions", err)
	if n != 1 {
		f.Errorf("DeleteInteractions: got %d, want 1", n)
	}
	wantIDs(f.T, "timeline", f.timeline(crm.InteractionQuery{Contact: f.id(100), Limit: 9}), f.ids(2))
	wantIDs(f.T, "timeline of another", f.timeline(crm.InteractionQuery{Contact: f.id(101), Limit: 9}), nil)
	for _, where := range []crm.InteractionCriteria{{Batch: gone.Batch}, {Stranger: crm.EmailKey("ana@example.com")}} {
		wantIDs(f.T, fmt.Sprintf("ids by %+v", where), f.interactionIDs(where, crm.ID{}, 9), nil)
	}
	found, err := f.s.FindInteractions(f.Context(), f.ws, []crm.SourceRef{{Source: gone.Source, SourceID: gone.SourceID}})
	f.ok("FindInteractions", err)
	if len(found) != 0 {
		f.Errorf("FindInteractions: got %v, want none", found)
	}
}

func testStrangerKeys(f *fixture) {
	ana, bo, office := crm.EmailKey("ana@example.com"), crm.EmailKey("bo@example.com"), crm.PhoneKey("+12025550123", "Bo")
	with := func(n int, p ...crm.Participant) crm.Interaction {
		i := f.interaction(n)
		i.Participants = p
		return i
	}
	f.put(
		with(1, crm.Participant{Role: crm.RoleTo, Address: "Ana@example.com"}, crm.Participant{Role: crm.RoleTo, Address: "bo@example.com", Contact: f.id(100)}),
		with(2, crm.Participant{Role: crm.RoleTo, Address: "ana@example.com"}, crm.Participant{Role: crm.RoleCc, Name: "Bo", Address: "2025550123", E164: "+12025550123"}),
	)
	keys := []crm.ContactKey{bo, office, ana, {Kind: crm.KeyPhone, Value: ana.Value}, {Kind: crm.KeyEmail, Value: office.Value}}
	for n := range 2_000 {
		keys = append(keys, crm.EmailKey(fmt.Sprintf("nobody%d@example.com", n)))
	}
	got, err := f.s.StrangerKeys(f.Context(), f.ws, keys)
	f.ok("StrangerKeys", err)
	if len(got) != 2 || !slices.Contains(got, ana) || !slices.Contains(got, office) {
		f.Errorf("StrangerKeys: got %v, want %v and %v", got, ana, office)
	}
	none, err := f.s.StrangerKeys(f.Context(), f.ws, nil)
	f.ok("StrangerKeys", err)
	if len(none) != 0 {
		f.Errorf("StrangerKeys of none: got %v", none)
	}
}

func testInteractionCriteria(f *fixture) {
	ana, office := crm.EmailKey("ana@example.com"), crm.PhoneKey("+12025550123", "Zoë Łukasz")
	stranger := func(i crm.Interaction, p ...crm.Participant) crm.Interaction {
		i.Participants = append(i.Participants, p...)
		return i
	}
	list := []crm.Interaction{
		f.interaction(1, 100),
		stranger(f.interaction(2, 100, 101), crm.Participant{Role: crm.RoleCc, Address: "Ana@Example.com"}),
		stranger(f.interaction(3), crm.Participant{Role: crm.RoleCc, Name: "łukasz zoe", Address: "2025550123", E164: "+12025550123"}),
		stranger(f.interaction(4, 101), crm.Participant{Role: crm.RoleTo, Address: "ana@example.com", Contact: f.id(101)}),
		stranger(f.interaction(5), crm.Participant{Role: crm.RoleTo, Address: "ana@example.com"}, crm.Participant{Role: crm.RoleCc, Address: "ANA@EXAMPLE.COM"}),
	}
	list[1].Batch, list[4].Batch, list[2].Batch = f.id(140), f.id(140), f.id(141)
	slices.Reverse(list)
	f.put(list...)
	want := func(where crm.InteractionCriteria, numbers ...int) {
		f.Helper()
		wantIDs(f.T, fmt.Sprintf("ids by %+v", where), f.interactionIDs(where, crm.ID{}, 9), f.ids(numbers...))
	}
	want(crm.InteractionCriteria{}, 1, 2, 3, 4, 5)
	want(crm.InteractionCriteria{Batch: f.id(140)}, 2, 5)
	want(crm.InteractionCriteria{Batch: f.id(149)})
	want(crm.InteractionCriteria{Stranger: ana}, 2, 5)
	want(crm.InteractionCriteria{Stranger: ana, Batch: f.id(140)}, 2, 5)
	want(crm.InteractionCriteria{Stranger: ana, Batch: f.id(141)})
	want(crm.InteractionCriteria{Stranger: office}, 3)
	want(crm.InteractionCriteria{Stranger: crm.EmailKey("na@example.com")})
	wantIDs(f.T, "a page", f.interactionIDs(crm.InteractionCriteria{Stranger: ana}, f.id(2), 1), f.ids(5))
	wantIDs(f.T, "a page of all", f.interactionIDs(crm.InteractionCriteria{}, f.id(2), 2), f.ids(3, 4))
	linked := list[0] // The fifth, of which both strangers become known.
	linked.Version, linked.Participants = 2, []crm.Participant{{Role: crm.RoleTo, Address: "ana@example.com", Contact: f.id(102)}}
	f.rewrite(linked, 1)
	want(crm.InteractionCriteria{Stranger: ana}, 2)
	wantIDs(f.T, "timeline of who was a stranger", f.timeline(crm.InteractionQuery{Contact: f.id(102), Limit: 9}), f.ids(5))
}
