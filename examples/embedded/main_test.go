package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

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
