package meilisearch

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Options are settings of an index. The zero value works.
type Options struct {
	// Key is an API key of the server that may search, documents.add,
	// documents.get, documents.delete, indexes.create, indexes.get, settings.get,
	// settings.update, tasks.get and stats.get on the index. Default none, for a
	// server that runs without keys.
	Key string
	// Index is the name of the index: 1 to 400 letters, digits, "-" and "_". Each
	// database needs one of its own. Default "omnicrm".
	Index string
	// Client sends the requests. Its Transport is wrapped, so that what failed in
	// passing is sent again. Default a client of its own.
	Client *http.Client
	// CallTimeout bounds one request with its repetitions. Default 10 seconds.
	CallTimeout time.Duration
	// WriteTimeout bounds how long a write waits until the server has done it.
	// Default 2 minutes.
	WriteTimeout time.Duration
	// Retries is how often a request is sent again that the server did not answer,
	// or answered with 429 or 5xx; -1 for never. Default 2.
	Retries int
	// Direct also stores names, addresses, company, phones and tags as Meilisearch
	// itself searches them, for hosts whose front end asks the server without us,
	// under a token made by [Index.Token]. By Meilisearch's own rules, then. It
	// makes the index larger and its filling slower. Default false.
	Direct bool
	// TokenKey and TokenKeyUID are a key of the server that may search the index,
	// by which [Index.Token] signs. Default none.
	TokenKey, TokenKeyUID string
}

// defaultIndex is the name of the index when none is given.
const defaultIndex = "omnicrm"

var indexName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,400}$`)

func (o Options) withDefaults() (Options, error) {
	if o.Index == "" {
		o.Index = defaultIndex
	}
	if !indexName.MatchString(o.Index) {
		return o, misconfigured("the name of an index may have letters, digits, - and _ only", nil)
	}
	if o.CallTimeout <= 0 {
		o.CallTimeout = 10 * time.Second
	}
	if o.WriteTimeout <= 0 {
		o.WriteTimeout = 2 * time.Minute
	}
	switch {
	case o.Retries == 0:
		o.Retries = 2
	case o.Retries < 0:
		o.Retries = 0
	}
	return o, nil
}

// checkURL returns the address of a server without a final slash. What is wrong
// with it is said without repeating it: it may hold a password.
func checkURL(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", misconfigured("the address must be like http://127.0.0.1:7700", nil)
	}
	if u.User != nil {
		return "", misconfigured("the address must hold no user or password; the API key is given apart", nil)
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return "", misconfigured("the address must end with its path", nil)
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// String leaves the keys out.
func (o Options) String() string {
	return fmt.Sprintf("index %q, direct %t", o.Index, o.Direct)
}

// GoString leaves the keys out.
func (o Options) GoString() string { return o.String() }
