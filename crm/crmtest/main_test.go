package crmtest_test

import (
	"os"
	"testing"

	"github.com/omnicrm/omnicrm/internal/testkit/pgtest"
)

// TestMain ends the database server that tests started.
func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }
