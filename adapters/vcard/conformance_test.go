package vcard_test

import (
	"testing"

	"github.com/omnicrm/omnicrm/adapters/vcard"
	"github.com/omnicrm/omnicrm/crm/crmtest"
)

func TestConformance(t *testing.T) { crmtest.TestFormat(t, vcard.New()) }
