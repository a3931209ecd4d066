package identity_test

import (
	"errors"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	f := setup(t)
	owner := f.owner(t)
	head := f.head(t, owner.Workspace)
	in, err := f.signIn(t.Context(), " aNA@example.COM ", password)
	must(t, err)

	t.Run("returns the user as typed, the workspaces and the tokens", func(t *testing.T) {
		if got, want := in.User.Email, "Ana@Example.com"; got != want {
			t.Errorf("email: got %q, want %q", got, want)
		}
		if len(in.Workspaces) != 1 || in.Workspaces[0].Name != "Acme" || in.Workspaces[0].Role != crm.RoleOwner {
			t.Errorf("workspaces: got %+v, want Acme as owner", in.Workspaces)
		}
		if got, want := len(in.Token), 43; got != want {
			t.Errorf("length of the token: got %d, want %d", got, want)
		}
		if !identity.CheckCSRF(in.Token, in.CSRFToken) {
			t.Error("the CSRF token is not the session's")
		}
	})
	t.Run("the token authenticates", func(t *testing.T) {
		for _, ws := range []crm.WorkspaceID{{}, owner.Workspace} {
			caller, err := f.Sessions.Authenticate(t.Context(), in.Token, ws)
			must(t, err)
			if !reflect.DeepEqual(caller.Actor, owner) {
				t.Errorf("actor: got %+v, want %+v", caller.Actor, owner)
			}
			if caller.Session == nil || caller.Session.ID != in.Session.ID || caller.Key != nil {
				t.Errorf("session: got %+v, want %+v", caller.Session, in.Session)
			}
		}
	})
	t.Run("is an event without personal data", func(t *testing.T) {
		if got, want := f.events(t, owner.Workspace, head), []crm.EventType{identity.EventUserSignedIn}; !reflect.DeepEqual(got, want) {
			t.Errorf("events: got %v, want %v", got, want)
		}
	})
	t.Run("a wrong password and an unknown address are the same error", func(t *testing.T) {
		_, wrong := f.signIn(t.Context(), "ana@example.com", "wrong password")
		_, unknown := f.signIn(t.Context(), "nobody@example.com", "wrong password")
		fails(t, "a wrong password", wrong, crm.ErrUnauthenticated)
		fails(t, "an unknown address", unknown, crm.ErrUnauthenticated)
		if wrong == nil || unknown == nil || wrong.Error() != unknown.Error() {
			t.Errorf("messages: got %q and %q, want the same", wrong, unknown)
		}
	})
	t.Run("a failure is an event by nobody", func(t *testing.T) {
		all := f.events(t, owner.Workspace, head)
		if got, want := all[len(all)-1], identity.EventUserSignInFailed; got != want {
			t.Errorf("last event: got %v, want %v", got, want)
		}
	})
	t.Run("names blank fields and takes absurd ones for wrong", func(t *testing.T) {
		_, err := f.signIn(t.Context(), " ", "")
		invalid(t, "blank", err, "email", "password")
		_, err = f.signIn(t.Context(), "\x00\xff", strings.Repeat("x", 1<<20))
		fails(t, "absurd", err, crm.ErrUnauthenticated)
	})
	t.Run("a user without a password cannot", func(t *testing.T) {
		_, err := f.Operator.SignInLink(t.Context(), f.join(t, owner, crm.RoleMember).User, 0)
		must(t, err)
		all, err := f.Operator.ListUsers(t.Context(), crm.ID{}, 0)
		must(t, err)
		_, err = f.signIn(t.Context(), all[1].Email, password)
		fails(t, "no password", err, crm.ErrUnauthenticated)
	})
}

