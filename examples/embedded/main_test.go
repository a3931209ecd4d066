package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
)

func setup(t *testing.T) *httptest.Server {
	t.Helper()
	store, err := sqlite.Open(t.Context(), ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	app, err := crm.New(crm.Config{Store: store})
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{accounts: map[string]account{
		"ana": {name: "Ana", customer: "acme", admin: true},
		"bob": {name: "Bob", customer: "other", admin: true},
	}}
	routes, err := s.routes(app)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(routes)
	t.Cleanup(func() {
		server.Close()
		app.Close()
		store.Close()
	})
	return server
}

func call(t *testing.T, method, url, token, body string) (*http.Response, map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Shop-Token", token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var out map[string]any
	if strings.Contains(answer.Header.Get("Content-Type"), "json") {
		if err := json.NewDecoder(answer.Body).Decode(&out); err != nil {
			t.Fatal(err)
		}
	}
	return answer, out
}

func TestTheCRMLivesBesideTheShop(t *testing.T) {
	server := setup(t)
	if answer, _ := call(t, "GET", server.URL+"/", "", ""); answer.StatusCode != http.StatusOK {
		t.Fatalf("shop: got %d", answer.StatusCode)
	}
	answer, made := call(t, "POST", server.URL+"/crm/api/v1/contacts", "ana", `{"displayName": "Zoë Łukasz"}`)
	if answer.StatusCode != http.StatusCreated {
		t.Fatalf("create: got %d %v", answer.StatusCode, made)
	}
	location := answer.Header.Get("Location")
	if !strings.HasPrefix(location, "/crm/api/v1/contacts/") {
		t.Errorf("Location does not follow the mount path: %q", location)
	}
	if _, list := call(t, "GET", server.URL+"/crm/api/v1/contacts?search=zoe+lukazs", "ana", ""); list["total"] != 1.0 {
		t.Errorf("search: got %v", list)
	}

	t.Run("another customer sees nothing of it", func(t *testing.T) {
		if answer, _ := call(t, "GET", server.URL+location, "bob", ""); answer.StatusCode != http.StatusNotFound {
			t.Errorf("get: got %d, want 404", answer.StatusCode)
		}
		if _, list := call(t, "GET", server.URL+"/crm/api/v1/contacts", "bob", ""); list["total"] != 0.0 {
			t.Errorf("list: got %v", list)
		}
	})
	t.Run("nobody signed in is refused", func(t *testing.T) {
		if answer, _ := call(t, "GET", server.URL+"/crm/api/v1/contacts", "", ""); answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("got %d, want 401", answer.StatusCode)
		}
	})
}

func TestARequestUnderWayEndsBeforeTheProgram(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	s := &shop{accounts: map[string]account{"ana": {name: "Ana", customer: "acme", admin: true}}}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- s.serve(ctx, address, filepath.Join(t.TempDir(), "crm.db")) }()
	listening := func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err == nil
	}
	wait(t, "the shop listens", listening)

	body, half := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/crm/api/v1/contacts", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Shop-Token", "ana")
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Expect", "100-continue") // The body goes out when somebody over there reads it.
	answers := make(chan string, 1)
	go func() {
		answer, err := (&http.Transport{ExpectContinueTimeout: time.Minute}).RoundTrip(r)
		if err != nil {
			answers <- err.Error()
			return
		}
		answer.Body.Close()
		answers <- answer.Status
	}()
	if _, err := io.WriteString(half, `{"displayName":`); err != nil {
		t.Fatal(err)
	}
	stop()
	wait(t, "the shop listens no more", func() bool { return !listening() })
	if _, err := io.WriteString(half, `"Zoë"}`); err != nil {
		t.Fatal(err)
	}
	half.Close()
	if got, want := <-answers, "201 Created"; got != want {
		t.Errorf("the request under way: got %s, want %s", got, want)
	}
	if err := <-ended; err != nil {
		t.Errorf("the end: %v", err)
	}
}

func wait(t *testing.T, what string, true func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); !true(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
