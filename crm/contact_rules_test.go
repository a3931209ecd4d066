package crm_test

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/omnicrm/omnicrm/crm"
)

func named(change func(*crm.NewContact)) crm.NewContact {
	in := crm.NewContact{DisplayName: "Ana"}
	change(&in)
	return in
}

func many[T any](n int, make func(i int) T) []T {
	list := []T{}
	for i := range n {
		list = append(list, make(i))
	}
	return list
}

func TestCreateRefusesWhatBreaksARule(t *testing.T) {
	t.Parallel()
	e := setup(t)
	long := func(n int) string { return strings.Repeat("ä", n) }
	type in = *crm.NewContact
	cases := []struct {
		name   string
		set    func(c in)
		fields []string
	}{
		{"no name at all", func(c in) { c.DisplayName = " \t\u00a0" }, []string{"displayName"}},
		{"a display name of 201 characters", func(c in) { c.DisplayName = long(201) }, []string{"displayName"}},
		{"NUL in a name", func(c in) { c.GivenName = "A\x00na" }, []string{"givenName"}},
		{"invalid UTF-8", func(c in) { c.FamilyName = "\xff\xfe" }, []string{"familyName"}},
		{"a lone surrogate in UTF-8", func(c in) { c.Company = "\xed\xa0\x80" }, []string{"company"}},
		{"a company that is too long", func(c in) { c.Company = long(201) }, []string{"company"}},
		{"a job title that is too long", func(c in) { c.JobTitle = long(201) }, []string{"jobTitle"}},
		{"notes of 5,001 characters", func(c in) { c.Notes = long(5_001) }, []string{"notes"}},
		{"NUL in the notes", func(c in) { c.Notes = "\x00" }, []string{"notes"}},
		{"a stage nobody knows", func(c in) { c.Stage = "boss" }, []string{"stage"}},
		{"two primary emails", func(c in) {
			c.Emails = []crm.Email{{Address: "a@x.com", Primary: true}, {Address: "b@x.com", Primary: true}}
		}, []string{"emails"}},
		{"two primary phones", func(c in) { c.Phones = []crm.Phone{{Number: "1", Primary: true}, {Number: "2", Primary: true}} }, []string{"phones"}},
		{"101 emails", func(c in) {
			c.Emails = many(101, func(i int) crm.Email { return crm.Email{Address: fmt.Sprintf("a%d@x.com", i)} })
		}, []string{"emails"}},
		{"101 phones", func(c in) { c.Phones = many(101, func(i int) crm.Phone { return crm.Phone{Number: fmt.Sprint(i)} }) }, []string{"phones"}},
		{"101 addresses", func(c in) {
			c.Addresses = many(101, func(i int) crm.Address { return crm.Address{City: fmt.Sprint(i)} })
		}, []string{"addresses"}},
		{"101 websites", func(c in) { c.Websites = many(101, func(i int) string { return fmt.Sprintf("x%d.com", i) }) }, []string{"websites"}},
		{"101 tags", func(c in) { c.Tags = many(101, func(i int) string { return fmt.Sprint("t", i) }) }, []string{"tags"}},
		{"a tag of 65 characters", func(c in) { c.Tags = []string{"ok", long(65)} }, []string{"tags[1]"}},
		{"a phone of 65 characters", func(c in) { c.Phones = []crm.Phone{{Number: strings.Repeat("1", 65)}} }, []string{"phones[0].number"}},
		{"an email label without an email", func(c in) { c.Emails = []crm.Email{{Label: "home"}} }, []string{"emails[0].address"}},
		{"a phone label without a phone", func(c in) { c.Phones = []crm.Phone{{Number: " ", Label: "home"}} }, []string{"phones[0].number"}},
		{"an address line that is too long", func(c in) { c.Addresses = []crm.Address{{City: long(201)}} }, []string{"addresses[0].city"}},
		{"a source that is too long", func(c in) { c.Source = long(201) }, []string{"source"}},
		{"a source id that is too long", func(c in) { c.SourceID = long(1_001) }, []string{"sourceId"}},
		{"201 custom fields", func(c in) {
			c.Fields = map[string]any{}
			for i := range 201 {
				c.Fields[fmt.Sprint("k", i)] = "v"
			}
		}, []string{"fields"}},
		{"several broken rules, in the order of the fields", func(c in) { c.Stage, c.GivenName, c.Notes = "x", "\x00", "\x00" }, []string{"givenName", "stage", "notes"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := e.Contacts.Create(context.Background(), e.owner, named(c.set))
			wantInvalid(t, err, c.fields...)
		})
	}
	equal(t, "contacts after refused creates", e.list(crm.ContactListQuery{}).Total, 0)
}

