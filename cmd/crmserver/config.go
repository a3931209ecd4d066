package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/lmittmann/tint"
	"github.com/mattn/go-isatty"

	"github.com/omnicrm/omnicrm/adapters/asynq"
	"github.com/omnicrm/omnicrm/crm"
)

// commands is the command line. Flags win over the environment. This file and
// the commands' own flags are the only readers of either.
type commands struct {
	Globals

	Serve    serveCmd    `cmd:"" help:"Run the HTTP server and the workers."`
	Worker   workerCmd   `cmd:"" help:"Run jobs only, beside servers on the same data folder."`
	Migrate  migrateCmd  `cmd:"" help:"Create or upgrade the database's schema."`
	User     userCmd     `cmd:"" help:"Create, list and repair users."`
	APIKey   apiKeyCmd   `cmd:"" name:"apikey" help:"Make API keys."`
	Import   importCmd   `cmd:"" help:"Import contacts from a file of any size."`
	Export   exportCmd   `cmd:"" help:"Export contacts to a file."`
	Reindex  reindexCmd  `cmd:"" help:"Make the search index anew, while searches go on."`
	Check    checkCmd    `cmd:"" help:"Prove that totals, tags, imports and an index made from the store agree with the contacts. A running server proves its own index, hourly; GET /readyz shows the result."`
	Backup   backupCmd   `cmd:"" help:"Write everything to a file that restores into an empty database, on any store."`
	Restore  restoreCmd  `cmd:"" help:"Fill an empty database from a backup."`
	Erasures erasuresCmd `cmd:"" help:"Print who was erased, as ids and times, to be kept apart from the database for restores."`
	Config   configCmd   `cmd:"" help:"Print the configuration in force, secrets hidden."`
	Version  versionCmd  `cmd:"" help:"Print version, commit and schema."`
}

// Globals are the settings that every command shares.
type Globals struct {
	Data              string   `env:"CRM_DATA" default:"crm-data" placeholder:"DIR" help:"Folder of the embedded database. Default ${default}."`
	DatabaseURL       string   `name:"database-url" env:"CRM_DATABASE_URL" placeholder:"URL" help:"PostgreSQL 14 or newer: postgres://user:password@host/name. Default: the embedded database."`
	DatabaseDirectURL string   `name:"database-direct-url" env:"CRM_DATABASE_DIRECT_URL" placeholder:"URL" help:"The same database past a pooler in transaction mode, for migrations. The other URL then needs binary_parameters=yes."`
	DatabaseConns     int      `name:"database-conns" env:"CRM_DATABASE_CONNS" default:"16" help:"Connections to PostgreSQL that this process opens at most. Default ${default}."`
	Log               string   `env:"CRM_LOG" default:"info" enum:"debug,info,warn,error" help:"What is logged to stderr: debug, info, warn, error. Default ${default}."`
	PublicURL         string   `env:"CRM_PUBLIC_URL" placeholder:"URL" help:"Address that people use, behind a proxy. Default: the listening address."`
	TrustedProxies    []string `env:"CRM_TRUSTED_PROXIES" placeholder:"CIDR" help:"Proxies whose X-Forwarded-* headers are believed. Default none."`
	RateLimit         int      `env:"CRM_RATE_LIMIT" default:"600" help:"Requests a minute per session or API key, 0 for no limit. Default ${default}."`
	RedisURL          string   `env:"CRM_REDIS_URL" placeholder:"URL" help:"Redis that delivers jobs and shares rate limits: redis://, redis-sentinel://, redis-cluster://, with rediss for TLS. Better in the environment, where the password is not seen. Default none."`
	SyncNormal        bool     `env:"CRM_SYNC_NORMAL" help:"Leave flushing to the operating system: faster on slow disks, and a power cut may lose the last writes."`
	JSON              bool     `help:"Print results as JSON."`

	Search searchFlags `embed:""`
	NotYet notYet      `embed:""`

	// dataGiven says that --data stands on the command line.
	dataGiven bool
}

// notYet are settings of the specification that this version does not serve. To
// pass over them would be to keep the data somewhere else than was asked for.
type notYet struct {
	SecretKeys string `env:"CRM_SECRET_KEYS" hidden:""`
}

// refuse names what is set and cannot be followed, never its value.
func (n notYet) refuse() error {
	var set []string
	for _, s := range []struct{ name, value string }{
		{"CRM_SECRET_KEYS", n.SecretKeys},
	} {
		if s.value != "" {
			set = append(set, s.name)
		}
	}
	if len(set) == 0 {
		return nil
	}
	return usageError{strings.Join(set, ", ") + ": not supported by this version. " +
		"Unset what does not apply here."}
}

// databaseName is the embedded database in the data folder.
const databaseName = "crm.db"

// databasePath is the embedded database's file.
func (g *Globals) databasePath() string { return filepath.Join(g.Data, databaseName) }

func (g *Globals) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(g.Log)); err != nil {
		level = slog.LevelInfo
	}
	return slog.New(tint.NewTextHandler(w, &tint.Options{Level: level, NoColor: !isTerminal(w)}))
}

// isTerminal reports whether w is a screen.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

func (g *Globals) proxies() ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range g.TrustedProxies {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			var a netip.Addr
			if a, err = netip.ParseAddr(text); err == nil {
				p = netip.PrefixFrom(a, a.BitLen())
			}
		}
		if err != nil {
			return nil, usageError{fmt.Sprintf("--trusted-proxies: %q is no network such as 10.0.0.0/8", text)}
		}
		out = append(out, p)
	}
	return out, nil
}

