package crm_test

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func TestAnEraseTakesThePersonOutOfFileNames(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	person := e.create(crm.NewContact{
		DisplayName: "Jo Zwäckelmann", GivenName: "Jo", FamilyName: "Zwäckelmann", Emails: []crm.Email{{Address: "chief@needle.example"}},
		Phones: []crm.Phone{{Number: "202-555-0123"}},
	})
	names := map[string]string{
		"zwäckelmann.jsonl": "import.jsonl", "All of ZWACKELMANN 2026.jsonl": "import.jsonl", "Zwa\u0308ckelmann.jsonl": "import.jsonl",
		"chief.jsonl": "import.jsonl", "mail of chief@needle.example": "import", "x.zwackelmann": "import", "+1 202-555-0123.jsonl": "import.jsonl",
		"12025550123.jsonl": "import.jsonl", "john.jsonl": "john.jsonl", "people.jsonl": "people.jsonl", "": "",
	}
	made := map[string]crm.Import{}
	for name := range names {
		i, err := e.Imports.Create(ctx, e.owner, crm.NewImport{Format: "jsonl", FileName: name, Body: lines(`{"displayName":"Somebody Else"}`)})
		if err != nil {
			t.Fatal(err)
		}
		made[name] = i
	}
	committed := made["chief.jsonl"]
	_, j, err := e.Imports.Commit(ctx, e.owner, committed.ID, 0, crm.ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	e.succeeded(j.ID)
	committed = e.theImport(committed.ID)
	if err := e.Contacts.Erase(ctx, e.owner, person.ID, 0); err != nil {
		t.Fatal(err)
	}
	for name, want := range names {
		i := e.theImport(made[name].ID)
		equal(t, name, i.FileName, want)
		if changed := i.FileName != name; changed && i.Version == made[name].Version {
			t.Errorf("%s: the version stays %d although the name has changed", name, i.Version)
		}
	}
	after := e.theImport(committed.ID)
	equal(t, "status", after.Status, crm.ImportCommitted)
	equal(t, "time", after.UpdatedAt, committed.UpdatedAt)
}

// A chunk of an import that is at work must not bring the name back.
func TestAnEraseTakesThePersonOutOfTheNameOfAFileAtWork(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	store := openStore(t)
	first := setupOn(t, store, func(c *crm.Config) { c.Workers = -1 })
	person := first.create(crm.NewContact{DisplayName: "Zwackelmann"})
	g := newGate("PutContacts", 0)
	e := setupOn(t, hook(store, g.call))
	i, err := e.Imports.Create(ctx, e.owner, crm.NewImport{Format: "jsonl", FileName: "zwackelmann.jsonl", Body: lines(numbered(0, severalChunks)...)})
	if err != nil {
		t.Fatal(err)
	}
	if i, _, err = e.Imports.Commit(ctx, e.owner, i.ID, 0, crm.ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	await(t, "the first chunk", func() bool { return g.inside.Load() == 1 })
	if err := g.releaseAfter(t, func() error { return e.Contacts.Erase(ctx, e.owner, person.ID, 0) }); err != nil {
		t.Fatal(err)
	}
	e.succeeded(i.JobID)
	equal(t, "file name", e.theImport(i.ID).FileName, "import.jsonl")
}

func TestAPurgeTakesThePersonOutOfFileNames(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	store := openStore(t)
	now := newClock("2026-03-01T00:00:00Z")
	e := setupOn(t, store, now.config, func(c *crm.Config) { c.Workers = -1 })
	person := e.create(crm.NewContact{DisplayName: "Zwackelmann"})
	i, err := e.Imports.Create(ctx, e.owner, crm.NewImport{Format: "jsonl", FileName: "zwackelmann.jsonl", Body: lines(`{"displayName":"x"}`)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Contacts.Delete(ctx, e.owner, person.ID, 0); err != nil {
		t.Fatal(err)
	}
	now.forward(31 * 24 * time.Hour)
	worker := setupOn(t, store, now.config)
	await(t, "the purge", func() bool { return worker.theImport(i.ID).FileName == "import.jsonl" })
}

// blobsThatGo are deleted by somebody else while they are read.
type blobsThatGo struct {
	crm.Blobs
	gone *atomic.Bool
}

func (b blobsThatGo) OpenBlob(ctx context.Context, ws crm.WorkspaceID, id crm.ID, offset int64) (io.ReadCloser, error) {
	if b.gone.Load() {
		return io.NopCloser(iotest.ErrReader(fmt.Errorf("read blob: %w", crm.ErrNotFound))), nil
	}
	return b.Blobs.OpenBlob(ctx, ws, id, offset)
}

// The end of an import takes its file away; an erase that is looking into it must
// not say that there is no such contact.
func TestAnErasePassesOverAFileThatGoesMeanwhile(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	store := hook(openStore(t), func(string) error { return nil })
	var gone atomic.Bool
	store.Blobs = blobsThatGo{store.Blobs, &gone}
	e := setupOn(t, store, func(c *crm.Config) { c.Workers = -1 })
	person := e.create(crm.NewContact{DisplayName: "Jo Zwackelmann"})
	_, err := e.Imports.Create(ctx, e.owner, jsonl(lines(`{"displayName":"Somebody Else"}`)))
	wantError(t, err, nil)
	gone.Store(true)
	wantError(t, e.Contacts.Erase(ctx, e.owner, person.ID, 0), nil)
}
