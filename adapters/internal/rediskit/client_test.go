package rediskit_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/adapters/internal/rediskit"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/internal/testkit/redistest"
)

// usable opens a Redis and uses it.
func usable(t *testing.T, address string) {
	t.Helper()
	c, err := rediskit.Open(t.Context(), address)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	if err := errors.Join(c.Redis.Set(t.Context(), "k", "v", 0).Err(), c.Close()); err != nil {
		t.Error(err)
	}
}

// refused wants one sentence with a way out and without the secret.
func refused(t *testing.T, address, hint string) {
	t.Helper()
	began := time.Now()
	c, err := rediskit.Open(t.Context(), address)
	if err == nil {
		t.Fatalf("opened, want an error that says %q", errors.Join(c.Close()))
	}
	var connect *rediskit.ConnectError
	if !errors.As(err, &connect) || !errors.Is(err, crm.ErrUnavailable) || !strings.Contains(err.Error(), hint) {
		t.Errorf("got %v, want a *ConnectError that says %q", err, hint)
	}
	if text := err.Error(); strings.Contains(text, "hunter2") || strings.Contains(text, "\n") {
		t.Errorf("got %q, want one line without the password", text)
	}
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("took %s, want a few seconds at most", took)
	}
}

func TestEveryKindOfRedisOpens(t *testing.T) {
	t.Parallel()
	t.Run("a single server", func(t *testing.T) {
		t.Parallel()
		usable(t, redistest.Start(t, redistest.Options{Password: "p@:/ss"}).URL())
	})
	t.Run("a cluster", func(t *testing.T) {
		t.Parallel()
		_, address := redistest.StartCluster(t)
		usable(t, address)
	})
	t.Run("a Sentinel", func(t *testing.T) {
		t.Parallel()
		_, address := redistest.StartSentinel(t)
		usable(t, address)
	})
	t.Run("a socket", func(t *testing.T) {
		t.Parallel()
		socket := filepath.Join(t.TempDir(), "s")
		redistest.Start(t, redistest.Options{Args: []string{"--unixsocket", socket}})
		usable(t, "redis-socket://"+socket)
	})
}

func TestWhatCannotBeUsedIsExplained(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{Password: "secret"})
	at := s.Addr()
	t.Run("the wrong password", func(t *testing.T) { t.Parallel(); refused(t, "redis://:hunter2@"+at, "another user or password") })
	t.Run("no password", func(t *testing.T) { t.Parallel(); refused(t, "redis://"+at, "another user or password") })
	t.Run("the wrong user", func(t *testing.T) { t.Parallel(); refused(t, "redis://eve:hunter2@"+at, "another user or password") })
	t.Run("no such database", func(t *testing.T) { t.Parallel(); refused(t, "redis://:secret@"+at+"/99", "another one") })
	t.Run("TLS where there is none", func(t *testing.T) { t.Parallel(); refused(t, "rediss://:hunter2@"+at, "write redis for rediss") })
	t.Run("no cluster", func(t *testing.T) { t.Parallel(); refused(t, "redis-cluster://:secret@"+at, "it is no cluster") })
	t.Run("no Sentinel", func(t *testing.T) {
		t.Parallel()
		refused(t, "redis-sentinel://"+at+"?master=m", "no Sentinel answers")
	})
	t.Run("nobody there", func(t *testing.T) {
		t.Parallel()
		refused(t, fmt.Sprintf("redis://:hunter2@127.0.0.1:%d", redistest.FreePort(t)), "nothing listens there")
	})
	t.Run("no such host", func(t *testing.T) {
		t.Parallel()
		refused(t, "redis://:hunter2@no-such-host.invalid", "there is no such host")
	})
	t.Run("a server that does not answer", func(t *testing.T) {
		t.Parallel()
		frozen := redistest.Start(t, redistest.Options{})
		frozen.Pause()
		refused(t, frozen.URL(), "does not answer")
	})
	t.Run("a user without rights", func(t *testing.T) {
		t.Parallel()
		limited := redistest.Start(t, redistest.Options{Args: []string{"--user", "bob", "on", ">hunter2", "~*", "+@read", "+ping", "+info", "+hello"}})
		refused(t, "redis://bob:hunter2@"+limited.Addr(), "its user may not")
	})
	t.Run("a replica", func(t *testing.T) {
		t.Parallel()
		first := redistest.Start(t, redistest.Options{})
		second := redistest.Start(t, redistest.Options{Args: []string{"--replicaof", "127.0.0.1 " + strconv.Itoa(first.Port())}})
		refused(t, second.URL(), "it is a replica")
	})
	t.Run("a node of a cluster", func(t *testing.T) {
		t.Parallel()
		first, _ := redistest.StartCluster(t)
		if err := first.Client().ClusterDelSlotsRange(t.Context(), 0, 16383).Err(); err != nil {
			t.Fatal(err)
		}
		refused(t, first.URL(), "node of a cluster")
	})
	t.Run("a full one", func(t *testing.T) {
		t.Parallel()
		refused(t, redistest.Start(t, redistest.Options{Args: []string{"--maxmemory", "1"}}).URL(), "maxmemory")
	})
}

