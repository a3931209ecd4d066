package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// running is a server process.
type running struct {
	t     *testing.T
	cmd   *exec.Cmd
	hello greeting
	log   *syncBuffer
	out   *syncBuffer
	ended chan struct{}
}

// syncBuffer collects what a process prints while it runs.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// serve starts a server on a free port and waits until it says where it is.
func (h *home) serve(args ...string) *running {
	h.t.Helper()
	return h.serveIn(nil, append([]string{"--rate-limit=0"}, args...)...)
}

// serveIn is serve with more of an environment, and with its limits.
func (h *home) serveIn(env []string, args ...string) *running {
	h.t.Helper()
	s := h.backgroundIn(env, append([]string{"serve", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(s.out.String()), &s.hello); err != nil {
		h.t.Fatalf("greeting %q: %v", s.out.String(), err)
	}
	return s
}

// background starts a command that goes on and waits for its first line.
func (h *home) background(args ...string) *running {
	h.t.Helper()
	return h.backgroundIn(nil, args...)
}

// backgroundIn is background with more of an environment.
func (h *home) backgroundIn(env []string, args ...string) *running {
	h.t.Helper()
	s := &running{t: h.t, log: &syncBuffer{}, out: &syncBuffer{}, ended: make(chan struct{})}
	s.cmd = h.command(args...)
	s.cmd.Env = append(s.cmd.Env, env...)
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.log
	if err := s.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	go func() {
		_ = s.cmd.Wait()
		close(s.ended)
	}()
	h.t.Cleanup(s.kill)
	until(h.t, args[0]+" says that it is there", func() bool {
		if s.over() {
			h.t.Fatalf("%v ended at once: %s", args, s.log)
		}
		return strings.HasSuffix(s.out.String(), "\n")
	})
	return s
}

func (s *running) over() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// kill ends the process as a power cut would.
func (s *running) kill() {
	_ = s.cmd.Process.Kill()
	<-s.ended
}

func (s *running) signal(sig os.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// await waits for the end and returns the exit code.
func (s *running) await() int {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(patience):
		s.t.Fatalf("the server does not end: %s", s.log)
	}
	return s.cmd.ProcessState.ExitCode()
}

// stop asks the server to end and expects that it does so cleanly.
func (s *running) stop() {
	s.t.Helper()
	s.signal(syscall.SIGTERM)
	if got := s.await(); got != exitDone {
		s.t.Errorf("exit code after SIGTERM: got %d, want 0\n%s", got, s.log)
	}
}

// caller sends requests with an API key.
type caller struct {
	t    *testing.T
	base string
	key  string
	http *http.Client
}

// caller makes a key of the home's user, for this server.
func (h *home) caller(s *running) *caller {
	h.t.Helper()
	key := strings.TrimSpace(h.ok(h.run("apikey", "create", "--email", email)).out)
	client := &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
	h.t.Cleanup(client.CloseIdleConnections)
	return &caller{t: h.t, base: s.hello.URL, key: key, http: client}
}

// send returns the status and the body; a server that is gone is an error.
// Headers are pairs of name and value.
func (c *caller) send(method, path, contentType string, body io.Reader, headers ...string) (int, []byte, error) {
	r, err := http.NewRequest(method, c.base+path, body)
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Authorization", "Bearer "+c.key)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close() //nolint:errcheck // It was only read.
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, text, err
}

// create makes a contact and returns its id, or an error when it was not
// acknowledged.
func (c *caller) create(name string) (string, error) {
	status, text, err := c.send(http.MethodPost, "/api/v1/contacts", "application/json", strings.NewReader(fmt.Sprintf(`{"displayName":%q}`, name)))
	if err != nil {
		return "", err
	}
	var made struct{ ID string }
	if status != http.StatusCreated {
		return "", fmt.Errorf("status %d: %s", status, text)
	}
	return made.ID, json.Unmarshal(text, &made)
}

// get decodes what a path answers with 200.
func get[T any](c *caller, path string) T {
	c.t.Helper()
	var v T
	status, text, err := c.send(http.MethodGet, path, "", nil)
	if err != nil || status != http.StatusOK {
		c.t.Fatalf("GET %s: got %d %s (%v), want 200", path, status, text, err)
	}
	if err := json.Unmarshal(text, &v); err != nil {
		c.t.Fatalf("GET %s: %v", path, err)
	}
	return v
}

// found is an answer of the list.
type found struct {
	Items    []foundContact
	Total    int
	Degraded bool
}

type foundContact struct {
	ID, DisplayName, Birthday, Notes string
	Tags                             []string
	Phones                           []struct{ E164, Label string }
}

func (c *caller) search(words string) found {
	c.t.Helper()
	return get[found](c, "/api/v1/contacts?search="+url.QueryEscape(words))
}

// browser keeps cookies.
func browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &http.Client{Jar: jar, Timeout: patience, Transport: &http.Transport{}}
	t.Cleanup(b.CloseIdleConnections)
	return b
}

// visit fetches, or with a form sends, and returns status and text.
func visit(t *testing.T, b *http.Client, address string, form url.Values) (int, string) {
	t.Helper()
	var answer *http.Response
	var err error
	if form == nil {
		answer, err = b.Get(address)
	} else {
		answer, err = b.PostForm(address, form)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // It was only read.
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}
