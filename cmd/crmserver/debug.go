package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"

	"go.uber.org/fx"
)

// watching are the settings of what operators look at.
type watching struct {
	telemetrySettings

	DebugAddr string `env:"CRM_DEBUG_ADDR" placeholder:"ADDR" help:"Address, or only a port of this machine, for profiles (/debug/pprof), metrics and health. Nothing there asks who is calling. Default none."`
	Metrics   string `env:"CRM_METRICS" default:"main" enum:"main,debug,off" help:"Where /metrics is: main (also on the main address), debug (only on --debug-addr) or off. Default ${default}."`
}

func (w watching) validate() error {
	if w.Metrics == "debug" && w.DebugAddr == "" {
		return usageError{"--metrics debug needs a --debug-addr"}
	}
	return w.telemetrySettings.validate()
}

// debugAddress puts what is only a port on this machine.
func debugAddress(given string) string {
	if given = strings.TrimPrefix(given, ":"); !strings.Contains(given, ":") {
		return net.JoinHostPort("127.0.0.1", given)
	}
	return given
}

// debugServer serves what operators look at, beside the main address.
type debugServer struct{ http *http.Server }

// debugModule starts one where it is asked for.
func debugModule(w watching, t *telemetry) fx.Option {
	if w.DebugAddr == "" {
		return fx.Options()
	}
	return fx.Invoke(func(lc fx.Lifecycle, health healthHandler, log *slog.Logger) {
		s := &debugServer{http: &http.Server{
			Handler: debugRoutes(w, t, health), ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout,
			ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		}}
		done := make(chan struct{})
		lc.Append(fx.Hook{
			OnStart: func(ctx context.Context) error {
				var c net.ListenConfig
				l, err := c.Listen(ctx, "tcp", debugAddress(w.DebugAddr))
				if err != nil {
					close(done)
					return fmt.Errorf("listen on %s (choose another with --debug-addr): %w", debugAddress(w.DebugAddr), err)
				}
				log.Info("profiles, metrics and health", "address", "http://"+l.Addr().String())
				go func() {
					defer close(done)
					if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
						log.Error("debug listener failed", "error", err)
					}
				}()
				return nil
			},
			OnStop: func(context.Context) error {
				err := s.http.Close() // A profile under way is nothing to wait for.
				<-done
				return err
			},
		})
	})
}

// healthHandler answers /healthz and /readyz.
type healthHandler http.Handler

func debugRoutes(w watching, t *telemetry, health healthHandler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.Handle("GET /healthz", health)
	mux.Handle("GET /readyz", health)
	if w.Metrics != "off" {
		mux.Handle("GET /metrics", t.metrics.handler())
	}
	return mux
}
