package vcard_test

import (
	"bytes"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/omnicrm/omnicrm/adapters/vcard"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/internal/testkit/contactgen"
)

// write writes contacts to a file.
func write(t rapid.TB, contacts ...crm.Contact) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := vcard.New().NewWriter(&file)
	if err != nil {
		t.Fatalf("NewWriter: %v", err)
	}
	for _, c := range contacts {
		if err := w.WriteContact(c); err != nil {
			t.Fatalf("WriteContact: %v", err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	return file.Bytes()
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		contacts := rapid.SliceOfN(contactgen.Contact(), 1, 3).Draw(t, "contacts")
		file := write(t, contacts...)
		records := readAll(t, bytes.NewReader(file), crm.ReadOptions{})
		if got, want := len(records), len(contacts); got != want {
			t.Fatalf("records: got %d, want %d\n%s", got, want, file)
		}
		for i, r := range records {
			if len(r.Problems)+len(r.Extra) > 0 {
				t.Fatalf("problems %v, extra values %q\n%s", r.Problems, r.Extra, file)
			}
			if r.ID != contacts[i].ID {
				t.Fatalf("id: got %s, want %s", r.ID, contacts[i].ID)
			}
			if want := contactgen.Input(contacts[i]); !reflect.DeepEqual(r.Contact, want) {
				t.Fatalf("contact:\n got %#v\nwant %#v\n%s", r.Contact, want, file)
			}
		}
	})
}
