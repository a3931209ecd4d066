package meilisearch

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/failsafe-go/failsafe-go/failsafehttp"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
)

const (
	dialTimeout = 3 * time.Second
	// A request is sent again after about retryFirst, then after twice as long
	// each time, at most retryLast.
	retryFirst = 50 * time.Millisecond
	retryLast  = time.Second
	// keptConnections is how many stay open between requests.
	keptConnections = 32
)

// client returns the client that requests are sent by. All requests of this
// package may be sent twice: a document replaces itself, and what is deleted
// stays so. The library's own repetitions would send an empty body.
func client(o Options) *http.Client {
	c := &http.Client{}
	if o.Client != nil {
		*c = *o.Client
	}
	if c.Transport == nil {
		c.Transport = &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSHandshakeTimeout: dialTimeout,
			MaxIdleConns:        keptConnections,
			MaxIdleConnsPerHost: keptConnections,
			IdleConnTimeout:     90 * time.Second,
			ForceAttemptHTTP2:   true,
		}
	}
	// A key is sent to the address that was given and to no other.
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if o.Retries > 0 {
		c.Transport = failsafehttp.NewRoundTripper(c.Transport, again(o.Retries)) //nolint:bodyclose // A policy, no response.
	}
	return c
}

// within bounds one request.
func (x *Index) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, x.o.CallTimeout)
}

// again is when a request is sent again: what was not answered, 429 and most of
// 5xx. A Retry-After is kept to.
//
//nolint:bodyclose // It builds a policy and sees no response; the round tripper closes those that are not returned.
func again(retries int) retrypolicy.RetryPolicy[*http.Response] {
	return failsafehttp.NewRetryPolicyBuilder().
		WithMaxRetries(retries).
		WithBackoff(retryFirst, retryLast).
		WithJitterFactor(0.25).
		AbortOnErrors(context.Canceled, context.DeadlineExceeded).
		ReturnLastFailure().
		Build()
}
