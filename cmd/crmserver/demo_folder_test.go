package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAKilledDemoIsRemovedByTheNext(t *testing.T) {
	t.Parallel()
	h := emptyHome(t)
	temp := t.TempDir()
	demo := func() *running {
		return h.backgroundIn([]string{"TMPDIR=" + temp}, "serve", "--demo", "--json")
	}
	folders := func() []string {
		all, err := filepath.Glob(filepath.Join(temp, demoPattern))
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	lives, dies := demo(), demo()
	dies.kill()
	if got := folders(); len(got) != 2 {
		t.Fatalf("folders after a kill: got %v, want both", got)
	}
	next := demo()
	if got := folders(); len(got) != 2 {
		t.Errorf("folders beside the next: got %v, want that of the one that lives and its own", got)
	}
	for _, s := range []*running{lives, next} {
		if status, _ := visit(t, browser(t), decode[greeting](t, result{out: s.out.String()}).URL+"/readyz", nil); status != 200 {
			t.Errorf("a demo that lives: got %d, want 200", status)
		}
		s.stop()
	}
	if got := folders(); len(got) != 0 {
		t.Errorf("folders after all have stopped: got %v, want none", got)
	}
}

func TestOnlyDeadDemosAreRemoved(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	make := func(name string, mode os.FileMode, file string) string {
		dir := filepath.Join(temp, name)
		if err := os.Mkdir(dir, mode); err != nil {
			t.Fatal(err)
		}
		if file != "" {
			if err := os.WriteFile(filepath.Join(dir, file), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	dead := make("omnicrm-demo-1", 0o700, databaseName)
	stay := []string{
		make("omnicrm-demo-2", 0o755, databaseName), // Not made by us.
		make("omnicrm-demo-3", 0o700, ""),           // Just beginning.
		make("omnicrm-other", 0o700, databaseName),
	}
	link := filepath.Join(temp, "omnicrm-demo-4")
	if err := os.Symlink(stay[2], link); err != nil {
		t.Fatal(err)
	}
	removeDeadDemos(temp, time.Now())
	if _, err := os.Stat(dead); err == nil {
		t.Error("a dead demo is still there")
	}
	for _, dir := range append(stay, link) {
		if _, err := os.Stat(dir); err != nil {
			t.Errorf("%s is gone", dir)
		}
	}
	removeDeadDemos(temp, time.Now().Add(time.Hour))
	if _, err := os.Stat(stay[1]); err == nil {
		t.Error("a demo that never began is still there an hour later")
	}
}

func TestDemoAndDataAreNotForBoth(t *testing.T) {
	t.Parallel()
	h := emptyHome(t)
	h.fails(h.run("serve", "--demo", "--data", "mine"), exitMisuse, "--demo", "--data")
	h.fails(h.run("--data=mine", "serve", "--demo"), exitMisuse, "--demo", "--data")
	if got := h.files(); len(got) > 0 {
		t.Errorf("got files %v, want none", got)
	}
}

func TestBestAddress(t *testing.T) {
	t.Parallel()
	for want, given := range map[string]string{
		"":            "127.0.0.1/8 ::1/128 fe80::1/64",
		"192.168.1.5": "127.0.0.1/8 2001:db8::1/64 203.0.113.7/24 192.168.1.5/24",
		"203.0.113.7": "2001:db8::1/64 203.0.113.7/24",
		"2001:db8::1": "::1/128 2001:db8::1/64",
	} {
		var addresses []net.Addr
		for text := range strings.FieldsSeq(given) {
			ip, network, err := net.ParseCIDR(text)
			if err != nil {
				t.Fatal(err)
			}
			addresses = append(addresses, &net.IPNet{IP: ip, Mask: network.Mask})
		}
		if got := bestAddress(addresses); got != want {
			t.Errorf("of %s: got %s, want %s", given, got, want)
		}
	}
}
