package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// errGone says that the server did not answer: it was killed.
var errGone = errors.New("the server is gone")

// chaos is a data folder under load by clients that outlive its servers.
type chaos struct {
	*home
	c      *caller
	ledger *ledger
	// settling tells clients to end what they have begun and begin nothing more.
	settling atomic.Bool
	pages    atomic.Int64 // walks through all pages, exports and searches
	// many is the processes over one database on a server; nil for the embedded one.
	many *manyServers
}

// send sends a request to the server, or to one of them. Where there are many, a
// server that cannot reach the database is as good as gone, and so is one whose
// request with the same key may still be at work.
func (x *chaos) send(method, path, contentType string, body io.Reader, headers ...string) (int, []byte, error) {
	if x.many == nil {
		return x.c.send(method, path, contentType, body, headers...)
	}
	return x.many.send(x.c, method, path, contentType, body, headers...)
}

// client does one thing after the other. What the server did not answer it
// does again when there is a server again, before anything else.
type client struct {
	*chaos
	n      int
	random *rand.Rand
	draw   func() step
	// step is what is under way; nil between two.
	step  step
	again bool
	idle  atomic.Bool  // nothing is under way, and nothing comes
	asked atomic.Value // the last request, for who looks why it does not end
	count int
	mine  []string // the contacts that nobody else changes
}

// step is one thing that a client does. again says that the answer to an
// earlier try was lost: the server may have done it. It may be tried any
// number of times, and fails with errGone alone.
type step func(again bool) error

func (x *chaos) client(n int, seed uint64, kind func(*client) func() step) *client {
	k := &client{chaos: x, n: n, random: rand.New(rand.NewPCG(seed, uint64(n)))}
	k.draw = kind(k)
	return k
}

// run goes on until the server is gone, or all has settled.
func (k *client) run() {
	for {
		if k.step == nil {
			if k.settling.Load() {
				k.idle.Store(true)
				return
			}
			k.count++
			k.step, k.again = k.draw(), false
		}
		if k.again {
			k.ledger.lost()
		}
		if err := k.step(k.again); err != nil {
			k.again = true
			if k.many == nil {
				return
			}
			k.many.rest()
			continue
		}
		k.step = nil
	}
}

func (k *client) name() string { return fmt.Sprintf("c%dn%d", k.n, k.count) }

// ask sends a request. A status that is not among those wanted is a failure of
// the test, and ends the step.
func (k *client) ask(method, path, body string, want []int, headers ...string) (int, []byte, error) {
	kind := "application/json"
	if body == "" {
		kind = ""
	}
	return k.askAs(kind, method, path, body, want, headers...)
}

func (k *client) askAs(kind, method, path, body string, want []int, headers ...string) (int, []byte, error) {
	k.asked.Store(method + " " + path)
	status, text, err := k.send(method, path, kind, strings.NewReader(body), headers...)
	if err != nil {
		return 0, nil, errGone
	}
	if slices.Contains(want, status) {
		return status, text, nil
	}
	k.t.Errorf("%s %s %s (again: %t): got %d %s, want %v", method, path, body, k.again, status, text, want)
	return status, text, nil
}

// read decodes an answer; one that was refused has been reported.
func read[T any](t *testing.T, text []byte) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(text, &v); err != nil {
		t.Errorf("%v in %s", err, text)
	}
	return v
}

// wait asks until so says that it is enough.
func (k *client) wait(what, path string, so func(text []byte) bool) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); time.Now().Before(end); <-tick.C {
		_, text, err := k.ask(http.MethodGet, path, "", []int{200})
		if err != nil || so(text) {
			return err
		}
	}
	k.t.Errorf("waited in vain: %s (%s)", what, path)
	return nil
}

