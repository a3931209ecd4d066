package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/omnicrm/omnicrm/crm"
)

// reportFile collects the report in a file that appears under its name only
// when it is whole, and only when it has a row.
type reportFile struct {
	path string
	file *os.File
	out  *crm.ImportReport
	rows int
	err  error
}

func newReportFile(source string, dryRun bool) *reportFile {
	name := filepath.Base(source)
	if source == "-" {
		name = "stdin"
	}
	kind := "import"
	if dryRun {
		kind = "dry-run"
	}
	return &reportFile{path: fmt.Sprintf("%s.%s-report.csv", name, kind)}
}

// begin makes the file where the command was called or, where nothing may be
// written there, in the folder for temporary files.
func (r *reportFile) begin() {
	if r.file != nil || r.err != nil {
		return
	}
	name := filepath.Base(r.path)
	if r.file, r.err = os.CreateTemp(".", name+".*"); r.err != nil {
		r.path = filepath.Join(os.TempDir(), name)
		r.file, r.err = os.CreateTemp(os.TempDir(), name+".*")
	}
	if r.err == nil {
		r.out = crm.NewImportReport(r.file)
	}
}

// row adds a row of a dry run.
func (r *reportFile) row(row crm.ImportRow) {
	r.begin()
	if r.err == nil {
		r.rows++
		r.err = r.out.Write(row)
	}
}

// from takes the whole report from elsewhere.
func (r *reportFile) from(write func(io.Writer) error) error {
	r.begin()
	if r.err != nil {
		return r.err
	}
	lines := &lineCounter{w: r.file}
	if r.err = r.out.Close(); r.err == nil { // The header was begun; the other report brings its own.
		if _, r.err = r.file.Seek(0, io.SeekStart); r.err == nil {
			r.err = r.file.Truncate(0)
		}
	}
	if r.err != nil {
		return r.err
	}
	r.err = write(lines)
	r.rows = lines.n - 1
	return r.err
}

// finish gives the report its name and returns it; "" when it has no rows.
func (r *reportFile) finish() (string, error) {
	if r.err != nil || r.file == nil || r.rows < 1 {
		return "", r.err
	}
	if r.err = r.out.Close(); r.err != nil {
		return "", r.err
	}
	if r.err = r.file.Close(); r.err != nil {
		return "", r.err
	}
	if r.err = os.Rename(r.file.Name(), r.path); r.err != nil {
		return "", r.err
	}
	r.file = nil
	path, err := filepath.Abs(r.path)
	if err != nil {
		return r.path, nil //nolint:nilerr // The short name is good too.
	}
	return path, nil
}

// abandon removes what was not finished.
func (r *reportFile) abandon() {
	if r.file != nil {
		r.file.Close()           //nolint:errcheck // It is removed next.
		os.Remove(r.file.Name()) //nolint:errcheck // A leftover does no harm.
	}
}

type lineCounter struct {
	w io.Writer
	n int
}

// Write implements io.Writer.
func (l *lineCounter) Write(p []byte) (int, error) {
	for _, b := range p {
		if b == '\n' {
			l.n++
		}
	}
	return l.w.Write(p)
}
