package crmtest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// day is when things happen in the fixtures: a fixed moment with microseconds.
func day() time.Time { return time.Date(2024, time.March, 5, 9, 30, 0, 123_456_000, time.UTC) }

// workspaceNamed returns the id of a fixture's workspace.
func workspaceNamed(name string) crm.WorkspaceID {
	return crm.WorkspaceID(crm.NamedID("crmtest:" + name))
}

// recordID returns the n-th id of a workspace: ids sort as their numbers do,
// and those of two workspaces differ.
func recordID(ws crm.WorkspaceID, n int) crm.ID {
	id := crm.ID(ws)
	var number [8]byte
	binary.BigEndian.PutUint64(number[:], uint64(n)) //nolint:gosec // Numbers of fixtures are not negative.
	copy(id[:6], number[2:])
	id[6] = id[6]&0x0f | 0x70
	return id
}

// fixture is one workspace of a store under test, made for one test. Its
// methods end the test when the store fails.
type fixture struct {
	*testing.T
	s  crm.Store
	ws crm.WorkspaceID
}

// newFixture returns a workspace of its own for the test.
func newFixture(t *testing.T, s crm.Store) *fixture {
	t.Helper()
	return &fixture{T: t, s: s, ws: workspaceNamed(t.Name())}
}

// id returns the n-th id of the workspace; ids sort as their numbers do.
func (f *fixture) id(n int) crm.ID { return recordID(f.ws, n) }

func (f *fixture) ids(numbers ...int) []crm.ID {
	ids := make([]crm.ID, len(numbers))
	for i, n := range numbers {
		ids[i] = f.id(n)
	}
	return ids
}

// contact returns a plain, valid contact with the n-th id, made n minutes
// after [day].
func (f *fixture) contact(n int, changes ...func(*crm.Contact)) crm.Contact {
	return contactOf(f.ws, n, changes...)
}

func contactOf(ws crm.WorkspaceID, n int, changes ...func(*crm.Contact)) crm.Contact {
	at := day().Add(time.Duration(n) * time.Minute)
	c := crm.Contact{
		ID: recordID(ws, n), DisplayName: fmt.Sprintf("Contact %03d", n), Stage: crm.StageNone, Source: "manual",
		CreatedAt: at, UpdatedAt: at, Version: 1, PeakVersion: 1,
	}
	for _, change := range changes {
		change(&c)
	}
	return c
}

// contacts returns n plain contacts with the ids 1 to n.
func (f *fixture) contacts(n int) []crm.Contact {
	list := make([]crm.Contact, n)
	for i := range list {
		list[i] = f.contact(i + 1)
	}
	return list
}

// ok ends the test when a call failed.
func (f *fixture) ok(what string, err error) {
	f.Helper()
	if err != nil {
		f.Fatalf("%s: %v", what, err)
	}
}

// create writes new contacts, 500 at a time.
func (f *fixture) create(contacts ...crm.Contact) {
	f.Helper()
	for chunk := range slices.Chunk(contacts, 500) {
		f.ok("PutContacts", f.s.PutContacts(f.Context(), f.ws, newWrites(chunk)))
	}
}

// change writes a contact over the stored version expect.
func (f *fixture) change(c crm.Contact, expect int64) {
	f.Helper()
	f.ok("PutContacts", f.s.PutContacts(f.Context(), f.ws, []crm.ContactWrite{crm.NewContactWrite(c, expect)}))
}

func (f *fixture) erase(ids ...crm.ID) {
	f.Helper()
	_, err := f.s.EraseContacts(f.Context(), f.ws, ids)
	f.ok("EraseContacts", err)
}

func (f *fixture) get(ids ...crm.ID) []crm.Contact {
	f.Helper()
	got, err := f.s.GetContacts(f.Context(), f.ws, ids)
	f.ok("GetContacts", err)
	return got
}

// one returns the contact and ends the test when it is not there.
func (f *fixture) one(id crm.ID) crm.Contact {
	f.Helper()
	got := f.get(id)
	if len(got) != 1 {
		f.Fatalf("GetContacts(%s): got %d contacts, want 1", id, len(got))
	}
	return got[0]
}

func (f *fixture) list(q crm.ContactQuery) []crm.ID {
	f.Helper()
	got, err := f.s.ListContacts(f.Context(), f.ws, q)
	f.ok("ListContacts", err)
	return contactIDs(got)
}

func (f *fixture) count(where crm.ContactCriteria) int {
	f.Helper()
	got, err := f.s.CountContacts(f.Context(), f.ws, where, 0)
	f.ok("CountContacts", err)
	return got
}

func (f *fixture) listIDs(where crm.ContactCriteria, after crm.ID, limit int) []crm.ID {
	f.Helper()
	got, err := f.s.ListContactIDs(f.Context(), f.ws, where, after, limit)
	f.ok("ListContactIDs", err)
	return got
}

// holders returns who holds the keys, sorted by key and contact.
func (f *fixture) holders(keys ...crm.ContactKey) []crm.ContactKeyHit {
	f.Helper()
	got, err := f.s.FindContacts(f.Context(), f.ws, keys)
	f.ok("FindContacts", err)
	slices.SortFunc(got, compareHits)
	return got
}

func compareHits(a, b crm.ContactKeyHit) int {
	if a.Key.Kind != b.Key.Kind {
		return int(a.Key.Kind) - int(b.Key.Kind)
	}
	if a.Key.Value != b.Key.Value {
		return bytes.Compare([]byte(a.Key.Value), []byte(b.Key.Value))
	}
	return bytes.Compare(a.Contact[:], b.Contact[:])
}

// inTx runs fn in a transaction that must commit.
func (f *fixture) inTx(fn func(tx crm.Tx) error) {
	f.Helper()
	f.ok("InTx", f.s.InTx(f.Context(), fn))
}

func newWrites(contacts []crm.Contact) []crm.ContactWrite {
	writes := make([]crm.ContactWrite, len(contacts))
	for i, c := range contacts {
		writes[i] = crm.NewContactWrite(c, 0)
	}
	return writes
}

// trashed marks a contact as deleted an hour after it was made.
func trashed(c *crm.Contact) { c.DeletedAt = c.CreatedAt.Add(time.Hour) }

// patience is how long the suites wait for what may come later.
func patience(t *testing.T) time.Duration {
	const most = 10 * time.Second
	if deadline, ok := t.Deadline(); ok {
		return min(most, time.Until(deadline)/10)
	}
	return most
}

// await asks again and again until done answers true. It returns false when
// patience ran out.
func await(t *testing.T, done func() bool) bool {
	t.Helper()
	end := time.NewTimer(patience(t))
	defer end.Stop()
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	for {
		if done() {
			return true
		}
		select {
		case <-end.C:
			return done()
		case <-t.Context().Done():
			return false
		case <-again.C:
		}
	}
}

// wantIDs compares lists of ids in order.
func wantIDs(t *testing.T, what string, got, want []crm.ID) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %v\nwant %v", what, numbersOf(got), numbersOf(want))
	}
}

// numbersOf returns the numbers of fixture ids, which are easier to read.
func numbersOf(ids []crm.ID) []uint64 {
	numbers := make([]uint64, len(ids))
	for i, id := range ids {
		numbers[i] = binary.BigEndian.Uint64(append([]byte{0, 0}, id[:6]...))
	}
	return numbers
}

// compareIDs orders ids as a store does.
func compareIDs(a, b crm.ID) int { return bytes.Compare(a[:], b[:]) }
