package httpapi

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/omnicrm/omnicrm/crm"
)

const (
	// maxJSONBody bounds a JSON body, in bytes.
	maxJSONBody = 1_000_000
	mediaJSON   = "application/json"
	mediaPatch  = "application/merge-patch+json"
)

// readBody reads, parses and checks the JSON body of the route. A route
// without a body refuses one, so that nothing sent is silently dropped.
func (c *call) readBody() error {
	if c.op.upload || !c.op.unsafe() {
		return nil
	}
	raw, err := c.readAll()
	if err != nil {
		return err
	}
	if c.op.body == nil {
		if len(raw) > 0 {
			return &placeError{code: codeInvalidBody, err: crm.Invalid("body", crm.CodeUnknown, "must be empty here")}
		}
		return nil
	}
	if len(raw) == 0 {
		if c.op.bodyOptional {
			raw = []byte("{}")
			c.raw, c.tree = raw, map[string]any{}
			return nil
		}
		return &placeError{code: codeInvalidBody, err: crm.Invalid("body", crm.CodeRequired, "must be a JSON object")}
	}
	if err := c.checkMediaType(); err != nil {
		return err
	}
	tree, err := parseJSON(raw)
	if err == nil {
		err = checkSchema(c.h.registry, c.op.bodySchema, tree, "")
	}
	if err != nil {
		return &placeError{code: codeInvalidBody, err: err}
	}
	c.raw, c.tree = raw, tree
	return nil
}

// readAll reads at most maxJSONBody bytes.
func (c *call) readAll() ([]byte, error) {
	if c.r.Body == nil || c.r.Body == http.NoBody {
		return nil, nil
	}
	if c.r.ContentLength > c.h.maxBody {
		return nil, errBodyTooLarge
	}
	raw, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, c.h.maxBody))
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, errBodyTooLarge
		}
		return nil, brokenUpload()
	}
	return raw, nil
}

// brokenUpload says that the body ended before its announced end.
func brokenUpload() error {
	return &placeError{code: codeInvalidBody, err: crm.Invalid("body", crm.CodeInvalid, "did not arrive whole; send it again")}
}

func (c *call) checkMediaType() error {
	want := &mediaError{want: "Send the body as application/json in UTF-8."}
	if c.op.method == http.MethodPatch {
		want.want = "Send the body as application/merge-patch+json or application/json in UTF-8."
	}
	if c.r.Header.Get("Content-Encoding") != "" {
		return want
	}
	media, parameters, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil {
		return want
	}
	if charset := parameters["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return want
	}
	if media == mediaJSON || media == mediaPatch && c.op.method == http.MethodPatch {
		return nil
	}
	return want
}

// decode reads the checked body into the type of the route's row.
func decode[T any](c *call) (T, error) {
	var v T
	if err := json.Unmarshal(c.raw, &v); err != nil {
		return v, decodeError("body", err)
	}
	return v, nil
}

// decodeError is the answer where the schema let pass what the type does not
// hold, such as 1e3 for a whole number.
func decodeError(field string, err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		field = wrong.Field
	}
	if _, ok := errors.AsType[*crm.ValidationError](err); ok {
		return &placeError{code: codeInvalidBody, err: err}
	}
	return &placeError{code: codeInvalidBody, err: crm.Invalid(field, crm.CodeInvalid, "has the wrong type")}
}
