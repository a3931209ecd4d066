package meilisearch_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/adapters/meilisearch"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/internal/testkit/meilitest"
)

// A document keeps the ranks of words and not whether they are searched inside:
// that follows from the rank. If a field breaks this, documents need more.
func TestWordsAreSearchedInsideByTheirRank(t *testing.T) {
	t.Parallel()
	for _, doc := range somePeople(200) {
		for _, w := range crm.ReadSearchEntry(&doc.Contact).Contents.Words {
			if inside := int(w.Rank) < crm.SearchRankRest; w.Infix != inside || inside && w.InfixRank != w.Rank {
				t.Fatalf("word %+v of %q: searched inside is not what its rank says", w, doc.Contact.DisplayName)
			}
		}
	}
}

func TestOnlyDirectDocumentsHoldPlainText(t *testing.T) {
	t.Parallel()
	for _, direct := range []bool{false, true} {
		s := meilitest.New(t, meilitest.Options{})
		x, ws := openOn(t, s, meilisearch.Options{Direct: direct}), newWorkspace()
		put(t, x, ws, "Søren Ærøskøbing")
		plain := false
		for _, r := range s.Requests() {
			plain = plain || r.Method == http.MethodPost && strings.Contains(string(r.Body), "Søren Ærøskøbing")
		}
		if plain != direct {
			t.Errorf("direct %t: the name was sent as it stands: %t", direct, plain)
		}
	}
}

func TestATokenIsForOneWorkspace(t *testing.T) {
	t.Parallel()
	s := meilitest.New(t, meilitest.Options{})
	o := meilisearch.Options{Direct: true, TokenKey: "a-key-that-may-search", TokenKeyUID: "6062abda-a5aa-4414-ac91-ecd7944c0f8d"}
	x, ws := openOn(t, s, o), newWorkspace()
	token, err := x.Token(ws, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		APIKeyUID   string `json:"apiKeyUid"`
		SearchRules map[string]struct{ Filter string }
		Exp         int64
	}
	if err := json.Unmarshal(raw, &claims); err != nil {
		t.Fatal(err)
	}
	if got := claims.SearchRules["omnicrm"].Filter; got != `ws = "`+ws.String()+`"` || claims.APIKeyUID != o.TokenKeyUID || claims.Exp == 0 || len(claims.SearchRules) != 1 {
		t.Errorf("got claims %+v, want one rule for the workspace, the key's uid and an end", claims)
	}
	if strings.Contains(string(raw), o.TokenKey) {
		t.Error("the token holds the key")
	}
	for name, change := range map[string]func(o *meilisearch.Options){
		"without plain text": func(o *meilisearch.Options) { o.Direct = false },
		"without a key":      func(o *meilisearch.Options) { o.TokenKey = "" },
		"by a bad uid":       func(o *meilisearch.Options) { o.TokenKeyUID = "me" },
	} {
		other := o
		change(&other)
		bad, err := meilisearch.New(s.URL, other)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bad.Token(ws, time.Now().Add(time.Hour)); !errors.Is(err, meilisearch.ErrMisconfigured) {
			t.Errorf("%s: got error %v, want ErrMisconfigured", name, err)
		}
	}
	if _, err := x.Token(ws, time.Now()); !errors.Is(err, meilisearch.ErrMisconfigured) {
		t.Errorf("a token that has ended: got error %v, want ErrMisconfigured", err)
	}
}
