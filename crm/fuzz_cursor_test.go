package crm_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// FuzzSealCursor: what is sealed opens to the same, and nothing else opens but
// what sealing gives.
func FuzzSealCursor(f *testing.F) {
	for _, seed := range []string{"", "x", "i:0190d3c1-7d3a-7f00-8000-000000000000", crm.SealCursor([]byte("r:1")), crm.SealCursor(nil), "AAAAAAAAAAA", "=", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if position, ok := crm.OpenCursor(crm.SealCursor([]byte(text))); !ok || string(position) != text {
			t.Fatalf("sealed %q: got %q, %v", text, position, ok)
		}
		if position, ok := crm.OpenCursor(text); ok && crm.SealCursor(position) != text {
			t.Fatalf("%q opens to %q, whose cursor is %q", text, position, crm.SealCursor(position))
		}
	})
}

// pager is a list by cursor: it returns where the page goes on.
type pager func(ctx context.Context, cursor string) (next string, items int, err error)

// pagers are the lists of a CRM that has two pages of each.
func pagers(f *testing.F) []pager {
	e := setup(f)
	people := e.people("Ana One", "Ana Two", "Ana Three")
	for range 3 {
		if _, err := e.Interactions.CreateWith(f.Context(), e.owner, people[0].ID, crm.NewInteraction{Type: crm.InteractionCall, OccurredAt: time.Unix(1_700_000_000, 0)}); err != nil {
			f.Fatal(err)
		}
		j, err := e.Contacts.FindDuplicates(f.Context(), e.owner)
		if err != nil {
			f.Fatal(err)
		}
		e.succeeded(j.ID)
	}
	contacts := func(q crm.ContactListQuery) pager {
		return func(ctx context.Context, cursor string) (string, int, error) {
			q.Cursor, q.PageSize = cursor, 2
			got, err := e.Contacts.List(ctx, e.owner, q)
			return got.NextCursor, len(got.Items), err
		}
	}
	list := []pager{
		contacts(crm.ContactListQuery{Filter: crm.ContactFilter{Search: "ana"}}), contacts(crm.ContactListQuery{Filter: crm.ContactFilter{Sources: []string{"manual"}}}),
		func(ctx context.Context, cursor string) (string, int, error) {
			got, err := e.Interactions.Timeline(ctx, e.owner, people[0].ID, crm.TimelineQuery{Cursor: cursor, Limit: 2})
			return got.NextCursor, len(got.Items), err
		},
		func(ctx context.Context, cursor string) (string, int, error) {
			got, err := e.Activity.List(ctx, e.owner, crm.ActivityQuery{Cursor: cursor, Limit: 2})
			return got.NextCursor, len(got.Items), err
		},
		func(ctx context.Context, cursor string) (string, int, error) {
			got, err := e.Jobs.List(ctx, e.owner, crm.JobListQuery{Cursor: cursor, Limit: 2})
			return got.NextCursor, len(got.Items), err
		},
	}
	for _, sort := range crm.ContactSorts() {
		list = append(list, contacts(crm.ContactListQuery{Sort: sort}))
	}
	return list
}

// FuzzForgedCursor: the seal of a cursor has no key, so a client can put anything
// behind it. Every list answers with a page, or says that the cursor is wrong.
func FuzzForgedCursor(f *testing.F) {
	lists := pagers(f)
	real := make([]map[string]any, len(lists))
	for i, list := range lists {
		next, _, err := list(f.Context(), "")
		if err != nil {
			f.Fatal(err)
		}
		position, ok := crm.OpenCursor(next)
		if !ok || json.Unmarshal(position, &real[i]) != nil {
			f.Fatalf("list %d has no second page: %q", i, next)
		}
		value, _ := real[i]["v"].(string)
		id, _ := real[i]["i"].(string)
		at, _ := real[i]["p"].(string)
		f.Add(uint8(i), value, id, at)
	}
	f.Add(uint8(0), "AA==", "00000000-0000-0000-0000-000000000000", "-1")
	f.Add(uint8(3), "", "x", "9223372036854775807")
	f.Add(uint8(5), "/////////////w==", "", "1:2:3")
	f.Fuzz(func(t *testing.T, which uint8, value, id, at string) {
		i := int(which) % len(lists)
		content := map[string]any{"q": real[i]["q"]}
		for name, text := range map[string]string{"v": value, "i": id, "p": at} {
			if text != "" {
				content[name] = text
			}
		}
		forged, err := json.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		_, n, err := lists[i](t.Context(), crm.SealCursor(forged))
		if err != nil && !errors.Is(err, crm.ErrInvalid) || n > 2 {
			t.Fatalf("list %d behind %s: %d items, %v", i, forged, n, err)
		}
	})
}

// FuzzStreamPosition: a stream begins behind any text, and says so when it cannot
// go on there.
func FuzzStreamPosition(f *testing.F) {
	e := setup(f)
	e.people("Ana", "Bo")
	open := func(t testing.TB, id string) (at string, reset crm.StreamReset) {
		t.Helper()
		s, err := e.Activity.Stream(t.Context(), e.owner, id)
		if err != nil {
			t.Fatalf("%q: %v", id, err)
		}
		defer s.Close()
		return s.ID(), s.Reset()
	}
	head, _ := open(f, "")
	for _, seed := range []string{"", head, head[:33] + "0", head[:33] + "01", head[:33] + "-1", head[:33] + "9223372036854775807", head[:33] + "9223372036854775808", "x", "0-0", head + " ", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		at, reset := open(t, id)
		if reset == "" && at != id && id != "" {
			t.Fatalf("%q goes on at %q without a word", id, at)
		}
		if reset != "" && at != head {
			t.Fatalf("%q was reset to %q, want the head %q", id, at, head)
		}
		if again, reset := open(t, at); again != at || reset != "" {
			t.Fatalf("the stream's own id %q: got %q, %q", at, again, reset)
		}
	})
}