func TestAnOldRedisIsRefused(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{"5.0.14": false, "6.0.16": false, "6.2.0": true, "7.0.15": true, "10.0.0": true, "255.255.255": true} {
		address := "redis://" + impostor(t, version)
		if want {
			usable(t, address)
			continue
		}
		refused(t, address, "it is Redis "+version+", and 6.2 or newer is needed")
	}
}

// impostor answers like a Redis of a version and returns its address.
func impostor(t *testing.T, version string) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	context.AfterFunc(t.Context(), func() { l.Close() }) //nolint:errcheck // It ends the loop.
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go answer(c, version)
		}
	}()
	return l.Addr().String()
}

func answer(c net.Conn, version string) {
	defer c.Close() //nolint:errcheck // The test is over.
	for lines := bufio.NewScanner(c); lines.Scan(); {
		text := ""
		switch strings.ToLower(lines.Text()) {
		case "hello":
			text = "-ERR unknown command `hello`\r\n"
		case "ping":
			text = "+PONG\r\n"
		case "info":
			info := "# Server\r\nredis_version:" + version + "\r\n"
			text = fmt.Sprintf("$%d\r\n%s\r\n", len(info), info)
		case "set", "client":
			text = "+OK\r\n"
		}
		if _, err := c.Write([]byte(text)); err != nil {
			return
		}
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	selfSigned(t, cert, key)
	port := strconv.Itoa(redistest.FreePort(t))
	redistest.Start(t, redistest.Options{Args: []string{
		"--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert, "--tls-auth-clients", "no",
	}})
	usable(t, "rediss://127.0.0.1:"+port+"?ca="+cert)
	refused(t, "rediss://127.0.0.1:"+port, "its certificate is not trusted")
	refused(t, "rediss://localhost:"+port+"?ca="+cert, "its certificate is for another name")
	refused(t, "redis://:hunter2@127.0.0.1:"+port, "write rediss for redis")
}

// selfSigned writes a certificate for 127.0.0.1 alone, and its key.
func selfSigned(t *testing.T, cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "redis"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheBreakerLetsOneTryAtATime(t *testing.T) {
	t.Parallel()
	b := rediskit.Breaker{Rest: time.Hour}
	if !b.Allow() || b.Done(nil) || b.Broken() {
		t.Error("a new breaker: got one that is open")
	}
	if !b.Done(errors.New("away")) || b.Done(errors.New("away")) || b.Allow() || !b.Broken() {
		t.Error("after a failure: got one that is not open, or a change told twice")
	}
	b.Rest = time.Nanosecond
	b.Done(errors.New("away"))
	b.Rest = time.Hour
	if !b.Allow() || b.Allow() {
		t.Error("after its rest: want one call to be let through, and no more")
	}
	if !b.Done(nil) || !b.Allow() || !b.Allow() {
		t.Error("after a success: got one that is open")
	}
}

func TestACutLinkFailsAtOnce(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	l, err := rediskit.Open(t.Context(), s.URL())
	if err != nil {
		t.Fatal(err)
	}
	s.Pause()
	waits := make(chan error)
	go func() { waits <- l.Redis.BLPop(t.Context(), 0, "nothing").Err() }()
	l.Cut()
	began := time.Now()
	if err := <-waits; err == nil {
		t.Error("a call that waited: got no error")
	}
	if err := l.Redis.Ping(t.Context()).Err(); err == nil {
		t.Error("a call after it: got no error")
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("took %s, want next to nothing", took)
	}
	if err := errors.Join(l.Close(), l.Close()); err != nil {
		t.Error(err)
	}
}