// quote is a value in JSON.
func quote(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// writer creates, changes, tags, deletes and restores contacts of its own and
// adds interactions.
func writer(k *client) func() step {
	return func() step {
		dice := k.random.IntN(100)
		if len(k.mine) < 5 || dice < 35 {
			return k.createOne(fmt.Sprintf(`"notes":"by client %d"`, k.n))
		}
		id := k.mine[k.random.IntN(len(k.mine))]
		p := k.ledger.person(id)
		switch {
		case p.trashed():
			return k.restore(p)
		case dice < 55:
			return k.patch(p)
		case dice < 75:
			return k.talkTo(id)
		case dice < 85:
			return k.bulk("bulk-tag", `"add":["`+k.name()+`"]`, func(p *person) { p.Tags = append(p.Tags, k.name()) })
		case dice < 90:
			return k.bulk("bulk-update", `"set":{"stage":"customer"}`, func(p *person) { p.Stage = "customer" })
		case dice < 93:
			return k.erase(p)
		}
		return k.remove(p)
	}
}

// erase takes a contact away for good. A 409 or a 404 to a repeat says that the
// first try was carried out.
func (k *client) erase(p person) step {
	name, trashed := k.name(), p.next(func(p *person) { p.DeletedAt = &time.Time{} })
	k.mine = slices.DeleteFunc(k.mine, func(id string) bool { return id == p.ID })
	return func(again bool) error {
		statuses := []int{204}
		if again {
			statuses = append(statuses, 404, 409)
		}
		k.ledger.changing(trashed)
		_, _, err := k.ask(http.MethodPost, "/api/v1/contacts/"+p.ID+"/erase", "", statuses, "Idempotency-Key", name)
		if err == nil {
			k.ledger.gone(p.ID)
		}
		return err
	}
}

// createOne creates a contact with an Idempotency-Key.
func (k *client) createOne(fields string) step {
	name := k.name()
	return func(bool) error {
		status, text, err := k.ask(http.MethodPost, "/api/v1/contacts", `{"displayName":"Person `+name+`",`+fields+`}`, []int{201}, "Idempotency-Key", name)
		if err != nil || status != 201 {
			return err
		}
		p := read[person](k.t, text)
		k.ledger.acknowledged(p)
		k.mine = append(k.mine, p.ID)
		return nil
	}
}

func etag(p person) string { return fmt.Sprintf(`"%d"`, p.Version) }

// patch changes the notes under If-Match. A 412 to a repeat says that the first
// try was carried out.
func (k *client) patch(p person) step {
	want := p.next(func(p *person) { p.Notes = "changed by " + k.name() })
	return func(again bool) error {
		statuses := []int{200}
		if again {
			statuses = append(statuses, 412)
		}
		k.ledger.changing(want)
		status, text, err := k.ask(http.MethodPatch, "/api/v1/contacts/"+p.ID, `{"notes":`+quote(want.Notes)+`}`, statuses, "If-Match", etag(p))
		if err != nil {
			return err
		}
		if status == 412 {
			if status, text, err = k.ask(http.MethodGet, "/api/v1/contacts/"+p.ID, "", []int{200}); err != nil {
				return err
			}
		}
		if status != 200 {
			return nil
		}
		got := read[person](k.t, text)
		if diff := want.differ(got); diff != "" {
			k.t.Errorf("after PATCH (again: %t) contact %s %s", again, p.ID, diff)
		}
		k.ledger.acknowledged(got)
		return nil
	}
}

// remove deletes under If-Match.
func (k *client) remove(p person) step {
	want := p.next(func(p *person) { p.DeletedAt = &time.Time{} })
	return func(again bool) error {
		statuses := []int{204}
		if again {
			statuses = append(statuses, 412)
		}
		k.ledger.changing(want)
		status, _, err := k.ask(http.MethodDelete, "/api/v1/contacts/"+p.ID, "", statuses, "If-Match", etag(p))
		if err != nil || status == 0 {
			return err
		}
		k.ledger.acknowledged(want)
		return nil
	}
}

func (k *client) restore(p person) step {
	name, want := k.name(), p.next(func(p *person) { p.DeletedAt = nil })
	return func(bool) error {
		k.ledger.changing(want)
		status, text, err := k.ask(http.MethodPost, "/api/v1/contacts/"+p.ID+"/restore", "", []int{200}, "Idempotency-Key", name)
		if err != nil || status != 200 {
			return err
		}
		got := read[person](k.t, text)
		if diff := want.differ(got); diff != "" {
			k.t.Errorf("after restore contact %s %s", p.ID, diff)
		}
		k.ledger.acknowledged(got)
		return nil
	}
}

func (k *client) talkTo(id string) step {
	name := k.name()
	at := time.Now().UTC().Add(-time.Duration(k.random.IntN(10_000)) * time.Second).Truncate(time.Second)
	body := quote(map[string]any{"type": "call", "direction": "outbound", "subject": "About " + name, "occurredAt": at, "source": "chaos", "sourceId": name})
	return func(bool) error {
		status, text, err := k.ask(http.MethodPost, "/api/v1/contacts/"+id+"/interactions", body, []int{201}, "Idempotency-Key", name)
		if err != nil || status != 201 {
			return err
		}
		t := read[talk](k.t, text)
		if t.SourceID != name || !t.At.Equal(at) || !t.with(id) {
			k.t.Errorf("interaction: got %s, want %s with %s", text, body, id)
		}
		k.ledger.talked(t)
		return nil
	}
}

// bulk changes up to ten own contacts by their ids. A 409 to a repeat says that
// the first try was carried out.
func (k *client) bulk(action, change string, want func(*person)) step {
	var ids []string
	var after []person
	for _, i := range k.random.Perm(len(k.mine)) {
		p := k.ledger.person(k.mine[i])
		next := p.next(want)
		if p.trashed() || len(next.Tags) > 100 || p.Stage == next.Stage && len(p.Tags) == len(next.Tags) {
			continue // It would not be changed.
		}
		if ids, after = append(ids, p.ID), append(after, next); len(ids) == 10 {
			break
		}
	}
	if len(ids) == 0 {
		return k.createOne(`"stage":"lead"`)
	}
	name := k.name()
	return func(again bool) error {
		statuses := []int{200}
		if again {
			statuses = append(statuses, 409)
		}
		k.ledger.changing(after...)
		status, text, err := k.ask(http.MethodPost, "/api/v1/contacts/"+action, `{"ids":`+quote(ids)+`,`+change+`}`, statuses, "Idempotency-Key", name)
		if err != nil {
			return err
		}
		if status == 409 && !strings.Contains(string(text), "was carried out") {
			k.t.Errorf("%s again: got %s", action, text)
		}
		if got := read[struct{ Updated int }](k.t, text).Updated; status == 200 && got != len(ids) {
			k.t.Errorf("%s: got %d, want %d", action, got, len(ids))
		}
		k.ledger.acknowledged(after...)
		return nil
	}
}
