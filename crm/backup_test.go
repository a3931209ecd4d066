package crm_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// idle returns a CRM that is not started on a store of its own.
func idle(t *testing.T) (*crm.CRM, crm.Store) {
	t.Helper()
	store := openStore(t)
	return idleOn(t, store), store
}

func idleOn(t *testing.T, store crm.Store) *crm.CRM {
	t.Helper()
	app, err := crm.New(crm.Config{Store: store, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := app.Close(); err != nil {
			t.Error(err)
		}
	})
	return app
}

func (e *env) backup() []byte {
	e.t.Helper()
	var file bytes.Buffer
	r, err := e.Backup(context.Background(), &file, crm.BackupOptions{})
	if err != nil {
		e.t.Fatal(err)
	}
	if r.Records == 0 || r.ID.IsZero() {
		e.t.Errorf("report: got %+v, want records and an id", r)
	}
	return file.Bytes()
}

// restored restores into a new store and starts a CRM on it.
func restored(t *testing.T, file []byte, erasures ...crm.Erasure) (*env, crm.RestoreReport) {
	t.Helper()
	app, store := idle(t)
	r, err := app.Restore(t.Context(), bytes.NewReader(file), crm.RestoreOptions{Erasures: erasures})
	if err != nil {
		t.Fatal(err)
	}
	return setupOn(t, store), r
}

