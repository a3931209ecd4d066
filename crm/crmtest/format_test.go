package crmtest_test

import (
	"testing"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/crmtest"
)

func TestJSONLines(t *testing.T) {
	t.Parallel()
	crmtest.TestFormat(t, crm.JSONLines{})
}
