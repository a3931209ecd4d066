package httpapi_test

import (
	"testing"

	"github.com/omnicrm/omnicrm/crm/crmtest"
	"github.com/omnicrm/omnicrm/transports/httpapi"
)

func TestMemoryLimiter(t *testing.T) {
	t.Parallel()
	crmtest.TestLimiter(t, func(t testing.TB) crmtest.Limiter {
		l, err := httpapi.NewMemoryLimiter(0)
		if err != nil {
			t.Fatal(err)
		}
		return l
	})
}
