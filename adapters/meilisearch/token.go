package meilisearch

import (
	"time"

	meili "github.com/meilisearch/meilisearch-go"

	"github.com/omnicrm/omnicrm/crm"
)

// Token returns a tenant token by which a front end may search the index itself,
// in one workspace and until a time, by Meilisearch's own rules: whatever filter
// it asks with, the workspace is added. It needs [Options].Direct and a key of
// its own, [Options].TokenKey; deleting that key on the server ends all tokens.
// Nobody is asked, so that a wrong key shows when the token is used.
func (x *Index) Token(ws crm.WorkspaceID, until time.Time) (string, error) {
	switch {
	case !x.o.Direct:
		return "", misconfigured("the index holds nothing that a front end could search; set Options.Direct", nil)
	case x.o.TokenKey == "" || x.o.TokenKeyUID == "":
		return "", misconfigured("tokens need Options.TokenKey and TokenKeyUID, a key that may search", nil)
	case !until.After(time.Now()):
		return "", misconfigured("a token must end in the future", nil)
	}
	rules := map[string]any{x.o.Index: map[string]any{"filter": ofWorkspace(ws)}}
	token, err := x.server.GenerateTenantToken(x.o.TokenKeyUID, rules, &meili.TenantTokenOptions{APIKey: x.o.TokenKey, ExpiresAt: until})
	if err != nil {
		return "", misconfigured("no token can be signed; the uid of a key must be a UUID of version 4", err)
	}
	return token, nil
}
