package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/internal/fakedata"
)

// soakSize is how much a test does that OMNICRM_SOAK=1 makes large; `make soak`
// runs those.
func soakSize(usual, soak int) int {
	if os.Getenv("OMNICRM_SOAK") == "1" {
		return soak
	}
	return usual
}

// peopleAsJSON writes n invented people with all that a contact can hold.
func peopleAsJSON(t *testing.T, seed uint64, n int) string {
	t.Helper()
	var file bytes.Buffer
	out := json.NewEncoder(&file)
	g := fakedata.New(seed)
	for i := range n {
		p := g.Person()
		c := map[string]any{
			"displayName": p.DisplayName, "givenName": p.GivenName, "familyName": p.FamilyName, "company": p.Company, "jobTitle": p.JobTitle,
			"birthday": p.Birthday, "stage": p.Stage, "tags": p.Tags, "notes": p.Notes, "websites": p.Websites,
			"source": "test", "sourceId": fmt.Sprintf("%d", i), "fields": soakFields(i),
		}
		var emails, phones, addresses []map[string]any
		for _, e := range p.Emails {
			emails = append(emails, map[string]any{"address": e.Address, "label": e.Label})
		}
		for _, ph := range p.Phones {
			phones = append(phones, map[string]any{"number": ph.Number, "label": ph.Label})
		}
		for _, a := range p.Addresses {
			addresses = append(addresses, map[string]any{
				"label": a.Label, "street": a.Street, "city": a.City, "region": a.Region, "postalCode": a.PostalCode, "country": a.Country,
			})
		}
		c["emails"], c["phones"], c["addresses"] = emails, phones, addresses
		if err := out.Encode(c); err != nil {
			t.Fatal(err)
		}
	}
	return file.String()
}

// soakFields are custom fields of each type, some of them unkind to formats.
func soakFields(i int) map[string]any {
	f := map[string]any{"visits": i % 97, "vip": i%2 == 0}
	switch i % 5 {
	case 0:
		f["motto"] = "=SUM(A1); \"quoted\", 'single'\nand a second line"
	case 1:
		f["motto"] = "@home \\ שלום, 😀;"
	}
	return f
}

// What goes out in a format comes in again whole, whatever the format: export,
// import into an empty workspace, export again.
func TestRoundTripOfManyContacts(t *testing.T) {
	t.Parallel()
	n := soakSize(2_000, 100_000)
	from := newHome(t)
	from.write("people.jsonl", peopleAsJSON(t, 31, n))
	seeded := from.timed("import", "people.jsonl", "--email", email, "--json")
	from.agree(decode[figures](t, seeded), figures{Rows: int64(n), Created: int64(n)})
	if err := os.Remove(from.path("people.jsonl")); err != nil {
		t.Fatal(err)
	}
	from.timed("export", "--email", email, "--format", "jsonl", "--out", "all.jsonl")
	want := sansIDs(t, from.read("all.jsonl"))
	if len(want) != n {
		t.Fatalf("contacts: got %d, want %d", len(want), n)
	}
	for format, comparable := range map[string]func(*testing.T, string) []string{"csv": withoutIDs, "vcard": cardsWithoutIDs, "jsonl": sansIDs} {
		t.Run(format, func(t *testing.T) { // One after the other: each is measured.
			from, into := &home{t: t, dir: from.dir}, newHome(t)
			name := "first." + format
			from.timed("export", "--email", email, "--format", format, "--out", into.path(name))
			into.agree(decode[figures](t, into.timed("import", name, "--email", email, "--json")), figures{Rows: int64(n), Created: int64(n)})
			into.timed("export", "--email", email, "--format", format, "--out", "second."+format)
			sameLines(t, "file", comparable(t, into.read("second."+format)), comparable(t, into.read(name)))
			into.timed("export", "--email", email, "--format", "jsonl", "--out", "all.jsonl")
			sameLines(t, "contact", sansIDs(t, into.read("all.jsonl")), want)
			into.agree(decode[figures](t, into.timed("import", name, "--email", email, "--json")), figures{Rows: int64(n), Unchanged: int64(n)})
			if got := into.clean(); got != n {
				t.Errorf("contacts: got %d, want %d", got, n)
			}
		})
	}
}

func sameLines(t *testing.T, what string, got, want []string) {
	t.Helper()
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			t.Fatalf("%s %d of %d: got\n%s\nwant\n%s", what, i, len(want), at(got, i), want[i])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%ss: got %d, want %d", what, len(got), len(want))
	}
}

// cardsWithoutIDs takes ids and times off an export of vCards, and sorts it.
func cardsWithoutIDs(t *testing.T, export string) []string {
	t.Helper()
	var cards []string
	for card := range strings.SplitSeq(export, "BEGIN:VCARD\r\n") {
		var kept []string
		for line := range strings.SplitSeq(card, "\r\n") {
			if !strings.HasPrefix(line, "UID:") && !strings.HasPrefix(line, "X-OMNICRM-ID:") && !strings.HasPrefix(line, "REV:") {
				kept = append(kept, line)
			}
		}
		cards = append(cards, strings.Join(kept, "\n"))
	}
	slices.Sort(cards)
	return cards
}

// timed runs a command to its success and logs what it took.
func (h *home) timed(args ...string) result {
	h.t.Helper()
	c := h.command(args...)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	begin := time.Now()
	if err := c.Start(); err != nil {
		h.t.Fatal(err)
	}
	watchdog := time.AfterFunc(10*patience, func() { c.Process.Kill() }) //nolint:errcheck // It has ended, then.
	defer watchdog.Stop()
	ended := make(chan struct{})
	peak := peakMemory(c.Process.Pid, ended)
	_ = c.Wait() // The exit code tells.
	close(ended)
	took := time.Since(begin).Round(10 * time.Millisecond)
	what := strings.Replace(strings.Join(args[:min(len(args), 5)], " "), " --email "+email, "", 1)
	h.t.Logf("%s: %s, CPU %s, peak memory %d MB", what, took,
		(c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Round(10*time.Millisecond), <-peak>>20)
	return h.ok(result{args, c.ProcessState.ExitCode(), out.String(), errs.String()})
}
