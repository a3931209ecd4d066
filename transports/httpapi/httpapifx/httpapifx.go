// Package httpapifx is the fx module of package httpapi: it maps what is in
// the container onto httpapi.New and nothing else.
package httpapifx

import (
	"log/slog"
	"net/http"

	"go.uber.org/fx"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
	"github.com/omnicrm/omnicrm/transports/httpapi"
)

// Params is what the module takes from the container.
type Params struct {
	fx.In

	App      *crm.CRM
	Options  httpapi.Options    `optional:"true"`
	Identity *identity.Identity `optional:"true"`
	Limiter  httpapi.Limiter    `optional:"true"`
	Logger   *slog.Logger       `optional:"true"`
}

// Result is what the module puts into the container.
type Result struct {
	fx.Out

	Handler *httpapi.Handler
	HTTP    http.Handler `name:"api"`
}

// Module provides the API as *httpapi.Handler and as the http.Handler named
// "api". What Options leaves out is taken from the container.
func Module() fx.Option {
	return fx.Module("httpapi", fx.Provide(provide))
}

func provide(p Params) (Result, error) {
	o := p.Options
	if o.Identity == nil {
		o.Identity = p.Identity
	}
	if o.Limiter == nil {
		o.Limiter = p.Limiter
	}
	if o.Logger == nil {
		o.Logger = p.Logger
	}
	h, err := httpapi.New(p.App, o)
	if err != nil {
		return Result{}, err // httpapi.New names itself.
	}
	return Result{Handler: h, HTTP: h}, nil
}
