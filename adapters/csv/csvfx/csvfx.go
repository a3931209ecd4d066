// Package csvfx is the fx module of adapters/csv.
package csvfx

import (
	"go.uber.org/fx"

	"github.com/omnicrm/omnicrm/adapters/csv"
	"github.com/omnicrm/omnicrm/crm"
)

// Module adds the format to the group "formats" of crm.Format.
func Module() fx.Option {
	return fx.Module("csv", fx.Provide(fx.Annotate(func() crm.Format { return csv.New() }, fx.ResultTags(`group:"formats"`))))
}
