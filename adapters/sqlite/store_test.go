package sqlite_test

import (
	"bytes"
	"database/sql"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	driver "modernc.org/sqlite"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
)

func TestReopening(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	want := people(30)
	first := open(t, path, sqlite.Options{})
	put(t, first, workspace("w"), want)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	s := open(t, path, sqlite.Options{})
	got, err := s.ListContacts(t.Context(), workspace("w"), crm.ContactQuery{Sort: crm.SortCreatedAt, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if !reflect.DeepEqual(got[i], want[i].Contact) {
			t.Fatalf("contact %d: got %+v, want %+v", i, got[i], want[i].Contact)
		}
	}
	if n, err := s.CountContacts(t.Context(), workspace("w"), crm.ContactCriteria{}, 0); err != nil || n != len(want) {
		t.Errorf("total: got %d, %v, want %d", n, err, len(want))
	}
}

func TestFilesAreTheirOwnersAlone(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	s := open(t, path, sqlite.Options{})
	put(t, s, workspace("w"), people(1))
	names, err := filepath.Glob(path + "*")
	if err != nil || len(names) < 3 {
		t.Fatalf("files: got %v, %v, want the database, its log and the log's index", names, err)
	}
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			t.Errorf("%s: got mode %o, want nothing for others", filepath.Base(name), mode)
		}
	}
}

func TestPrivateStore(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	a, b := open(t, ":memory:", sqlite.Options{}), open(t, ":memory:", sqlite.Options{})
	put(t, a, workspace("w"), people(1))
	if n, err := b.CountContacts(t.Context(), workspace("w"), crm.ContactCriteria{}, 0); err != nil || n != 0 {
		t.Errorf("contacts in the other store: got %d, %v, want none", n, err)
	}
	for _, s := range []*sqlite.Store{a, b} {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) != 0 {
		t.Errorf("after the end: got %v, %v, want nothing left", left, err)
	}
}

func TestTextIsKeptAsGiven(t *testing.T) {
	t.Parallel()
	s := open(t, ":memory:", sqlite.Options{})
	for name, text := range map[string]string{
		"a zero byte": "a\x00b", "four bytes": "🦊 and 𐍈", "no UTF-8": "a\xff\xfeb", "right to left": "שלום مرحبا",
		"controls": "\x01\x1f\x7f\u2028", "quotes": `"\"'` + "`", "a placeholder": "? ?1 :a %s", "long": strings.Repeat("é", 100_000),
	} {
		c := person(1)
		c.DisplayName, c.Notes, c.Source, c.SourceID = text, text, text, text
		c.Tags, c.Fields = []string{text}, map[string]any{text: text, "number": 1.5e300, "yes": true}
		w := crm.NewContactWrite(c, 0)
		if err := putOne(t.Context(), s, w); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := s.GetContacts(t.Context(), workspace("w"), []crm.ID{c.ID})
		if err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], c) {
			t.Errorf("%s: got %.200v, %v, want it as given", name, got, err)
		}
		hits, err := s.FindContacts(t.Context(), workspace("w"), w.Keys)
		if err != nil || len(hits) < len(w.Keys) {
			t.Errorf("%s: got %d hits, %v, want %d", name, len(hits), err, len(w.Keys))
		}
	}
}

func TestFieldsThatAreNoValue(t *testing.T) {
	t.Parallel()
	s := open(t, ":memory:", sqlite.Options{})
	good, bad := person(1), person(2)
	bad.Fields = map[string]any{"x": []int{1}}
	err := s.PutContacts(t.Context(), workspace("w"), []crm.ContactWrite{crm.NewContactWrite(good, 0), crm.NewContactWrite(bad, 0)})
	var invalid *crm.ValidationError
	if !errors.As(err, &invalid) || invalid.Fields[0].Field != "fields.x" {
		t.Errorf("got %v, want a ValidationError of fields.x", err)
	}
	if has(t, s, good.ID) {
		t.Error("the other contact of the call is written, want none")
	}
}

// TestErasedTextIsGone looks into the files themselves.
func TestErasedTextIsGone(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	s := open(t, path, sqlite.Options{})
	c := person(1)
	c.Notes = "ANeedleInTheNotes"
	put(t, s, workspace("w"), append(people(200), crm.NewContactWrite(c, 0)))
	changed := c
	changed.Notes, changed.Version = "AnotherNeedleAltogether", 2 // The old text goes with a change already.
	put(t, s, workspace("w"), []crm.ContactWrite{crm.NewContactWrite(changed, 1)})
	image := crm.Image{Contact: c.ID, Version: 2, At: aTime(), Before: &c, After: &changed}
	if err := s.PutImages(t.Context(), workspace("w"), []crm.Image{image}); err != nil {
		t.Fatal(err)
	}
	if !inFiles(t, path, "Needle") {
		t.Fatal("before the erase: the text is in no file, so that this test would prove nothing")
	}
	err := s.InTx(t.Context(), func(tx crm.Tx) error {
		if err := tx.DeleteImages(t.Context(), workspace("w"), []crm.ID{c.ID}); err != nil {
			return err
		}
		_, err := tx.EraseContacts(t.Context(), workspace("w"), []crm.ID{c.ID})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(30 * time.Second)
	for inFiles(t, path, "needle") || inFiles(t, path, "Needle") { // The log is emptied right after the answer.
		if time.Now().After(deadline) {
			t.Fatal("the erased text is still in a file after 30 s")
		}
	}
}

// TestErasedTextGoesWhenTheLastReaderDoes keeps the log from being emptied until
// the writer has been idle for a while.
func TestErasedTextGoesWhenTheLastReaderDoes(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	s := open(t, path, sqlite.Options{})
	c := person(1)
	c.Notes = "ANeedleInTheNotes"
	put(t, s, workspace("w"), []crm.ContactWrite{crm.NewContactWrite(c, 0)})
	other, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close() //nolint:errcheck // It was only read.
	reader, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := reader.QueryRow("SELECT count(*) FROM contacts").Scan(&n); err != nil || n != 1 {
		t.Fatalf("the reader sees %d contacts, %v, want one", n, err)
	}
	if _, err := s.EraseContacts(t.Context(), workspace("w"), []crm.ID{c.ID}); err != nil {
		t.Fatal(err)
	}
	<-time.After(sqlite.IdleAfter + time.Second) // The writer's time of being idle is what this is about.
	if !inFiles(t, path, "Needle") {
		t.Fatal("while somebody reads: the text is in no file, so that this test would prove nothing")
	}
	if err := reader.Rollback(); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); inFiles(t, path, "Needle") || inFiles(t, path, "needle"); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("the erased text is still in a file 20 s after the last reader")
		}
	}
}

