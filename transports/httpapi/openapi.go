package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
)

// mountMark stands in the stored document where the mount path belongs.
const mountMark = "{mount}"

// writeDocument makes the OpenAPI document from the table of routes.
func (h *Handler) writeDocument() ([]byte, error) {
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "OmniCRM", Version: "1",
			Description: "Contact-centric CRM. Absent scalars are null, lists never; times are RFC 3339 in UTC; ids are UUIDs. " +
				"Unknown parameters and members are refused. Every POST takes an Idempotency-Key: the same request with the same key " +
				"gets the same answer for 24 hours, with the records in it as they are by then, and 404 when the record was erased " +
				"since: no answer is kept with personal data.",
		},
		Servers: []*huma.Server{{URL: mountMark}},
		Components: &huma.Components{
			Schemas: h.registry,
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"apiKey":  {Type: "http", Scheme: "bearer", Description: "An API key, or what the embedding program's own sign-in takes."},
				"session": {Type: "apiKey", In: "cookie", Name: sessionCookie, Description: "Set by sign-in; writes also need the x-csrf-token header."},
			},
		},
	}
	h.registry.Schema(typeOf[problem](), true, "")
	for _, op := range h.operations {
		doc.AddOperation(h.describe(op))
	}
	tidySchemas(h.registry)
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("httpapi: write OpenAPI document: %w", err)
	}
	return text, nil
}

func (h *Handler) describe(op *operation) *huma.Operation {
	o := &huma.Operation{
		OperationID: op.id, Method: op.method, Path: op.path, Tags: []string{op.tag}, Summary: op.summary,
		Description: op.notes, Responses: map[string]*huma.Response{}, Security: []map[string][]string{},
	}
	if !op.open {
		o.Security = []map[string][]string{{"apiKey": {}}, {"session": {}}}
	}
	o.Parameters = describeParameters(op)
	o.RequestBody = h.describeBody(op)
	for _, a := range op.answers {
		o.Responses[strconv.Itoa(a.status)] = h.describeAnswer(a)
	}
	for status, notes := range refusalsOf(op) {
		if o.Responses[strconv.Itoa(status)] == nil {
			o.Responses[strconv.Itoa(status)] = &huma.Response{
				Description: notes, Content: map[string]*huma.MediaType{
					"application/problem+json": {Schema: h.registry.Schema(typeOf[problem](), true, "")},
				},
			}
		}
	}
	return o
}

func describeParameters(op *operation) []*huma.Param {
	var params []*huma.Param
	for _, name := range op.pathNames() {
		params = append(params, &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString, Format: formatUUID}})
	}
	for _, p := range op.query {
		params = append(params, describeParameter(p))
	}
	if op.fieldFilters {
		params = append(params, &huma.Param{
			Name: fieldPrefix + "<key>", In: "query", Description: "Contacts whose custom field has this value; put the field's key in place of <key>.",
			Schema: &huma.Schema{Type: huma.TypeString},
		})
	}
	header := func(name, notes string) {
		params = append(params, &huma.Param{Name: name, In: "header", Description: notes, Schema: &huma.Schema{Type: huma.TypeString}})
	}
	if op.matches {
		header("If-Match", "The ETag that the record must have, or several; * for any.")
	}
	if op.method == http.MethodPost && !op.open {
		header("Idempotency-Key", "1 to 255 visible ASCII characters.")
	}
	if !op.open {
		header("X-Workspace-Id", "Which of a user's workspaces the request is for.")
	}
	return params
}

func describeParameter(p parameter) *huma.Param {
	schema := p.schema
	if p.repeatable {
		most := maxRepeats
		schema = &huma.Schema{Type: huma.TypeArray, Items: p.schema, MaxItems: &most}
	}
	explode := p.repeatable
	param := &huma.Param{Name: p.name, In: "query", Description: p.notes, Schema: schema, AllowEmptyValue: p.blankAbsent}
	if explode {
		param.Style, param.Explode = "form", &explode
	}
	return param
}

