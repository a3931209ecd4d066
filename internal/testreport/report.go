package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// event is one line of `go test -json`, as `go doc test2json` describes it. A
// compiler's messages come with ImportPath in place of Package.
type event struct {
	Action     string
	Package    string
	ImportPath string
	Test       string
	Output     string
}

// report reads the events of one run and prints it package by package, in the
// order in which packages end. Output of tests that passed is dropped.
type report struct {
	out    *bufio.Writer // flushed after each package
	strict bool          // a skipped test fails the run
	shared string        // tests whose reason names this folder may be skipped where it is absent

	output  map[string]*strings.Builder // by package: all it printed
	reasons map[testName]string         // by test: all it printed
	skips   map[string][]testName       // by package, in the order of their ends

	failed, refused, leftOut int
}

type testName struct{ pkg, test string }

// read consumes events to the end and reports whether the run is good: no
// package failed and, when strict, no test was skipped without leave. It fails
// when in holds something other than events, or none, and when out fails.
func (r *report) read(in io.Reader) (bool, error) {
	r.output = map[string]*strings.Builder{}
	r.reasons = map[testName]string{}
	r.skips = map[string][]testName{}

	lines := bufio.NewReader(in)
	for n := 0; ; n++ {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if err := json.Unmarshal(line, &e); err != nil {
				return false, fmt.Errorf("line %d is not an event of go test -json: %w", n+1, err)
			}
			if err := r.take(e); err != nil {
				return false, fmt.Errorf("write report: %w", err)
			}
		}
		if errors.Is(err, io.EOF) {
			if n == 0 && len(line) == 0 {
				return false, errors.New("no events: go test printed nothing")
			}
			break
		}
		if err != nil {
			return false, fmt.Errorf("read events: %w", err)
		}
	}
	r.summarise()
	if err := r.out.Flush(); err != nil {
		return false, fmt.Errorf("write report: %w", err)
	}
	return r.failed == 0 && r.refused == 0, nil
}

func (r *report) take(e event) error {
	switch e.Action {
	case "build-output":
		r.out.WriteString(e.Output)
	case "build-fail":
		r.failed++
	case "output":
		r.keep(e)
	case "skip":
		if e.Test != "" {
			r.skips[e.Package] = append(r.skips[e.Package], testName{e.Package, e.Test})
			return nil
		}
		return r.finish(e.Package, false)
	case "pass":
		if e.Test == "" {
			return r.finish(e.Package, false)
		}
	case "fail":
		if e.Test == "" {
			r.failed++
			return r.finish(e.Package, true)
		}
	}
	return nil
}

func (r *report) keep(e event) {
	b := r.output[e.Package]
	if b == nil {
		b = &strings.Builder{}
		r.output[e.Package] = b
	}
	b.WriteString(e.Output)
	if e.Test != "" {
		r.reasons[testName{e.Package, e.Test}] += e.Output
	}
}

// finish prints a package: the whole of it when it failed, otherwise what it
// skipped and its last line.
func (r *report) finish(pkg string, failed bool) error {
	output := ""
	if b := r.output[pkg]; b != nil {
		output = b.String()
	}
	for _, name := range r.skips[pkg] {
		r.skip(name)
	}
	for line := range strings.Lines(output) {
		if failed && !isNoise(line) || isVerdict(line, pkg) {
			r.out.WriteString(line)
		}
	}
	delete(r.output, pkg)
	delete(r.skips, pkg)
	for name := range r.reasons {
		if name.pkg == pkg {
			delete(r.reasons, name)
		}
	}
	return r.out.Flush()
}

func (r *report) skip(name testName) {
	reason := "no reason given"
	for line := range strings.Lines(r.reasons[name]) {
		if text := strings.TrimSpace(line); text != "" && !isNoise(line) && !strings.HasPrefix(text, "---") {
			reason = text
		}
	}
	r.leftOut++
	note := ""
	if r.strict && !r.mayLeaveOut(reason) {
		r.refused++
		note = " [refused]"
	}
	fmt.Fprintf(r.out, "--- SKIP: %s %s: %s%s\n", name.pkg, name.test, reason, note)
}

// serverVariables name servers that no package of Debian brings: their tests run
// where somebody has one.
var serverVariables = []string{"CRM_TEST_MEILI_URL"}

// mayLeaveOut says whether the reason is one that a strict run accepts: shared
// data that this checkout does not have beside it, or a server that it was not
// given.
func (r *report) mayLeaveOut(reason string) bool {
	for _, name := range serverVariables {
		if strings.Contains(reason, name) && os.Getenv(name) == "" {
			return true
		}
	}
	if !strings.Contains(reason, r.shared) {
		return false
	}
	_, err := os.Stat(r.shared)
	return errors.Is(err, os.ErrNotExist)
}

func (r *report) summarise() {
	if r.leftOut > 0 {
		fmt.Fprintf(r.out, "left out: %d tests, each named in a --- SKIP line above\n", r.leftOut)
	}
	if r.refused > 0 {
		fmt.Fprintf(r.out, "FAIL: %d skipped tests may not be left out here\n", r.refused)
	}
}

// isNoise tells lines that only follow the progress of tests.
func isNoise(line string) bool {
	text := strings.TrimSpace(line)
	for _, prefix := range []string{"=== RUN", "=== PAUSE", "=== CONT", "=== NAME", "--- PASS", "PASS"} {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return false
}

// isVerdict tells the line that sums a package up.
func isVerdict(line, pkg string) bool {
	fields := strings.Fields(line)
	if len(fields) < 2 || fields[1] != pkg {
		return len(fields) > 0 && fields[0] == pkg // a package without tests, with coverage on
	}
	return fields[0] == "ok" || fields[0] == "FAIL" || fields[0] == "?"
}
