package httpapi

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

// What the strict parser accepts, encoding/json reads as the same value; what
// it refuses is a ValidationError with a field.
func FuzzParseJSON(f *testing.F) {
	for _, seed := range []string{
		`{"displayName":"Zoë \ud83d\ude00","n":-1.5e+3,"l":[true,false,null,{}],"s":"a\/b\u00e9\n"}`, `{"a":1,"a":2}`, `[[[[`, `{"a":"\ud83d"}`, `9007199254740993`,
		`"\u0000"`, "\"\xff\"", `{"":{"":[0]}}`, ` [1 , 2 ] `, `-0`, `1E-400`, `01`, `1.`, `tru`, `{"a":1,}`, strings.Repeat(`{"a":[`, 40),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := parseJSON(data)
		if err != nil {
			mustNameField(t, err)
			return
		}
		var want any
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatalf("accepted what encoding/json refuses: %v", err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %#v, want %#v", got, want)
		}
	})
}

func mustNameField(t *testing.T, err error) {
	t.Helper()
	var invalid *crm.ValidationError
	if !errors.As(err, &invalid) || len(invalid.Fields) == 0 || invalid.Fields[0].Field == "" {
		t.Fatalf("names no field: %v", err)
	}
}

// What passes has only known names, none of them empty or too often.
func FuzzReadQuery(f *testing.F) {
	for _, seed := range []string{
		"", "search=zo%C3%AB&page=2&pageSize=50", "tag=a&tag=b&field.x=1", "stage=", "search=", "page=0", "a=1", "search=%zz", "%ff=1", "tag=%00",
		"createdAtFilter=%7B%22mode%22%3A%22today%22%7D", "hasEmail=true&hasEmail=true", ";", "=", "&&&", "field.=1", "trash=TRUE", "page=+1",
	} {
		f.Add(seed)
	}
	registry := newRegistry()
	op := contactRoutes(nil)[0]
	op.prepare(registry)
	f.Fuzz(func(t *testing.T, raw string) {
		values, err := readQuery(op, registry, raw)
		if err != nil {
			mustNameField(t, err)
			return
		}
		for name, list := range values {
			p := op.parameters[name]
			if p == nil && (!strings.HasPrefix(name, fieldPrefix) || len(name) == len(fieldPrefix)) {
				t.Fatalf("accepted the unknown %q", name)
			}
			if len(list) > 1 && (p == nil || !p.repeatable) {
				t.Fatalf("accepted %q %d times", name, len(list))
			}
			for _, text := range list {
				if text == "" || strings.ContainsRune(text, 0) {
					t.Fatalf("accepted %q for %q", text, name)
				}
			}
		}
	})
}

// A body that the schema accepts is decoded or refused by name, never a panic.
func FuzzContactBody(f *testing.F) {
	for _, seed := range []string{
		`{"displayName":"A","emails":[{"address":"a@b.co","label":null,"primary":true}],"fields":{"a":1,"b":null}}`, `{"emails":null,"fields":null,"stage":null}`,
		`{"phones":[{"number":"1","e164":null}],"addresses":[{}],"websites":[""]}`, `{"primaryEmail":"x","emails":[]}`, `{"tags":[null]}`, `{"stage":"lead"}`,
	} {
		f.Add([]byte(seed))
	}
	registry := newRegistry()
	schema := registry.Schema(typeOf[newContactInput](), true, "")
	registry.Schema(typeOf[crm.ContactRecord](), true, "")
	tidySchemas(registry)
	f.Fuzz(func(t *testing.T, data []byte) {
		tree, err := parseJSON(data)
		if err == nil {
			err = checkSchema(registry, schema, tree, "")
		}
		if err != nil {
			mustNameField(t, err)
			return
		}
		var in newContactInput
		if err := json.Unmarshal(data, &in); err != nil {
			t.Fatalf("the schema accepts what cannot be decoded: %v", err)
		}
		if _, err := in.newContact(); err != nil {
			mustNameField(t, err)
		}
		in.patch()
	})
}
