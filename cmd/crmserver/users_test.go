package main

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

func TestUserCreate(t *testing.T) {
	t.Parallel()
	h := emptyHome(t)
	create := func(args ...string) result {
		return h.give(password+"\n", append([]string{"user", "create", "--password-stdin"}, args...)...)
	}
	first := decode[map[string]string](t, h.ok(create("--email", "Ana@Example.com", "--name", "Ana Łukasz", "--workspace", "Mine",
		"--region", "DE", "--time-zone", "Europe/Berlin", "--json")))
	if first["email"] != "Ana@Example.com" || first["role"] != "owner" || first["workspace"] != "Mine" || first["id"] == "" || first["workspaceId"] == "" {
		t.Errorf("first user: got %v", first)
	}
	if got, want := h.ok(create("--email", "bob@example.com")).out, "bob@example.com is member of Mine\n"; got != want {
		t.Errorf("second user: got %q, want %q", got, want)
	}
	if got, want := h.ok(create("--email", "eve@example.com", "--workspace", "Other")).out, "eve@example.com is owner of Other\n"; got != want {
		t.Errorf("user of a new workspace: got %q, want %q", got, want)
	}

	h.fails(create("--email", "ANA@example.com"), exitFailed, "already", "user passwd --email ANA@example.com", "invitation")
	h.fails(create("--email", "kim@example.com"), exitFailed, "workspace", "several")
	h.fails(create("--email", "kim@example.com", "--workspace", "Mine", "--region", "US"), exitFailed, "region")
	h.fails(create("--email", "nobody", "--workspace", "New", "--time-zone", "Mars", "--region", "Narnia"),
		exitFailed, "email must", "timeZone must", "region must")
	h.fails(h.give("short\n", "user", "create", "--password-stdin", "--email", "kim@example.com", "--workspace", "Mine"), exitFailed, "10 characters")
	h.fails(h.give("", "user", "create", "--password-stdin", "--email", "kim@example.com", "--workspace", "Mine"), exitMisuse, "no password")

	t.Run("list shows every user and nothing secret", func(t *testing.T) {
		text := h.ok(h.run("user", "list")).out
		lines := strings.Split(strings.TrimSpace(text), "\n")
		if len(lines) != 4 || !strings.HasPrefix(lines[0], "EMAIL") || !strings.Contains(text, "Ana Łukasz") {
			t.Errorf("got %q, want a header and 3 users", text)
		}
		for i, at := 0, strings.Index(lines[0], "CREATED"); i < 4; i++ {
			if row := []rune(lines[i]); i > 0 && row[at-1] != ' ' {
				t.Errorf("columns are not aligned: %q", lines[i])
			}
		}
		list := h.ok(h.run("user", "list", "--json")).out
		if strings.Contains(strings.ToLower(list+text), "password") || strings.Contains(list+text, "argon") {
			t.Errorf("got %s, want no secrets", list)
		}
		d := json.NewDecoder(strings.NewReader(list))
		n := 0
		for ; d.More(); n++ {
			var u struct{ ID, Email, Name, CreatedAt string }
			if err := d.Decode(&u); err != nil || u.ID == "" || u.Email == "" || u.CreatedAt == "" {
				t.Errorf("user %d: got %+v (%v)", n, u, err)
			}
		}
		if n != 3 {
			t.Errorf("users: got %d, want 3", n)
		}
	})
}

func TestPasswordsOpenTheDoor(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	s := h.serve()
	signIn := func(password string) int {
		text, err := json.Marshal(map[string]string{"email": email, "password": password})
		if err != nil {
			t.Fatal(err)
		}
		answer, err := browser(t).Post(s.hello.URL+"/api/v1/auth/login", "application/json", strings.NewReader(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close() //nolint:errcheck // Nothing is read from it.
		return answer.StatusCode
	}
	if got, want := signIn(password), http.StatusOK; got != want {
		t.Errorf("first password: got %d, want %d", got, want)
	}
	// Beside the running server, and with the line's end of another system.
	const next = "another long passphrase"
	h.ok(h.give(next+"\r\n", "user", "passwd", "--email", strings.ToUpper(email), "--password-stdin"))
	if got, want := signIn(password), http.StatusUnauthorized; got != want {
		t.Errorf("old password: got %d, want %d", got, want)
	}
	if got, want := signIn(next), http.StatusOK; got != want {
		t.Errorf("new password: got %d, want %d", got, want)
	}
	got := decode[map[string]string](t, h.ok(h.give(password, "user", "passwd", "--email", email, "--password-stdin", "--json")))
	if got["email"] != email {
		t.Errorf("passwd --json: got %v, want the address", got)
	}
	h.fails(h.give(next, "user", "passwd", "--email", "nobody@example.com", "--password-stdin"), exitFailed, "nobody@example.com", "crmserver user list")
	h.fails(h.give("short", "user", "passwd", "--email", email, "--password-stdin"), exitFailed, "10 characters")
}

func TestAPIKeyCreate(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	r := h.ok(h.run("apikey", "create", "--email", email, "--name", "Backup"))
	if !regexp.MustCompile(`^omni_[A-Za-z0-9_-]{43}\n$`).MatchString(r.out) || r.err != "" {
		t.Errorf("stdout: got %q (stderr %q), want the key alone", r.out, r.err)
	}
	narrow := decode[struct {
		ID, Key string
		Scopes  []string
	}](t, h.ok(h.run("apikey", "create", "--email", email, "--scope", "contacts:read", "--scope", "jobs", "--json")))
	if narrow.ID == "" || len(narrow.Scopes) != 2 {
		t.Errorf("got %+v, want an id and two scopes", narrow)
	}
	h.fails(h.run("apikey", "create", "--email", "nobody@example.com"), exitFailed, "nobody@example.com", "crmserver user list")
	h.fails(h.run("apikey", "create", "--email", email, "--workspace", "Other"), exitFailed, "workspace must")
	h.fails(h.run("apikey", "create", "--email", email, "--scope", "everything"), exitMisuse, "contacts:read")

	c := h.caller(h.serve())
	if got, want := get[found](c, "/api/v1/contacts").Total, 0; got != want {
		t.Errorf("contacts: got %d, want %d", got, want)
	}
	c.key = narrow.Key
	if _, err := c.create("Ana"); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("create with a key for reading: got %v, want 403", err)
	}
}
