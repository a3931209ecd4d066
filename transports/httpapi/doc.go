// Package httpapi serves a CRM as a JSON API over HTTP.
//
//	api, err := httpapi.New(app, httpapi.Options{ActorFunc: whoIsCalling})
//	mux.Handle("/crm/", http.StripPrefix("/crm", api))
//
// Who calls is told by the host's own function, or by package crm/identity
// with sessions and API keys; the workspace is always the actor's. The package
// holds no rule of the domain: it reads a request strictly, calls one service,
// and writes the answer. What the services decide becomes a status in the one
// table of errors.go.
//
// One table, routes.go, says what exists. From its rows come the mux, the
// OpenAPI 3.1 document at /api/v1/openapi.json and the checks of every
// request, so that document and behaviour are the same thing. The schemas are
// huma's, made from the Go types; its request pipeline is not used, because it
// decodes by reflection, shows submitted values in its messages and cannot
// refuse duplicate keys or repeated parameters.
//
// Requests are refused for unknown, repeated and empty parameters, unknown
// and duplicate members, text with NUL or half a surrogate pair, numbers that
// cannot be kept exactly, and bodies over 1,000,000 bytes. No error repeats
// what was sent.
package httpapi
