package postgres

import (
	"errors"
	"net"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
)

// Hint says what the operator can do about an error of this package that the
// server, the way to it or its settings are the reason of; "" for every other
// one.
func Hint(err error) string {
	if e := pq.As(err); e != nil {
		return hintOf(e.Code)
	}
	switch {
	case errors.Is(err, pq.ErrSSLNotSupported):
		return "the server speaks no TLS: add sslmode=disable to the URL where the network is private, or turn TLS on there"
	case isDial(err):
		return "is the server running, and is it listening at the host and port of the URL?"
	}
	return ""
}

func isDial(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

func hintOf(code pqerror.Code) string {
	switch code {
	case pqerror.InvalidPassword, pqerror.InvalidAuthorizationSpecification:
		return "check user and password of the URL, and the server's pg_hba.conf"
	case pqerror.InvalidCatalogName:
		return "make the database first, for instance by: createdb --owner=USER NAME"
	case pqerror.InsufficientPrivilege:
		return "the user of the URL must own the schema, or may make it: GRANT CREATE ON DATABASE ... TO ..."
	case pqerror.TooManyConnections:
		return "raise max_connections of the server, or lower the connections of each process"
	case pqerror.ReadOnlySQLTransaction:
		return "the server can only be read: name the primary"
	case pqerror.QueryCanceled:
		return "the statement took longer than the server allows: is it overloaded?"
	case pqerror.DiskFull:
		return "the server's disk is full: make room on it and do it again; what was acknowledged is safe"
	case pqerror.ProtocolViolation:
		return "behind a pooler in transaction mode the URL needs binary_parameters=yes"
	}
	return ""
}
