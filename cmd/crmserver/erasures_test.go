package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAnErasedPersonIsInNoFile looks for somebody, after an erase, in the bytes
// of every file of the data folder, in what the server logs, and in backups.
func TestAnErasedPersonIsInNoFile(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.write("xanthippe.csv", "Name,E-mail 1 - Value,Notes,Phone 1 - Value,Nickname\n"+
		"Xanthippe Quux,xanthippe@needle.example,loves zugzwang,+1 202 555 0123,Xanny\nBob,bob@other.example,,,\nXanthippe Brokenrow,no address,zugzwang too,,\n")
	h.importFile("xanthippe.csv") // The import keeps the name.
	s := h.serve("--log", "debug")
	c := h.caller(s)
	person := c.search("xanthippe quux").Items[0].ID
	bob := c.search("bob").Items[0].ID
	do := func(method, path, body string, want int, headers ...string) {
		t.Helper()
		status, text, err := c.send(method, path, "application/json", strings.NewReader(body), headers...)
		if err != nil || status != want {
			t.Fatalf("%s %s: got %d %s (%v), want %d", method, path, status, text, err, want)
		}
	}
	at := `"occurredAt":"2026-01-02T03:04:05Z"`
	do("POST", "/api/v1/contacts/"+person+"/interactions", `{"type":"call",`+at+`,"subject":"Schadenfreude","body":"kwyjibo alone"}`, 201, "Idempotency-Key", "one")
	do("POST", "/api/v1/contacts/"+person+"/interactions", `{"type":"email",`+at+`,"subject":"Schadenfreude","body":"kwyjibo shared","participants":[{"role":"to","contactId":"`+bob+`"}]}`, 201)
	do("PATCH", "/api/v1/contacts/"+person, `{"notes":"zugzwang and fisimatenten","tags":["quuxtag"]}`, 200, "Idempotency-Key", "two")
	do("PATCH", "/api/v1/contacts/"+person, `{"jobTitle":"zugzwang officer"}`, 200)
	do("POST", "/api/v1/contacts/bulk-update", `{"ids":["`+person+`","`+bob+`"],"set":{"stage":"lead"}}`, 200)
	do("POST", "/api/v1/contacts", `{"displayName":"Xanthippe Quux","emails":[{"address":"xanthippe@needle.example"}]}`, 201, "Idempotency-Key", "three")
	for _, f := range c.search("xanthippe quux").Items { // A second one, erased as well.
		if f.ID != person {
			do("POST", "/api/v1/contacts/"+f.ID+"/erase", "", 204)
		}
	}
	upload := "Name,E-mail 1 - Value,Notes\nCarl,carl@other.example,\nX Q,Xanthippe@Needle.example,zugzwang again\n"
	if status, text, err := c.send("POST", "/api/v1/imports?fileName=later.csv", "text/csv", strings.NewReader(upload)); err != nil || status != 201 {
		t.Fatalf("upload: got %d %s (%v), want 201", status, text, err)
	}
	if status, text, err := c.send("POST", "/api/v1/imports?fileName=for-Quux.csv", "text/csv", strings.NewReader("Name,Email\nDan,dan@other.example\n")); err != nil || status != 201 {
		t.Fatalf("upload: got %d %s (%v), want 201", status, text, err)
	}
	h.ok(h.run("backup", h.path("before.omni")))
	words := []string{"xanthippe", "quux", "needle.example", "zugzwang", "schadenfreude", "kwyjibo", "fisimatenten", "2025550123", "xanny"}
	for _, w := range []string{"xanthippe", "zugzwang", "kwyjibo"} {
		if len(holding(t, h.path("data"), w)) == 0 {
			t.Fatalf("%q is in no file before the erase: the test would prove nothing", w)
		}
	}
	do("POST", "/api/v1/contacts/"+person+"/erase", "", 204)
	h.ok(h.run("backup", h.path("after.omni")))
	gone := func() string {
		for _, w := range words {
			if found := holding(t, h.path("data"), w); len(found) > 0 {
				return fmt.Sprintf("%q in %v", w, found)
			}
		}
		return ""
	}
	until(t, "the log is emptied: "+gone(), func() bool { return gone() == "" })
	s.stop()
	if found := gone(); found != "" {
		t.Errorf("after the stop: %s", found)
	}
	for _, w := range words {
		if strings.Contains(strings.ToLower(s.log.String()), w) {
			t.Errorf("%q is in the log: %s", w, s.log)
		}
	}
	r := h.other()
	r.ok(r.run("restore", h.path("after.omni")))
	journal := h.ok(h.run("erasures")).out
	if !strings.Contains(journal, person) || strings.Count(journal, "\n") < 2 {
		t.Errorf("the journal: got %q, want both", journal)
	}
	h.write("journal", journal)
	if got := h.ok(h.run("erasures", "--since", "2099-01-01")).out; got != "" {
		t.Errorf("erasures since 2099: got %q, want none", got)
	}
	if text := h.read("data/" + journalName); !strings.Contains(text, person) {
		t.Errorf("%s: got %q, want the erasure", journalName, text)
	}
	old := h.other()
	old.ok(old.run("restore", h.path("before.omni"), "--erasures", h.path("journal")))
	for name, home := range map[string]*home{"a backup made after": r, "an older one with the journal": old} {
		home.clean()
		for _, w := range words {
			if found := holding(t, home.path("data"), w); len(found) > 0 {
				t.Errorf("%s: %q in %v", name, w, found)
			}
		}
	}
}

