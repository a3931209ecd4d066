package crmtest_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// Backups restore into any store: what one adapter gave another takes, and gives
// again in a backup of its own, record for record.

func TestABackupRestoresIntoAnotherAdapter(t *testing.T) {
	t.Parallel()
	first, second, third, fourth := store(), embedded(t), onServer(t), store()
	for n, name := range []string{"one", "two"} {
		fillEverything(t, first, crm.WorkspaceID(crm.NamedID(name)), n)
	}
	one := backUp(t, first)
	restoreInto(t, second, one)
	two := backUp(t, second)
	restoreInto(t, third, two)
	three := backUp(t, third)
	restoreInto(t, fourth, three)
	four := backUp(t, fourth)
	want := recordsOf(t, one)
	if len(want) < 2*14 {
		t.Fatalf("got %d records, want every kind in two workspaces:\n%s", len(want), strings.Join(want, ""))
	}
	for name, got := range map[string][]string{
		"from memory to SQLite": recordsOf(t, two), "to Postgres": recordsOf(t, three), "and back": recordsOf(t, four),
	} {
		if len(got) != len(want) {
			t.Errorf("%s: got %d records, want %d", name, len(got), len(want))
			continue
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s: record %d\n got %swant %s", name, i, got[i], want[i])
			}
		}
	}
}

// recordsOf returns the lines of a backup but for its first and last.
func recordsOf(t *testing.T, backup []byte) []string {
	t.Helper()
	lines := slices.Collect(strings.Lines(string(unpacked(t, backup))))
	return lines[1 : len(lines)-1]
}

func unpacked(t *testing.T, backup []byte) []byte {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(backup[bytes.IndexByte(backup, '\n')+1:]))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(zip)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func appOf(t *testing.T, s crm.Store) *crm.CRM {
	t.Helper()
	app, err := crm.New(crm.Config{Store: s})
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

func backUp(t *testing.T, s crm.Store) []byte {
	t.Helper()
	var file bytes.Buffer
	if _, err := appOf(t, s).Backup(t.Context(), &file, crm.BackupOptions{}); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func restoreInto(t *testing.T, s crm.Store, backup []byte) {
	t.Helper()
	if _, err := appOf(t, s).Restore(t.Context(), bytes.NewReader(backup), crm.RestoreOptions{}); err != nil {
		t.Fatal(err)
	}
}

// fillEverything writes a record of each kind with every field filled, so that a
// new field cannot be forgotten in backups.
func fillEverything(t *testing.T, s crm.Store, ws crm.WorkspaceID, n int) {
	t.Helper()
	var (
		w       crm.Workspace
		contact crm.Contact
		touch   crm.Interaction
		img     crm.Image
		imp     crm.Import
		row     crm.ImportRow
		mark    crm.FingerprintMark
		job     crm.Job
		event   crm.Event
	)
	for i, v := range []any{&w, &contact, &touch, &img, &imp, &row, &mark, &job, &event} {
		fillValue(reflect.ValueOf(v).Elem(), 1+i+n)
	}
	w.ID, job.Workspace, job.Status, job.Kind, job.Lease = ws, ws, crm.JobRetrying, crm.JobPurge, crm.ID{}
	row.Outcome = crm.RowProblem
	mark.Contact = contact.ID
	live := contact
	live.ID, live.DeletedAt, live.SourceID = crm.NewID(), time.Time{}, "live"
	alike := img // Of no batch, and with less in it.
	alike.Batch, alike.After = crm.ID{}, nil
	write := func(tx crm.Tx) error {
		for _, err := range []error{
			tx.PutWorkspace(t.Context(), w, 0),
			tx.AddTagCounts(t.Context(), ws, []crm.TagDelta{{Key: "kept", Name: "Kept", Delta: 1}, {Key: "kept", Name: "Kept", Delta: -1}, {Key: "used", Name: "Üsed", Delta: 2}}),
			tx.PutContacts(t.Context(), ws, []crm.ContactWrite{crm.NewContactWrite(contact, 0), crm.NewContactWrite(live, 0)}),
			tx.PutInteractions(t.Context(), ws, []crm.InteractionWrite{crm.NewInteractionWrite(touch, 0)}),
			tx.PutImages(t.Context(), ws, []crm.Image{img, alike}),
			tx.PutImport(t.Context(), ws, imp, 0),
			tx.PutImportRows(t.Context(), ws, imp.ID, []crm.ImportRow{row}),
			tx.PutFingerprints(t.Context(), ws, []crm.FingerprintMark{mark}),
			tx.PutJob(t.Context(), ws, job, 0),
			tx.AppendEvents(t.Context(), ws, []crm.Event{event}),
		} {
			if err != nil {
				return err
			}
		}
		return nil
	}
	if err := s.InTx(t.Context(), write); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 400_000} { // None and several pieces.
		if _, err := s.PutBlob(t.Context(), ws, crm.NewID(), bytes.NewReader(bytes.Repeat([]byte{byte(n), 0xff}, size/2))); err != nil {
			t.Fatal(err)
		}
	}
}

// fillValue fills every field of a value with something that is not zero.
func fillValue(v reflect.Value, n int) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 3, 1, 12, 0, n, 123_456_000, time.UTC)))
		return
	case crm.ID:
		v.Set(reflect.ValueOf(crm.NewID()))
		return
	case map[string]any:
		v.Set(reflect.ValueOf(map[string]any{"text": "a \"b\" <c>\u2028", "number": 0.1, "yes": true}))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fillValue(v.Field(i), n+i)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fillValue(v.Index(i), n+i)
		}
	case reflect.Array:
		for i := range v.Len() {
			fillValue(v.Index(i), n+i)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillValue(v.Elem(), n)
	case reflect.String:
		v.SetString("text é\n" + strings.Repeat("x", n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64, reflect.Int32:
		v.SetInt(int64(n))
	case reflect.Uint8:
		v.SetUint(uint64(n))
	default:
		panic("a kind of field this test does not know: " + v.Kind().String())
	}
}
