package csv_test

import (
	"testing"

	"github.com/omnicrm/omnicrm/adapters/csv"
	"github.com/omnicrm/omnicrm/crm/crmtest"
)

func TestConformance(t *testing.T) { crmtest.TestFormat(t, csv.New()) }
