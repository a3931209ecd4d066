package httpapi

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
)

const maxRequestID = 64

// Where a page may send a form, for the Content-Security-Policy.
const (
	formsNowhere = "'none'"
	formsHere    = "'self'"
)

// setHeaders writes the headers that every answer carries and returns the id
// of the request: the caller's own when it is well-formed, else a fresh one.
func (h *Handler) setHeaders(header http.Header, r *http.Request, forms string) string {
	var random [32]byte
	_, _ = rand.Read(random[:]) // Never fails since Go 1.24.
	id := r.Header.Get("X-Request-Id")
	if !validRequestID(id) {
		id = hex.EncodeToString(random[:16])
	}
	nonce := hex.EncodeToString(random[16:])
	header.Set("X-Request-Id", id)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	header.Set("Content-Security-Policy", "default-src 'none'; script-src 'nonce-"+nonce+"'; style-src 'nonce-"+nonce+
		"'; base-uri 'none'; form-action "+forms+"; frame-ancestors 'none'")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Cache-Control", "no-store")
	if h.overTLS(r) {
		header.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	}
	return id
}

// validRequestID accepts 1 to 64 of [A-Za-z0-9._-]: nothing that could forge
// a log line.
func validRequestID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for i := range len(id) {
		b := id[i]
		switch {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9', b == '.', b == '_', b == '-':
		default:
			return false
		}
	}
	return true
}