// basePath is the path of the public address, without a final slash; "" for
// none.
func (g *Globals) basePath() string {
	u, err := url.Parse(g.PublicURL)
	if err != nil {
		return ""
	}
	return strings.TrimRight(u.Path, "/")
}

// validate refuses settings that the parser cannot judge.
func (g *Globals) validate() error {
	if _, err := g.proxies(); err != nil {
		return err
	}
	if g.RateLimit < 0 {
		return usageError{"--rate-limit: must be 0, for no limit, or more"}
	}
	if g.RedisURL != "" {
		if err := asynq.CheckURL(g.RedisURL); err != nil {
			return usageError{"--redis-url (CRM_REDIS_URL): " + explain(err)}
		}
	}
	if g.PublicURL == "" {
		return nil
	}
	u, err := url.Parse(g.PublicURL)
	if err != nil || u.Host == "" || u.User != nil || (u.Scheme != "http" && u.Scheme != "https") {
		return usageError{"--public-url: must be like https://crm.example.com"}
	}
	return nil
}

// configCmd prints what is in force. It takes the settings of serve as well,
// so that a whole command line can be looked at.
type configCmd struct{ listening }

// Run implements the command.
func (c configCmd) Run(g *Globals, t terminal) error {
	if err := errors.Join(g.validate(), c.validate()); err != nil {
		return err
	}
	data, err := filepath.Abs(g.Data)
	if err != nil {
		return fmt.Errorf("resolve the data folder: %w", err)
	}
	settings := []struct{ name, value string }{
		{"CRM_DATA", data},
		{"CRM_DATABASE_URL", withoutPassword(g.DatabaseURL)},
		{"CRM_DATABASE_DIRECT_URL", withoutPassword(g.DatabaseDirectURL)},
		{"CRM_DATABASE_CONNS", strconv.Itoa(g.DatabaseConns)},
		{"CRM_ADDR", c.Addr},
		{"CRM_WORKERS", strconv.Itoa(c.Workers)},
		{"CRM_SHUTDOWN_DELAY", c.ShutdownDelay.String()},
		{"CRM_LOG", g.Log},
		{"CRM_DEBUG_ADDR", c.DebugAddr},
		{"CRM_METRICS", c.Metrics},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", c.OTLPEndpoint},
		{"OTEL_EXPORTER_OTLP_HEADERS", hidden(c.OTLPHeaders)},
		{"OTEL_SERVICE_NAME", c.ServiceName},
		{"CRM_SEARCH_URL", shownURL(g.Search.SearchURL)},
		{"CRM_SEARCH_KEY", hidden(g.Search.SearchKey)},
		{"CRM_SEARCH_INDEX", g.Search.SearchIndex},
		{"CRM_PUBLIC_URL", g.PublicURL},
		{"CRM_TRUSTED_PROXIES", strings.Join(g.TrustedProxies, ",")},
		{"CRM_RATE_LIMIT", strconv.Itoa(g.RateLimit)},
		{"CRM_REDIS_URL", hidden(g.RedisURL)},
		{"CRM_SYNC_NORMAL", strconv.FormatBool(g.SyncNormal)},
	}
	if g.JSON {
		m := map[string]string{}
		for _, s := range settings {
			m[s.name] = s.value
		}
		return printJSON(t.out, m)
	}
	for _, s := range settings {
		if _, err := fmt.Fprintf(t.out, "%-28s %s\n", s.name, cmp.Or(s.value, "(not set)")); err != nil {
			return err
		}
	}
	return nil
}

// withoutPassword is a URL as it may be shown. What does not parse may hold a
// password anywhere.
func withoutPassword(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "(set)"
	}
	if q := u.Query(); q.Has("password") {
		q.Set("password", "xxxxx")
		u.RawQuery = q.Encode()
	}
	return u.Redacted()
}

// hidden says of a secret only whether it is set.
func hidden(secret string) string {
	if secret == "" {
		return ""
	}
	return "(set)"
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// underName puts further lines of a message under its first one, behind the
// program's name.
const underName = "\n           "

// explain turns an error into a sentence with a way out.
func explain(err error) string {
	if lines := brokenRules(err); len(lines) > 0 {
		return strings.Join(lines, underName)
	}
	var c *crm.ConflictError
	if errors.As(err, &c) && c.Message != "" {
		return c.Message
	}
	text := strings.Join(said(err), underName)
	if hint := databaseHint(err); hint != "" {
		return text + underName + hint
	}
	if job, ok := errors.AsType[*crm.JobError](err); ok && errors.Is(job, crm.ErrUnavailable) {
		return text + underName + "`crmserver check` says whether the database is damaged; nothing of what was there before is lost by trying again"
	}
	return text
}

// said is the lines of an error, without those that another one says already,
// as the end of a transaction says what its beginning did.
func said(err error) []string {
	lines := strings.Split(err.Error(), "\n")
	return slices.DeleteFunc(lines, func(line string) bool {
		return slices.ContainsFunc(lines, func(o string) bool { return len(o) > len(line) && strings.Contains(o, line) })
	})
}

// brokenRules lists what input breaks, a sentence each; none for other errors.
func brokenRules(err error) []string {
	var v *crm.ValidationError
	if !errors.As(err, &v) {
		return nil
	}
	lines := make([]string, len(v.Fields))
	for i, f := range v.Fields {
		lines[i] = f.Field + " " + f.Message
	}
	return lines
}
