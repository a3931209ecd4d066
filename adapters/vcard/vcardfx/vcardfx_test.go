package vcardfx_test

import (
	"testing"

	"go.uber.org/fx"

	"github.com/omnicrm/omnicrm/adapters/vcard/vcardfx"
	"github.com/omnicrm/omnicrm/crm"
)

func TestModuleProvidesTheFormat(t *testing.T) {
	type formats struct {
		fx.In
		All []crm.Format `group:"formats"`
	}
	var got []string
	app := fx.New(fx.NopLogger, vcardfx.Module(), fx.Invoke(func(f formats) {
		for _, one := range f.All {
			got = append(got, one.FormatName())
		}
	}))
	if err := app.Err(); err != nil {
		t.Fatalf("wire: %v", err)
	}
	if len(got) != 1 || got[0] != "vcard" {
		t.Errorf("formats: got %q, want [vcard]", got)
	}
}
