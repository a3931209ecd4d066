package identity

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"sync/atomic"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"

	"github.com/omnicrm/omnicrm/crm"
)

// The bounds of a password: characters, and bytes.
const (
	MinPassword      = 10
	MaxPassword      = 200
	maxPasswordBytes = 1024
)

// The cost of a hash, as OWASP's Password Storage Cheat Sheet asks for argon2id.
const (
	hashMemoryKB   = 19 * 1024
	hashIterations = 2
	hashThreads    = 1
	saltBytes      = 16
	hashBytes      = 32
)

// hashQueue is how many callers may wait for each hash that runs; more are
// turned away, so that a flood of sign-ins takes neither memory nor time
// without bound.
const hashQueue = 64

// hasher hashes passwords, a bounded number at once, because each takes 19 MiB
// and a core for some 20 ms. Safe for parallel use.
type hasher struct {
	slots   chan struct{}
	waiting atomic.Int64
	nobody  string
}

func newHasher(atOnce int) *hasher {
	// A hash that no password has, for addresses that nobody has.
	var random [saltBytes + hashBytes]byte
	rand.Read(random[:])
	encode := base64.RawStdEncoding.EncodeToString
	return &hasher{
		slots: make(chan struct{}, atOnce),
		nobody: fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", hashMemoryKB, hashIterations, hashThreads,
			encode(random[:saltBytes]), encode(random[saltBytes:])),
	}
}

// hash returns the hash of a password in its text form. ErrUnavailable when too
// many wait already.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	release, err := h.acquire(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	hash, err := argon2id.CreateHash(password, &argon2id.Params{
		Memory: hashMemoryKB, Iterations: hashIterations, Parallelism: hashThreads, SaltLength: saltBytes, KeyLength: hashBytes,
	})
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return hash, nil
}

// verify reports whether the password has the hash. An empty hash, for a user
// who does not exist or has no password, costs the same and never matches.
func (h *hasher) verify(ctx context.Context, password, hash string) (bool, error) {
	if hash == "" {
		hash = h.nobody
	}
	if len(password) > maxPasswordBytes {
		hash, password = h.nobody, ""
	}
	release, err := h.acquire(ctx)
	if err != nil {
		return false, err
	}
	defer release()
	ok, err := argon2id.ComparePasswordAndHash(password, hash)
	if err != nil {
		return false, fmt.Errorf("verify password: %w", err)
	}
	return ok, nil
}

func (h *hasher) acquire(ctx context.Context) (release func(), err error) {
	defer h.waiting.Add(-1)
	if h.waiting.Add(1) > int64(cap(h.slots))*hashQueue {
		return nil, fmt.Errorf("hash password: too many at once: %w", crm.ErrUnavailable)
	}
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("hash password: %w", ctx.Err())
	}
}

// password checks a password to be, against the rules and the user's address.
func (p *problems) password(field, password, emailKey string) {
	n := utf8.RuneCountInString(password)
	switch {
	case password == "":
		p.add(field, crm.CodeRequired, "must be given")
	case !utf8.ValidString(password):
		p.add(field, crm.CodeInvalid, "must be valid UTF-8")
	case n < MinPassword:
		p.add(field, crm.CodeInvalid, fmt.Sprintf("must have at least %d characters", MinPassword))
	case n > MaxPassword || len(password) > maxPasswordBytes:
		p.add(field, crm.CodeTooLong, fmt.Sprintf("must have at most %d characters and %d bytes", MaxPassword, maxPasswordBytes))
	case emailKey != "" && EmailKey(password) == emailKey:
		p.add(field, crm.CodeInvalid, "must not be the email address")
	}
}
