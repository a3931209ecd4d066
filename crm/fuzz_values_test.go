package crm_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// FuzzFieldValue: a custom field is refused as invalid, or kept so that it is read
// as the same and sending it back changes nothing.
func FuzzFieldValue(f *testing.F) {
	e := setup(f)
	for _, seed := range []string{`"text"`, `1.5`, `9007199254740993`, `-0`, `1e308`, `1e-320`, `true`, `null`, `" x "`, `"\u0000"`, `"\ud83d\ude00\n"`, `[]`, `{"a":1}`, `""`, `"\ufeff"`, `9007199254740991`} {
		f.Add("industry", seed)
	}
	f.Add("a b", `1`)
	f.Add("Größe", `"x"`)
	f.Add("", `"x"`)
	f.Fuzz(func(t *testing.T, key, text string) {
		var value any
		if json.Unmarshal([]byte(text), &value) != nil {
			value = text
		}
		made, err := e.Contacts.Create(t.Context(), e.owner, crm.NewContact{DisplayName: "A", Fields: map[string]any{key: value}})
		if err != nil {
			if !errors.Is(err, crm.ErrInvalid) {
				t.Fatalf("%q: %#v: %v", key, value, err)
			}
			return
		}
		got, err := e.Contacts.Get(t.Context(), e.owner, made.ID)
		if err != nil || !reflect.DeepEqual(got.Fields, made.Fields) {
			t.Fatalf("%q: %#v was kept as %#v, read as %#v (%v)", key, value, made.Fields, got.Fields, err)
		}
		again, err := e.Contacts.Update(t.Context(), e.owner, made.ID, crm.ContactPatch{Fields: got.Fields})
		if err != nil || again.Version != got.Version {
			t.Fatalf("%q: %#v sent back: version %d, was %d (%v)", key, got.Fields, again.Version, got.Version, err)
		}
		if err := e.Contacts.Erase(t.Context(), e.owner, made.ID, 0); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzInteractionLines reads lines of interactions: no panic, and one that can be
// created is written as a line that is read as the same.
func FuzzInteractionLines(f *testing.F) {
	e := setup(f)
	for _, seed := range []string{
		mailLine, callLine, `{"type":"note","occurredAt":"1900-01-01T00:00:00Z","participants":[]}`, `{"type":"email","occurredAt":"2026-02-30T00:00:00Z","participants":[{}]}`,
		`{"type":"call","direction":"internal","occurredAt":"2020-01-01T00:00:00.123456789+14:00","subject":"\u0000","body":"\ud800","participants":[{"name":"x","contactId":"y"}]}`,
		`{"type":"web","occurredAt":1,"participants":{}}`, `{"type":"fax","participants":[[]],"occurredAt":null}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		records, err := readLines(bytes.NewReader(file), 2_000)
		if err != nil {
			if !errors.Is(err, crm.ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		for _, r := range records[:min(len(records), 3)] {
			if r.Interaction == nil || len(r.Problems) > 0 {
				continue
			}
			in := *r.Interaction
			in.Source, in.SourceID = "", "" // The same one twice would be a conflict.
			for i := range in.Participants {
				in.Participants[i].Contact = crm.ID{}
			}
			made, err := e.Interactions.Create(t.Context(), e.owner, in)
			if err != nil {
				if !errors.Is(err, crm.ErrInvalid) {
					t.Fatalf("%+v: %v", in, err)
				}
				continue
			}
			line, err := json.Marshal(made.Record())
			if err != nil {
				t.Fatal(err)
			}
			back, err := readLines(bytes.NewReader(line), 1<<20)
			if err != nil || len(back) != 1 || back[0].Interaction == nil || len(back[0].Problems) > 0 {
				t.Fatalf("%s: got %+v (%v)", line, back, err)
			}
			got := *back[0].Interaction
			if got.Type != made.Type || got.Direction != made.Direction || got.Subject != made.Subject || got.Body != made.Body ||
				!got.OccurredAt.Equal(made.OccurredAt) || got.ThreadID != made.ThreadID || len(got.Participants) != len(made.Participants) {
				t.Fatalf("got %+v, want %+v", got, made)
			}
			if err := e.Interactions.Delete(t.Context(), e.owner, made.ID, 0); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// FuzzLoadZone: any name is a zone that is called so, or a *ValidationError; none
// is the machine's own.
func FuzzLoadZone(f *testing.F) {
	for _, seed := range []string{"Europe/Berlin", "UTC", "", "Local", "LOCAL", "../../etc/passwd", "/etc/localtime", "Etc/GMT+14", "europe/berlin", "a\x00", "\\", ".", "Pacific/Apia", "posixrules"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		zone, err := crm.LoadZone(name)
		if err != nil {
			if !errors.Is(err, crm.ErrInvalid) {
				t.Fatalf("%q: %v", name, err)
			}
			return
		}
		if zone == time.Local || zone.String() != name {
			t.Fatalf("%q is the zone %q", name, zone)
		}
		time.Unix(1<<40, 0).In(zone).AppendFormat(nil, time.RFC3339)
	})
}
