// Package vcardfx is the fx module of adapters/vcard.
package vcardfx

import (
	"go.uber.org/fx"

	"github.com/omnicrm/omnicrm/adapters/vcard"
	"github.com/omnicrm/omnicrm/crm"
)

// Module adds the format to the group "formats" of crm.Format.
func Module() fx.Option {
	return fx.Module("vcard", fx.Provide(fx.Annotate(func() crm.Format { return vcard.New() }, fx.ResultTags(`group:"formats"`))))
}
