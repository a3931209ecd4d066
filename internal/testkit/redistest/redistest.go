// Package redistest starts real Redis servers on free ports for tests, and lets
// them be stopped, killed, paused, emptied and started again. Without the command
// redis-server, which Debian's package of that name brings, tests are skipped.
package redistest

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Options say how a server is started. The zero value has no password and keeps
// nothing on disk.
type Options struct {
	// AppendOnly keeps what was acknowledged over a kill.
	AppendOnly bool
	// Password is asked for when it is not empty.
	Password string
	// Args are further arguments of redis-server.
	Args []string
}

// Server is a running redis-server. Its methods may be called in parallel.
type Server struct {
	t       testing.TB
	options Options
	dir     string
	port    int
	// config makes it a Sentinel of that file.
	config string

	mu      sync.Mutex
	command *exec.Cmd
	output  *bytes.Buffer
}

// patience bounds each wait for a server.
const patience = 30 * time.Second

// Start starts a server that ends with the test. It skips the test where there is
// no redis-server.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("no redis-server on the PATH: install the package redis-server")
	}
	s := &Server{t: t, options: o, dir: t.TempDir(), port: FreePort(t)}
	s.Start()
	t.Cleanup(s.Kill)
	return s
}

// FreePort returns a port of the loopback address that nobody listens on.
func FreePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // It is closed at once.
	if err != nil {
		t.Fatalf("find a free port: %v", err)
	}
	defer l.Close() //nolint:errcheck // Nothing was sent.
	address, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatalf("find a free port: got %v", l.Addr())
	}
	return address.Port
}

// Port is where it listens.
func (s *Server) Port() int { return s.port }

// Addr is its host and port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// URL is what a configuration names it by.
func (s *Server) URL() string {
	if s.options.Password != "" {
		return "redis://:" + url.QueryEscape(s.options.Password) + "@" + s.Addr() + "/0"
	}
	return "redis://" + s.Addr() + "/0"
}

// Client returns a new client that is closed with the test.
func (s *Server) Client() *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: s.Addr(), Password: s.options.Password, DisableIdentity: true})
	s.t.Cleanup(func() {
		if err := c.Close(); err != nil && !errors.Is(err, redis.ErrClosed) {
			s.t.Errorf("close client: %v", err)
		}
	})
	return c
}

// Start starts it again, on the same port, and waits until it answers.
func (s *Server) Start() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.command != nil {
		return
	}
	args := []string{
		"--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--dir", s.dir, "--save", "", "--daemonize", "no", "--logfile", "",
		"--appendonly", "no",
	}
	if s.options.AppendOnly {
		args = append(args, "--appendonly", "yes", "--appendfsync", "always")
	}
	if s.options.Password != "" {
		args = append(args, "--requirepass", s.options.Password)
	}
	args = append(args, s.options.Args...)
	if s.config != "" {
		args = []string{s.config, "--sentinel", "--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--dir", s.dir}
	}
	c := exec.Command("redis-server", args...) //nolint:noctx // The clean-up kills it.
	c.Env = append(os.Environ(), "LC_ALL=C")
	s.output = &bytes.Buffer{}
	c.Stdout, c.Stderr = s.output, s.output
	if err := c.Start(); err != nil {
		s.t.Fatalf("start redis-server: %v", err)
	}
	s.command = c
	s.answers()
}

// answers waits until the server does what it is asked.
func (s *Server) answers() {
	s.t.Helper()
	c := redis.NewClient(&redis.Options{Addr: s.Addr(), Password: s.options.Password, MaxRetries: -1, DisableIdentity: true})
	defer c.Close() //nolint:errcheck // It is there to ask.
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.Now().Add(patience)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		err := c.Ping(ctx).Err()
		cancel()
		var reply redis.Error
		if err == nil || errors.As(err, &reply) && !redis.HasErrorPrefix(err, "LOADING") {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("redis-server does not answer: %v; it says:\n%s", err, s.output)
		}
		<-tick.C
	}
}

// Kill ends it as a power cut would; twice is fine.
func (s *Server) Kill() {
	s.t.Helper()
	s.end(syscall.SIGKILL)
}

// Stop ends it in order; twice is fine.
func (s *Server) Stop() {
	s.t.Helper()
	s.end(syscall.SIGTERM)
}

func (s *Server) end(signal syscall.Signal) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.command == nil {
		return
	}
	if err := errors.Join(s.command.Process.Signal(signal), s.command.Process.Signal(syscall.SIGCONT)); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Errorf("%s to redis-server: %v", signal, err)
	}
	s.command.Wait() //nolint:errcheck // It ends by the signal.
	s.command = nil
}

// Restart is [Server.Stop] and [Server.Start].
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	s.Start()
}

// Pause has it keep its connections and answer nothing; Resume ends that.
func (s *Server) Pause() {
	s.t.Helper()
	s.signal(syscall.SIGSTOP)
}

// Resume has a paused server go on.
func (s *Server) Resume() {
	s.t.Helper()
	s.signal(syscall.SIGCONT)
}

func (s *Server) signal(signal syscall.Signal) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.command == nil {
		return
	}
	if err := s.command.Process.Signal(signal); err != nil {
		s.t.Errorf("%s to redis-server: %v", signal, err)
	}
}

// Flush empties it.
func (s *Server) Flush() {
	s.t.Helper()
	c := redis.NewClient(&redis.Options{Addr: s.Addr(), Password: s.options.Password, DisableIdentity: true})
	defer c.Close() //nolint:errcheck // It is there to empty it.
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.FlushAll(ctx).Err(); err != nil {
		s.t.Errorf("FLUSHALL: %v", err)
	}
}
