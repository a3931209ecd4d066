package identity

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/omnicrm/omnicrm/crm"
)

// tokenBytes is the entropy of every token: 256 bits, beyond guessing, so that
// a plain SHA-256 protects what is stored.
const tokenBytes = 32

// Digest is the SHA-256 of a secret: what is stored instead of it.
type Digest [sha256.Size]byte

// digestOf returns the digest of a secret or, with a kind before it, of what
// is counted.
func digestOf(text string) Digest { return sha256.Sum256([]byte(text)) }

// newToken returns 32 random bytes in unpadded base64url, 43 characters.
func newToken() string {
	var b [tokenBytes]byte
	rand.Read(b[:]) // Never fails: crypto/rand ends the program instead.
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// tokenDigest returns the digest to look a token up by, false for a text that
// no token can be, which needs no look.
func tokenDigest(token string) (Digest, bool) {
	if len(token) != base64.RawURLEncoding.EncodedLen(tokenBytes) {
		return Digest{}, false
	}
	return digestOf(token), true
}

// newKeyText returns a fresh API key.
func newKeyText() string { return KeyPrefix + newToken() }

// keyDigest is tokenDigest for API keys.
func keyDigest(key string) (Digest, bool) {
	token, ok := strings.CutPrefix(key, KeyPrefix)
	if !ok {
		return Digest{}, false
	}
	if _, ok = tokenDigest(token); !ok {
		return Digest{}, false
	}
	return digestOf(key), true
}

// CSRFToken returns the token that a page sends back with every unsafe request
// of the session: HMAC-SHA256 keyed by the session's own token, in base64url. It
// is the same in every process, needs no storage, tells nothing of the session's
// token and ends with it.
func CSRFToken(sessionToken string) string {
	mac := hmac.New(sha256.New, []byte(sessionToken))
	mac.Write([]byte("omnicrm csrf 1"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// CheckCSRF reports whether csrf is the session's, in constant time. An empty
// session token has none.
func CheckCSRF(sessionToken, csrf string) bool {
	return sessionToken != "" && hmac.Equal([]byte(CSRFToken(sessionToken)), []byte(csrf))
}

// MarshalText writes the digest in base64.
func (d Digest) MarshalText() ([]byte, error) {
	return base64.StdEncoding.AppendEncode(nil, d[:]), nil
}

// UnmarshalText reads what MarshalText wrote.
func (d *Digest) UnmarshalText(text []byte) error {
	b, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil || len(b) != len(d) {
		return crm.Invalid("digest", crm.CodeInvalid, "must be 32 bytes in base64")
	}
	copy(d[:], b)
	return nil
}
