package crmtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/omnicrm/omnicrm/crm"
)

// TestFormat checks that a format keeps the contract of [crm.Format]: that
// everything its writer writes its reader gives back. Derived values (score,
// times, versions, E.164 numbers) need not come back. What a format makes of
// other programs' files is for the format's own tests.
func TestFormat(t *testing.T, format crm.Format) {
	t.Helper()
	for name, run := range map[string]func(t *testing.T, format crm.Format){
		"it says what it is":                        testFormatName,
		"every contact comes back exactly":          testRoundTrip,
		"a file of all of them comes back in order": testManyRecords,
		"a file is recognised by its beginning":     testLooksLike,
		"equal records are raw alike, others not":   testRaw,
		"it reads however small the pieces are":     testSmallPieces,
		"a source that breaks is an error":          testBrokenSource,
		"a destination that breaks is an error":     testBrokenDestination,
		"closing leaves the destination open":       testCloseWriter,
		"it works in parallel":                      testParallelFormat,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, format)
		})
	}
}

func testFormatName(t *testing.T, format crm.Format) {
	if format.FormatName() == "" || format.FormatName() != strings.ToLower(format.FormatName()) {
		t.Errorf("FormatName: got %q, want a name in lower case", format.FormatName())
	}
	if _, params, err := mime.ParseMediaType(format.MediaType()); err != nil || params["charset"] == "" {
		t.Errorf("MediaType: got %q, want a media type with a charset", format.MediaType())
	}
	if !strings.HasPrefix(format.Extension(), ".") || len(format.Extension()) < 2 {
		t.Errorf("Extension: got %q, want one with a dot", format.Extension())
	}
}

// exported writes contacts to a file.
func exported(t *testing.T, format crm.Format, contacts ...crm.Contact) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := format.NewWriter(&file)
	if err != nil {
		t.Fatalf("NewWriter: %v", err)
	}
	for _, c := range contacts {
		if err := w.WriteContact(c); err != nil {
			t.Fatalf("WriteContact: %v", err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	return file.Bytes()
}

// readAll returns every record of a file.
func readAll(format crm.Format, r io.Reader) ([]crm.ImportRecord, error) {
	reader, err := format.NewReader(r, crm.ReadOptions{})
	if err != nil {
		return nil, fmt.Errorf("new reader: %w", err)
	}
	var records []crm.ImportRecord
	for {
		record, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return records, nil
		}
		if err != nil {
			return records, fmt.Errorf("next record: %w", err)
		}
		record.Raw = bytes.Clone(record.Raw)
		records = append(records, record)
	}
}

// wantRecords checks that a file holds the contacts and nothing else.
func wantRecords(t *testing.T, got []crm.ImportRecord, want []crm.Contact) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("the file: got %d records, want %d", len(got), len(want))
	}
	for i, c := range want {
		record := got[i]
		for j := range record.Contact.Phones {
			record.Contact.Phones[j].E164 = "" // It is computed anew.
		}
		if d := diff(record.Contact, inputOf(c), false); d != "" {
			t.Errorf("record %d: %s", i, d)
		}
		if record.ID != c.ID {
			t.Errorf("record %d: got id %s, want %s", i, record.ID, c.ID)
		}
		if len(record.Extra) > 0 || len(record.Problems) > 0 {
			t.Errorf("record %d: got extra values %v and problems %v, want none", i, record.Extra, record.Problems)
		}
	}
}

// inputOf returns the contact as an import has to make it.
func inputOf(c crm.Contact) crm.NewContact {
	phones := slices.Clone(c.Phones)
	for i := range phones {
		phones[i].E164 = ""
	}
	return crm.NewContact{
		DisplayName: c.DisplayName, GivenName: c.GivenName, FamilyName: c.FamilyName, Emails: c.Emails, Phones: phones,
		Company: c.Company, JobTitle: c.JobTitle, Addresses: c.Addresses, Websites: c.Websites, Birthday: c.Birthday, Stage: c.Stage,
		Tags: c.Tags, Notes: c.Notes, Source: c.Source, SourceID: c.SourceID, Fields: c.Fields,
	}
}

func testRoundTrip(t *testing.T, format crm.Format) {
	for name, c := range nastyContacts() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := exported(t, format, c)
			records, err := readAll(format, bytes.NewReader(file))
			if err != nil {
				t.Fatal(err)
			}
			wantRecords(t, records, []crm.Contact{c})
			again, err := readAll(format, bytes.NewReader(exported(t, format, c)))
			if err != nil {
				t.Fatal(err)
			}
			wantRecords(t, again, []crm.Contact{c})
		})
	}
}

