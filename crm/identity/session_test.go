package identity_test

import (
	"strings"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	f := setup(t)
	owner := f.owner(t)
	ctx := t.Context()
	authenticate := func(in identity.SignedIn) error {
		_, err := f.Sessions.Authenticate(ctx, in.Token, crm.WorkspaceID{})
		return err
	}

	t.Run("when they are not used for 14 days", func(t *testing.T) {
		in := f.session(t, owner.User)
		f.clock.pass(identity.SessionIdle - time.Second)
		must(t, authenticate(in))
		f.clock.pass(identity.SessionIdle - time.Second)
		must(t, authenticate(in))
		f.clock.pass(identity.SessionIdle)
		fails(t, "idle", authenticate(in), crm.ErrUnauthenticated)
	})
	t.Run("after 90 days whatever happens", func(t *testing.T) {
		in := f.session(t, owner.User)
		for range 9 {
			f.clock.pass(identity.SessionLifetime/9 - time.Second)
			must(t, authenticate(in))
		}
		f.clock.pass(10 * time.Second)
		fails(t, "old", authenticate(in), crm.ErrUnauthenticated)
	})
	t.Run("by a sign-out, once and for all", func(t *testing.T) {
		in := f.session(t, owner.User)
		must(t, f.Sessions.SignOut(ctx, in.Token))
		fails(t, "signed out", authenticate(in), crm.ErrUnauthenticated)
		must(t, f.Sessions.SignOut(ctx, in.Token))
		must(t, f.Sessions.SignOut(ctx, "nonsense"))
	})
	t.Run("when the hundred and first begins, the oldest", func(t *testing.T) {
		member := f.join(t, owner, crm.RoleMember)
		first := f.session(t, member.User)
		for range 99 {
			f.session(t, member.User)
		}
		must(t, authenticate(first))
		f.session(t, member.User)
		fails(t, "the oldest", authenticate(first), crm.ErrUnauthenticated)
	})
	t.Run("with the user", func(t *testing.T) {
		member := f.join(t, owner, crm.RoleMember)
		in := f.session(t, member.User)
		must(t, f.Operator.DeleteUser(ctx, member.User))
		fails(t, "deleted", authenticate(in), crm.ErrUnauthenticated)
	})
	t.Run("for a workspace with the membership", func(t *testing.T) {
		member := f.join(t, owner, crm.RoleMember)
		in := f.session(t, member.User)
		must(t, f.Members.Remove(ctx, owner, member.User, 0))
		fails(t, "removed", authenticate(in), crm.ErrForbidden)
	})
	t.Run("tokens that are none are refused", func(t *testing.T) {
		for _, token := range []string{"", "x", strings.Repeat("\x00", 43), strings.Repeat("A", 43), strings.Repeat("A", 1<<20)} {
			_, err := f.Sessions.Authenticate(ctx, token, owner.Workspace)
			fails(t, "authenticate", err, crm.ErrUnauthenticated)
		}
	})
	t.Run("a foreign workspace and one that is not are the same", func(t *testing.T) {
		in := f.session(t, owner.User)
		_, other, err := f.Operator.CreateUser(ctx, identity.NewAccount{Email: "eve@example.com", NoPassword: true, Workspace: "Other"})
		must(t, err)
		_, foreign := f.Sessions.Authenticate(ctx, in.Token, other.Workspace)
		_, absent := f.Sessions.Authenticate(ctx, in.Token, crm.WorkspaceID(crm.NewID()))
		fails(t, "foreign", foreign, crm.ErrForbidden)
		if foreign == nil || absent == nil || foreign.Error() != absent.Error() {
			t.Errorf("messages: got %v and %v, want the same", foreign, absent)
		}
	})
}

