package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// signedIn signs in at one server. Its cookies are good at every port.
func signedIn(t *testing.T, s *running) *http.Client {
	t.Helper()
	b := browser(t)
	b.Timeout = 0 // A stream goes on.
	body := fmt.Sprintf(`{"email":%q,"password":%q}`, email, password)
	answer, err := b.Post(s.hello.URL+"/api/v1/auth/login", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // It was only read.
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("sign-in: got %s", answer.Status)
	}
	return b
}

// send sends a request with the cookies of a browser. The answer's body is open
// until the test ends.
func send(t *testing.T, b *http.Client, method, address, body string) (status int, answered io.Reader) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range b.Jar.Cookies(r.URL) {
		if c.Name == "csrf" {
			r.Header.Set("X-Csrf-Token", c.Value)
		}
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := b.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = answer.Body.Close() })
	return answer.StatusCode, answer.Body
}

func TestASessionWorksOnAllServersUntilItIsRevokedOnOne(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	b := signedIn(t, f.servers[0])
	ended := make(chan time.Time, len(f.servers))
	for n, s := range f.servers {
		if got, _ := send(t, b, http.MethodPost, s.hello.URL+"/api/v1/contacts", fmt.Sprintf(`{"displayName":"Number %d"}`, n)); got != http.StatusCreated {
			t.Errorf("a write on server %d: got %d, want 201", n, got)
		}
		got, stream := send(t, b, http.MethodGet, s.hello.URL+"/api/v1/events", "")
		if got != http.StatusOK {
			t.Fatalf("a stream of server %d: got %d, want 200", n, got)
		}
		go func() {
			_, _ = io.Copy(io.Discard, stream)
			ended <- time.Now()
		}()
	}
	other := signedIn(t, f.servers[2])
	revoked := time.Now()
	if got, _ := send(t, other, http.MethodDelete, f.servers[2].hello.URL+"/api/v1/sessions", ""); got != http.StatusNoContent {
		t.Fatalf("revoking all other sessions: got %d, want 204", got)
	}
	for n, s := range f.servers {
		if got, _ := send(t, b, http.MethodGet, s.hello.URL+"/api/v1/me", ""); got != http.StatusUnauthorized {
			t.Errorf("the revoked session on server %d: got %d, want 401", n, got)
		}
		if got, _ := send(t, other, http.MethodGet, s.hello.URL+"/api/v1/me", ""); got != http.StatusOK {
			t.Errorf("the other session on server %d: got %d, want 200", n, got)
		}
	}
	var took []time.Duration
	for range f.servers {
		select {
		case at := <-ended:
			took = append(took, at.Sub(revoked).Round(time.Millisecond))
		case <-time.After(15*time.Second + reach):
			t.Fatalf("%d streams of a revoked session go on", len(f.servers)-len(took))
		}
	}
	t.Logf("the streams ended %v after the session", took)
}
