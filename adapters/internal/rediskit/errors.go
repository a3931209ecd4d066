package rediskit

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/redis/go-redis/v9"

	"github.com/omnicrm/omnicrm/crm"
)

// ConnectError says why a Redis cannot be used, and what to do about it. It
// unwraps to [crm.ErrUnavailable] and to the driver's error, and holds no secret.
type ConnectError struct {
	// Where is the address, Hint the way out.
	Where, Hint string
	Err         error
}

// Error implements error.
func (e *ConnectError) Error() string {
	return fmt.Sprintf("redis at %s cannot be used: %s (%v)", e.Where, e.Hint, e.Err)
}

// Unwrap returns both errors.
func (e *ConnectError) Unwrap() []error { return []error{crm.ErrUnavailable, e.Err} }

// explain finds the way out of an error of Check.
func explain(where string, secure bool, err error) error {
	return &ConnectError{Where: where, Hint: hint(secure, err), Err: err}
}

func hint(secure bool, err error) string {
	var version *versionError
	var reply redis.Error
	switch {
	case errors.As(err, &version):
		return "upgrade it"
	case errors.As(err, &reply):
		return hintOfReply(reply.Error())
	}
	return hintOfConnection(secure, err)
}

// hintOfReply goes by the code that an answer of Redis begins with.
func hintOfReply(text string) string {
	code, rest, _ := strings.Cut(text, " ")
	switch code {
	case "WRONGPASS", "NOAUTH":
		return "it wants another user or password; write them in front of the host, redis://USER:PASSWORD@HOST, with signs such as @ as %40"
	case "NOPERM":
		return "its user may not do what is needed; let them use all commands and all keys: ACL SETUSER NAME on >PASSWORD ~* &* +@all"
	case "READONLY":
		return "it is a replica, which cannot be written to; name the primary, or let Sentinel find it with redis-sentinel://"
	case "MOVED", "ASK", "CROSSSLOT", "CLUSTERDOWN":
		return "it is a node of a cluster; write redis-cluster:// and have all slots served (CLUSTER INFO)"
	case "LOADING":
		return "it is still loading its data; try again in a moment"
	case "OOM":
		return "it has reached its maxmemory; raise it, or give us a Redis of our own"
	case "MISCONF":
		return "it refuses writes since it cannot save to its disk; see its log"
	case "DENIED":
		return "it takes connections of its own machine only (protected mode); give it a password"
	}
	if strings.Contains(rest, "cluster support disabled") {
		return "it is no cluster; write redis://"
	}
	if strings.Contains(rest, "DB index") {
		return "it has fewer databases; name another one at the end of the URL"
	}
	return "see what it says"
}

func hintOfConnection(secure bool, err error) string {
	var dns *net.DNSError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var timeout net.Error
	switch {
	case errors.As(err, &record):
		return "it does not speak TLS; write redis for rediss"
	case errors.As(err, &name):
		return "its certificate is for another name; use a host that stands in it"
	case errors.As(err, &unknown), errors.As(err, &certificate):
		return "its certificate is not trusted; name those that are with ?ca=FILE"
	case errors.As(err, &dns):
		return "there is no such host; see how it is written"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there; see that it runs, and its host and port"
	case secure && errors.Is(err, context.DeadlineExceeded):
		return "it does not answer; if it does not speak TLS, write redis for rediss"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "it does not answer; see its host and port, and what is in between"
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		if !secure {
			return "it hangs up; if it speaks TLS, write rediss for redis"
		}
		return "it hangs up; see its log"
	case strings.Contains(err.Error(), "sentinel"):
		return "no Sentinel answers with a primary of that name; see the hosts, and SENTINEL MASTERS"
	}
	return "see that it runs, and its host and port"
}

// Translate makes an error of a call one of the domain: Redis is away, or cannot
// do what it should.
func Translate(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", crm.ErrUnavailable, err)
}