func (h *Handler) describeBody(op *operation) *huma.RequestBody {
	switch {
	case op.upload:
		file := &huma.Schema{Type: huma.TypeString, Format: "binary"}
		form := &huma.Schema{Type: huma.TypeObject, Required: []string{"file"}, Properties: map[string]*huma.Schema{"file": file}}
		for _, name := range uploadFields() {
			form.Properties[name] = &huma.Schema{Type: huma.TypeString}
		}
		content := map[string]*huma.MediaType{"multipart/form-data": {Schema: form}}
		for _, media := range rawMedia() {
			content[media] = &huma.MediaType{}
		}
		return &huma.RequestBody{Required: true, Content: content}
	case op.body != nil:
		content := map[string]*huma.MediaType{mediaJSON: {Schema: op.bodySchema}}
		if op.method == http.MethodPatch {
			content[mediaPatch] = &huma.MediaType{Schema: op.bodySchema}
		}
		return &huma.RequestBody{Required: !op.bodyOptional, Content: content}
	}
	return nil
}

func (h *Handler) describeAnswer(a answerDoc) *huma.Response {
	r := &huma.Response{Description: a.notes, Headers: map[string]*huma.Param{}}
	header := func(name, notes string) {
		r.Headers[name] = &huma.Param{Description: notes, Schema: &huma.Schema{Type: huma.TypeString}}
	}
	if a.etag {
		header("ETag", "The record's version in quotes.")
	}
	if a.location {
		header("Location", "The path of the record.")
	}
	if a.body != nil || len(a.media) > 0 {
		r.Content = map[string]*huma.MediaType{}
	}
	if a.body != nil {
		r.Content[mediaJSON] = &huma.MediaType{Schema: h.registry.Schema(a.body, true, "")}
	}
	for _, media := range a.media {
		r.Content[media] = &huma.MediaType{}
	}
	return r
}

// refusalsOf lists the errors that an operation can answer with.
func refusalsOf(op *operation) map[int]string {
	refusals := map[int]string{
		http.StatusBadRequest:          "A parameter, a header or the body is wrong; errors names the places.",
		http.StatusInternalServerError: "Something went wrong here; the request id is in the log.",
		http.StatusServiceUnavailable:  "Something this needs is not available; Retry-After says when to try again.",
	}
	if !op.unlimited {
		refusals[http.StatusTooManyRequests] = "Too many requests; Retry-After says when the next one may come."
	}
	if !op.open || op.unsafe() {
		refusals[http.StatusForbidden] = "The role, the key's scopes or the CSRF check do not allow it."
		refusals[http.StatusUnauthorized] = "Nobody, or nobody known, is calling."
	}
	if !op.open {
		refusals[http.StatusNotFound] = "There is no such record in this workspace."
	}
	if op.matches {
		refusals[http.StatusPreconditionFailed] = "The record has another version than If-Match names."
	}
	if op.unsafe() {
		refusals[http.StatusRequestEntityTooLarge] = "The body is too large."
	}
	if op.body != nil || op.upload {
		refusals[http.StatusUnsupportedMediaType] = "The body is of a type that this does not read."
	}
	if op.method == http.MethodPost && !op.open {
		refusals[http.StatusConflict] = "The request contradicts what is stored, or the Idempotency-Key was used for another one."
	}
	for _, status := range op.refusals {
		if refusals[status] == "" {
			refusals[status] = "The request contradicts what is stored; links names the record in the way."
		}
	}
	return refusals
}

// serveDocument sends the document with the mount path as its server.
func (h *Handler) serveDocument(c *call) error {
	mount := c.prefix()
	if mount == "" {
		mount = "/"
	}
	quoted, err := json.Marshal(mount)
	if err != nil {
		return fmt.Errorf("encode mount path: %w", err)
	}
	return c.send(http.StatusOK, bytes.Replace(h.document, []byte(strconv.Quote(mountMark)), quoted, 1))
}