func TestSessionsAreListedAndRevoked(t *testing.T) {
	t.Parallel()
	f := setup(t)
	owner := f.owner(t)
	ctx := t.Context()
	first, second, third := f.session(t, owner.User), f.session(t, owner.User), f.session(t, owner.User)
	f.clock.pass(90 * time.Second)
	_, err := f.Sessions.Authenticate(ctx, second.Token, owner.Workspace)
	must(t, err)
	all, err := f.Sessions.List(ctx, owner, second.Session.ID)
	must(t, err)
	if len(all) != 3 || all[0].ID != third.Session.ID || !all[1].Current || all[0].Current || all[1].Address != "192.0.2.1" || all[1].UserAgent != "Browser" {
		t.Fatalf("sessions: got %+v, want three, newest first, the second current", all)
	}
	if got, want := all[1].SeenAt.Sub(all[0].SeenAt), 90*time.Second; got != want {
		t.Errorf("seen: got %v later, want %v", got, want)
	}

	stranger := f.join(t, owner, crm.RoleAdmin)
	fails(t, "another's", f.Sessions.Revoke(ctx, stranger, first.Session.ID), crm.ErrNotFound)
	must(t, f.Sessions.Revoke(ctx, owner, first.Session.ID))
	fails(t, "again", f.Sessions.Revoke(ctx, owner, first.Session.ID), crm.ErrNotFound)
	n, err := f.Sessions.RevokeOthers(ctx, owner, second.Session.ID)
	must(t, err)
	if n != 1 {
		t.Errorf("revoked: got %d, want 1", n)
	}
	for in, want := range map[string]error{first.Token: crm.ErrUnauthenticated, third.Token: crm.ErrUnauthenticated, second.Token: nil} {
		_, err := f.Sessions.Authenticate(ctx, in, owner.Workspace)
		fails(t, "after the revocations", err, want)
	}
	f.clock.pass(identity.SessionIdle)
	all, err = f.Sessions.List(ctx, owner, crm.ID{})
	must(t, err)
	if len(all) != 0 {
		t.Errorf("sessions that ran out: got %+v, want none", all)
	}
	for name, err := range map[string]error{
		"list":          func() error { _, err := f.Sessions.List(ctx, crm.Actor{}, crm.ID{}); return err }(),
		"revoke":        f.Sessions.Revoke(ctx, crm.Actor{}, first.Session.ID),
		"revoke others": func() error { _, err := f.Sessions.RevokeOthers(ctx, crm.Actor{}, crm.ID{}); return err }(),
	} {
		fails(t, name+" by nobody", err, crm.ErrUnauthenticated)
	}
}

func TestAUseIsNotedOnceAMinute(t *testing.T) {
	t.Parallel()
	f := setup(t)
	owner := f.owner(t)
	in := f.session(t, owner.User)
	seen := func() time.Time {
		t.Helper()
		_, err := f.Sessions.Authenticate(t.Context(), in.Token, owner.Workspace)
		must(t, err)
		all, err := f.Sessions.List(t.Context(), owner, crm.ID{})
		must(t, err)
		return all[0].SeenAt
	}
	began := seen()
	f.clock.pass(59 * time.Second)
	if got := seen(); !got.Equal(began) {
		t.Errorf("seen within the minute: got %v, want %v", got, began)
	}
	f.clock.pass(time.Second)
	if got, want := seen(), began.Add(time.Minute); !got.Equal(want) {
		t.Errorf("seen after the minute: got %v, want %v", got, want)
	}
}

func TestCSRF(t *testing.T) {
	t.Parallel()
	one, other := identity.CSRFToken("one"), identity.CSRFToken("other")
	if one == other || one == "" || strings.Contains(one, "one") {
		t.Errorf("tokens: got %q and %q, want two that tell nothing", one, other)
	}
	for _, c := range []struct {
		session, csrf string
		want          bool
	}{{"one", one, true}, {"one", other, false}, {"one", "", false}, {"", identity.CSRFToken(""), false}, {"one", one + "x", false}} {
		if got := identity.CheckCSRF(c.session, c.csrf); got != c.want {
			t.Errorf("CheckCSRF(%q, %q): got %v, want %v", c.session, c.csrf, got, c.want)
		}
	}
}

func TestOriginsAreBounded(t *testing.T) {
	t.Parallel()
	f := setup(t)
	owner := f.owner(t)
	link, err := f.Operator.SignInLink(t.Context(), owner.User, 0)
	must(t, err)
	in, err := f.Sessions.RedeemLink(t.Context(), link, identity.Origin{
		Address: strings.Repeat("9", 1000), UserAgent: "a\x00b\xff" + strings.Repeat("長", 1000),
	})
	must(t, err)
	if got, want := len(in.Session.Address), 64; got != want {
		t.Errorf("address: got %d bytes, want %d", got, want)
	}
	if ua := in.Session.UserAgent; len(ua) > 400 || !strings.HasPrefix(ua, "ab長") || strings.ToValidUTF8(ua, "?") != ua {
		t.Errorf("user agent: got %q, want valid text of at most 400 bytes", ua)
	}
}
