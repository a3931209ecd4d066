package postgres_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/omnicrm/omnicrm/internal/testkit/pgtest"
)

// TestMain fails when a store leaves a goroutine behind.
func TestMain(m *testing.M) {
	code := pgtest.Main(m)
	if err := goleak.Find(); err != nil && code == 0 {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		code = 1
	}
	os.Exit(code)
}
