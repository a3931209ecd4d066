package identity_test

import (
	"testing"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

func TestNamesOfUsersAndKeys(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ana := f.owner(t)
	key, _, err := f.Keys.Create(t.Context(), ana, identity.NewKey{Name: "robot"})
	must(t, err)
	unknown, elsewhere := crm.NewID(), crm.WorkspaceID(crm.NewID())
	for _, c := range []struct {
		what string
		ws   crm.WorkspaceID
		kind string
		id   crm.ID
		want string
	}{
		{"a user", ana.Workspace, "user", ana.User, "Ana"},
		{"a member", ana.Workspace, "member", ana.User, "Ana"},
		{"a key", ana.Workspace, "api_key", key.ID, "robot"},
		{"a key of another workspace", elsewhere, "api_key", key.ID, ""},
		{"an unknown user", ana.Workspace, "user", unknown, ""},
		{"a kind without names", ana.Workspace, "session", unknown, ""},
	} {
		got, err := f.Names(t.Context(), c.ws, c.kind, []crm.ID{c.id})
		must(t, err)
		if got[c.id] != c.want {
			t.Errorf("%s: got %q, want %q", c.what, got[c.id], c.want)
		}
	}
}