func TestSignInThrottle(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.owner(t)
	ctx := t.Context()
	from := func(address, email, password string) error {
		_, err := f.Sessions.SignIn(ctx, identity.Credentials{Email: email, Password: password, Origin: identity.Origin{Address: address}})
		return err
	}
	throttled := func(what string, err error) time.Duration {
		t.Helper()
		var e *identity.ThrottledError
		if !errors.As(err, &e) || e.RetryAfter <= 0 || !errors.Is(err, crm.ErrUnavailable) {
			t.Fatalf("%s: got error %v, want a ThrottledError", what, err)
		}
		return e.RetryAfter
	}
	for _, email := range []string{"ana@example.com", "nobody@example.com"} {
		for range 5 {
			fails(t, "a free failure", from("", email, "wrong password"), crm.ErrUnauthenticated)
		}
		if got, want := throttled("the sixth", from("", email, password)), time.Second; got != want {
			t.Errorf("first wait of %s: got %v, want %v", email, got, want)
		}
	}
	f.clock.pass(time.Second)
	fails(t, "after the wait", from("", "ana@example.com", "wrong password"), crm.ErrUnauthenticated)
	if got, want := throttled("the seventh", from("", "ANA@example.com", password)), 2*time.Second; got != want {
		t.Errorf("second wait: got %v, want %v", got, want)
	}
	wait := time.Duration(0)
	for range 12 {
		wait = throttled("on and on", from("", "ana@example.com", password))
		f.clock.pass(wait)
		fails(t, "after the wait", from("", "ana@example.com", "wrong password"), crm.ErrUnauthenticated)
	}
	if want := 15 * time.Minute; wait != want {
		t.Errorf("longest wait: got %v, want %v", wait, want)
	}
	f.clock.pass(15 * time.Minute)
	must(t, from("", "ana@example.com", password))
	fails(t, "a failure after a success", from("", "ana@example.com", "wrong password"), crm.ErrUnauthenticated)

	// Twenty failures from an address, over many accounts; an IPv6 network is one.
	for n := range 20 {
		address := "2001:db8::" + string(rune('1'+n%9))
		fails(t, "a free failure", from(address, "x"+string(rune('a'+n))+"@example.com", "wrong password"), crm.ErrUnauthenticated)
	}
	throttled("the address", from("2001:db8::ffff", "new@example.com", "wrong password"))
	fails(t, "another network", from("2001:db8:0:1::1", "new@example.com", "wrong password"), crm.ErrUnauthenticated)
}

func TestASuccessDoesNotClearTheAddress(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.owner(t)
	var last error
	for n := range 24 {
		_, last = f.signIn(t.Context(), "x"+string(rune('a'+n))+"@example.com", "wrong password")
		if n%4 == 0 && n < 20 {
			_, err := f.signIn(t.Context(), "ana@example.com", password)
			must(t, err)
		}
	}
	if _, ok := errors.AsType[*identity.ThrottledError](last); !ok {
		t.Errorf("after 24 failures and 5 successes: got %v, want a ThrottledError", last)
	}
}

func TestManySignInsAtOnceAreAllCounted(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.owner(t)
	var mu sync.Mutex
	tried := 0
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			_, err := f.signIn(t.Context(), "ana@example.com", "wrong password")
			if errors.Is(err, crm.ErrUnauthenticated) {
				mu.Lock()
				tried++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if want := 5; tried != want {
		t.Errorf("passwords that were tried: got %d, want %d", tried, want)
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	f := setup(t)
	owner := f.owner(t)
	ctx := t.Context()

	t.Run("one link lets one of twenty in", func(t *testing.T) {
		link, err := f.Operator.SignInLink(ctx, owner.User, 0)
		must(t, err)
		var mu sync.Mutex
		var tokens []string
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				in, err := f.Sessions.RedeemLink(ctx, link, identity.Origin{})
				if err != nil {
					fails(t, "a loser", err, crm.ErrUnauthenticated)
					return
				}
				mu.Lock()
				tokens = append(tokens, in.Token)
				mu.Unlock()
			})
		}
		group.Wait()
		if len(tokens) != 1 {
			t.Errorf("signed in: got %d, want 1", len(tokens))
		}
	})
	t.Run("a look tells whose a link is and leaves it good", func(t *testing.T) {
		link, err := f.Operator.SignInLink(ctx, owner.User, 0)
		must(t, err)
		for range 2 {
			user, err := f.Sessions.CheckLink(ctx, link)
			must(t, err)
			if user.ID != owner.User {
				t.Errorf("whose: got %s, want %s", user.ID, owner.User)
			}
		}
		_, err = f.Sessions.RedeemLink(ctx, link, identity.Origin{})
		must(t, err)
		_, err = f.Sessions.CheckLink(ctx, link)
		fails(t, "a look at a used link", err, crm.ErrUnauthenticated)
	})
	t.Run("a link runs out", func(t *testing.T) {
		link, err := f.Operator.SignInLink(ctx, owner.User, time.Minute)
		must(t, err)
		f.clock.pass(time.Minute)
		_, err = f.Sessions.CheckLink(ctx, link)
		fails(t, "look", err, crm.ErrUnauthenticated)
		_, err = f.Sessions.RedeemLink(ctx, link, identity.Origin{})
		fails(t, "redeem", err, crm.ErrUnauthenticated)
	})
	t.Run("what is no link is refused", func(t *testing.T) {
		for _, token := range []string{"", "x", strings.Repeat("é", 43), strings.Repeat("A", 43)} {
			_, err := f.Sessions.CheckLink(ctx, token)
			fails(t, "look", err, crm.ErrUnauthenticated)
			_, err = f.Sessions.RedeemLink(ctx, token, identity.Origin{})
			fails(t, "redeem", err, crm.ErrUnauthenticated)
		}
	})
	t.Run("a link for nobody or too long is refused", func(t *testing.T) {
		_, err := f.Operator.SignInLink(ctx, crm.NewID(), 0)
		fails(t, "nobody", err, crm.ErrNotFound)
		_, err = f.Operator.SignInLink(ctx, owner.User, 25*time.Hour)
		invalid(t, "too long", err, "ttl")
	})
}

