package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/fx"
	"go.uber.org/fx/fxtest"

	"github.com/omnicrm/omnicrm/internal/testkit/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func TestTheCompositionIsComplete(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]settings{"in a file": {file: "x.db"}, "on a server": {database: "postgres://localhost/shop"}} {
		if err := fx.ValidateApp(shop(s)); err != nil {
			t.Errorf("%s: got %v, want a complete graph", name, err)
		}
	}
}

func TestTheShopKeepsContacts(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]func(t *testing.T) settings{
		"in a file":   func(t *testing.T) settings { return settings{file: filepath.Join(t.TempDir(), "crm.db")} },
		"on a server": func(t *testing.T) settings { return settings{database: pgtest.EmptyURL(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := at(t)
			s.address = "127.0.0.1:0"
			var mux *http.ServeMux
			app := fxtest.New(t, shop(s), fx.Populate(&mux))
			app.RequireStart()
			defer app.RequireStop()
			server := httptest.NewServer(mux)
			defer server.Close()
			ask := func(customer, method, path, body string) (int, string) {
				r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("X-Shop-Customer", customer)
				r.Header.Set("Content-Type", "application/json")
				answer, err := server.Client().Do(r)
				if err != nil {
					t.Fatal(err)
				}
				defer answer.Body.Close()
				text, err := io.ReadAll(answer.Body)
				if err != nil {
					t.Fatal(err)
				}
				return answer.StatusCode, string(text)
			}
			if status, text := ask("acme", http.MethodPost, "/crm/api/v1/contacts", `{"displayName":"Zoë Łukasz"}`); status != http.StatusCreated {
				t.Fatalf("create: status %d: %s", status, text)
			}
			for customer, want := range map[string]bool{"acme": true, "other": false} {
				_, text := ask(customer, http.MethodGet, "/crm/api/v1/contacts", "")
				if got := strings.Contains(text, "Zoë Łukasz"); got != want {
					t.Errorf("the list of %s: %s", customer, text)
				}
			}
			if status, _ := ask("", http.MethodGet, "/crm/api/v1/contacts", ""); status != http.StatusUnauthorized {
				t.Errorf("without a customer: status %d, want 401", status)
			}
			if _, text := ask("", http.MethodGet, "/", ""); text != "the shop\n" {
				t.Errorf("the shop's own page: %q", text)
			}
		})
	}
}