func TestARestoreIsTheInstanceAsItWas(t *testing.T) {
	t.Parallel()
	e := setup(t)
	i := e.run(crm.ImportOptions{}, numbered(0, 300)...)
	ana := e.create(crm.NewContact{DisplayName: "Ana", Emails: []crm.Email{{Address: "ana@example.com"}}, Tags: []string{"VIP"}})
	e.people("Bob", "Cyd")
	if _, err := e.Contacts.Delete(t.Context(), e.owner, ana.ID, 0); err != nil {
		t.Fatal(err)
	}
	file := e.backup()
	e.people("Late")

	app, store := idle(t)
	empty := epochOf(t, store)
	r, err := app.Restore(t.Context(), bytes.NewReader(file), crm.RestoreOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := setupOn(t, store)
	if now := epochOf(t, store); now == empty || now == epochOf(t, e.store) {
		t.Errorf("epoch of the log: got %s, want a new one", now)
	}
	equal(t, "contacts of the report", r.Contacts, int64(303))
	equal(t, "total", got.list(crm.ContactListQuery{}).Total, 302)
	got.sound()
	equal(t, "in the trash", got.get(ana.ID).InTrash(), true)
	// The same file again changes nothing, and the undo takes all of it away.
	again := got.run(crm.ImportOptions{}, numbered(0, 300)...)
	equal(t, "created by the same file", again.Counts.Created, int64(0))
	got.undo(again.ID)
	got.undo(i.ID)
	equal(t, "total after the undo", got.list(crm.ContactListQuery{}).Total, 2)
	got.sound()
	equal(t, "the log goes on", len(got.log(t)) > len(e.log(t)), true)
}

func epochOf(t *testing.T, s crm.Store) crm.ID {
	t.Helper()
	state, err := s.LogState(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return state.Epoch
}

func (e *env) log(t *testing.T) []crm.Event {
	t.Helper()
	all, err := e.store.ListEvents(t.Context(), e.owner.Workspace, 0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestDamagedBackupsChangeNothing(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.people("Ana", "Bob")
	whole := e.backup()
	content, err := unzip(whole)
	if err != nil {
		t.Fatal(err)
	}
	same := 0
	app, store := idle(t)
	refused := func(what string, file []byte, words string) {
		t.Helper()
		_, err := app.Restore(t.Context(), bytes.NewReader(file), crm.RestoreOptions{})
		if !errors.Is(err, crm.ErrInvalid) || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: got error %v, want it refused as %q", what, err, words)
		}
		if at, err := store.Restoring(t.Context()); err != nil || !at.IsZero() {
			t.Errorf("%s: got %s, %v, want nothing begun", what, at, err)
		}
	}
	for n := range whole {
		words := "damaged"
		if n < len("omnicrm backup ") {
			words = "is no backup"
		}
		refused(fmt.Sprintf("the first %d bytes", n), whole[:n], words)
	}
	for at := len("omnicrm backup 1\n"); at < len(whole); at++ {
		changed := bytes.Clone(whole)
		changed[at] ^= 0x10
		// The time in the head of gzip and the bits that fill its last byte say
		// nothing of the content.
		if text, err := unzip(changed); err == nil && bytes.Equal(text, content) {
			same++
			continue
		}
		refused(fmt.Sprintf("byte %d changed", at), changed, "damaged")
	}
	if same > 12 {
		t.Errorf("%d changed bytes left the content the same, want a few", same)
	}
	refused("something behind it", append(bytes.Clone(whole), 'x'), "damaged")
	refused("a newer format", append([]byte("omnicrm backup 99\n"), whole[17:]...), "has format 99")
	refused("an export", []byte(`{"displayName":"Ana"}`), "is no backup")
	if _, err := app.Restore(t.Context(), bytes.NewReader(whole), crm.RestoreOptions{}); err != nil {
		t.Errorf("the whole file: got %v, want it restored", err)
	}
}

// unzip returns the lines of a backup.
func unzip(file []byte) ([]byte, error) {
	_, packed, _ := bytes.Cut(file, []byte("\n"))
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// failingReads fails in the second pass at some byte, as a kill would end it.
type failingReads struct {
	io.ReadSeeker
	pass, left int
}

var errKilled = errors.New("killed")

func (f *failingReads) Seek(offset int64, whence int) (int64, error) {
	f.pass++
	return f.ReadSeeker.Seek(offset, whence)
}

func (f *failingReads) Read(b []byte) (int, error) {
	if f.pass < 2 {
		return f.ReadSeeker.Read(b)
	}
	if f.left <= 0 {
		return 0, errKilled
	}
	n, err := f.ReadSeeker.Read(b[:min(len(b), f.left)])
	f.left -= n
	return n, err
}

func TestAnInterruptedRestoreNeverLooksWhole(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.run(crm.ImportOptions{}, numbered(0, 3_000)...)
	e.people("Ana", "Bob")
	if _, err := e.store.PutBlob(t.Context(), e.owner.Workspace, crm.NewID(), bytes.NewReader(bytes.Repeat([]byte("blob "), 200_000))); err != nil {
		t.Fatal(err)
	}
	file, other := e.backup(), e.backup()
	store := openStore(t)
	app := idleOn(t, store)
	begun := false
	for left := 100; left < len(file); left += len(file) / 9 {
		reads := &failingReads{ReadSeeker: bytes.NewReader(file), left: left}
		if _, err := app.Restore(t.Context(), reads, crm.RestoreOptions{}); err == nil {
			t.Fatalf("a restore that was cut at byte %d: got no error", left)
		}
		begun = true
		if err := app.Opened(t.Context()); !errors.Is(err, crm.ErrUnavailable) || !strings.Contains(err.Error(), "run it again") {
			t.Errorf("Opened: got %v, want it refused with a way out", err)
		}
		if err := app.Start(t.Context()); !errors.Is(err, crm.ErrUnavailable) {
			t.Fatalf("Start: got %v, want ErrUnavailable", err)
		}
		if _, err := app.Backup(t.Context(), io.Discard, crm.BackupOptions{}); !errors.Is(err, crm.ErrUnavailable) {
			t.Errorf("Backup of half a database: got %v, want ErrUnavailable", err)
		}
		if _, err := app.Restore(t.Context(), bytes.NewReader(other), crm.RestoreOptions{}); !errors.Is(err, crm.ErrConflict) {
			t.Errorf("the restore of another backup: got %v, want a conflict", err)
		}
	}
	if !begun {
		t.Fatal("nothing was interrupted")
	}
	if _, err := app.Restore(t.Context(), bytes.NewReader(file), crm.RestoreOptions{}); err != nil {
		t.Fatal(err)
	}
	got := setupOn(t, store)
	equal(t, "total", got.list(crm.ContactListQuery{}).Total, 3_002)
	equal(t, "events", len(got.log(t)), len(e.log(t)))
	got.sound()
	equal(t, "export", got.export(), e.export())
}

func TestARestoreNeedsAnEmptyInstance(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.people("Ana")
	file := e.backup()
	if _, err := e.Restore(t.Context(), bytes.NewReader(file), crm.RestoreOptions{}); !errors.Is(err, crm.ErrConflict) {
		t.Errorf("into a CRM that is started: got %v, want a conflict", err)
	}
	_, err := idleOn(t, e.store).Restore(t.Context(), bytes.NewReader(file), crm.RestoreOptions{})
	var c *crm.ConflictError
	if !errors.As(err, &c) || !strings.Contains(c.Message, "not empty; a restore needs") {
		t.Errorf("over contacts: got %v, want a conflict with a way out", err)
	}
	equal(t, "contacts", e.list(crm.ContactListQuery{}).Total, 1)
}

func TestJobsThatRanGoOnAfterARestore(t *testing.T) {
	t.Parallel()
	store, id := killImport(t, "PutImport", 4)
	var file bytes.Buffer
	if _, err := idleOn(t, store).Backup(t.Context(), &file, crm.BackupOptions{}); err != nil {
		t.Fatal(err)
	}
	e, _ := restored(t, file.Bytes())
	i, err := e.Imports.Get(t.Context(), e.owner, id)
	if err != nil {
		t.Fatal(err)
	}
	e.succeeded(i.JobID) // At once: no lease is waited for.
	if i, err = e.Imports.Get(t.Context(), e.owner, id); err != nil {
		t.Fatal(err)
	}
	wantWholeImport(t, e, i, severalChunks)
}

func TestErasuresAreReplayed(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ana := e.create(crm.NewContact{DisplayName: "Ana Needle", Emails: []crm.Email{{Address: "ana@needle.example"}}, Tags: []string{"x"}})
	bob := e.create(crm.NewContact{DisplayName: "Bob"})
	for n, with := range [][]crm.ID{{ana.ID}, {ana.ID, bob.ID}, {bob.ID}} {
		in := crm.NewInteraction{Type: crm.InteractionCall, OccurredAt: time.Now().Add(-time.Hour), Subject: fmt.Sprintf("call %d", n), Body: "a word"}
		for _, id := range with {
			in.Participants = append(in.Participants, crm.NewParticipant{Contact: id})
		}
		if _, err := e.Interactions.Create(t.Context(), e.owner, in); err != nil {
			t.Fatal(err)
		}
	}
	file := e.backup()
	if err := e.Contacts.Erase(t.Context(), e.owner, ana.ID, 0); err != nil {
		t.Fatal(err)
	}
	late := e.create(crm.NewContact{DisplayName: "Late"})
	if err := e.Contacts.Erase(t.Context(), e.owner, late.ID, 0); err != nil {
		t.Fatal(err)
	}
	var journal bytes.Buffer
	at, err := e.Erasures(t.Context(), 0, func(erased crm.Erasure, _ crm.Position) error {
		_, err := fmt.Fprintf(&journal, `{"workspaceId":%q,"contactId":%q,"at":%q}`+"\n", erased.Workspace, erased.Contact, erased.At.Format(time.RFC3339Nano))
		return err
	})
	if err != nil || at == 0 {
		t.Fatal(at, err)
	}
	if strings.Contains(journal.String(), "eedle") {
		t.Errorf("the journal holds personal data: %s", journal.String())
	}
	erasures, err := crm.ReadErasures(strings.NewReader(journal.String() + journal.String() + `{"position":7}` + "\n" + `{"worksp`))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "erasures", len(erasures), 4)

	got, r := restored(t, file, erasures...)
	equal(t, "erased again", r.Erased, 1)
	equal(t, "unknown", r.Unknown, 1)
	if _, err := got.Contacts.Get(t.Context(), got.owner, ana.ID); !errors.Is(err, crm.ErrNotFound) {
		t.Errorf("the erased contact: got %v, want ErrNotFound", err)
	}
	page, err := got.Interactions.Timeline(t.Context(), got.owner, bob.ID, crm.TimelineQuery{})
	if err != nil {
		t.Fatal(err)
	}
	var subjects []string
	for _, i := range page.Items {
		subjects = append(subjects, i.Subject)
	}
	equal(t, "the other's timeline", fmt.Sprintf("%q", subjects), `["call 2" ""]`)
	got.sound()
	last, err := got.Erasures(t.Context(), 0, func(crm.Erasure, crm.Position) error { return nil })
	if err != nil || last == 0 {
		t.Errorf("the restored log: got %d, %v, want the erasure in it", last, err)
	}
	if _, err := crm.ReadErasures(strings.NewReader("{}\n")); !errors.Is(err, crm.ErrInvalid) {
		t.Errorf("a line without ids: got %v, want ErrInvalid", err)
	}
}

// The files of imports that were never committed name people too.
func TestAnEraseTakesFilesThatNameThePerson(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ana := e.create(crm.NewContact{DisplayName: "Ana Maria Needle", Emails: []crm.Email{{Address: "Ana@Needle.example"}}})
	wide := func(text string) string { return strings.Join(strings.Split(text, ""), "\x00") + "\x00" }
	far := strings.Repeat(`{"displayName":"Somebody"}`+"\n", 60_000) // Beyond a window.
	files := map[string]struct {
		text string
		goes bool
	}{
		"an address":             {`{"displayName":"A","emails":[{"address":"ana@needle.example"}]}`, true},
		"a name in capitals":     {`{"displayName":"ANA MARIA NEEDLE"}`, true},
		"columns":                {`{"displayName":"Needle,Ana Maria"}`, true},
		"an address far behind":  {far + `{"displayName":"A","emails":[{"address":"ANA@needle.example"}]}`, true},
		"an address in UTF-16":   {`{"displayName":"` + wide("ana@needle.example") + `"}`, true},
		"somebody of the domain": {`{"displayName":"B","emails":[{"address":"bob@needle.example"}]}`, false},
		"a part of the name":     {`{"displayName":"Ana Maria"}`, false},
	}
	kept := map[string]crm.ID{}
	for what, f := range files {
		i, err := e.Imports.Create(t.Context(), e.owner, jsonl(strings.NewReader(f.text+"\n")))
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		kept[what] = i.ID
	}
	if err := e.Contacts.Erase(t.Context(), e.owner, ana.ID, 99); !crm.IsStale(err) {
		t.Fatalf("a stale erase: got %v, want it refused", err)
	}
	check := func(when string, erased bool) {
		t.Helper()
		for what, f := range files {
			i, err := e.Imports.Get(t.Context(), e.owner, kept[what])
			if err != nil {
				t.Fatal(err)
			}
			if got, want := i.Blob.IsZero(), erased && f.goes; got != want {
				t.Errorf("%s, a file with %s: gone: got %t, want %t", when, what, got, want)
			}
		}
	}
	check("before", false)
	if err := e.Contacts.Erase(t.Context(), e.owner, ana.ID, 0); err != nil {
		t.Fatal(err)
	}
	check("after the erase", true)
}
