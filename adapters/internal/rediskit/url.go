package rediskit

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/omnicrm/omnicrm/crm"
)

// The ports of a server and of a Sentinel where a URL names none.
const (
	serverPort   = "6379"
	sentinelPort = "26379"
)

// forms is what a person is told who wrote no such URL.
const forms = "must be like redis://:PASSWORD@HOST:6379/0, redis-sentinel://HOST:26379,HOST:26379/0?master=NAME or redis-cluster://HOST:6379,HOST:6379, with rediss in front for TLS"

// field is what errors call the URL.
const field = "url"

// Parse reads the URL of a Redis:
//
//	redis://[[USER]:PASSWORD@]HOST[:6379][/DB]
//	redis-sentinel://[[USER]:PASSWORD@]HOST[:26379][,HOST...][/DB]?master=NAME[&sentinel_user=USER][&sentinel_password=PASSWORD]
//	redis-cluster://[[USER]:PASSWORD@]HOST[:6379][,HOST...]
//	redis-socket:///PATH[?db=DB][&user=USER][&password=PASSWORD]
//
// rediss, rediss-sentinel and rediss-cluster are the same over TLS, where
// ca=FILE names the certificates that are trusted instead of the system's. Signs
// such as @ in a password are escaped as in any URL. What is wrong is a
// *ValidationError that repeats nothing of the URL, which may hold a secret.
func Parse(text string) (redis.UniversalOptions, error) {
	scheme, rest, found := strings.Cut(text, "://")
	secure := strings.HasPrefix(scheme, "rediss")
	kind := strings.TrimPrefix(strings.Replace(scheme, "rediss", "redis", 1), "redis")
	if !found || !slices.Contains([]string{"redis", "redis-sentinel", "redis-cluster", "redis-socket"}, "redis"+kind) || secure && kind == "-socket" {
		return redis.UniversalOptions{}, crm.Invalid(field, crm.CodeInvalid, forms)
	}
	// Several hosts are no URL to net/url: they are taken out first.
	authority, tail := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, tail = rest[:i], rest[i:]
	}
	user, hosts := "", authority
	if i := strings.LastIndex(authority, "@"); i >= 0 {
		user, hosts = authority[:i+1], authority[i+1:]
	}
	u, err := url.Parse(scheme + "://" + user + "host" + tail)
	if err != nil || u.Fragment != "" {
		return redis.UniversalOptions{}, crm.Invalid(field, crm.CodeInvalid, "is no URL (write signs such as @, : and / in a password as %40, %3A and %2F); it "+forms)
	}
	o := redis.UniversalOptions{IsClusterMode: kind == "-cluster"}
	o.Username = u.User.Username()
	o.Password, _ = u.User.Password()
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return o, crm.Invalid(field, crm.CodeInvalid, "has no readable parameters behind the question mark")
	}
	p := parts{kind: kind, hosts: hosts, path: u.Path, query: query, secure: secure}
	for _, fill := range []func(*redis.UniversalOptions) error{p.addresses, p.database, p.sentinel, p.tls, p.nothingElse} {
		if err := fill(&o); err != nil {
			return o, err
		}
	}
	return o, nil
}

// parts is a URL taken apart. What was understood is taken out of the query.
type parts struct {
	kind, hosts, path string
	query             url.Values
	secure            bool
}

func (p parts) take(name string) string {
	defer p.query.Del(name)
	return p.query.Get(name)
}

func (p parts) addresses(o *redis.UniversalOptions) error {
	if p.kind == "-socket" {
		if p.hosts != "" || p.path == "" {
			return crm.Invalid(field, crm.CodeInvalid, "must be like redis-socket:///run/redis/redis.sock?db=0")
		}
		o.Addrs, o.Username, o.Password = []string{p.path}, p.take("user"), p.take("password")
		return nil
	}
	port := serverPort
	if p.kind == "-sentinel" {
		port = sentinelPort
	}
	for host := range strings.SplitSeq(p.hosts, ",") {
		address, err := withPort(host, port)
		if err != nil {
			return err
		}
		o.Addrs = append(o.Addrs, address)
	}
	if p.kind == "" && len(o.Addrs) > 1 {
		return crm.Invalid(field, crm.CodeInvalid, "names several hosts: write redis-sentinel:// or redis-cluster:// for them")
	}
	return nil
}

// withPort completes an address of a host with or without a port.
func withPort(host, port string) (string, error) {
	if bare := strings.Trim(host, "[]"); net.ParseIP(bare) != nil || !strings.Contains(host, ":") {
		host = net.JoinHostPort(bare, port)
	}
	name, number, err := net.SplitHostPort(host)
	if n, bad := strconv.ParseUint(number, 10, 16); err != nil || bad != nil || n == 0 || name == "" {
		return "", crm.Invalid(field, crm.CodeInvalid, "has a host or a port that is none; it "+forms)
	}
	return host, nil
}

func (p parts) database(o *redis.UniversalOptions) error {
	text := strings.TrimPrefix(p.path, "/")
	if p.kind == "-socket" {
		text = p.take("db")
	}
	if text == "" {
		return nil
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return crm.Invalid(field, crm.CodeInvalid, "has no number of a database as its path")
	}
	if n > 0 && o.IsClusterMode {
		return crm.Invalid(field, crm.CodeInvalid, "names a database: a cluster has only number 0")
	}
	o.DB = int(n)
	return nil
}

func (p parts) sentinel(o *redis.UniversalOptions) error {
	if p.kind != "-sentinel" {
		return nil
	}
	o.MasterName, o.SentinelUsername, o.SentinelPassword = p.take("master"), p.take("sentinel_user"), p.take("sentinel_password")
	if o.MasterName == "" {
		return crm.Invalid(field, crm.CodeRequired, "must name the primary that the Sentinels watch: ?master=NAME")
	}
	return nil
}

func (p parts) tls(o *redis.UniversalOptions) error {
	file := p.take("ca")
	if !p.secure {
		if file != "" {
			return crm.Invalid(field, crm.CodeInvalid, "names certificates without TLS: write rediss for redis")
		}
		return nil
	}
	// The client fills in the name of the server that it dials.
	o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if file == "" {
		return nil
	}
	text, err := os.ReadFile(file) //nolint:gosec // The operator names it.
	if err != nil {
		return fmt.Errorf("read the certificates that the Redis URL names: %w", err)
	}
	o.TLSConfig.RootCAs = x509.NewCertPool()
	if !o.TLSConfig.RootCAs.AppendCertsFromPEM(text) {
		return crm.Invalid(field, crm.CodeInvalid, "names a file of certificates (ca) that holds none in PEM form")
	}
	return nil
}

// nothingElse refuses parameters that nobody reads: they may be misspelt.
func (p parts) nothingElse(*redis.UniversalOptions) error {
	for name := range p.query {
		known := []string{"ca", "db", "master", "password", "sentinel_password", "sentinel_user", "user"}
		if slices.Contains(known, name) {
			return crm.Invalid(field, crm.CodeInvalid, "has the parameter "+name+", which does not belong to this kind of URL")
		}
		return crm.Invalid(field, crm.CodeUnknown, "has a parameter that is none of "+strings.Join(known, ", "))
	}
	return nil
}
