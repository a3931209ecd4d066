package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"go.uber.org/dig"
	"go.uber.org/fx"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/crmfx"
	"github.com/omnicrm/omnicrm/crm/identity"
	"github.com/omnicrm/omnicrm/transports/httpapi"
	"github.com/omnicrm/omnicrm/transports/httpapi/httpapifx"
)

const (
	// drainTimeout is how long requests under way may take after a signal.
	drainTimeout = 10 * time.Second
	// headerTimeout and idleTimeout keep slow and silent clients from holding
	// connections. Bodies have theirs from the handler: imports are long.
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
)

// listening are the settings of a server.
type listening struct {
	watching

	Addr    string `env:"CRM_ADDR" default:"127.0.0.1:8080" help:"Address to listen on. Default ${default}."`
	Workers int    `env:"CRM_WORKERS" default:"4" help:"Jobs at once in this process, 0 for none. Default ${default}."`
	// ShutdownDelay is for whoever spreads requests over servers.
	ShutdownDelay time.Duration `env:"CRM_SHUTDOWN_DELAY" default:"0s" help:"After a signal, how long requests are still served while /readyz says 503. Default ${default}."`
}

// maxShutdownDelay is what supervisors wait for a process that was asked to end.
const maxShutdownDelay = time.Minute

func (l listening) validate() error {
	if l.Workers < 0 {
		return usageError{"--workers: must be 0, for none, or more"}
	}
	if l.ShutdownDelay < 0 || l.ShutdownDelay > maxShutdownDelay {
		return usageError{"--shutdown-delay: must be 0s to 1m"}
	}
	if l.Addr != "" {
		_, port, err := net.SplitHostPort(l.Addr)
		if err == nil {
			_, err = net.LookupPort("tcp", port)
		}
		if err != nil {
			return usageError{"--addr: must be like 127.0.0.1:8080, or :8080 for every address of this machine"}
		}
	}
	return l.watching.validate()
}

// serveCmd runs the server.
type serveCmd struct {
	listening

	Demo bool `help:"Fill a throw-away workspace with invented people and print a link that signs in."`
}

// Run implements the command: it serves until ctx ends.
func (s serveCmd) Run(ctx context.Context, g *Globals, t terminal) error {
	if s.Demo && g.dataGiven {
		return usageError{"--demo has a folder of its own, which goes when it stops, and writes nothing to --data: leave one of the two away"}
	}
	if s.Demo && g.DatabaseURL != "" {
		return usageError{"--demo keeps its people in a folder of its own, which goes when it stops: leave --database-url (CRM_DATABASE_URL) away"}
	}
	if s.Demo {
		folder, err := newDemoFolder()
		if err != nil {
			return err
		}
		defer folder.remove()
		g.Data = folder.path
	}
	if err := errors.Join(g.validate(), s.validate()); err != nil {
		return err
	}
	if err := g.database().prepare(); err != nil {
		return err
	}
	var srv *server
	log := g.logger(t.err)
	told, err := newTelemetry(s.telemetrySettings, log)
	if err != nil {
		return err
	}
	defer told.close()
	options, err := s.options(g, log, told)
	if err != nil {
		return err
	}
	app := fx.New(options, fx.Populate(&srv))
	if err := start(ctx, app); err != nil {
		return err
	}
	if err := s.welcome(ctx, g, srv, t); err != nil && ctx.Err() == nil {
		return errors.Join(err, stop(app))
	}
	select {
	case <-ctx.Done():
	case end := <-app.Wait(): // Of a signal, too.
		if end.ExitCode != 0 {
			return errors.Join(errors.New("the listener failed; see the log"), stop(app))
		}
	}
	s.leave(srv, log)
	log.Info("stopping: requests end, jobs are parked")
	return stop(app)
}

// options is the composition of the server.
func (s serveCmd) options(g *Globals, log *slog.Logger, told *telemetry) (fx.Option, error) {
	proxies, err := g.proxies()
	if err != nil {
		return nil, err
	}
	api := httpapi.Options{RateLimit: g.RateLimit, TrustedProxies: proxies, PublicURL: g.PublicURL, BasePath: g.basePath()}
	api.Observe, api.TraceParent = told.answered, told.traceParent()
	if s.Metrics == "main" {
		api.Metrics = told.metrics.handler()
	}
	if g.RateLimit == 0 {
		api.RateLimit = -1
	}
	settings := crmfx.Settings{Workers: s.Workers}
	if s.Workers == 0 {
		settings.Workers = -1
	}
	return fx.Options(base(g, log, settings, told), g.limits(), fx.Supply(api, told, listenAddress(s.Addr), basePath(g.basePath())), httpapifx.Module(),
		fx.Provide(newServer, func(h *httpapi.Handler) healthHandler { return h }), debugModule(s.watching, told), keepErasures(g, log)), nil
}

type listenAddress string

// basePath is the path of the public address, without a final slash.
type basePath string

// server is the HTTP side of the process.
type server struct {
	app      *crm.CRM
	store    crm.Store
	identity *identity.Identity
	handler  *httpapi.Handler
	http     *http.Server
	log      *slog.Logger
	told     *telemetry
	address  string
	base     string
}

type serverParams struct {
	fx.In

	Lifecycle  fx.Lifecycle
	Shutdowner fx.Shutdowner
	App        *crm.CRM
	Store      crm.Store
	Identity   *identity.Identity
	Handler    *httpapi.Handler
	Address    listenAddress
	Base       basePath
	Log        *slog.Logger
	Telemetry  *telemetry
}

