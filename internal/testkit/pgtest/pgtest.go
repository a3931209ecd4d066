// Package pgtest starts a PostgreSQL server for tests: one for each test binary,
// on a free port, in a folder of its own that is gone afterwards. Each test gets a
// database of its own, cloned from a template that holds the schema.
package pgtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/lib/pq" // The driver.

	"github.com/omnicrm/omnicrm/adapters/postgres"
)

// startTime is how long the server may take to start.
const startTime = time.Minute

// Server is a running PostgreSQL server.
type Server struct {
	// Port is where it listens on 127.0.0.1. Anybody may sign in as "crm".
	Port int

	folder   string
	bin      string
	settings []string
	who      *syscall.Credential
	process  *exec.Cmd
	ended    chan struct{}
	dbs      atomic.Int64
}

// fast is for tests that end with the server: what a power cut would lose does
// not matter to them.
var fast = []string{"fsync=off", "full_page_writes=off"}

// durable is what a server has that keeps what it acknowledged.
var durable = []string{"fsync=on", "full_page_writes=on", "synchronous_commit=on"}

var shared = sync.OnceValues(func() (*Server, error) {
	s, err := Start()
	if err != nil {
		return nil, err
	}
	return s, s.makeTemplate()
})

// Main runs the tests of a package and stops the server that they started:
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }
func Main(m *testing.M) int {
	defer stopShared()
	return m.Run()
}

var started atomic.Bool

func stopShared() {
	if !started.Load() {
		return
	}
	if s, err := shared(); s != nil {
		if err := errors.Join(err, s.Stop()); err != nil {
			fmt.Fprintln(os.Stderr, "pgtest:", err)
		}
	}
}

// URL returns a database of the test's own that has the schema and nothing else.
// Without a PostgreSQL server on this machine the test is skipped.
func URL(tb testing.TB) string {
	tb.Helper()
	return Shared(tb).Database(tb, Template)
}

// EmptyURL is URL without the schema.
func EmptyURL(tb testing.TB) string {
	tb.Helper()
	return Shared(tb).Database(tb, "template0")
}

// Shared returns the server of this test binary.
func Shared(tb testing.TB) *Server {
	tb.Helper()
	if _, err := binaries(); err != nil {
		tb.Skipf("PostgreSQL is not installed: %v", err)
	}
	started.Store(true)
	s, err := shared()
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// binaries finds the folder of initdb and postgres, those of the newest version.
func binaries() (string, error) {
	var found []string
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql*/bin"} {
		some, err := filepath.Glob(pattern)
		if err != nil {
			return "", err
		}
		found = append(found, some...)
	}
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	for _, folder := range found {
		if _, err := os.Stat(filepath.Join(folder, "initdb")); err == nil {
			return folder, nil
		}
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return "", err
	}
	return filepath.Dir(path), nil
}

func version(folder string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(folder)))
	return n
}

// Start starts a server of its own.
func Start() (*Server, error) { return initialise(fast) }

// StartDurable starts a server of the test's own that flushes what it
// acknowledges, for tests that kill it; with the template of the others. Without
// a PostgreSQL server on this machine the test is skipped.
func StartDurable(tb testing.TB) *Server {
	tb.Helper()
	if _, err := binaries(); err != nil {
		tb.Skipf("PostgreSQL is not installed: %v", err)
	}
	s, err := initialise(durable)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Stop(); err != nil {
			tb.Error(err)
		}
	})
	if err := s.makeTemplate(); err != nil {
		tb.Fatal(err)
	}
	return s
}

// initialise makes the folder of a server and starts it.
func initialise(settings []string) (s *Server, err error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "pgtest-")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(folder))
		}
	}()
	who, err := owner(folder)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(folder, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "--pgdata="+data, "--username=crm", "--auth=trust", "--encoding=UTF8", // A program of the machine.
		"--locale=C.UTF-8", "--no-sync")
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	initdb.Dir = folder
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s = &Server{Port: port, folder: folder, bin: bin, settings: settings, who: who}
	return s, s.run()
}

// Kill ends the server as a crash would: its parent process at once, the others
// when they notice. It returns when the parent is gone.
func (s *Server) Kill() {
	_ = s.process.Process.Kill()
	<-s.ended
}

// Restart starts a server again that was killed, on the same port, and returns
// when it has recovered. Those of its processes that have not noticed yet may hold
// it up.
func (s *Server) Restart() error {
	for end := time.Now().Add(startTime); ; {
		err := s.run()
		if err == nil || time.Now().After(end) {
			return err
		}
	}
}

