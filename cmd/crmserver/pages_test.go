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
	for _, path := range []string{"/setup", "/signin"} {
		if a := ask(t, http.MethodPut, listening+path, ""); a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != "GET, POST, HEAD" {
			t.Errorf("PUT %s: got %d, Allow %q", path, a.status, a.header.Get("Allow"))
		}
	}
}

func TestRequestsBeforeSignInAreCounted(t *testing.T) {
	t.Parallel()
	form := url.Values{"token": {strings.Repeat("A", 43)}, "email": {email}, "name": {"Ana"}, "password": {password}, "workspace": {"W"}}.Encode()
	for name, c := range map[string]struct{ method, path, body string }{
		"sign-in links": {http.MethodGet, "/signin?token=x", ""},
		"sign-in forms": {http.MethodPost, "/signin", form},
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

// formOf looks at a one-time link as a browser, and the programs before it that
// show previews, do, and returns where its form goes and what it sends.
func formOf(t *testing.T, link string) (action string, form url.Values) {
	t.Helper()
	address, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	token := address.Query().Get("token")
	for _, method := range []string{http.MethodHead, http.MethodGet, http.MethodHead, http.MethodGet} {
		a := ask(t, method, link, "")
		if a.status != http.StatusOK || len(a.header.Values("Set-Cookie")) > 0 {
			t.Fatalf("%s of the link: got %d with %v, want 200 without a cookie", method, a.status, a.header)
		}
		if method == http.MethodHead {
			continue
		}
		for _, want := range []string{
			`<form method="post" action="` + strings.TrimPrefix(address.Path, "/") + `">`, `name="token" value="` + token + `"`, "<button>",
			`<meta name="referrer" content="strict-origin">`, // Else the browser hides where the form comes from.
		} {
			if !strings.Contains(a.text, want) {
				t.Fatalf("the link's page: got %s, want it to have %s", a.text, want)
			}
		}
		if strings.Contains(a.text, "<script") || strings.Contains(a.text, "@") {
			t.Errorf("the link's page: got %s, want no script and no address", a.text)
		}
	}
	address.RawQuery = ""
	return address.String(), url.Values{"token": {token}}
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	demo, first := emptyHome(t).serve("--demo"), emptyHome(t).serve()
	setUp, fields := formOf(t, first.hello.SetUpURL)
	for name, value := range map[string]string{"email": email, "name": "Ana", "password": password, "workspace": "W"} {
		fields.Set(name, value)
	}
	signIn, token := formOf(t, demo.hello.SignInURL)
	for _, c := range []struct {
		action string
		form   url.Values
		done   int
	}{{signIn, token, http.StatusSeeOther}, {setUp, fields, http.StatusOK}} {
		send := func(headers ...string) reply {
			return ask(t, http.MethodPost, c.action, c.form.Encode(), append(headers, "Content-Type", "application/x-www-form-urlencoded")...)
		}
		for _, from := range [][]string{
			{"Sec-Fetch-Site", "cross-site"},
			{"Sec-Fetch-Site", "same-site"},
			{"Origin", "https://other.example"},
			{"Origin", "null"},
		} {
			if a := send(from...); a.status != http.StatusForbidden || len(a.header.Values("Set-Cookie")) > 0 || !strings.Contains(a.text, "Open the link itself") {
				t.Errorf("%s with %v: got %d %s, want 403 without a cookie", c.action, from, a.status, a.text)
			}
		}
		origin := strings.TrimSuffix(strings.TrimSuffix(c.action, "/signin"), "/setup")
		if a := send("Origin", origin); a.status != c.done || len(a.header.Values("Set-Cookie")) != 2 {
			t.Errorf("%s from its own page: got %d %s, want %d with two cookies", c.action, a.status, a.text, c.done)
		}
	}
}

func TestSignInUnderAPathOfThePublicAddress(t *testing.T) {
	t.Parallel()
	s, listening := emptyHome(t).serveAt("--demo", "--public-url", "https://crm.example.com/team/crm")
	link, token, found := strings.Cut(s.hello.SignInURL, "?token=")
	if link != "https://crm.example.com/team/crm/signin" || !found {
		t.Fatalf("link: got %s", s.hello.SignInURL)
	}
	a := ask(t, http.MethodPost, listening+"/team/crm/signin", "token="+token,
		"Content-Type", "application/x-www-form-urlencoded", "Origin", "https://crm.example.com")
	if got, want := a.header.Get("Location"), "/team/crm/"; a.status != http.StatusSeeOther || got != want {
		t.Errorf("got %d to %q, want 303 to %s", a.status, got, want)
	}
	for _, cookie := range a.header.Values("Set-Cookie") {
		if !strings.Contains(cookie, "Path=/team/crm/;") || !strings.Contains(cookie, "Secure") {
			t.Errorf("cookie: got %s, want it secure and under the path", cookie)
		}
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
