// Package teststore opens the store that the tests of services and transports run
// on: the embedded one, or, with OMNICRM_TEST_STORE=postgres, one on a server.
package teststore

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"os"
	"testing"

	"github.com/omnicrm/omnicrm/adapters/postgres"
	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
	"github.com/omnicrm/omnicrm/internal/testkit/pgtest"
)

// Variable names the kind of store.
const Variable = "OMNICRM_TEST_STORE"

// conns is how many connections a test has: each is a process that must start.
const conns = 4

// Store is what both kinds of store are.
type Store interface {
	crm.Store
	identity.Store
}

// OnServer reports whether the tests run on a database server.
func OnServer() bool { return os.Getenv(Variable) == "postgres" }

// Main runs the tests of a package and ends the server that they started.
func Main(m *testing.M) int { return pgtest.Main(m) }

// Open returns a new, empty store, which the caller closes. Its database goes
// with the test.
func Open(tb testing.TB) (Store, error) {
	tb.Helper()
	return OpenWith(tb, nil)
}

// OpenWith is Open with instruments around the connections.
func OpenWith(tb testing.TB, openDB func(driver.Connector) *sql.DB) (Store, error) {
	tb.Helper()
	switch kind := os.Getenv(Variable); kind {
	case "postgres":
		return postgres.OpenWith(tb.Context(), pgtest.URL(tb), postgres.Options{OpenDB: openDB, MaxConns: conns})
	case "", "sqlite":
		return sqlite.OpenWith(tb.Context(), ":memory:", sqlite.Options{OpenDB: openDB})
	default:
		return nil, fmt.Errorf("%s is %q, want sqlite or postgres", Variable, kind)
	}
}