func sortedContacts() []crm.Contact {
	var all []crm.Contact
	for _, c := range nastyContacts() {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b crm.Contact) int { return compareIDs(a.ID, b.ID) })
	return all
}

func testManyRecords(t *testing.T, format crm.Format) {
	var want []crm.Contact
	for range 20 {
		want = append(want, sortedContacts()...)
	}
	got, err := readAll(format, bytes.NewReader(exported(t, format, want...)))
	if err != nil {
		t.Fatal(err)
	}
	wantRecords(t, got, want)
}

func testLooksLike(t *testing.T, format crm.Format) {
	for _, c := range sortedContacts() {
		file := exported(t, format, c)
		if !format.LooksLike(file[:min(len(file), 4_096)]) {
			t.Errorf("LooksLike of an export that begins with %q: got false, want true", file[:min(len(file), 80)])
		}
	}
	for _, other := range [][]byte{[]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), []byte("PK\x03\x04\x14\x00\x08\x00")} {
		if format.LooksLike(other) {
			t.Errorf("LooksLike(%q): got true, want false", other)
		}
	}
}

func testRaw(t *testing.T, format crm.Format) {
	contacts := sortedContacts()
	// Twice each, in another place of the file.
	got, err := readAll(format, bytes.NewReader(exported(t, format, append(slices.Clone(contacts), contacts...)...)))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2*len(contacts) {
		t.Fatalf("the file: got %d records, want %d", len(got), 2*len(contacts))
	}
	seen := map[string]int{}
	for i, record := range got[:len(contacts)] {
		if !bytes.Equal(record.Raw, got[i+len(contacts)].Raw) {
			t.Errorf("record %d, twice in the file: got different raw contents, want the same", i)
		}
		if other, ok := seen[string(record.Raw)]; ok {
			t.Errorf("records %d and %d: got the same raw content, want different ones", other, i)
		}
		seen[string(record.Raw)] = i
	}
}

func testSmallPieces(t *testing.T, format crm.Format) {
	want := sortedContacts()
	got, err := readAll(format, iotest.OneByteReader(bytes.NewReader(exported(t, format, want...))))
	if err != nil {
		t.Fatal(err)
	}
	wantRecords(t, got, want)
}

func testBrokenSource(t *testing.T, format crm.Format) {
	file := exported(t, format, sortedContacts()...)
	broken := errors.New("the source broke")
	for _, at := range []int{0, 1, len(file) / 2, len(file)} {
		_, err := readAll(format, io.MultiReader(bytes.NewReader(file[:at]), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) {
			t.Errorf("a source that breaks after %d of %d bytes: got error %v, want the source's", at, len(file), err)
		}
	}
}

// brokenWriter fails after a number of bytes.
type brokenWriter struct {
	left   int
	broken error
}

func (w *brokenWriter) Write(p []byte) (int, error) {
	if len(p) > w.left {
		return 0, w.broken
	}
	w.left -= len(p)
	return len(p), nil
}

func testBrokenDestination(t *testing.T, format crm.Format) {
	contacts := sortedContacts()
	size := len(exported(t, format, contacts...))
	broken := errors.New("the destination broke")
	for _, left := range []int{0, 1, size / 2, size - 1} {
		w, err := format.NewWriter(&brokenWriter{left: left, broken: broken})
		for i := 0; err == nil && i < len(contacts); i++ {
			err = w.WriteContact(contacts[i])
		}
		if err == nil {
			err = w.Close()
		}
		if !errors.Is(err, broken) {
			t.Errorf("a destination that breaks after %d of %d bytes: got error %v, want the destination's", left, size, err)
		}
	}
}

// closeCounter is a destination that must not be closed.
type closeCounter struct {
	bytes.Buffer
	closed int
}

func (c *closeCounter) Close() error {
	c.closed++
	return nil
}

func testCloseWriter(t *testing.T, format crm.Format) {
	var file closeCounter
	w, err := format.NewWriter(&file)
	if err != nil {
		t.Fatalf("NewWriter: %v", err)
	}
	if err := errors.Join(w.WriteContact(sortedContacts()[0]), w.Close()); err != nil {
		t.Fatalf("writing: %v", err)
	}
	if file.closed != 0 {
		t.Error("Close closed the destination, want it left open")
	}
}

func testParallelFormat(t *testing.T, format crm.Format) {
	want := sortedContacts()
	for range 8 {
		t.Run("reader and writer", func(t *testing.T) {
			t.Parallel()
			got, err := readAll(format, bytes.NewReader(exported(t, format, want...)))
			if err != nil {
				t.Fatal(err)
			}
			wantRecords(t, got, want)
		})
	}
}
