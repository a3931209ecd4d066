package httpapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

func TestContacts(t *testing.T) {
	t.Parallel()
	s := setup(t)

	t.Run("a create answers 201 with the whole contact, its place and its ETag", func(t *testing.T) {
		a := s.send(t, http.MethodPost, "contacts", `{"displayName":" Zoë Łukasz ","primaryEmail":"zoe@example.com","primaryPhone":"(202) 555-0123","tags":["VIP"],"fields":{"shoe":42}}`).want(201)
		if got, want := a.header.Get("Location"), "/api/v1/contacts/"+a.text("id"); got != want {
			t.Errorf("got Location %s, want %s", got, want)
		}
		if got := a.header.Get("ETag"); got != `"1"` {
			t.Errorf("got ETag %s", got)
		}
		for path, want := range map[string]any{
			"displayName": "Zoë Łukasz", "emails.0.address": "zoe@example.com", "emails.0.primary": true, "phones.0.e164": "+12025550123",
			"stage": "none", "source": "manual", "tags.0": "VIP", "fields.shoe": 42.0, "givenName": nil, "deletedAt": nil, "version": 1.0,
		} {
			if got := a.get(path); got != want {
				t.Errorf("%s: got %v, want %v", path, got, want)
			}
		}
		if a.size("websites") != 0 || a.size("addresses") != 0 {
			t.Errorf("lists are empty and not null: %s", a.body)
		}
	})

	t.Run("a plain create never matches an existing contact", func(t *testing.T) {
		body := `{"displayName":"Twin","primaryEmail":"twin@example.com"}`
		first, second := s.create(t, body), s.create(t, body)
		if first == second {
			t.Error("got the same contact twice")
		}
	})

	t.Run("the same source and source id is a conflict that links the contact in the way", func(t *testing.T) {
		body := `{"displayName":"Ann","source":"crm-x","sourceId":"17"}`
		id := s.create(t, body)
		a := s.send(t, http.MethodPost, "contacts", body).want(409, "conflict")
		if got, want := a.text("links.conflict"), "/api/v1/contacts/"+id; got != want {
			t.Errorf("got link %s, want %s", got, want)
		}
		if !strings.Contains(a.header.Get("Link"), id) {
			t.Errorf("got Link %s", a.header.Get("Link"))
		}
	})

	t.Run("a patch changes what it names, clears by null and merges custom fields", func(t *testing.T) {
		id := s.create(t, `{"displayName":"Bo","company":"Acme","notes":"x","emails":[{"address":"bo@example.com","label":"work"}],"fields":{"a":"1","b":true}}`)
		read := s.send(t, http.MethodGet, "contacts/"+id, "").want(200)
		a := s.send(t, http.MethodPatch, "contacts/"+id, `{"company":null,"jobTitle":"Boss","fields":{"a":null,"c":2}}`, "If-Match", read.header.Get("ETag")).want(200)
		for path, want := range map[string]any{"displayName": "Bo", "company": nil, "jobTitle": "Boss", "notes": "x", "fields.a": nil, "fields.b": true, "fields.c": 2.0, "version": 2.0} {
			if got := a.get(path); got != want {
				t.Errorf("%s: got %v, want %v", path, got, want)
			}
		}
		a = s.send(t, http.MethodPatch, "contacts/"+id, `{"emails":null,"fields":null}`, "Content-Type", "application/merge-patch+json").want(200)
		if a.size("emails") != 0 || strings.Contains(a.body, `"b":true`) {
			t.Errorf("null did not clear: %s", a.body)
		}
	})

	t.Run("the emails and phones that were read can be sent back", func(t *testing.T) {
		id := s.create(t, `{"displayName":"Back","emails":[{"address":"a@example.com"}],"phones":[{"number":"+1 202 555 0123"}]}`)
		var read struct {
			Emails, Phones json.RawMessage
		}
		if err := json.Unmarshal([]byte(s.send(t, http.MethodGet, "contacts/"+id, "").body), &read); err != nil {
			t.Fatal(err)
		}
		s.send(t, http.MethodPatch, "contacts/"+id, `{"emails":`+string(read.Emails)+`,"phones":`+string(read.Phones)+`}`).want(200)
	})

	t.Run("delete, get with deletedAt, restore and erase", func(t *testing.T) {
		id := s.create(t, `{"displayName":"Gone"}`)
		s.send(t, http.MethodDelete, "contacts/"+id, "").want(204)
		if a := s.send(t, http.MethodGet, "contacts/"+id, "").want(200); a.get("deletedAt") == nil {
			t.Errorf("no deletedAt: %s", a.body)
		}
		s.send(t, http.MethodDelete, "contacts/"+id, "").want(204)
		if a := s.send(t, http.MethodPost, "contacts/"+id+"/restore", "").want(200); a.get("deletedAt") != nil {
			t.Errorf("still deleted: %s", a.body)
		}
		s.send(t, http.MethodPost, "contacts/"+id+"/erase", "").want(204)
		s.send(t, http.MethodGet, "contacts/"+id, "").want(404, "not_found")
		s.send(t, http.MethodPost, "contacts/"+id+"/erase", "").want(404, "not_found")
	})

	t.Run("HEAD answers as GET without a body", func(t *testing.T) {
		id := s.create(t, `{"displayName":"Head"}`)
		get, head := s.send(t, http.MethodGet, "contacts/"+id, ""), s.send(t, http.MethodHead, "contacts/"+id, "").want(200)
		if head.body != "" || head.header.Get("Content-Length") != get.header.Get("Content-Length") || head.header.Get("ETag") != get.header.Get("ETag") {
			t.Errorf("got %q %v", head.body, head.header)
		}
	})

	t.Run("tags are listed with the number of live contacts", func(t *testing.T) {
		s := setup(t)
		s.create(t, `{"displayName":"A","tags":["Żubr","x"]}`)
		s.create(t, `{"displayName":"B","tags":["zubr"]}`)
		a := s.send(t, http.MethodGet, "tags", "").want(200)
		if a.size("items") != 2 || a.get("total") != 2.0 || !strings.Contains(a.body, `{"name":"Żubr","count":2}`) {
			t.Errorf("got %s", a.body)
		}
	})
}

