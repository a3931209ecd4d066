package main

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// reply is what came back.
type reply struct {
	status int
	header http.Header
	text   string
}

// ask sends a request and follows no redirect.
func ask(t *testing.T, method, target, body string, headers ...string) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // It was read.
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{answer.StatusCode, answer.Header, string(text)}
}

// serveAt starts a server whose listening address is known beside the public
// one, and returns the former.
func (h *home) serveAt(args ...string) (*running, string) {
	h.t.Helper()
	var c net.ListenConfig
	l, err := c.Listen(h.t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		h.t.Fatal(err)
	}
	return h.serve(append([]string{"--addr", address}, args...)...), "http://" + address
}

func TestEveryAnswerCarriesTheHeaders(t *testing.T) {
	t.Parallel()
	_, listening := emptyHome(t).serveAt("--public-url", "https://crm.example.com")
	seen := map[string]bool{}
	for _, path := range []string{
		"/", "/signin?token=x", "/setup?token=x", "/setup", "//api/v1/me", "/api/v1/x/../me", "//", "/./setup", "/favicon.ico", "/api/v1/me", "/healthz",
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut} {
			a := ask(t, method, listening+path, "", "X-Request-Id", "given")
			for _, name := range []string{
				"X-Request-Id", "X-Content-Type-Options", "Referrer-Policy", "Permissions-Policy", "Content-Security-Policy", "X-Frame-Options",
				"Strict-Transport-Security",
			} {
				if a.header.Get(name) == "" {
					t.Errorf("%s %s: got %d without %s", method, path, a.status, name)
				}
			}
			if got := a.header.Get("X-Request-Id"); got != "given" {
				t.Errorf("%s %s: got request id %q", method, path, got)
			}
			policy := a.header.Get("Content-Security-Policy")
			if !strings.Contains(policy, "'nonce-") || strings.Contains(policy, "unsafe") || seen[policy] {
				t.Errorf("%s %s: got policy %q, want a nonce of its own", method, path, policy)
			}
			seen[policy] = true
			if a.status/100 == 3 {
				t.Errorf("%s %s: got a redirect to %s: %s", method, path, a.header.Get("Location"), a.text)
			}
		}
	}
	if a := ask(t, http.MethodPut, listening+"/setup", ""); a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != "GET, POST, HEAD" {
		t.Errorf("PUT /setup: got %d, Allow %q", a.status, a.header.Get("Allow"))
	}
}

func TestRequestsBeforeSignInAreCounted(t *testing.T) {
	t.Parallel()
	form := url.Values{"token": {strings.Repeat("A", 43)}, "email": {email}, "name": {"Ana"}, "password": {password}, "workspace": {"W"}}.Encode()
	for name, c := range map[string]struct{ method, path, body string }{
		"sign-in links": {http.MethodGet, "/signin?token=x", ""},
		"set-up forms":  {http.MethodPost, "/setup", form},
		"unknown paths": {http.MethodGet, "/api/v1/nothing", ""},
		"wrong methods": {http.MethodPut, "/api/v1/tags", ""},
		"the home page": {http.MethodGet, "/", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listening := emptyHome(t).serve("--rate-limit=600").hello.URL
			limited := 0
			for range 70 {
				a := ask(t, c.method, listening+c.path, c.body, "Content-Type", "application/x-www-form-urlencoded")
				if a.status == http.StatusTooManyRequests {
					limited++
					if a.header.Get("Retry-After") == "" {
						t.Fatal("429 without Retry-After")
					}
				}
			}
			if limited < 5 || limited > 10 {
				t.Errorf("got %d of 70 refused, want 10, or some less on a slow machine", limited)
			}
			if a := ask(t, http.MethodGet, listening+"/healthz", ""); a.status != http.StatusOK {
				t.Errorf("health: got %d, want 200", a.status)
			}
		})
	}
}

func TestPublicAddressWithAPath(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	key := strings.TrimSpace(h.ok(h.run("apikey", "create", "--email", email)).out)
	s, listening := h.serveAt("--public-url", "https://crm.example.com/team/crm/")
	if want := "https://crm.example.com/team/crm"; s.hello.URL != want {
		t.Errorf("greeting: got %s, want %s", s.hello.URL, want)
	}
	for name, base := range map[string]string{"the proxy took the path off": "", "the proxy left the path": "/team/crm"} {
		t.Run(name, func(t *testing.T) {
			a := ask(t, http.MethodPost, listening+base+"/api/v1/contacts", `{"displayName":"A"}`,
				"Content-Type", "application/json", "Authorization", "Bearer "+key)
			if got := a.header.Get("Location"); a.status != http.StatusCreated || !strings.HasPrefix(got, "/team/crm/api/v1/contacts/") {
				t.Errorf("got %d, Location %q: %s", a.status, got, a.text)
			}
			if a := ask(t, http.MethodGet, listening+base+"/", ""); a.status != http.StatusOK {
				t.Errorf("home: got %d, want 200", a.status)
			}
		})
	}
	if a := ask(t, http.MethodGet, listening+"/team/crm", ""); a.status != http.StatusPermanentRedirect || a.header.Get("Location") != "/team/crm/" {
		t.Errorf("without the slash: got %d to %q", a.status, a.header.Get("Location"))
	}
}