// newServer listens when the application starts and serves until it stops.
func newServer(p serverParams) *server {
	s := &server{app: p.App, store: p.Store, identity: p.Identity, handler: p.Handler, log: p.Log, base: string(p.Base), told: p.Telemetry}
	s.http = &http.Server{
		Handler: p.Telemetry.traced(s.routes()), ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout,
		ErrorLog: slog.NewLogLogger(p.Log.Handler(), slog.LevelWarn),
	}
	s.http.RegisterOnShutdown(p.App.EndStreams) // They would last as long as the drain.
	done := make(chan struct{})
	p.Lifecycle.Append(fx.Hook{
		OnStart: func(ctx context.Context) error {
			var c net.ListenConfig
			l, err := c.Listen(ctx, "tcp", string(p.Address))
			if err != nil {
				close(done)
				return fmt.Errorf("listen on %s (choose another with --addr): %w", p.Address, err)
			}
			s.address = l.Addr().String()
			go func() {
				defer close(done)
				if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
					p.Log.Error("listener failed", "error", err)
					p.Shutdowner.Shutdown(fx.ExitCode(exitFailed)) //nolint:errcheck // It is stopping already, then.
				}
			}()
			return nil
		},
		OnStop: func(ctx context.Context) error {
			drain, cancel := context.WithTimeout(ctx, drainTimeout)
			defer cancel()
			err := s.http.Shutdown(drain)
			if errors.Is(err, context.DeadlineExceeded) {
				p.Log.Warn("requests still running were cut off")
				err = s.http.Close()
			}
			<-done
			return err
		},
	})
	return s
}

// leave goes on serving for a while, and says so to those who spread requests.
func (s serveCmd) leave(srv *server, log *slog.Logger) {
	if s.ShutdownDelay == 0 {
		return
	}
	log.Info("leaving: /readyz says 503, requests are still served", "for", s.ShutdownDelay)
	srv.handler.Leave()
	timer := time.NewTimer(s.ShutdownDelay)
	<-timer.C
}

// greeting is where to go; --json prints it as it is.
type greeting struct {
	URL       string `json:"url"`
	SignInURL string `json:"signInUrl,omitempty"`
	SetUpURL  string `json:"setUpUrl,omitempty"`
	// ElsewhereURL is what other machines use instead of URL.
	ElsewhereURL string `json:"elsewhereUrl,omitempty"`
}

// welcome prints where to go: the demo's link, the first run's set-up link, or
// the address.
func (s serveCmd) welcome(ctx context.Context, g *Globals, srv *server, t terminal) error {
	hello, err := s.greet(ctx, g, srv, t)
	if err != nil {
		return err
	}
	switch {
	case g.JSON:
		return printJSON(t.out, hello)
	case hello.SignInURL != "":
		_, err = fmt.Fprintf(t.out, "Demo ready. Sign in once, within ten minutes:\n  %s\n", hello.SignInURL)
	case hello.SetUpURL != "":
		_, err = fmt.Fprintf(t.out, "OmniCRM serves at %s and has no user yet. Set it up, once, within a day:\n  %s\n"+
			"or on this machine: crmserver user create --email YOU --password-stdin\n", hello.URL, hello.SetUpURL)
	default:
		_, err = fmt.Fprintf(t.out, "OmniCRM serves at %s\n", hello.URL)
	}
	if err == nil && hello.ElsewhereURL != "" {
		_, err = fmt.Fprintf(t.out, "From other machines the same begins with %s\n", hello.ElsewhereURL)
	}
	return err
}

func (s serveCmd) greet(ctx context.Context, g *Globals, srv *server, t terminal) (greeting, error) {
	hello := greeting{URL: srv.url(g.PublicURL), ElsewhereURL: srv.elsewhere(g.PublicURL)}
	if s.Demo {
		token, err := srv.fillDemo(ctx, t)
		if err != nil {
			return hello, fmt.Errorf("fill the demo: %w", err)
		}
		hello.SignInURL = hello.URL + "/signin?token=" + token
		return hello, nil
	}
	has, err := srv.identity.Operator.HasUsers(ctx)
	if err != nil || has {
		return hello, err
	}
	token, err := srv.identity.Operator.SetUpLink(ctx, setUpFor)
	hello.SetUpURL = hello.URL + "/setup?token=" + token
	return hello, err
}

// url is the address to open: the public one, or the listening one, where a
// listener on every address is reached by the local one.
func (s *server) url(public string) string {
	if public != "" {
		return strings.TrimSuffix(public, "/")
	}
	host, port, err := net.SplitHostPort(s.address)
	if err != nil {
		return "http://" + s.address
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// elsewhere is where other machines reach a listener on every address that has
// no public one; "" for any other.
func (s *server) elsewhere(public string) string {
	host, port, err := net.SplitHostPort(s.address)
	if ip := net.ParseIP(host); err != nil || public != "" || ip == nil || !ip.IsUnspecified() {
		return ""
	}
	addresses, err := net.InterfaceAddrs()
	if best := bestAddress(addresses); err == nil && best != "" {
		return "http://" + net.JoinHostPort(best, port)
	}
	return ""
}

// bestAddress is the one of this machine that others most likely reach: those of
// a home or an office first, and no local one.
func bestAddress(addresses []net.Addr) string {
	best, rank := "", 0
	for _, a := range addresses {
		network, ok := a.(*net.IPNet)
		if !ok || network.IP.IsLoopback() || !network.IP.IsGlobalUnicast() {
			continue
		}
		r := 1
		switch v4 := network.IP.To4() != nil; {
		case v4 && network.IP.IsPrivate():
			r = 3
		case v4:
			r = 2
		}
		if r > rank {
			best, rank = network.IP.String(), r
		}
	}
	return best
}

// setUpFor is how long the first run's link holds.
const setUpFor = 24 * time.Hour

// rootCause takes the graph's own words off an error, which help nobody who
// did not write the graph.
func rootCause(err error) error {
	if cause := dig.RootCause(err); cause != nil {
		return cause
	}
	return err
}
