package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // To look into the file, as an operator could.

	"github.com/omnicrm/omnicrm/internal/testkit/pgtest"
)

// The tests of this package build the program once and use it as people do: a
// process, its arguments, its output, its exit code.

const (
	// patience is how long something that must happen may take on a busy machine.
	patience = 90 * time.Second
	email    = "ana@example.com"
	password = "correct horse battery"
)

// binary is the program under test.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "crmserver-test-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "crmserver")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	code := 1
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build the program:", err)
	} else {
		code = pgtest.Main(m)
	}
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// home is a folder in which somebody works, with a data folder of its own.
type home struct {
	t   *testing.T
	dir string
	// env is added to the environment of every command.
	env []string
	// postgres names the database where it is not the embedded one.
	postgres string
}

// emptyHome is before the first command.
func emptyHome(t *testing.T) *home {
	t.Helper()
	return &home{t: t, dir: t.TempDir()}
}

// homeOnServer is emptyHome with a database on a server, empty too.
func homeOnServer(t *testing.T) *home {
	t.Helper()
	h := emptyHome(t)
	h.env = []string{"CRM_DATABASE_URL=" + pgtest.EmptyURL(t)}
	return h
}

// newHome has a user who owns a workspace.
func newHome(t *testing.T) *home {
	t.Helper()
	h := emptyHome(t)
	h.ok(h.give(password+"\n", "user", "create", "--email", email, "--workspace", "Mine", "--password-stdin"))
	return h
}

// newHomeOn is newHome over a database of Postgres.
func newHomeOn(t *testing.T, url string) *home {
	t.Helper()
	h := emptyHome(t)
	h.postgres, h.env = url, []string{"CRM_DATABASE_URL=" + url}
	h.ok(h.give(password+"\n", "user", "create", "--email", email, "--workspace", "Mine", "--password-stdin"))
	return h
}

func (h *home) path(name string) string { return filepath.Join(h.dir, name) }