// Contacts are encoded by hand: the bytes must be those of encoding/json.
func TestContactEncoding(t *testing.T) {
	t.Parallel()
	s := setupStill(t)
	score := func(c crm.Contact) crm.Contact { return c }
	nasty := []string{
		"plain", `quotes " and \ back`, "line\nbreak\r\ttab", "Zoë Łukasz 王小明 مريم", "😀 four bytes", "<script>&amp;", "line\u2028sep\u2029arators",
		"\u200d\ufeff\u202e invisible", "\x7f", strings.Repeat("é", 200),
	}
	for _, text := range nasty {
		c, err := s.app.Contacts.Create(context.Background(), actors()["owner"], crm.NewContact{
			DisplayName: text, Company: text, Notes: text + "\n" + text, Tags: []string{"t1", "é"}, Websites: []string{"https://example.com/?a=1&b=2"},
			Emails:    []crm.Email{{Address: "a@example.com", Label: text}, {Address: "b@example.com", Primary: true}},
			Phones:    []crm.Phone{{Number: "+12025550123"}, {Number: "ext 4", Label: text}},
			Addresses: []crm.Address{{Street: text, City: "Łódź"}, {Country: "US"}},
			Fields:    map[string]any{"z": text, "n": 1.5e-9, "big": 9007199254740991.0, "b": false}, Birthday: "--02-29", SourceID: "s" + text,
		})
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		var want strings.Builder
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(score(c).Record()); err != nil {
			t.Fatal(err)
		}
		got := s.send(t, http.MethodGet, "contacts/"+c.ID.String(), "").want(200).body
		// Custom fields come from encoding/json with its HTML escapes: the same text.
		if !sameJSON(t, got, want.String()) {
			t.Errorf("got  %s\nwant %s", got, want.String())
		}
		if gotKeys, wantKeys := keyOrder(got), keyOrder(want.String()); gotKeys != wantKeys {
			t.Errorf("got keys %s, want %s", gotKeys, wantKeys)
		}
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	normal := func(s string) string {
		var v any
		if err := json.Unmarshal([]byte(s), &v); err != nil {
			t.Fatalf("%v: %s", err, s)
		}
		out, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	return normal(a) == normal(b)
}

// keyOrder lists the keys of the outer object.
func keyOrder(s string) string {
	d := json.NewDecoder(strings.NewReader(s))
	var keys []string
	depth, key := 0, true
	for {
		token, err := d.Token()
		if err != nil {
			return strings.Join(keys, ",")
		}
		switch v := token.(type) {
		case json.Delim:
			if v == '{' || v == '[' {
				depth++
			} else {
				depth--
			}
			key = true
		case string:
			if depth == 1 && key {
				keys = append(keys, v)
				key = false
				continue
			}
			key = true
		default:
			key = true
		}
	}
}