// holding names the files of a folder that hold a word, in capitals or not.
func holding(t *testing.T, folder, word string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, name := range files {
		text, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(bytes.ToLower(text), []byte(word)) {
			found = append(found, filepath.Base(name))
		}
	}
	return found
}

// TestTheJournalOfErasures kills a server, tears the journal's last line and looks
// whether every erasure is there once.
func TestTheJournalOfErasures(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	path := "data/" + journalName
	erase := func(c *caller, name string) string {
		t.Helper()
		id, err := c.create(name)
		if err != nil {
			t.Fatal(err)
		}
		if status, text, err := c.send("POST", "/api/v1/contacts/"+id+"/erase", "", nil); err != nil || status != 204 {
			t.Fatalf("erase: got %d %s (%v)", status, text, err)
		}
		return id
	}
	noted := func(id string) bool {
		text, err := os.ReadFile(h.path(path))
		return err == nil && strings.Contains(string(text), id)
	}
	s := h.serve()
	c := h.caller(s)
	first := erase(c, "One")
	until(t, "the erasure is noted", func() bool { return noted(first) })
	s.kill()
	whole := h.read(path)
	h.write(path, whole+whole[:20])

	s = h.serve()
	c.base = s.hello.URL
	second := erase(c, "Two")
	until(t, "the next erasure is noted", func() bool { return noted(second) })
	third := erase(c, "Three")
	s.stop() // It notes what there is before it ends.
	if !noted(third) {
		t.Errorf("the journal after a stop: got %s, want %s in it", h.read(path), third)
	}
	for range 2 {
		lines := strings.Split(strings.TrimSpace(h.ok(h.run("erasures")).out), "\n")
		if len(lines) != 3 || !strings.Contains(lines[0], first) || !strings.Contains(lines[2], third) {
			t.Errorf("erasures: got %q, want each once", lines)
		}
	}
	if got := strings.Count(h.read(path), "\n"); got != 3 {
		t.Errorf("lines of the journal: got %d, want 3:\n%s", got, h.read(path))
	}
	if info, err := os.Stat(h.path(path)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the journal: got %v, %v, want rights of 0600", info, err)
	}
	// Beside another database the journal begins anew, and keeps what it has.
	for _, name := range []string{"crm.db", "crm.db-wal", "crm.db-shm"} {
		if err := os.Remove(h.path("data/" + name)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	h.ok(h.give(password+"\n", "user", "create", "--email", email, "--workspace", "Mine", "--password-stdin"))
	s = h.serve()
	last := erase(h.caller(s), "Four")
	until(t, "the erasure of the new database is noted", func() bool { return noted(last) })
	s.stop()
	if got := h.ok(h.run("erasures")).out; !strings.Contains(got, first) || !strings.Contains(got, last) {
		t.Errorf("erasures behind a new database: got %s, want all", got)
	}
}
