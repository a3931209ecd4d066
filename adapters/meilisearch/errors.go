package meilisearch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	meili "github.com/meilisearch/meilisearch-go"

	"github.com/omnicrm/omnicrm/crm"
)

// ErrMisconfigured says that the address, the key, the server's version or the
// index itself must be put right by whoever runs it: it does not pass by itself.
// The error's text says how.
var ErrMisconfigured = errors.New("search service not usable as configured")

// Codes of the server, see https://www.meilisearch.com/docs/reference/errors/error_codes.
const (
	codeNoIndex     = "index_not_found"
	codeIndexThere  = "index_already_exists"
	codeNoDocument  = "document_not_found"
	codeTooLarge    = "payload_too_large"
	codeNotEnabled  = "feature_not_enabled"
	codeBadFilter   = "invalid_search_filter"
	codeBadFilter2  = "invalid_document_filter"
	codeBadSort     = "invalid_search_sort"
	codeBadFacets   = "invalid_search_facets"
	codeBadFacet    = "invalid_facet_search_facet_name"
	codeFacetSearch = "facet_search_disabled"
)

// serviceError is what the server, or the way to it, did wrong. It unwraps to a
// sentinel of crm and to the error of the client library. Of the latter's text
// nothing is shown: it repeats requests and answers.
type serviceError struct {
	text     string
	code     string
	sentinel error
	cause    error
}

// Error says what went wrong and, where there is one, what to do.
func (e *serviceError) Error() string { return "meilisearch: " + e.text }

// Unwrap returns the sentinel and the cause.
func (e *serviceError) Unwrap() []error {
	var all []error
	for _, err := range []error{e.sentinel, e.cause} {
		if err != nil {
			all = append(all, err)
		}
	}
	return all
}

func misconfigured(text string, cause error) error {
	return &serviceError{text: text, sentinel: ErrMisconfigured, cause: cause}
}

// rights is what a key must be good for.
const rights = "search, documents.add, documents.get, documents.delete, indexes.create, indexes.get, settings.get, settings.update, tasks.get and stats.get"

// translate turns an error of the client library into one of this package. It is
// the only place that knows status codes and codes of the server.
func (x *Index) translate(err error) error {
	if err == nil {
		return nil
	}
	var api *meili.Error
	if !errors.As(err, &api) {
		return x.translateTransport(err, err)
	}
	e := &serviceError{code: api.MeilisearchApiError.Code, cause: err}
	switch {
	case api.StatusCode == 0:
		return x.translateTransport(err, api.OriginError)
	case api.StatusCode == http.StatusUnauthorized:
		e.sentinel, e.text = ErrMisconfigured, "the server wants an API key and none was given; give one with the rights "+rights
	case api.StatusCode == http.StatusForbidden:
		e.sentinel, e.text = ErrMisconfigured, fmt.Sprintf("the server refuses the API key; give one that is valid for the index %q with the rights %s", x.o.Index, rights)
	case api.StatusCode == http.StatusRequestEntityTooLarge:
		e.sentinel, e.text, e.code = crm.ErrUnavailable, "a document is larger than the server takes; raise its --http-payload-size-limit", codeTooLarge
	case api.StatusCode == http.StatusTooManyRequests, api.StatusCode >= http.StatusInternalServerError:
		e.sentinel, e.text = crm.ErrUnavailable, fmt.Sprintf("the server answers with status %d%s", api.StatusCode, e.coded())
	case lost(e.code):
		e.sentinel, e.text = crm.ErrUnavailable, fmt.Sprintf("the index %q is gone or has other settings (%s); it is set up again", x.o.Index, e.code)
		x.forget()
	case api.ErrCode == meili.ErrCodeResponseUnmarshalBody || e.code == "":
		e.sentinel, e.text = crm.ErrUnavailable, fmt.Sprintf("the answer with status %d is not one of Meilisearch; is the address right?", api.StatusCode)
	default:
		e.text = fmt.Sprintf("the server refuses a request with status %d%s", api.StatusCode, e.coded())
	}
	return e
}

func (e *serviceError) coded() string {
	if e.code == "" {
		return ""
	}
	return " (" + e.code + ")"
}

// lost reports whether a code says that the index is not as it was prepared.
func lost(code string) bool {
	switch code {
	case codeNoIndex, codeBadFilter, codeBadFilter2, codeBadSort, codeBadFacets, codeBadFacet, codeFacetSearch:
		return true
	}
	return false
}

// translateTransport is for what came before an answer, or instead of one.
func (x *Index) translateTransport(err, origin error) error {
	e := &serviceError{sentinel: crm.ErrUnavailable, cause: err}
	var timeout net.Error
	if by, ok := errors.AsType[*url.Error](origin); ok {
		origin = by.Err // The address has its place in the configuration.
	}
	var syntax *json.SyntaxError
	switch {
	case errors.Is(origin, context.Canceled):
		return &serviceError{text: "given up by the caller", sentinel: context.Canceled, cause: err}
	case errors.Is(origin, context.DeadlineExceeded), errors.As(origin, &timeout) && timeout.Timeout():
		e.text = "the server did not answer in time"
	case errors.As(origin, &syntax):
		e.text = "the answer is not one of Meilisearch; is the address right?"
	case origin != nil:
		e.text = "the server cannot be reached: " + origin.Error()
	default:
		e.text = "the server cannot be reached"
	}
	return e
}

// codeOf returns the server's code in an error of this package, or "".
func codeOf(err error) string {
	if e, ok := errors.AsType[*serviceError](err); ok {
		return e.code
	}
	return ""
}