func TestEmails(t *testing.T) {
	t.Parallel()
	e := setup(t)
	bad := []string{
		"ana", "ana@", "@x.com", "a b@x.com", "ana@x..com", "ana@.x.com", "ana@x.com.", "ana@-x.com", "ana@x.com-", "a..b@x.com", "Ana <ana@x.com>",
		"ana@x.com, b@x.com", "ana@x.com;b@x.com", "ana@x.com(hi)", "a\u00a0b@x.com", "ana@ex\u2003ample.com", "ana@x\x01.com", "ana\n@x.com",
		strings.Repeat("a", 250) + "@x.com", "ana@@x.com", "<ana@x.com>", "mailto:<a>@x.com",
	}
	for _, address := range bad {
		_, err := e.Contacts.Create(context.Background(), e.owner, named(func(c *crm.NewContact) { c.Emails = []crm.Email{{Address: address}} }))
		if err == nil {
			t.Errorf("email %q: got no error, want one", address)
			continue
		}
		wantInvalid(t, err, "emails[0].address")
	}
	for _, address := range []string{"ana@x.com", "Ana.O'Hara+crm@Sub.Example.com", "用户@例子.公司", "zoë@łukasz.pl", "a@b", `"o'x"@x.com`, "ana@[192.0.2.1]"} {
		c := e.create(named(func(c *crm.NewContact) { c.Emails = []crm.Email{{Address: "  " + address + "\t"}} }))
		equal(t, "address", c.PrimaryEmail(), address)
	}
	c := e.create(named(func(c *crm.NewContact) {
		c.Emails = []crm.Email{{Address: "A@x.com", Label: " work "}, {Address: ""}, {Address: "a@X.COM", Label: "home", Primary: true}, {Address: "b@x.com"}}
	}))
	equalList(t, "emails", c.Emails, []crm.Email{{Address: "A@x.com", Label: "work", Primary: true}, {Address: "b@x.com"}})
}

func TestPhones(t *testing.T) {
	t.Parallel()
	e := setup(t)
	c := e.create(named(func(c *crm.NewContact) {
		c.Phones = []crm.Phone{
			{Number: " (202) 224-3441 ", Label: "office"},
			{Number: "+1 202-224-3441"},
			{Number: "1 202 224 3441", Label: "again"},
			{Number: "call me", E164: "+4930123456"},
			{Number: "+49 30 1234567"},
		}
	}))
	equalList(t, "phones", c.Phones, []crm.Phone{
		{Number: "(202) 224-3441", E164: "+12022243441", Label: "office", Primary: true},
		{Number: "call me"},
		{Number: "+49 30 1234567", E164: "+49301234567"},
	})
	if _, err := e.Workspaces.Update(context.Background(), e.owner, crm.WorkspacePatch{Region: new("DE")}); err != nil {
		t.Fatalf("update workspace: %v", err)
	}
	c2 := e.create(named(func(c *crm.NewContact) { c.Phones = []crm.Phone{{Number: "(202) 224-3441"}} }))
	equal(t, "E.164 in another region", c2.Phones[0].E164, "")

	// A patch of something else does not read the numbers anew.
	after, err := e.Contacts.Update(context.Background(), e.owner, c.ID, crm.ContactPatch{Notes: new("x")})
	if err != nil {
		t.Fatalf("update: %v", err)
	}
	equal(t, "E.164 after a patch of the notes", after.Phones[0].E164, "+12022243441")
}

