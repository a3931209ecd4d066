package httpapi

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/omnicrm/omnicrm/crm"
)

// etag is the entity tag of a record: its version in quotes.
func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// fresh sets the ETag of a read and reports whether the client holds this
// version already (If-None-Match, compared weakly, RFC 9110 13.1.2).
func (c *call) fresh(version int64) bool {
	header := c.w.Header()
	header.Set("ETag", etag(version))
	if c.op.unsafe() {
		return false
	}
	header.Set("Cache-Control", "private, no-cache")
	header.Set("Vary", "Authorization, Cookie, X-Workspace-Id")
	tags := strings.Join(c.r.Header.Values("If-None-Match"), ",")
	if tags == "" {
		return false
	}
	for tag := range strings.SplitSeq(tags, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" || strings.TrimPrefix(tag, "W/") == etag(version) {
			return true
		}
	}
	return false
}

// expectation is what If-Match asks for.
type expectation struct {
	// any is true without the header, and with "*".
	any bool
	// versions are the strong tags that a version of ours can have. A weak
	// tag never matches (RFC 9110 13.1.1).
	versions []int64
}

// ifMatch reads the header. One that is no list of entity tags is a 400.
func (c *call) ifMatch() (expectation, error) {
	lines := c.r.Header.Values("If-Match")
	if len(lines) == 0 {
		return expectation{any: true}, nil
	}
	var e expectation
	for tag := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" {
			e.any = true
			continue
		}
		opaque := strings.TrimPrefix(tag, "W/")
		if len(opaque) < 2 || opaque[0] != '"' || opaque[len(opaque)-1] != '"' {
			return e, &placeError{code: codeInvalidQuery, err: crm.Invalid("If-Match", crm.CodeInvalid,
				`must be "*" or ETags in double quotes, as the answers carry them`)}
		}
		n, err := strconv.ParseInt(opaque[1:len(opaque)-1], 10, 64)
		if err == nil && n > 0 && tag == etag(n) {
			e.versions = append(e.versions, n)
		}
	}
	return e, nil
}

// noVersion is the version that no record has.
const noVersion = math.MaxInt64

// expected returns the version that a write must find, 0 for any. Where the header
// names several, current tells the record's own; when that is none of them, or
// cannot be told, the write is for noVersion: the service then says in its own
// order that the caller may not, that there is no record, or that it has changed.
func (c *call) expected(current func() (int64, error)) (int64, error) {
	e, err := c.ifMatch()
	if err != nil || e.any {
		return 0, err
	}
	switch len(e.versions) {
	case 0:
		return noVersion, nil
	case 1:
		return e.versions[0], nil
	}
	version, err := current()
	switch {
	case errors.Is(err, crm.ErrNotFound), errors.Is(err, crm.ErrForbidden):
		return noVersion, nil
	case err != nil:
		return 0, err
	case !slices.Contains(e.versions, version):
		return noVersion, nil
	}
	return version, nil
}
