package httpapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/omnicrm/omnicrm/crm"
)

// The codes of a problem.
const (
	codeUnauthorized       = "unauthorized"
	codeForbidden          = "forbidden"
	codeMissingCSRF        = "missing_csrf"
	codeInvalidCSRF        = "invalid_csrf"
	codeNotFound           = "not_found"
	codeMethodNotAllowed   = "method_not_allowed"
	codeInvalidQuery       = "invalid_query"
	codeInvalidBody        = "invalid_body"
	codeInvalidID          = "invalid_id"
	codeConflict           = "conflict"
	codePreconditionFailed = "precondition_failed"
	codePayloadTooLarge    = "payload_too_large"
	codeUnsupportedMedia   = "unsupported_media_type"
	codeRateLimited        = "rate_limited"
	codeUnavailable        = "unavailable"
	codeInternal           = "internal"
)

// problem is an error answer (RFC 9457).
type problem struct {
	Type      string           `json:"type" doc:"Names the code as a URN." example:"urn:omnicrm:problem:not_found"`
	Title     string           `json:"title" doc:"The status in words."`
	Status    int              `json:"status" minimum:"400" maximum:"599"`
	Detail    string           `json:"detail" doc:"What is wrong and what to do, for people. Never repeats a submitted value."`
	Instance  string           `json:"instance" doc:"Names this occurrence by its request id."`
	Code      string           `json:"code" enum:"unauthorized,forbidden,missing_csrf,invalid_csrf,not_found,method_not_allowed,invalid_query,invalid_body,invalid_id,conflict,precondition_failed,payload_too_large,unsupported_media_type,rate_limited,unavailable,internal" doc:"What programs decide by."`
	RequestID string           `json:"requestId" doc:"The X-Request-Id of the answer."`
	Errors    []crm.FieldError `json:"errors" doc:"The broken rules, by field."`
	Links     *problemLinks    `json:"links,omitempty" doc:"Where to look."`
}

type problemLinks struct {
	Conflict string `json:"conflict" doc:"The record that is in the way." example:"/api/v1/contacts/0190d3c1-7d3a-7f00-8000-000000000000"`
}

// writeProblem sends the error answer. Headers of a success that was not
// reached are taken back.
func (c *call) writeProblem(p problem) {
	c.direct = true
	header := c.w.Header()
	for _, name := range []string{"ETag", "Location", "Content-Disposition", "Content-Length"} {
		header.Del(name)
	}
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Type", "application/problem+json")
	p.Type = "urn:omnicrm:problem:" + p.Code
	p.Title = http.StatusText(p.Status)
	p.RequestID = c.requestID
	p.Instance = "urn:omnicrm:request:" + c.requestID
	if p.Errors == nil {
		p.Errors = []crm.FieldError{}
	}
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(p) // A problem holds nothing that cannot be encoded.
	header.Set("Content-Length", strconv.Itoa(body.Len()))
	c.w.WriteHeader(p.Status)
	if c.r.Method != http.MethodHead {
		_, _ = c.w.Write(body.Bytes())
	}
}
