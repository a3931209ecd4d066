package postgres

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/omnicrm/omnicrm/crm"
)

// oldest is the oldest server that the statements of this package work with, as
// server_version_num has it.
const oldest = 140_000

// errURL does not repeat the URL, which holds a password.
var errURL = crm.Invalid("url", crm.CodeInvalid, "must be postgres://user:password@host:port/database?sslmode=...")

// connect returns a pool of connections. Nothing is opened before the first use.
func connect(url string, n int, o Options) (*sqlx.DB, error) {
	config, err := pq.NewConfig(url)
	if err != nil {
		return nil, errURL
	}
	if o.Pooled {
		config.BinaryParameters = true
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = o.ConnectTimeout
	}
	config.FallbackApplicationName = o.ApplicationName
	if !config.BinaryParameters { // A pooler refuses parameters that it does not know.
		if config.Runtime == nil {
			config.Runtime = map[string]string{}
		}
		// Single statements run once: a stricter default of the server's would have
		// them fail.
		config.Runtime["default_transaction_isolation"] = "read committed"
		maps.Copy(config.Runtime, planner)
		config.Runtime["statement_timeout"] = strconv.FormatInt(o.StatementTimeout.Milliseconds(), 10)
	}
	connector, err := pq.NewConnectorConfig(config)
	if err != nil {
		return nil, errURL
	}
	connector.Dialer(newLine(o))
	db := o.OpenDB(connector)
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	db.SetConnMaxIdleTime(idleConns)
	return sqlx.NewDb(db, "postgres"), nil
}

// planner is what the planner is told.
var planner = map[string]string{
	// An index is worth it on any disk of today. At the default of 4 the planner
	// read all of 100,000 contacts for 1,000 of them.
	"random_page_cost": "1.1",
	// Every statement has its index. Where the planner expects to find what it
	// looks for soon it read tables from the beginning, past the rows of all
	// other workspaces.
	"enable_seqscan": "off",
	// A guess of many rows is nearly always a wrong one, and compiling a statement
	// takes longer than to run it.
	"jit": "off",
}

// idleConns is how long a connection that nobody uses stays open.
const idleConns = 5 * time.Minute

// isPooled reports whether the URL asks for what poolers in transaction mode need.
func isPooled(url string) (bool, error) {
	config, err := pq.NewConfig(url)
	if err != nil {
		return false, errURL
	}
	return config.BinaryParameters, nil
}

// examine refuses a server that is too old or can only be read.
func examine(ctx context.Context, db *sqlx.DB) error {
	var version string
	var standby bool
	if err := db.QueryRowxContext(ctx, "SELECT current_setting('server_version_num'), pg_is_in_recovery()").Scan(&version, &standby); err != nil {
		return timely(ctx, err)
	}
	number, err := strconv.Atoi(version)
	if err != nil {
		return fmt.Errorf("the server's version is %q: %w", version, crm.ErrUnavailable)
	}
	if number < oldest {
		return fmt.Errorf("the server is PostgreSQL %d, which is too old: use %d or newer: %w", number/10_000, oldest/10_000, crm.ErrUnavailable)
	}
	if standby {
		return fmt.Errorf("the server is a standby, which can only be read: name the primary: %w", crm.ErrUnavailable)
	}
	return nil
}
