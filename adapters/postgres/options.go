package postgres

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"regexp"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// Options tunes a store. The zero value works.
type Options struct {
	// Schema is the schema that the CRM's tables lie in, made by the first Open:
	// up to 40 letters, digits and underscores, none of them a capital. Default
	// "crm".
	Schema string
	// MaxConns is how many connections the store opens at most, 2 to 1,000; one
	// of them it keeps for itself. Default 16.
	MaxConns int
	// StatementTimeout is how long the server works at one statement before it
	// gives up with ErrUnavailable, whatever the caller's deadline is. It is not
	// set behind a pooler: set it for the role there. Default 60 seconds.
	StatementTimeout time.Duration
	// ConnectTimeout is how long a new connection may take. Default 10 seconds.
	ConnectTimeout time.Duration
	// ApplicationName is what the server shows the connections as. Default
	// "omnicrm".
	ApplicationName string
	// Pooled says that the URL is that of a pooler in transaction mode
	// (PgBouncer): nothing is then kept on a connection between two transactions.
	// A URL with binary_parameters=yes says so too.
	Pooled bool
	// DirectURL goes past the pooler, for migrations. Default the URL itself.
	DirectURL string
	// OpenDB makes the pool of connections, for instance with instruments around
	// it. What it returns must pass errors on as they are. Default sql.OpenDB.
	OpenDB func(driver.Connector) *sql.DB

	// trace is told every statement, for the test of the plans.
	trace func(traced)
}

const (
	defaultSchema           = "crm"
	defaultMaxConns         = 16
	minConns, maxConns      = 2, 1000
	defaultStatementTimeout = time.Minute
	defaultConnectTimeout   = 10 * time.Second
	defaultApplicationName  = "omnicrm"
)

var schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,39}$`)

// withDefaults checks o and fills what is not set. A value out of bounds is a
// *crm.ValidationError that names the field.
func (o Options) withDefaults() (Options, error) {
	if o.Schema == "" {
		o.Schema = defaultSchema
	}
	if !schemaName.MatchString(o.Schema) {
		return o, crm.Invalid("Schema", crm.CodeInvalid, "must be up to 40 small letters, digits and underscores, no digit first")
	}
	if o.MaxConns == 0 {
		o.MaxConns = defaultMaxConns
	}
	if o.MaxConns < minConns || o.MaxConns > maxConns {
		return o, crm.Invalid("MaxConns", crm.CodeInvalid, fmt.Sprintf("must be %d to %d", minConns, maxConns))
	}
	if o.StatementTimeout < 0 {
		return o, crm.Invalid("StatementTimeout", crm.CodeInvalid, "must not be negative")
	}
	if o.ConnectTimeout < 0 {
		return o, crm.Invalid("ConnectTimeout", crm.CodeInvalid, "must not be negative")
	}
	if o.StatementTimeout == 0 {
		o.StatementTimeout = defaultStatementTimeout
	}
	if o.ConnectTimeout == 0 {
		o.ConnectTimeout = defaultConnectTimeout
	}
	if o.ApplicationName == "" {
		o.ApplicationName = defaultApplicationName
	}
	if o.OpenDB == nil {
		o.OpenDB = sql.OpenDB
	}
	return o, nil
}
