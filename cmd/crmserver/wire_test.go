package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"testing"

	"go.uber.org/fx"

	"github.com/omnicrm/omnicrm/crm/crmfx"
)

// Every composition must be complete before anybody starts it.

func TestServerCompositionsAreComplete(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	tests := map[string]func(*Globals, *serveCmd){
		"as it stands":        func(*Globals, *serveCmd) {},
		"for a demo":          func(_ *Globals, s *serveCmd) { s.Demo = true },
		"without workers":     func(_ *Globals, s *serveCmd) { s.Workers = 0 },
		"without rate limits": func(g *Globals, _ *serveCmd) { g.RateLimit = 0 },
		"behind a proxy": func(g *Globals, _ *serveCmd) {
			g.PublicURL, g.TrustedProxies = "https://crm.example.com", []string{"10.0.0.0/8", "::1"}
		},
		"over Redis":                       func(g *Globals, _ *serveCmd) { g.RedisURL = "redis://localhost" },
		"with flushing left to the system": func(g *Globals, _ *serveCmd) { g.SyncNormal = true },
		"with a search service":            func(g *Globals, _ *serveCmd) { g.Search.SearchURL = "http://127.0.0.1:7700" },
		"logging everything as JSON":       func(g *Globals, _ *serveCmd) { g.Log, g.JSON = "debug", true },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := &Globals{Data: t.TempDir(), RateLimit: 600, Log: "info"}
			s := serveCmd{listening: listening{Addr: "127.0.0.1:0", Workers: 4}}
			change(g, &s)
			told, err := newTelemetry(s.telemetrySettings, log)
			if err != nil {
				t.Fatal(err)
			}
			options, err := s.options(g, log, told)
			if err != nil {
				t.Fatal(err)
			}
			if err := fx.ValidateApp(options, fx.Invoke(func(*server) {})); err != nil {
				t.Errorf("got %v, want a complete graph", err)
			}
		})
	}
}

// TestEveryCompositionIsComplete has each store with each search and each queue.
func TestEveryCompositionIsComplete(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	for _, database := range []string{"", "postgres://crm@127.0.0.1/crm"} {
		for _, search := range []string{"", "http://127.0.0.1:7700"} {
			for _, redis := range []string{"", "redis://127.0.0.1:6379"} {
				t.Run(fmt.Sprintf("database %q, search %q, Redis %q", database, search, redis), func(t *testing.T) {
					t.Parallel()
					g := &Globals{Data: t.TempDir(), RateLimit: 600, Log: "info", DatabaseURL: database, DatabaseConns: 4, RedisURL: redis}
					g.Search.SearchURL = search
					s := serveCmd{listening: listening{Addr: "127.0.0.1:0", Workers: 4}}
					told, err := newTelemetry(s.telemetrySettings, log)
					if err != nil {
						t.Fatal(err)
					}
					options, err := s.options(g, log, told)
					if err != nil {
						t.Fatal(err)
					}
					if err := fx.ValidateApp(options, fx.Invoke(func(*server) {})); err != nil {
						t.Errorf("got %v, want a complete graph", err)
					}
				})
			}
		}
	}
}

func TestBadSettingsAreRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*Globals, *serveCmd){
		"a proxy that is no network":  func(g *Globals, _ *serveCmd) { g.TrustedProxies = []string{"proxy.local"} },
		"a public address of no host": func(g *Globals, _ *serveCmd) { g.PublicURL = "https://" },
		"a public address of FTP":     func(g *Globals, _ *serveCmd) { g.PublicURL = "ftp://crm.example.com" },
		"a public address with a password": func(g *Globals, _ *serveCmd) {
			g.PublicURL = "https://user:secret@crm.example.com"
		},
		"a negative rate limit": func(g *Globals, _ *serveCmd) { g.RateLimit = -1 },
		"negative workers":      func(_ *Globals, s *serveCmd) { s.Workers = -1 },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var g Globals
			var s serveCmd
			change(&g, &s)
			err := errors.Join(g.validate(), s.validate())
			if _, ok := errors.AsType[usageError](err); !ok {
				t.Errorf("got %v, want a usageError", err)
			}
		})
	}
}

func TestCommandCompositionIsComplete(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	for _, search := range []string{"", "http://127.0.0.1:7700"} {
		g := &Globals{Data: t.TempDir(), Search: searchFlags{SearchURL: search}}
		if err := fx.ValidateApp(base(g, log, crmfx.Settings{Idle: true}, nil), fx.Invoke(func(parts) {})); err != nil {
			t.Errorf("with search on %q: got %v, want a complete graph", search, err)
		}
	}
}
