package rediskit_test

import (
	"crypto/tls"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/redis/go-redis/v9"

	"github.com/omnicrm/omnicrm/adapters/internal/rediskit"
	"github.com/omnicrm/omnicrm/crm"
)

func TestURLsOfEveryKind(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]redis.UniversalOptions{
		"redis://localhost":                        {Addrs: []string{"localhost:6379"}},
		"redis://10.0.0.1:7000/3":                  {Addrs: []string{"10.0.0.1:7000"}, DB: 3},
		"redis://[::1]:7000":                       {Addrs: []string{"[::1]:7000"}},
		"redis://[::1]":                            {Addrs: []string{"[::1]:6379"}},
		"redis://:p%40ss%3A@h/0":                   {Addrs: []string{"h:6379"}, Password: "p@ss:"},
		"redis://user:pass@h":                      {Addrs: []string{"h:6379"}, Username: "user", Password: "pass"},
		"rediss://h":                               {Addrs: []string{"h:6379"}, TLSConfig: &tls.Config{}},
		"redis-cluster://:p@a,b:7001,[::1]:7":      {Addrs: []string{"a:6379", "b:7001", "[::1]:7"}, Password: "p", IsClusterMode: true},
		"rediss-cluster://a/0":                     {Addrs: []string{"a:6379"}, IsClusterMode: true, TLSConfig: &tls.Config{}},
		"redis-sentinel://:p@a,b:1/2?master=m":     {Addrs: []string{"a:26379", "b:1"}, Password: "p", DB: 2, MasterName: "m"},
		"redis-socket:///run/redis.sock?db=1":      {Addrs: []string{"/run/redis.sock"}, DB: 1},
		"redis-socket:///run/redis.sock?password=": {Addrs: []string{"/run/redis.sock"}},
		"redis-sentinel://a?master=m&sentinel_user=u&sentinel_password=s": {
			Addrs: []string{"a:26379"}, MasterName: "m", SentinelUsername: "u", SentinelPassword: "s",
		},
	} {
		got, err := rediskit.Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if (got.TLSConfig != nil) != (want.TLSConfig != nil) {
			t.Errorf("%s: got TLS %t, want %t", text, got.TLSConfig != nil, want.TLSConfig != nil)
		}
		opts := cmp.Options{cmpopts.IgnoreFields(redis.UniversalOptions{}, "TLSConfig"), cmpopts.EquateEmpty()}
		if d := cmp.Diff(got, want, opts); d != "" {
			t.Errorf("%s: %s", text, d)
		}
	}
}

func TestBadURLsAreRefusedAndNotRepeated(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "none.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const secret = "hunter2"
	for _, text := range []string{
		"", "localhost:6379", "http://h", "redis:h", "postgres://:hunter2@h", "rediss-socket:///x", "redis-sentinels://h",
		"redis://", "redis://:hunter2@", "redis://:hunter2@h:port", "redis://:hunter2@h:0", "redis://:hunter2@h:66666",
		"redis://:hunter2%zz@h", "redis://h/hunter2", "redis://h/-1", "redis://a,b", "redis://h?hunter2=1", "redis://h?a=%zz",
		"redis://h?master=m", "redis://h?ca=" + empty, "rediss://h?ca=" + empty, "redis://h#hunter2",
		"redis-sentinel://:hunter2@h", "redis-cluster://h/1", "redis-socket://h/x", "redis-socket://", "redis-socket:///x?db=y",
	} {
		_, err := rediskit.Parse(text)
		if v, ok := errors.AsType[*crm.ValidationError](err); !ok || v.Fields[0].Field != "url" {
			t.Errorf("%q: got %v, want a *ValidationError that names the URL", text, err)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%q: the error repeats what may be a secret: %v", text, err)
		}
	}
	if _, err := rediskit.Parse("rediss://h?ca=" + empty + ".not"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("certificates that are not there: got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"redis://:p@h:1/2", "redis-sentinel://a,b?master=m", "rediss-cluster://[::1]", "redis-socket:///x?db=1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, err := rediskit.Parse(text)
		if err == nil && len(o.Addrs) == 0 {
			t.Errorf("%q: no address and no error", text)
		}
	})
}
