package identity_test

import (
	"path/filepath"
	"testing"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

// BenchmarkAuthenticate is what every request pays, on a file.
func BenchmarkAuthenticate(b *testing.B) {
	store, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "crm.db"))
	must(b, err)
	b.Cleanup(func() { must(b, store.Close()) })
	who, err := identity.New(identity.Config{Store: store})
	must(b, err)
	f := &fixture{Identity: who, store: store}
	owner := f.owner(b)
	for range 200 {
		f.session(b, f.join(b, owner, crm.RoleMember).User)
	}
	in := f.session(b, owner.User)
	_, key, err := f.Keys.Create(b.Context(), owner, identity.NewKey{})
	must(b, err)
	cases := map[string]func() (identity.Caller, error){
		"a session in a workspace": func() (identity.Caller, error) {
			return f.Sessions.Authenticate(b.Context(), in.Token, owner.Workspace)
		},
		"a session in the first joined": func() (identity.Caller, error) {
			return f.Sessions.Authenticate(b.Context(), in.Token, crm.WorkspaceID{})
		},
		"an API key in its own": func() (identity.Caller, error) { return f.Keys.Authenticate(b.Context(), key, crm.WorkspaceID{}) },
		"a session that does not exist": func() (identity.Caller, error) {
			_, err := f.Sessions.Authenticate(b.Context(), in.CSRFToken, owner.Workspace)
			return identity.Caller{}, ignored(err)
		},
	}
	for name, call := range cases {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := call(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// ignored drops the refusal that the case is about.
func ignored(error) error { return nil }
