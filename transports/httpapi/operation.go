package httpapi

import (
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/omnicrm/omnicrm/crm"
)

// operation is one row of the table of routes: what is documented, checked
// and run, in one place.
type operation struct {
	id      string
	method  string
	path    string // as for http.ServeMux, with {id}
	tag     string
	summary string
	notes   string
	// open operations need no actor.
	open bool
	// unlimited operations are not counted by the rate limiter.
	unlimited bool
	query     []parameter
	// fieldFilters accepts field.<key> parameters.
	fieldFilters bool
	// records is the path that the records it makes lie under, where that is not
	// the operation's own.
	records string
	// body is the type of the JSON body, nil for none.
	body reflect.Type
	// bodyOptional accepts an absent body.
	bodyOptional bool
	// upload takes any body as a stream; the handler reads it.
	upload bool
	// matches marks operations that honour If-Match.
	matches bool
	answers []answerDoc
	// refusals are the error statuses beyond those that every operation has.
	refusals []int
	run      func(h *Handler, c *call) error
	// replay answers a repeated Idempotency-Key of an operation whose answer
	// shows records, which are read again; nil replays the answer as it was.
	replay func(h *Handler, c *call, saved *crm.SavedAnswer) error

	bodySchema *huma.Schema
	parameters map[string]*parameter
}

// parameter is one query parameter.
type parameter struct {
	name   string
	notes  string
	schema *huma.Schema
	// repeatable parameters may stand more than once.
	repeatable bool
	// blankAbsent takes an empty value as if the parameter were not there.
	blankAbsent bool
}

// answerDoc is one documented success.
type answerDoc struct {
	status int
	notes  string
	// body is the type of the JSON body, nil for none.
	body reflect.Type
	// media lists the media types of a body that is not JSON.
	media []string
	// location and etag say that the header is set.
	location, etag bool
}

// recordsPath is the path that the records of the operation lie under.
func (o *operation) recordsPath() string {
	if o.records != "" {
		return o.records
	}
	return o.path
}

func (o *operation) unsafe() bool {
	return o.method != http.MethodGet && o.method != http.MethodHead
}

func (o *operation) pathNames() []string {
	var names []string
	for part := range strings.SplitSeq(o.path, "/") {
		if strings.HasPrefix(part, "{") {
			names = append(names, strings.Trim(part, "{}"))
		}
	}
	return names
}

// prepare derives what requests need from the row.
func (o *operation) prepare(registry huma.Registry) {
	o.parameters = make(map[string]*parameter, len(o.query))
	for i := range o.query {
		o.parameters[o.query[i].name] = &o.query[i]
	}
	if o.body != nil {
		o.bodySchema = registry.Schema(o.body, true, "")
	}
}

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// The small words that the table of routes is written with.

func okJSON[T any](notes string) answerDoc {
	return answerDoc{status: http.StatusOK, notes: notes, body: typeOf[T]()}
}

func okRecord[T any](notes string) answerDoc {
	return answerDoc{status: http.StatusOK, notes: notes, body: typeOf[T](), etag: true}
}

func createdRecord[T any](notes string) answerDoc {
	return answerDoc{status: http.StatusCreated, notes: notes, body: typeOf[T](), etag: true, location: true}
}

func acceptedJob[T any](notes string) answerDoc {
	return answerDoc{status: http.StatusAccepted, notes: notes, body: typeOf[T](), location: true}
}

func noContent(notes string) answerDoc {
	return answerDoc{status: http.StatusNoContent, notes: notes}
}