func TestSetUp(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx := t.Context()
	link, err := f.Operator.SetUpLink(ctx, 0)
	must(t, err)
	second, err := f.Operator.SetUpLink(ctx, 0)
	must(t, err)
	_, err = f.Sessions.RedeemLink(ctx, second, identity.Origin{})
	fails(t, "a set-up link that signs in", err, crm.ErrUnauthenticated)
	_, err = f.Sessions.CheckLink(ctx, second)
	fails(t, "a set-up link looked at as one that signs in", err, crm.ErrUnauthenticated)
	_, err = f.Sessions.SetUp(ctx, link, identity.SetUp{Email: "ana", Password: "short", Region: "Mars", TimeZone: "Nowhere"})
	invalid(t, "bad input", err, "email", "password", "region", "timeZone")

	in, err := f.Sessions.SetUp(ctx, link, identity.SetUp{Email: "ana@example.com", Password: password, Workspace: "Acme", Region: "de", TimeZone: "Europe/Berlin"})
	must(t, err)
	caller, err := f.Sessions.Authenticate(ctx, in.Token, crm.WorkspaceID{})
	must(t, err)
	if caller.Actor.Role != crm.RoleOwner || caller.User.Name != "ana" {
		t.Errorf("caller: got %+v, want the owner ana", caller)
	}
	w, err := f.store.GetWorkspace(ctx, caller.Actor.Workspace)
	must(t, err)
	if w.Name != "Acme" || w.Region != "DE" || w.TimeZone != "Europe/Berlin" {
		t.Errorf("workspace: got %+v, want Acme in DE, Europe/Berlin", w)
	}
	_, err = f.Sessions.SetUp(ctx, second, identity.SetUp{Email: "eve@example.com", Password: password})
	conflict(t, "a second set-up", err, crm.ConflictState)
	_, err = f.Operator.SetUpLink(ctx, 0)
	conflict(t, "a link after the set-up", err, crm.ConflictState)
}

// TestADeadSetUpLinkCostsNoHash runs alone, for the reason of the next one.
func TestADeadSetUpLinkCostsNoHash(t *testing.T) {
	f := setup(t)
	ctx := t.Context()
	link, err := f.Operator.SetUpLink(ctx, time.Minute)
	must(t, err)
	in := identity.SetUp{Email: "ana@example.com", Password: password}
	must(t, f.Sessions.CheckSetUp(ctx, link))
	must(t, f.Sessions.CheckSetUp(ctx, link))
	f.clock.pass(time.Minute)
	for name, token := range map[string]string{"run out": link, "never made": strings.Repeat("A", 43), "no token": "x"} {
		fails(t, "look at a link "+name, f.Sessions.CheckSetUp(ctx, token), crm.ErrUnauthenticated)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := f.Sessions.SetUp(ctx, token, in)
		runtime.ReadMemStats(&after)
		fails(t, "set up with a link "+name, err, crm.ErrUnauthenticated)
		if got, hash := after.TotalAlloc-before.TotalAlloc, uint64(19<<20); got > hash/2 {
			t.Errorf("allocated with a link %s: got %d bytes, want no hash of %d", name, got, hash)
		}
	}
	live, err := f.Operator.SetUpLink(ctx, time.Minute)
	must(t, err)
	f.owner(t)
	conflict(t, "look at a link when there is a user", f.Sessions.CheckSetUp(ctx, live), crm.ConflictState)
}

// TestAnUnknownAddressCostsAHash runs alone, because it reads what the process
// has allocated: a hash takes 19 MiB.
func TestAnUnknownAddressCostsAHash(t *testing.T) {
	f := setup(t)
	f.owner(t)
	cost := func(email, password string) uint64 {
		t.Helper()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := f.signIn(t.Context(), email, password)
		runtime.ReadMemStats(&after)
		fails(t, email, err, crm.ErrUnauthenticated)
		return after.TotalAlloc - before.TotalAlloc
	}
	const hash = 19 << 20
	for email, password := range map[string]string{
		"ana@example.com": "wrong password", "nobody@example.com": "wrong password", "no address": strings.Repeat("x", 5000),
	} {
		if got := cost(email, password); got < hash || got > 2*hash {
			t.Errorf("allocated for %s: got %d bytes, want one hash of %d", email, got, hash)
		}
	}
}
