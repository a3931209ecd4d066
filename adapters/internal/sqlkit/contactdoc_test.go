package sqlkit_test

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/omnicrm/omnicrm/adapters/internal/sqlkit"
	"github.com/omnicrm/omnicrm/crm"
)

// anyText draws texts with what is special in JSON, and bytes that are no UTF-8.
func anyText() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.Just(""), rapid.String(), rapid.SampledFrom([]string{`"`, `\`, "a\nb\tc", "\x00", "\xff\xfe", "🦊", "é", `\u0041`, "</script>", "\u2028"}),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
	)
}

func listOf[T any](g *rapid.Generator[T]) *rapid.Generator[[]T] {
	return rapid.Map(rapid.SliceOfN(g, 0, 3), func(list []T) []T {
		if len(list) == 0 {
			return nil
		}
		return list
	})
}

func anyContact(t *rapid.T) crm.Contact {
	text := anyText()
	draw := func(label string) string { return text.Draw(t, label) }
	when := rapid.Custom(func(t *rapid.T) time.Time {
		return crm.FromMicros(rapid.Int64Range(-1<<55, 1<<55).Draw(t, "micros"))
	})
	c := crm.Contact{
		ID: crm.ID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")), DisplayName: draw("name"), GivenName: draw("given"), FamilyName: draw("family"),
		Emails: listOf(rapid.Custom(func(t *rapid.T) crm.Email {
			return crm.Email{Address: text.Draw(t, "address"), Label: text.Draw(t, "label"), Primary: rapid.Bool().Draw(t, "primary")}
		})).Draw(t, "emails"),
		Phones: listOf(rapid.Custom(func(t *rapid.T) crm.Phone {
			return crm.Phone{Number: text.Draw(t, "number"), E164: text.Draw(t, "e164"), Label: text.Draw(t, "label"), Primary: rapid.Bool().Draw(t, "primary")}
		})).Draw(t, "phones"),
		Addresses: listOf(rapid.Custom(func(t *rapid.T) crm.Address {
			return crm.Address{
				Label: text.Draw(t, "label"), Street: text.Draw(t, "street"), City: text.Draw(t, "city"),
				Region: text.Draw(t, "region"), PostalCode: text.Draw(t, "code"), Country: text.Draw(t, "country"),
			}
		})).Draw(t, "addresses"),
		Company: draw("company"), JobTitle: draw("job"), Websites: listOf(text).Draw(t, "websites"), Birthday: draw("birthday"),
		Stage: crm.Stage(draw("stage")), Tags: listOf(text).Draw(t, "tags"), Notes: draw("notes"), Source: draw("source"), SourceID: draw("source id"),
		CreatedAt: when.Draw(t, "created"), UpdatedAt: when.Draw(t, "updated"), Version: rapid.Int64().Draw(t, "version"), PeakVersion: rapid.Int64().Draw(t, "peak"),
	}
	fields := rapid.MapOfN(text, rapid.OneOf(
		rapid.Map(text, func(s string) any { return s }), rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Map(rapid.Float64(), func(f float64) any { return f }),
	), 0, 3).Draw(t, "fields")
	if len(fields) > 0 {
		c.Fields = fields
	}
	if rapid.Bool().Draw(t, "has score") {
		score := rapid.IntRange(0, 100).Draw(t, "score")
		c.Score, c.LastInteractionAt, c.DeletedAt = &score, when.Draw(t, "last"), when.Draw(t, "deleted")
	}
	return c
}

func TestContactImageRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := anyContact(t)
		doc, err := sqlkit.AppendContactImage(nil, want)
		if err != nil {
			t.Fatal(err)
		}
		var got crm.Contact
		if err := sqlkit.DecodeContactDoc(string(doc), &got); err != nil {
			t.Fatalf("%s: %v", doc, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s:\ngot  %+v\nwant %+v", doc, got, want)
		}
		if utf8.Valid(doc) && !json.Valid(doc) {
			t.Fatalf("%q: not valid JSON", doc)
		}
	})
}

func TestContactDocLeavesColumnsAlone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := anyContact(t)
		doc, err := sqlkit.AppendContactDoc(nil, want)
		if err != nil {
			t.Fatal(err)
		}
		got := crm.Contact{
			ID: want.ID, Stage: want.Stage, Source: want.Source, Score: want.Score, LastInteractionAt: want.LastInteractionAt,
			CreatedAt: want.CreatedAt, UpdatedAt: want.UpdatedAt, DeletedAt: want.DeletedAt, Version: want.Version, PeakVersion: want.PeakVersion,
		}
		if err := sqlkit.DecodeContactDoc(string(doc), &got); err != nil {
			t.Fatalf("%s: %v", doc, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s:\ngot  %+v\nwant %+v", doc, got, want)
		}
	})
}

func TestContactDocRefusesFields(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]any{"nothing": nil, "a list": []any{1}, "not a number": math.NaN(), "infinite": math.Inf(-1), "an int": 1} {
		_, err := sqlkit.AppendContactDoc(nil, crm.Contact{Fields: map[string]any{"a.b": value}})
		var invalid *crm.ValidationError
		if !errors.As(err, &invalid) || invalid.Fields[0].Field != "fields.a.b" {
			t.Errorf("%s: got %v, want a ValidationError of fields.a.b", name, err)
		}
	}
}

func TestDecodeContactDoc(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]crm.Contact{
		`{}`: {},
		` { "n" : "a" , "zz" : [ { "y" : [ null , true , -1.5e3 , "s" ] } ] , "t" : [ "x" ] } `: {DisplayName: "a", Tags: []string{"x"}},
		`{"n":"\ud83e\udd8a \u00e9 \b\f\n\r\t\/\\\" \ud83e"}`:                                   {DisplayName: "🦊 é \b\f\n\r\t/\\\" \ufffd"},
		`{"e":[["a","b",1,"of a newer program"]]}`:                                              {Emails: []crm.Email{{Address: "a", Label: "b", Primary: true}}},
		`{"x":{"a":1e2,"b":false,"c":"d"}}`:                                                     {Fields: map[string]any{"a": 100.0, "b": false, "c": "d"}},
	} {
		var got crm.Contact
		if err := sqlkit.DecodeContactDoc(doc, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v, want %+v", doc, got, err, want)
		}
	}
	for _, doc := range []string{
		``, `{`, `}`, `[]`, `{"n"}`, `{"n":}`, `{"n":1}`, `{"n":"a}`, `{"n":"\x"}`, `{"n":"\u12"}`, `{"n":"\`, `{"t":["a"`, `{"t":["a",]}`,
		`{"V":1.5}`, `{"V":99999999999999999999}`, `{"I":"x"}`, `{"x":{"a":[]}}`, `{"a":1} x`, `{"q":tru}`, `{"q":nul}`, `{"q":` + deep(100) + `}`,
	} {
		if err := sqlkit.DecodeContactDoc(doc, new(crm.Contact)); err == nil {
			t.Errorf("%.60s: got nil, want an error", doc)
		}
	}
}

func deep(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = '['
	}
	return string(b)
}

func FuzzDecodeContactDoc(f *testing.F) {
	for _, seed := range []string{`{"n":"a","e":[["x","y",1]],"x":{"a":1}}`, `{"n":"\ud83e\udd8a"}`, `{"zz":[[{}]]}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		var c crm.Contact
		if sqlkit.DecodeContactDoc(doc, &c) != nil {
			return
		}
		again, err := sqlkit.AppendContactImage(nil, c)
		if err != nil {
			t.Fatalf("%q: %v", doc, err)
		}
		var same crm.Contact
		if err := sqlkit.DecodeContactDoc(string(again), &same); err != nil {
			t.Fatalf("%q gives %q: %v", doc, again, err)
		}
	})
}

func BenchmarkDecodeContactDoc(b *testing.B) {
	c := crm.Contact{
		DisplayName: "Maria Cantwell", GivenName: "Maria", FamilyName: "Cantwell", Emails: []crm.Email{{Address: "maria@example.com", Primary: true}},
		Phones: []crm.Phone{{Number: "(202) 555-0123", E164: "+12025550123", Primary: true}}, Tags: []string{"vip", "press"}, Company: "Senate",
	}
	doc, err := sqlkit.AppendContactDoc(nil, c)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		var got crm.Contact
		if err := sqlkit.DecodeContactDoc(string(doc), &got); err != nil {
			b.Fatal(err)
		}
	}
}