// run starts the process and waits until it answers. The process ends with the
// thread that started it, so that none is left when the tests are killed.
func (s *Server) run() error {
	args := []string{"-D", filepath.Join(s.folder, "data"), "-p", strconv.Itoa(s.Port), "-h", "127.0.0.1", "-k", s.folder}
	for _, setting := range append([]string{
		"max_connections=400", "shared_buffers=64MB", "max_wal_size=256MB", "autovacuum_naptime=5s", "log_min_messages=fatal", "stats_fetch_consistency=none",
	}, s.settings...) {
		args = append(args, "-c", setting)
	}
	s.process, s.ended = exec.Command(filepath.Join(s.bin, "postgres"), args...), make(chan struct{}) // A program of the machine.
	log, err := os.Create(filepath.Join(s.folder, "log"))
	if err != nil {
		return err
	}
	s.process.Dir, s.process.Stdout, s.process.Stderr = s.folder, log, log
	s.process.SysProcAttr = &syscall.SysProcAttr{Credential: s.who, Pdeathsig: syscall.SIGQUIT}
	begun := make(chan error)
	process, ended := s.process, s.ended
	go func() {
		runtime.LockOSThread()
		defer close(ended)
		defer log.Close() //nolint:errcheck // It is of interest only while the process runs.
		err := process.Start()
		begun <- err
		if err == nil {
			_ = process.Wait()
		}
	}()
	if err := <-begun; err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	for {
		err := s.exec(ctx, "postgres", "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-s.ended:
			text, _ := os.ReadFile(log.Name())
			return fmt.Errorf("postgres did not start: %w: %s", err, text)
		case <-ctx.Done():
			return fmt.Errorf("postgres did not answer within %v: %w", startTime, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop ends the server at once, and removes its folder. Processes of one that was
// killed may be at work in it for a moment longer.
func (s *Server) Stop() error {
	_ = s.process.Process.Signal(syscall.SIGQUIT)
	<-s.ended
	for end := time.Now().Add(startTime); ; {
		err := os.RemoveAll(s.folder)
		if err == nil || time.Now().After(end) {
			return err
		}
	}
}

// owner returns whom the server runs as: root may not run it.
func owner(folder string) (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil //nolint:nilnil // No change of the user.
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2, os.Chown(folder, int(uid), int(gid))); err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("there is no user but root to run PostgreSQL")
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // It is closed at once.
	if err != nil {
		return 0, err
	}
	defer l.Close()                          //nolint:errcheck // It only held the port.
	return l.Addr().(*net.TCPAddr).Port, nil //nolint:forcetypeassert // What TCP listens on.
}

// Template is the database that holds the schema, for Server.Database.
const Template = "crm_template"

func (s *Server) makeTemplate() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	if err := s.exec(ctx, "postgres", "CREATE DATABASE "+Template); err != nil {
		return err
	}
	if err := postgres.Migrate(ctx, s.url(Template), postgres.Options{}); err != nil {
		return err
	}
	return nil
}

// Database makes a database by a Template, which is dropped after the test, and
// returns its URL.
func (s *Server) Database(tb testing.TB, by string) string {
	tb.Helper()
	name := fmt.Sprintf("t%d", s.dbs.Add(1))
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	if err := s.exec(ctx, "postgres", "CREATE DATABASE "+name+" TEMPLATE "+by); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), startTime)
		defer cancel()
		if err := s.exec(ctx, "postgres", "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			tb.Error(err)
		}
	})
	return s.url(name)
}

func (s *Server) url(database string) string {
	return fmt.Sprintf("postgres://crm@127.0.0.1:%d/%s?sslmode=disable", s.Port, database)
}

// exec runs a statement on a connection of its own. Another test may be using
// the template at the moment, which Postgres refuses to copy then.
func (s *Server) exec(ctx context.Context, database, text string) error {
	db, err := sql.Open("postgres", s.url(database))
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // Nothing is left on it.
	for {
		_, err = db.ExecContext(ctx, text)
		if err == nil || !strings.Contains(err.Error(), "being accessed by other users") || ctx.Err() != nil {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// answers reports whether a database can be asked.
func answers(url string) bool {
	db, err := sql.Open("postgres", url)
	if err != nil {
		return false
	}
	defer db.Close() //nolint:errcheck // Nothing is left on it.
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, err = db.ExecContext(ctx, "SELECT 1")
	return err == nil
}