func TestWebsites(t *testing.T) {
	t.Parallel()
	e := setup(t)
	for _, w := range []string{
		"javascript:alert(1)", " JavaScript:alert(1)", "\x01javascript:alert(1)", "\x1bjavascript:x", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "ftp://x.com", "javascript:80/", strings.Repeat("x", 2_049),
		"hello world, not a url", "<script>", "hello", "x.com/a b", "http://", "https:///path", "http://a b.com", "x..com", "-x.com", "x-.com", ".com", "1.2.3",
		"http://user:pass@x.com", "mailto:ana@x.com", "ana@x.com", "x.com:port", "http://x.com:999999999999/", "x.com/<script>", "//x.com", "/path", "?x",
		"http://" + strings.Repeat("x", 64) + ".com", "java\tscript:x.com", "https://x.com\u2028y", "https:x.com", "http:/x.com",
	} {
		_, err := e.Contacts.Create(context.Background(), e.owner, named(func(c *crm.NewContact) { c.Websites = []string{w} }))
		if err == nil {
			t.Errorf("website %q: got no error, want one", w)
			continue
		}
		wantInvalid(t, err, "websites[0]")
	}
	c := e.create(named(func(c *crm.NewContact) {
		c.Websites = []string{"https://x.com", "", " x.com ", "http://x.com:8080/a?b#c", "x.com:8080", "HTTPS://x.com", "x.com"}
	}))
	equalList(t, "websites", c.Websites, []string{"https://x.com", "x.com", "http://x.com:8080/a?b#c", "x.com:8080", "HTTPS://x.com"})
	for _, w := range []string{
		"münchen.de", "例え.テスト", "http://localhost", "http://intranet:8080/x", "192.168.1.1", "http://[::1]:80/", "x.com.", "a_b.example.com",
		"https://x.com/ä?q=1,2;3&u=http://y.com#%20", "x.com/?u=http://y.com", "3com.com", "XN--MNCHEN-3YA.DE", "https://example.com/'~!@$()*+",
	} {
		if c := e.create(named(func(c *crm.NewContact) { c.Websites = []string{w} })); len(c.Websites) != 1 || c.Websites[0] != w {
			t.Errorf("website %q: got %q", w, c.Websites)
		}
	}
}

func TestAnImportKeepsWhatIsNoWebsite(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	file := `{"displayName":"Ana","websites":["ask her","https://x.com","javascript:alert(1)"]}
{"displayName":"Ben","websites":["x.com"]}
`
	for _, dry := range []bool{true, false} {
		i, err := e.Imports.Run(ctx, e.owner, crm.RunImport{NewImport: crm.NewImport{Format: "jsonl", Body: strings.NewReader(file)}, DryRun: dry})
		if err != nil {
			t.Fatal(err)
		}
		if n := i.Counts; n.Created != 2 || n.Problems != 0 || n.Kept != 2 {
			t.Errorf("dry run %t: got %+v, want 2 created and 2 values kept", dry, n)
		}
	}
	for _, c := range e.list(crm.ContactListQuery{Sort: crm.SortDisplayName}).Items[:1] {
		equalList(t, "websites", c.Websites, []string{"https://x.com"})
		equal(t, "what was kept", c.Fields["website"], any("ask her; javascript:alert(1)"))
	}
}

func TestBirthdays(t *testing.T) {
	t.Parallel()
	e := setup(t)
	for _, b := range []string{"1958-10-13", "--10-13", "--02-29", "2024-02-29", "2000-02-29"} {
		c := e.create(named(func(c *crm.NewContact) { c.Birthday = " " + b }))
		equal(t, "birthday", c.Birthday, b)
	}
	for _, b := range []string{"2023-02-29", "1900-02-29", "--02-30", "--13-01", "2023-04-31", "0000-01-01", "1958-10-13T00:00:00Z", "13.10.1958", "1958-1-3", "--1-3", "--", "-1958-10-13", "10-13"} {
		_, err := e.Contacts.Create(context.Background(), e.owner, named(func(c *crm.NewContact) { c.Birthday = b }))
		if err == nil {
			t.Errorf("birthday %q: got no error, want one", b)
			continue
		}
		wantInvalid(t, err, "birthday")
	}
}

func TestCustomFields(t *testing.T) {
	t.Parallel()
	e := setup(t)
	const below = float64(1<<53 - 1)
	c := e.create(named(func(c *crm.NewContact) {
		c.Fields = map[string]any{"text": " x ", "no": false, "int": 7, "float": 0.5, "big": below, "small": -below, "blank": "  ", "null": nil, "größe": "L", "a-b_c": "d"}
	}))
	want := map[string]any{"text": "x", "no": false, "int": 7.0, "float": 0.5, "big": below, "small": -below, "größe": "L", "a-b_c": "d"}
	if !reflect.DeepEqual(c.Fields, want) {
		t.Errorf("fields: got %v, want %v", c.Fields, want)
	}
	if got := e.get(c.ID).Fields; !reflect.DeepEqual(got, want) {
		t.Errorf("stored fields: got %v, want %v", got, want)
	}
	for name, value := range map[string]any{
		"beyond 2^53, rounded to it": float64(1<<53 + 1), "an int beyond 2^53": 1<<53 + 1, "a negative int": -(1<<53 + 1), "infinity": math.Inf(-1),
		"not a number": math.NaN(), "a list": []any{1}, "an object": map[string]any{}, "NUL": "\x00", "a long text": strings.Repeat("x", 5_001),
	} {
		_, err := e.Contacts.Create(context.Background(), e.owner, named(func(c *crm.NewContact) { c.Fields = map[string]any{"k": value} }))
		if got := brokenFields(err); len(got) != 1 || got[0] != "fields.k" {
			t.Errorf("%s: got %v, want an error of fields.k", name, err)
		}
	}
	for _, key := range []string{"", " ", "a b", "-a", "a.b", "a\x00", strings.Repeat("k", 65), "\xff", "_x", "a\n"} {
		_, err := e.Contacts.Create(context.Background(), e.owner, named(func(c *crm.NewContact) { c.Fields = map[string]any{key: "v"} }))
		if got := brokenFields(err); len(got) != 1 || got[0] != "fields" {
			t.Errorf("key %q: got %v, want an error of fields", key, err)
		}
	}
}

