package identity_test

import (
	"os"
	"testing"

	"github.com/omnicrm/omnicrm/internal/testkit/teststore"
)

// TestMain ends the database server that tests started.
func TestMain(m *testing.M) { os.Exit(teststore.Main(m)) }