func (h *home) write(name, text string) string {
	h.t.Helper()
	if err := os.WriteFile(h.path(name), []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return name
}

func (h *home) read(name string) string {
	h.t.Helper()
	text, err := os.ReadFile(h.path(name))
	if err != nil {
		h.t.Fatal(err)
	}
	return string(text)
}

// files lists what lies in the folder.
func (h *home) files() []string {
	h.t.Helper()
	entries, err := os.ReadDir(h.dir)
	if err != nil {
		h.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// result is what a command left behind.
type result struct {
	args     []string
	code     int
	out, err string
}

func (h *home) command(args ...string) *exec.Cmd {
	c := exec.Command(binary, args...)
	c.Dir = h.dir
	c.Env = append(append(os.Environ(), "CRM_DATA=data", "CRM_ADDR=127.0.0.1:0"), h.env...)
	return c
}

func (h *home) run(args ...string) result {
	h.t.Helper()
	return h.give("", args...)
}

// give runs a command with something on its standard input.
func (h *home) give(stdin string, args ...string) result {
	h.t.Helper()
	c := h.command(args...)
	var out, errs bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(stdin), &out, &errs
	if err := c.Start(); err != nil {
		h.t.Fatal(err)
	}
	watchdog := time.AfterFunc(patience, func() { c.Process.Kill() }) //nolint:errcheck // It has ended, then.
	defer watchdog.Stop()
	if err := c.Wait(); err != nil {
		if _, ok := errors.AsType[*exec.ExitError](err); !ok {
			h.t.Fatal(err)
		}
	}
	return result{args, c.ProcessState.ExitCode(), out.String(), errs.String()}
}

// ok expects success, with nothing to complain about.
func (h *home) ok(r result) result {
	h.t.Helper()
	if r.code != exitDone || strings.Contains(r.err, "crmserver:") {
		h.t.Fatalf("crmserver %s: got exit %d, want 0\nstdout: %s\nstderr: %s", strings.Join(r.args, " "), r.code, r.out, r.err)
	}
	return r
}

// fails expects an exit code and one message on stderr that has the words.
func (h *home) fails(r result, code int, words ...string) {
	h.t.Helper()
	name := "crmserver " + strings.Join(r.args, " ")
	if r.code != code {
		h.t.Errorf("%s: exit code: got %d, want %d\nstdout: %s\nstderr: %s", name, r.code, code, r.out, r.err)
	}
	if got := strings.Count(r.err, "crmserver: "); got != 1 {
		h.t.Errorf("%s: messages on stderr: got %d, want 1:\n%s", name, got, r.err)
	}
	for _, w := range words {
		if !strings.Contains(r.err, w) {
			h.t.Errorf("%s: stderr: got %q, want it to say %q", name, r.err, w)
		}
	}
	for _, noise := range []string{"goroutine ", "panic", "fx.", "dig.", "could not build", "missing type", "SQLITE_", "%!"} {
		if strings.Contains(r.err, noise) {
			h.t.Errorf("%s: stderr has %q, which helps nobody: %s", name, noise, r.err)
		}
	}
}

// decode reads the one JSON value that a command printed.
func decode[T any](t *testing.T, r result) T {
	t.Helper()
	var v T
	d := json.NewDecoder(strings.NewReader(r.out))
	if err := d.Decode(&v); err != nil {
		t.Fatalf("crmserver %s printed no JSON: %v\nstdout: %s\nstderr: %s", strings.Join(r.args, " "), err, r.out, r.err)
	}
	if d.More() {
		t.Errorf("crmserver %s printed more than one value: %s", strings.Join(r.args, " "), r.out)
	}
	return v
}

// figures is what import --json prints.
type figures struct {
	ImportID                                                     *string
	Rows, Created, Updated, Unchanged, Ambiguous, Problems, Kept int64
	Report                                                       string
}

// importFile imports and returns the figures.
func (h *home) importFile(file string, more ...string) figures {
	h.t.Helper()
	return decode[figures](h.t, h.ok(h.run(append([]string{"import", file, "--email", email, "--json"}, more...)...)))
}

// export returns all contacts in a format.
func (h *home) export(format string) string {
	h.t.Helper()
	return h.ok(h.run("export", "--email", email, "--format", format)).out
}

// database opens the file beside the program.
func (h *home) database() *sql.DB {
	h.t.Helper()
	db, err := h.opened()
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = db.Close() })
	return db
}

func (h *home) opened() (*sql.DB, error) {
	if h.postgres != "" {
		return sql.Open("postgres", h.postgres)
	}
	return sql.Open("sqlite", "file:"+h.path("data/crm.db")+"?_pragma=busy_timeout(10000)")
}

// number asks the database for one figure; 0 where there is no row.
func (h *home) number(db *sql.DB, query string) int64 {
	h.t.Helper()
	var n int64
	if err := db.QueryRowContext(context.Background(), query).Scan(&n); err != nil && !errors.Is(err, sql.ErrNoRows) {
		h.t.Fatalf("%s: %v", query, err)
	}
	return n
}

func (h *home) exec(db *sql.DB, statement string) {
	h.t.Helper()
	if _, err := db.ExecContext(context.Background(), statement); err != nil {
		h.t.Fatalf("%s: %v", statement, err)
	}
}

// clean expects that check finds nothing and returns how many contacts it saw.
func (h *home) clean() int {
	h.t.Helper()
	r := decode[struct {
		Contacts int
		Findings []any
	}](h.t, h.ok(h.run("check", "--json")))
	if len(r.Findings) > 0 {
		h.t.Errorf("check: got findings %v, want none", r.Findings)
	}
	return r.Contacts
}

// until waits for a condition that must come true.
func until(t *testing.T, what string, true func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.After(patience)
	for !true() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// sharedFile is the path of a file of the data that lies beside the repository.
func sharedFile(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "..", "shared", "data", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		t.Skipf("left out: ../shared/data/%s is not there", name)
	}
	return path
}
