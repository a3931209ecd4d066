package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// reader walks through all pages, exports all contacts and searches, while
// others write.
func reader(k *client) func() step {
	return func() step {
		switch k.random.IntN(60) {
		case 0, 1:
			return k.walk()
		case 2:
			return k.export
		}
		return k.find
	}
}

// walk pages through the list by cursor: nobody is met twice, and nobody missed
// who was there at the beginning and is still. It goes on behind a restart.
func (k *client) walk() step {
	want, met, cursor := k.ledger.settled(), map[string]int{}, ""
	return func(bool) error {
		for {
			path := "/api/v1/contacts?pageSize=200&sort=displayName&order=asc"
			if cursor != "" {
				path += "&cursor=" + url.QueryEscape(cursor)
			}
			status, text, err := k.ask(http.MethodGet, path, "", []int{200})
			if err != nil || status != 200 {
				return err
			}
			page := read[struct {
				Items      []struct{ ID string }
				NextCursor string
			}](k.t, text)
			for _, i := range page.Items {
				met[i.ID]++
			}
			if cursor = page.NextCursor; cursor == "" {
				break
			}
		}
		k.sawOnce("pages", want, met)
		return nil
	}
}

// export reads one to its end; a killed server must not look like an end.
func (k *client) export(bool) error {
	want, met := k.ledger.settled(), map[string]int{}
	status, text, err := k.ask(http.MethodGet, "/api/v1/exports/contacts?format=jsonl", "", []int{200})
	if err != nil || status != 200 {
		return err
	}
	for line := range strings.Lines(string(text)) {
		met[read[person](k.t, []byte(line)).ID]++
	}
	k.sawOnce("export", want, met)
	return nil
}

func (k *client) sawOnce(what string, want []person, met map[string]int) {
	k.pages.Add(1)
	for id, n := range met {
		if n > 1 {
			k.t.Errorf("%s: contact %s %d times", what, id, n)
		}
	}
	live := map[string]bool{}
	for _, p := range k.ledger.settled() {
		live[p.ID] = true
	}
	for _, p := range want {
		if live[p.ID] && met[p.ID] == 0 {
			k.t.Errorf("%s: contact %s %s was there all the time and is missing", what, p.ID, p.Name)
		}
	}
}

// find searches for one of the newest contacts.
func (k *client) find(bool) error {
	all := k.ledger.settled()
	if len(all) == 0 {
		return nil
	}
	p := all[max(0, len(all)-1-k.random.IntN(100))]
	found, err := k.finds(p)
	if k.many != nil && err == nil && !found { // Another server may have written it, and this one not have heard of it yet.
		found = len(k.missing([]person{p}, time.Now().Add(patience))) == 0
	}
	if err == nil && !found && slices.ContainsFunc(k.ledger.settled(), func(q person) bool { return q.ID == p.ID }) {
		k.t.Errorf("a search beside writes does not find %s %s", p.ID, p.Name)
	}
	k.pages.Add(1)
	return err
}

// finds tells whether a search for the last word of a name finds it.
func (x *chaos) finds(p person) (bool, error) {
	words := strings.Fields(p.Name)
	status, text, err := x.send(http.MethodGet, "/api/v1/contacts?search="+url.QueryEscape(words[len(words)-1]), "", nil)
	if err != nil {
		return false, errGone
	}
	var list found
	if err := json.Unmarshal(text, &list); err != nil || status != http.StatusOK {
		return false, fmt.Errorf("search: %d %s", status, text)
	}
	return slices.ContainsFunc(list.Items, func(f foundContact) bool { return f.ID == p.ID }), nil
}

// listener keeps a stream of events, across servers and cuts of its own.
type listener struct {
	*client
	lastID string
	at     atomic.Int64 // the position of lastID
	mu     sync.Mutex   // holds heard
	heard  heardStream
}

// upTo is what was heard up to a position of the log. It may go on meanwhile.
func (l *listener) upTo(end int64) heardStream {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.heard
	h.events = slices.DeleteFunc(slices.Clone(h.events), func(e logged) bool { return e.position > end })
	return h
}

// listen hears until the server is gone; begun is called when the stream stands.
func (l *listener) listen(ctx context.Context, begun func()) {
	for ctx.Err() == nil {
		if l.connect(ctx, begun) != nil {
			if l.many == nil {
				return
			}
			l.many.rest()
		}
	}
}

// connect hears for a while; an error says that there is no server any more.
func (l *listener) connect(ctx context.Context, begun func()) error {
	base := l.c.base
	if l.many != nil {
		base = l.many.pick()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/api/v1/events", nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+l.c.key)
	if l.lastID != "" {
		r.Header.Set("Last-Event-Id", l.lastID)
	}
	answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // It was only read.
	if l.many != nil && answer.StatusCode == http.StatusServiceUnavailable {
		return errGone
	}
	if answer.StatusCode != http.StatusOK {
		l.t.Errorf("stream from %q: got %s", l.lastID, answer.Status)
		return errGone
	}
	lines := bufio.NewScanner(answer.Body)
	for cut := 1 + l.random.IntN(2_000); cut > 0; cut-- {
		block, ok := nextBlock(lines)
		if !ok {
			return errGone
		}
		l.take(block)
		begun()
	}
	return nil
}

// nextBlock reads up to an empty line; what a killed server left half is none.
func nextBlock(lines *bufio.Scanner) (block map[string]string, ok bool) {
	block = map[string]string{}
	for lines.Scan() {
		if lines.Text() == "" {
			return block, true
		}
		name, value, _ := strings.Cut(lines.Text(), ":")
		block[name] = strings.TrimPrefix(value, " ")
	}
	return nil, false
}

func (l *listener) take(block map[string]string) {
	id := block["id"]
	if block["event"] == "reset" {
		l.t.Errorf("stream from %q: reset because of %s", l.lastID, block["data"])
	}
	if id == "" {
		return // A comment.
	}
	_, position, _ := strings.Cut(id, "-")
	at, err := strconv.ParseInt(position, 10, 64)
	if err != nil {
		l.t.Errorf("id of a stream: got %q", id)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lastID == "" {
		l.heard.start = at
	}
	l.lastID = id
	defer l.at.Store(at)
	if block["data"] == "" {
		return // Where the stream stands.
	}
	data := read[struct {
		Subject struct{ ID string }
		Batch   *struct{ ID string }
	}](l.t, []byte(block["data"]))
	e := logged{position: at, kind: block["event"], subject: data.Subject.ID}
	if data.Batch != nil {
		e.batch = data.Batch.ID
	}
	l.heard.events = append(l.heard.events, e)
}

// findable expects that the contacts are found, each of them by the time given.
func (x *chaos) findable(people []person, by time.Time) {
	x.t.Helper()
	for _, who := range x.missing(people, by) {
		x.t.Errorf("contact %s is not found", who)
	}
}

// missing returns who is not found and is not until the time given either.
func (x *chaos) missing(people []person, by time.Time) (missing []string) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for _, p := range people {
		for {
			ok, err := x.finds(p)
			if ok {
				break
			}
			if err != nil && (x.many == nil || !errors.Is(err, errGone)) {
				return append(missing, err.Error())
			}
			if x.many != nil && !slices.ContainsFunc(x.ledger.settled(), func(q person) bool { return q.ID == p.ID }) {
				break // Who writes meanwhile has taken it away.
			}
			if time.Now().After(by) {
				missing = append(missing, p.ID+" "+p.Name)
				break
			}
			<-tick.C
		}
	}
	return missing
}
