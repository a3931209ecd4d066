package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestHelp(t *testing.T) {
	t.Parallel()
	h := emptyHome(t)
	commands := []string{
		"serve", "worker", "reindex", "migrate up", "migrate status", "user create", "user list", "user passwd",
		"apikey create", "import", "export", "check", "backup", "restore", "erasures", "config", "version",
	}
	t.Run("names every command, in each of its spellings", func(t *testing.T) {
		for _, args := range [][]string{{}, {"help"}, {"--help"}, {"-h"}} {
			r := h.ok(h.run(args...))
			for _, name := range commands {
				if !strings.Contains(r.out, "\n  "+name) {
					t.Errorf("crmserver %v: got %q, want it to name %q", args, r.out, name)
				}
			}
			if r.err != "" {
				t.Errorf("crmserver %v: stderr: got %q, want nothing", args, r.err)
			}
		}
	})
	t.Run("explains each command within 80 columns", func(t *testing.T) {
		for _, name := range append(commands, "user", "migrate", "apikey") {
			r := h.ok(h.run(append([]string{"help"}, strings.Fields(name)...)...))
			if want := "Usage: crmserver " + name; !strings.HasPrefix(r.out, want) {
				t.Errorf("help %s: got %q, want it to begin with %q", name, r.out, want)
			}
			for line := range strings.SplitSeq(r.out, "\n") {
				if len(line) > 80 {
					t.Errorf("help %s: %d columns, want at most 80: %q", name, len(line), line)
				}
			}
		}
	})
	if got := h.files(); len(got) > 0 {
		t.Errorf("help left files: %v", got)
	}
}

func TestMisuse(t *testing.T) {
	t.Parallel()
	h := emptyHome(t)
	tests := map[string]struct {
		args  []string
		words []string
	}{
		"an unknown command":                 {[]string{"srve"}, []string{`did you mean "serve"`, "crmserver help"}},
		"help for an unknown command":        {[]string{"help", "imprt"}, []string{`did you mean "import"`}},
		"an unknown flag":                    {[]string{"check", "--repai"}, []string{"--repair", "crmserver help check"}},
		"half a command":                     {[]string{"user"}, []string{"create", "list", "passwd", "crmserver help user"}},
		"a missing flag":                     {[]string{"user", "passwd"}, []string{"--email", "crmserver help user passwd"}},
		"a missing file":                     {[]string{"import", "--email", email}, []string{"<file>", "crmserver help import"}},
		"one argument too many":              {[]string{"version", "now"}, []string{"now"}},
		"a format that is none":              {[]string{"export", "--email", email, "--format", "pdf"}, []string{"--format", "vcard"}},
		"a duplicate policy that is none":    {[]string{"import", "x", "--email", email, "--on-duplicate", "ask"}, []string{"--on-duplicate", "skip"}},
		"a level that is none":               {[]string{"check", "--log", "loud"}, []string{"--log", "warn"}},
		"a number that is none":              {[]string{"serve", "--workers", "many"}, []string{"--workers"}},
		"negative workers":                   {[]string{"serve", "--workers=-2"}, []string{"--workers", "0, for none"}},
		"negative workers, parted":           {[]string{"serve", "--workers", "-1"}, []string{"--workers", "0, for none"}},
		"an import of a format that is none": {[]string{"import", "x.csv", "--email", email, "--format", "nope"}, []string{"--format", `one of "csv","vcard","jsonl"`}},
		"a role that is none":                {[]string{"user", "create", "--email", email, "--role", "king", "--password-stdin"}, []string{"--role", "viewer"}},
		"a scope that is none":               {[]string{"apikey", "create", "--email", email, "--scope", "contacts:read", "--scope", "root"}, []string{"--scope", "contacts:write"}},
		"an address that is none":            {[]string{"serve", "--addr", "nonsense"}, []string{"--addr", "127.0.0.1:8080"}},
		"an address of no port":              {[]string{"config", "--addr", "127.0.0.1:99999"}, []string{"--addr", "127.0.0.1:8080"}},
		"a negative rate limit":              {[]string{"serve", "--rate-limit=-1"}, []string{"--rate-limit"}},
		"a public address that is none":      {[]string{"config", "--public-url", "crm"}, []string{"--public-url", "https://"}},
		"a proxy that is none":               {[]string{"serve", "--trusted-proxies", "10.0.0.0/8,x"}, []string{"--trusted-proxies", `"x"`}},
		"a flag that is not UTF-8":           {[]string{"user", "list", "--data", "d\xff"}, []string{"argument 4", "UTF-8"}},
		"a command that is not UTF-8":        {[]string{"\xff"}, []string{"argument 1", "UTF-8"}},
		"a file name that is not UTF-8":      {[]string{"import", "\xff.csv", "--email", email}, []string{"argument 2", "standard input"}},
		"a password that nobody typed":       {[]string{"user", "passwd", "--email", email, "--password-stdin"}, []string{"no password"}},
		"a user without a password's flag":   {[]string{"user", "create", "--email", email}, []string{"--password-stdin"}},
		"an export into a folder":            {[]string{"export", "--email", email, "--out", "."}, []string{"--out", "folder"}},
		"a mapping that is no JSON":          {[]string{"import", "x.csv", "--email", email, "--mapping", "m.json"}, []string{"--mapping", "JSON such as"}},
		"a mapping with a typo":              {[]string{"import", "x.csv", "--email", email, "--mapping", "typo.json"}, []string{"--mapping", `"traget"`}},
		"a mapping and more":                 {[]string{"import", "x.csv", "--email", email, "--mapping", "more.json"}, []string{"--mapping", "more behind"}},
		"a flag of another command":          {[]string{"version", "--dry-run"}, []string{"--dry-run"}},
		"the same settings of environment":   {[]string{"--workers=2"}, []string{"--workers"}},
		"a value for a flag that has none":   {[]string{"check", "--repair=maybe"}, []string{"maybe"}},
		"a flag whose value was forgotten":   {[]string{"import", "x.csv", "--email"}, []string{"--email"}},
		"help for half a command, misspelt":  {[]string{"help", "user", "creat"}, []string{"create"}},
	}
	h.write("m.json", "{")
	h.write("typo.json", `[{"column": "Name", "traget": "displayName"}]`)
	h.write("more.json", `[{"column": "Name", "target": "displayName"}] []`)
	h.write("x.csv", "Name\nAna\n")
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := h.run(test.args...)
			h.fails(r, exitMisuse, test.words...)
			if r.out != "" {
				t.Errorf("stdout: got %q, want nothing", r.out)
			}
		})
	}
	if got := h.files(); slices.Contains(got, "data") {
		t.Errorf("misuse made a data folder: %v", got)
	}
}