func TestBlanksAndNames(t *testing.T) {
	t.Parallel()
	e := setup(t)
	c := e.create(crm.NewContact{
		DisplayName: "  Ana\r\n\tPérez ", Company: "   ", Notes: " a\nb ", Tags: []string{"VIP", "vip", " ", "Vîp", "new  one"}, Addresses: []crm.Address{
			{Label: "only a label"}, {Street: " 1 Main St\nFloor 2 ", City: "x"}, {Street: "1 Main St\nFloor 2", City: "x"},
		},
	})
	equal(t, "display name", c.DisplayName, "Ana Pérez")
	equal(t, "company", c.Company, "")
	equal(t, "notes", c.Notes, "a\nb")
	equal(t, "stage", c.Stage, crm.StageNone)
	equal(t, "source", c.Source, "manual")
	equalList(t, "tags", c.Tags, []string{"VIP", "new  one"})
	equalList(t, "addresses", c.Addresses, []crm.Address{{Street: "1 Main St\nFloor 2", City: "x"}})
	for want, in := range map[string]crm.NewContact{
		"Ana Pérez":    {GivenName: "Ana", FamilyName: "Pérez", Company: "ACME"},
		"Pérez":        {FamilyName: "Pérez"},
		"ACME":         {Company: "ACME", Emails: []crm.Email{{Address: "a@x.com"}}},
		"b@x.com":      {Emails: []crm.Email{{Address: "a@x.com"}, {Address: "b@x.com", Primary: true}}, Phones: []crm.Phone{{Number: "1"}}},
		"202 224 3441": {Phones: []crm.Phone{{Number: "202 224 3441"}}},
	} {
		equal(t, "display name made of other fields", e.create(in).DisplayName, want)
	}
	long := e.create(crm.NewContact{GivenName: strings.Repeat("a", 199), FamilyName: "b"})
	equal(t, "a display name cut at a blank", long.DisplayName, strings.Repeat("a", 199))
}

// Whatever a create accepts, a patch that changes nothing leaves alone.
func TestWhatIsStoredKeepsTheRules(t *testing.T) {
	t.Parallel()
	e := setup(t)
	text := rapid.StringOf(rapid.SampledFrom([]rune(" \t\nab.-@:/+0123Äß'\u200d\u00a0,")))
	rapid.Check(t, func(rt *rapid.T) {
		in := crm.NewContact{
			DisplayName: text.Draw(rt, "name"), GivenName: text.Draw(rt, "given"), Notes: text.Draw(rt, "notes"), Tags: rapid.SliceOfN(text, 0, 4).Draw(rt, "tags"),
			Websites: rapid.SliceOfN(text, 0, 3).Draw(rt, "websites"), Company: text.Draw(rt, "company"),
		}
		for _, a := range rapid.SliceOfN(text, 0, 3).Draw(rt, "emails") {
			in.Emails = append(in.Emails, crm.Email{Address: a + "@x.com"})
		}
		for _, n := range rapid.SliceOfN(text, 0, 3).Draw(rt, "phones") {
			in.Phones = append(in.Phones, crm.Phone{Number: n, Label: "l"})
		}
		c, err := e.Contacts.Create(context.Background(), e.owner, in)
		if err != nil {
			if brokenFields(err) == nil {
				rt.Fatalf("create: %v", err)
			}
			return
		}
		same, err := e.Contacts.Update(context.Background(), e.owner, c.ID, crm.ContactPatch{Notes: &c.Notes, Phones: &c.Phones, Emails: &c.Emails, Tags: &c.Tags, Websites: &c.Websites})
		if err != nil || !reflect.DeepEqual(same, c) {
			rt.Fatalf("patch with what is there: got %+v (%v), want %+v", same, err, c)
		}
	})
}
