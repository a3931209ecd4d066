package phonefx_test

import (
	"testing"

	"go.uber.org/fx"

	"github.com/omnicrm/omnicrm/adapters/phone/phonefx"
	"github.com/omnicrm/omnicrm/crm"
)

func TestModuleProvidesPhones(t *testing.T) {
	var got string
	app := fx.New(fx.NopLogger, phonefx.Module(), fx.Invoke(func(p crm.Phones) { got, _ = p.ParsePhone("030 901820", "DE") }))
	if err := app.Err(); err != nil {
		t.Fatalf("wire: %v", err)
	}
	if want := "+4930901820"; got != want {
		t.Errorf("ParsePhone: got %q, want %q", got, want)
	}
}