// Whoever sees what is wrong with the file is told what to do about it.
func TestADatabaseThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	h := emptyHome(t)
	for name, c := range map[string]struct {
		make  func(path string) error
		words []string
	}{
		"no database": {func(path string) error {
			return os.WriteFile(path, []byte(strings.Repeat("no database ", 1_000)), 0o600)
		}, []string{"not a database", "no database of ours", "backup"}},
		"a folder": {func(path string) error { return os.Mkdir(path, 0o700) }, []string{"unable to open", "there must be a file"}},
		"damaged": {func(path string) error {
			h.ok(h.run("migrate", "--data", filepath.Dir(path)))
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt([]byte(strings.Repeat("\xff", 100_000)), 200)
			return errors.Join(err, f.Close())
		}, []string{"malformed", "keep a copy", "backup"}},
	} {
		data := h.path(strings.ReplaceAll(name, " ", "-"))
		if err := os.Mkdir(data, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := c.make(filepath.Join(data, "crm.db")); err != nil {
			t.Fatal(err)
		}
		h.fails(h.run("user", "list", "--data", data), exitFailed, c.words...)
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	h := emptyHome(t)
	config := func(env []string, args ...string) map[string]string {
		c := h.command(append([]string{"config", "--json"}, args...)...)
		c.Env = append(c.Env, env...)
		out, err := c.Output()
		if err != nil {
			t.Fatalf("config with %v: %v", env, err)
		}
		return decode[map[string]string](t, result{args: args, out: string(out)})
	}
	got := config([]string{
		"CRM_WORKERS=7", "CRM_LOG=warn", "CRM_TRUSTED_PROXIES=10.0.0.0/8,::1",
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318", "OTEL_EXPORTER_OTLP_HEADERS=api-key=secret", "CRM_REDIS_URL=redis://:secret@host",
	}, "--log", "debug", "--addr", ":9")
	want := map[string]string{
		"CRM_DATA": h.path("data"), "CRM_ADDR": ":9", "CRM_WORKERS": "7", "CRM_LOG": "debug",
		"CRM_PUBLIC_URL": "", "CRM_TRUSTED_PROXIES": "10.0.0.0/8,::1", "CRM_RATE_LIMIT": "600", "CRM_SYNC_NORMAL": "false",
		"CRM_DEBUG_ADDR": "", "CRM_METRICS": "main", "CRM_REDIS_URL": "(set)", "CRM_SHUTDOWN_DELAY": "0s",
		"CRM_DATABASE_URL": "", "CRM_DATABASE_DIRECT_URL": "", "CRM_DATABASE_CONNS": "16",
		"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318", "OTEL_EXPORTER_OTLP_HEADERS": "(set)", "OTEL_SERVICE_NAME": "omnicrm",
		"CRM_SEARCH_URL": "", "CRM_SEARCH_KEY": "", "CRM_SEARCH_INDEX": "omnicrm",
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s: got %q, want %q", name, got[name], value)
		}
	}
	if len(got) != len(want) {
		t.Errorf("settings: got %v, want %v", got, want)
	}
	text := h.ok(h.run("config")).out
	for name := range want {
		if !strings.Contains(text, name) {
			t.Errorf("config: got %q, want it to name %s", text, name)
		}
	}
	t.Run("a setting that this version cannot follow is refused by name", func(t *testing.T) {
		for _, name := range []string{"CRM_SECRET_KEYS"} {
			for _, args := range [][]string{{"user", "list"}, {"serve"}, {"config"}} {
				c := h.command(args...)
				c.Env = append(c.Env, name+"=scheme://user:secret@host/x")
				out, err := c.CombinedOutput()
				if err == nil || c.ProcessState.ExitCode() != exitMisuse || !strings.Contains(string(out), name) || strings.Contains(string(out), "secret") {
					t.Errorf("%v with %s: got %v %q, want exit 2 and its name alone", args, name, err, out)
				}
			}
		}
		if got := h.files(); slices.Contains(got, "data") {
			t.Errorf("it made a data folder: %v", got)
		}
	})
	t.Run("a search service that cannot be one is refused by name", func(t *testing.T) {
		for _, setting := range []string{"CRM_SEARCH_URL=http://user:secret@host", "CRM_SEARCH_URL=host:7700/secret", "CRM_SEARCH_KEY=secret"} {
			c := h.command("user", "list")
			c.Env = append(c.Env, setting)
			out, err := c.CombinedOutput()
			if err == nil || c.ProcessState.ExitCode() != exitMisuse || !strings.Contains(string(out), "search") && !strings.Contains(string(out), "SEARCH") || strings.Contains(string(out), "secret") {
				t.Errorf("%s: got %v %q, want exit 2 and no secret", setting, err, out)
			}
		}
		c := h.command("config")
		c.Env = append(c.Env, "CRM_SEARCH_URL=http://127.0.0.1:7700", "CRM_SEARCH_KEY=secret")
		if out, err := c.CombinedOutput(); err != nil || strings.Contains(string(out), "secret") || !strings.Contains(string(out), "http://127.0.0.1:7700") {
			t.Errorf("config: got %v %q, want the address and no key", err, out)
		}
	})
	c := h.command("check")
	c.Env = append(c.Env, "CRM_RATE_LIMIT=some")
	out, err := c.CombinedOutput()
	if err == nil || c.ProcessState.ExitCode() != exitMisuse || !strings.Contains(string(out), "CRM_RATE_LIMIT") {
		t.Errorf("a bad CRM_RATE_LIMIT: got %v %q, want exit 2 and its name", err, out)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	h := emptyHome(t)
	migrations := decode[[]struct{ Version int }](t, h.ok(h.run("migrate", "status", "--json")))
	schema := migrations[len(migrations)-1].Version
	for _, args := range [][]string{{"version"}, {"--version"}} {
		if got := h.ok(h.run(args...)).out; !strings.HasPrefix(got, "crmserver dev") || !strings.Contains(got, fmt.Sprintf("schema %d,", schema)) {
			t.Errorf("%v: got %q, want version and schema", args, got)
		}
	}
	got := decode[struct {
		Version, Go string
		Schema      int
	}](t, h.ok(h.run("version", "--json")))
	if !strings.HasPrefix(got.Version, "dev") || got.Schema != schema || got.Go == "" {
		t.Errorf("got %+v, want version, schema and go", got)
	}
}

func TestDataFolder(t *testing.T) {
	t.Parallel()
	h := emptyHome(t)
	h.write("file", "")
	t.Run("that cannot be made is one sentence", func(t *testing.T) {
		for _, args := range [][]string{{"check"}, {"serve"}, {"user", "list"}, {"migrate"}} {
			h.fails(h.run(append(args, "--data", "file/data")...), exitFailed, "data folder", "--data")
		}
	})
	t.Run("is made for its owner alone", func(t *testing.T) {
		h.ok(h.run("user", "list", "--data", "new/data"))
		info, err := os.Stat(h.path("new/data"))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := info.Mode().Perm(), os.FileMode(0o700); got != want {
			t.Errorf("mode: got %o, want %o", got, want)
		}
	})
	t.Run("without a database is no empty backup", func(t *testing.T) {
		if err := os.Mkdir(h.path("typo"), 0o700); err != nil {
			t.Fatal(err)
		}
		before := h.files()
		for _, folder := range []string{"typo", "absent/data"} {
			for _, args := range [][]string{{"backup", "b.omni"}, {"backup", "-"}, {"check"}, {"check", "--repair"}} {
				r := h.run(append(args, "--data", folder)...)
				h.fails(r, exitFailed, "no database", folder, "--data")
				if r.out != "" {
					t.Errorf("%v: stdout: got %q, want nothing", args, r.out)
				}
			}
		}
		if after := h.files(); !slices.Equal(after, before) {
			t.Errorf("files: got %v, want %v", after, before)
		}
		if made, err := os.ReadDir(h.path("typo")); err != nil || len(made) != 0 {
			t.Errorf("in the folder: got %v (%v), want nothing", made, err)
		}
	})
	t.Run("with a file that is no database is one sentence", func(t *testing.T) {
		if err := os.Mkdir(h.path("odd"), 0o700); err != nil {
			t.Fatal(err)
		}
		h.write("odd/crm.db", strings.Repeat("This is a letter. ", 1000))
		for _, args := range [][]string{{"check"}, {"serve"}, {"migrate", "status"}} {
			h.fails(h.run(append(args, "--data", "odd")...), exitFailed, "database")
		}
	})
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	h := emptyHome(t)
	type state struct {
		Version   int
		Name      string
		AppliedAt *string
	}
	status := func() []state { return decode[[]state](t, h.ok(h.run("migrate", "status", "--json"))) }

	for _, m := range status() {
		if m.AppliedAt != nil {
			t.Errorf("before: %s: got applied at %s, want pending", m.Name, *m.AppliedAt)
		}
	}
	if got := h.ok(h.run("migrate", "status")).out; !strings.Contains(got, "pending") {
		t.Errorf("before: got %q, want pending", got)
	}
	if got := h.ok(h.run("migrate", "--dry-run")).out; !strings.Contains(got, "CREATE TABLE contacts (") {
		t.Errorf("dry run: got %q, want the SQL", got)
	}
	dry := decode[migrateResult](t, h.ok(h.run("migrate", "--dry-run", "--json")))
	if !dry.Pending || dry.Migrated || !strings.Contains(dry.SQL, "CREATE TABLE") {
		t.Errorf("dry run: got %+v, want pending SQL", dry)
	}
	if got := h.files(); len(got) > 0 {
		t.Fatalf("looking left files: %v", got)
	}
	if got := decode[migrateResult](t, h.ok(h.run("migrate", "--json"))); got.Pending || !got.Migrated || got.SQL != dry.SQL {
		t.Errorf("migrate: got %+v, want what the dry run showed, done", got)
	}
	for _, m := range status() {
		if m.AppliedAt == nil || m.Name == "" || m.Version == 0 {
			t.Errorf("after: got %+v, want applied", m)
		}
	}
	for _, args := range [][]string{{"migrate"}, {"migrate", "up"}, {"migrate", "--dry-run"}} {
		if got, want := h.ok(h.run(args...)).out, "The schema is up to date\n"; got != want {
			t.Errorf("%v: got %q, want %q", args, got, want)
		}
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	t.Parallel()
	h := emptyHome(t)
	h.ok(h.run("migrate"))
	db := h.database()
	h.exec(db, "INSERT INTO schema_versions (version_id, is_applied) VALUES (99, 1)")
	before := h.number(db, "SELECT count(*) FROM schema_versions")
	for _, args := range [][]string{{"serve"}, {"check"}, {"user", "list"}, {"migrate"}, {"migrate", "--dry-run"}, {"migrate", "status"}} {
		h.fails(h.run(args...), exitFailed, "99", "newer")
	}
	if got := h.number(db, "SELECT count(*) FROM schema_versions"); got != before {
		t.Errorf("schema rows: got %d, want %d", got, before)
	}
	if copies, err := filepath.Glob(h.path("data/*before*")); err != nil || len(copies) > 0 {
		t.Errorf("copies: got %v (%v), want none", copies, err)
	}
}

// TestTheExamplesOfTheREADMEAreIgnored keeps one `git add .` from committing
// people.
func TestTheExamplesOfTheREADMEAreIgnored(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", ".gitignore"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"crmserver", "crm-data/", "contacts.csv", "contacts.jsonl", "contacts.csv.import-report.csv", "people.vcf.dry-run-report.csv"} {
		ignored := slices.ContainsFunc(strings.Split(string(text), "\n"), func(line string) bool {
			ok, err := filepath.Match(strings.TrimPrefix(line, "/"), name)
			return err == nil && ok && line != ""
		})
		if !ignored {
			t.Errorf("%s: not in .gitignore", name)
		}
	}
}