func inFiles(t *testing.T, path, text string) bool {
	t.Helper()
	names, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte(text)) {
			return true
		}
	}
	return false
}

func TestBlobBounds(t *testing.T) {
	t.Parallel()
	s := open(t, ":memory:", sqlite.Options{})
	const chunk = 256 << 10
	for _, size := range []int{0, 1, chunk - 1, chunk, chunk + 1, 3*chunk + 5} {
		data := bytes.Repeat([]byte("0123456"), size/7+1)[:size]
		id := crm.NewID()
		if n, err := s.PutBlob(t.Context(), workspace("w"), id, bytes.NewReader(data)); err != nil || n != int64(size) {
			t.Fatalf("put %d bytes: got %d, %v", size, n, err)
		}
		for _, offset := range []int{0, 1, chunk - 1, chunk, chunk + 1, size - 1, size, size + 1} {
			r, err := s.OpenBlob(t.Context(), workspace("w"), id, int64(max(offset, 0)))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			want := data[min(max(offset, 0), size):]
			if err := errors.Join(err, r.Close()); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes from %d: got %d, %v, want %d", size, offset, len(got), err, len(want))
			}
		}
	}
	_, err := s.OpenBlob(t.Context(), workspace("w"), crm.NewID(), -1)
	if !errors.Is(err, crm.ErrInvalid) {
		t.Errorf("a negative offset: got %v, want ErrInvalid", err)
	}
}

// TestImportIsKeptWhole fills every field, so that a new one cannot be
// forgotten in the stored form.
func TestImportIsKeptWhole(t *testing.T) {
	t.Parallel()
	s := open(t, ":memory:", sqlite.Options{})
	var want crm.Import
	fillValue(reflect.ValueOf(&want).Elem(), 1)
	if err := s.PutImport(t.Context(), workspace("w"), want, 0); err != nil {
		t.Fatal(err)
	}
	got, err := s.GetImport(t.Context(), workspace("w"), want.ID)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

// TestJobIsKeptWhole does the same for jobs.
func TestJobIsKeptWhole(t *testing.T) {
	t.Parallel()
	s := open(t, ":memory:", sqlite.Options{})
	var want crm.Job
	fillValue(reflect.ValueOf(&want).Elem(), 1)
	if err := s.PutJob(t.Context(), want.Workspace, want, 0); err != nil {
		t.Fatal(err)
	}
	got, err := s.GetJob(t.Context(), want.Workspace, want.ID)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

// fillValue sets everything in v to something that is not zero.
func fillValue(v reflect.Value, n int) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(aTime().Add(time.Duration(n) * time.Second)))
		return
	case crm.ID:
		v.Set(reflect.ValueOf(crm.NewID()))
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
	case reflect.String:
		v.SetString("text " + strings.Repeat("x", n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(n))
	case reflect.Uint8:
		v.SetUint(uint64(n))
	default:
		panic("a kind of field this test does not know: " + v.Kind().String())
	}
}

func TestDriverErrorsUnwrap(t *testing.T) {
	t.Parallel()
	s := open(t, newFile(t), sqlite.Options{})
	if err := s.FillDisk(); err != nil {
		t.Fatal(err)
	}
	err := s.PutContacts(t.Context(), workspace("w"), people(500))
	var cause *driver.Error
	if !errors.Is(err, crm.ErrUnavailable) || !errors.As(err, &cause) || cause.Code()&0xff != 13 {
		t.Errorf("a full disk: got %v, want ErrUnavailable and SQLITE_FULL", err)
	}
}

// TestTheLastToCloseLeavesTheDatabaseAlone is about copies of crm.db: with a log
// beside it, it is not all that was written.
func TestTheLastToCloseLeavesTheDatabaseAlone(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	for range 2 { // With and without a new schema.
		first, last := open(t, path, sqlite.Options{}), open(t, path, sqlite.Options{})
		for _, s := range []*sqlite.Store{first, last} {
			put(t, s, workspace("w"), people(3))
			if _, err := s.ListContacts(t.Context(), workspace("w"), crm.ContactQuery{Sort: crm.SortCreatedAt, Limit: 1}); err != nil {
				t.Fatal(err)
			}
			err := s.InSnapshot(t.Context(), func(view crm.Snapshot) error {
				_, err := view.GetInteractions(t.Context(), workspace("w"), []crm.ID{crm.NewID()})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, s := range []*sqlite.Store{first, last} {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		entries, err := os.ReadDir(filepath.Dir(path))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Name() != filepath.Base(path) {
				t.Errorf("got %s, want %s alone", e.Name(), filepath.Base(path))
			}
		}
	}
}
