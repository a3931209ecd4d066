package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

// Options configure a handler. The zero value works and answers 401 to
// everything but health, because nobody can sign in.
type Options struct {
	// ActorFunc is the host's own sign-in: it tells who sends a request. An
	// error that wraps crm.ErrUnauthenticated answers 401, crm.ErrForbidden
	// 403, and so on by the one table of errors. With Identity set as well, a
	// request that ActorFunc does not know is tried against Identity. Default
	// none.
	ActorFunc func(*http.Request) (crm.Actor, error)
	// Identity turns on sessions, API keys and the routes for sign-in,
	// sessions, keys, members and invitations. Default none.
	Identity *identity.Identity
	// RateLimit is how many requests a minute a session, a key or a host's
	// actor may send; they may be sent at once. Negative turns all limits off.
	// Default 600.
	RateLimit int
	// AddressRateLimit is how many requests a minute an address may send
	// before sign-in; IPv6 addresses count by /64. Negative turns it off.
	// Default 60.
	AddressRateLimit int
	// Limiter counts requests. Default one in this process's memory, bounded
	// at 65,536 callers.
	Limiter Limiter
	// TrustedProxies are the networks whose X-Forwarded-For and
	// X-Forwarded-Proto are believed. Default none: the peer is the client.
	TrustedProxies []netip.Prefix
	// PublicURL is where people reach the server, such as
	// "https://crm.example.com". Its origin passes the cross-origin check, and
	// https makes cookies Secure. Default "": by each request.
	PublicURL string
	// TrustedOrigins are further origins, "https://app.example.com", whose
	// pages may send cookie-authenticated writes. Default none.
	TrustedOrigins []string
	// BasePath is the path under which clients see the handler, without a
	// final slash, for a proxy in front that takes a prefix off. Default "":
	// what http.StripPrefix took off, read from each request.
	BasePath string
	// MaxImportBytes bounds an uploaded file. Default 2 GiB.
	MaxImportBytes int64
	// PreviewWait is how long POST /imports waits for the dry run before it
	// answers with the status previewing. Default 20 seconds.
	PreviewWait time.Duration
	// StreamCheck is how often GET /events asks again who is calling, and sends a
	// comment. A stream whose caller lost the rights ends within that time.
	// Default 15 seconds.
	StreamCheck time.Duration
	// StreamPatience is how long a client of GET /events may take to accept what is
	// written to it before it is cut off. A server's own limit for an answer does
	// not apply to streams. Default 10 seconds.
	StreamPatience time.Duration
	// Metrics answers GET /metrics, without sign-in like health; what it shows
	// must tell nothing of tenants. Default none: there is no such route.
	Metrics http.Handler
	// Observe is told of each request when its answer is over, for metrics and
	// traces. It must return at once. Default none.
	Observe func(ctx context.Context, a Answered)
	// TraceParent returns the W3C traceparent of a request's context, "" for
	// none; jobs that the request asks for keep it. Default none.
	TraceParent func(ctx context.Context) string
	// Logger gets the causes of answers from 500 on, and at the level of debug
	// a line for every request. Default slog.Default.
	Logger *slog.Logger
}

const (
	defaultRateLimit        = 600
	defaultAddressRateLimit = 60
	defaultMaxImportBytes   = 2 << 30
	defaultPreviewWait      = 20 * time.Second
	defaultStreamCheck      = 15 * time.Second
	defaultStreamPatience   = 10 * time.Second
)

// withDefaults checks the options and fills what was left out.
func (o Options) withDefaults() (Options, error) {
	if o.RateLimit == 0 {
		o.RateLimit = defaultRateLimit
	}
	if o.AddressRateLimit == 0 {
		o.AddressRateLimit = defaultAddressRateLimit
	}
	if o.RateLimit < 0 {
		o.AddressRateLimit = -1
	}
	if o.MaxImportBytes == 0 {
		o.MaxImportBytes = defaultMaxImportBytes
	}
	if o.MaxImportBytes < 0 {
		return o, errors.New("httpapi: MaxImportBytes is negative")
	}
	if o.PreviewWait <= 0 {
		o.PreviewWait = defaultPreviewWait
	}
	if o.StreamCheck <= 0 {
		o.StreamCheck = defaultStreamCheck
	}
	if o.StreamPatience <= 0 {
		o.StreamPatience = defaultStreamPatience
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.BasePath != "" && (!strings.HasPrefix(o.BasePath, "/") || strings.HasSuffix(o.BasePath, "/")) {
		return o, fmt.Errorf("httpapi: BasePath %q must begin with a slash and not end with one", o.BasePath)
	}
	if o.PublicURL != "" {
		u, err := url.Parse(o.PublicURL)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return o, fmt.Errorf("httpapi: PublicURL %q is not an http or https URL", o.PublicURL)
		}
	}
	if o.Limiter == nil {
		limiter, err := NewMemoryLimiter(0)
		if err != nil {
			return o, fmt.Errorf("httpapi: %w", err)
		}
		o.Limiter = limiter
	}
	return o, nil
}
