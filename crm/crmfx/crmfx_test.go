package crmfx_test

import (
	"testing"

	"go.uber.org/fx"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/crmfx"
)

func TestModuleNeedsOnlyAStore(t *testing.T) {
	err := fx.ValidateApp(crmfx.Module(), fx.Provide(func() crm.Store { return nil }), fx.Invoke(func(*crm.CRM) {}))
	if err != nil {
		t.Fatalf("validate: %v", err)
	}
}

func TestModuleSaysThatTheStoreIsMissing(t *testing.T) {
	if err := fx.ValidateApp(crmfx.Module(), fx.Invoke(func(*crm.CRM) {})); err == nil {
		t.Fatal("got no error without a store")
	}
}
