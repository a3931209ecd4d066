// Package phonefx is the fx module of adapters/phone.
package phonefx

import (
	"go.uber.org/fx"

	"github.com/omnicrm/omnicrm/adapters/phone"
	"github.com/omnicrm/omnicrm/crm"
)

// Module provides crm.Phones.
func Module() fx.Option {
	return fx.Module("phone", fx.Provide(func() crm.Phones { return phone.New() }))
}
