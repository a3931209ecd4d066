package fakedata_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/internal/fakedata"
)

func TestWriteCSVWritesTheGeneratorsPeople(t *testing.T) {
	t.Parallel()
	const n = 1000
	var file bytes.Buffer
	if err := fakedata.New(9).WriteCSV(&file, n); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(rows), n+1; got != want {
		t.Fatalf("rows: got %d, want %d", got, want)
	}
	header := "First Name,Last Name,Display Name,Email,Phone,Company,Job Title,Street,City,Region,Postal Code,Country,Birthday,Stage,Tags,Notes"
	if got := strings.Join(rows[0], ","); got != header {
		t.Errorf("header: got %q, want %q", got, header)
	}
	for i, p := range people(9, n) {
		row := rows[i+1]
		if got, want := row[2], p.DisplayName; got != want {
			t.Fatalf("name in row %d: got %q, want %q", i+1, got, want)
		}
		if got, want := row[14], strings.Join(p.Tags, ";"); got != want {
			t.Fatalf("tags in row %d: got %q, want %q", i+1, got, want)
		}
		if got, want := row[15], p.Notes; got != want {
			t.Fatalf("notes in row %d: got %q, want %q", i+1, got, want)
		}
	}
}

func TestWriteCSVReportsThatTheFileCannotBeWritten(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	if err := fakedata.New(1).WriteCSV(failingWriter{full}, 1000); !errors.Is(err, full) {
		t.Errorf("error: got %v, want %v", err, full)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }
