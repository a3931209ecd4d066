package meilisearch_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/adapters/meilisearch"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/internal/testkit/meilitest"
)

const secret = "s3cret-of-the-operator"

// What has to be put right by a person is one clear error with a way out, and
// repeats no secret.
func TestWhatIsMisconfiguredIsSaidAtTheStart(t *testing.T) {
	t.Parallel()
	server := func(o meilitest.Options, prepare func(s *meilitest.Server)) func(t *testing.T) string {
		return func(t *testing.T) string {
			s := meilitest.New(t, o)
			if prepare != nil {
				prepare(s)
			}
			return s.URL
		}
	}
	other := func(t *testing.T) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprint(w, `{"hello": "world"}`)
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	literal := func(address string) func(*testing.T) string { return func(*testing.T) string { return address } }
	mine := meilisearch.Options{Key: secret}
	master := meilisearch.Options{Key: meilitest.MasterKey}
	for name, test := range map[string]struct {
		address func(t *testing.T) string
		o       meilisearch.Options
		says    string
	}{
		"a wrong key":                     {server(meilitest.Options{}, nil), mine, "refuses the API key"},
		"no key":                          {server(meilitest.Options{}, nil), meilisearch.Options{}, "none was given"},
		"a key that may not write":        {server(meilitest.Options{}, func(s *meilitest.Server) { s.AddKey(secret, []string{"search"}, []string{"*"}) }), mine, "documents.add"},
		"a key for another index":         {server(meilitest.Options{}, func(s *meilitest.Server) { s.AddKey(secret, []string{"*"}, []string{"other"}) }), mine, `valid for the index "omnicrm"`},
		"an old version":                  {server(meilitest.Options{Version: "1.11.3"}, nil), master, "needs Meilisearch 1.12"},
		"a version without STARTS WITH":   {server(meilitest.Options{Version: "1.12.0", NoStartsWith: true}, nil), master, "containsFilter"},
		"another server":                  {other, mine, "does not answer like Meilisearch"},
		"a password in the address":       {literal("http://me:" + secret + "@127.0.0.1:7700"), master, "no user or password"},
		"no address":                      {literal("meili:7700"), mine, "must be like http://"},
		"a name of an index that is none": {literal("http://127.0.0.1:7700"), meilisearch.Options{Index: "no spaces"}, "letters, digits"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := meilisearch.Open(t.Context(), test.address(t), test.o)
			if !errors.Is(err, meilisearch.ErrMisconfigured) || errors.Is(err, crm.ErrUnavailable) {
				t.Fatalf("got error %v, want ErrMisconfigured", err)
			}
			if !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %q, want it to say %q", err, test.says)
			}
			for _, hidden := range []string{secret, meilitest.MasterKey} {
				if text := fmt.Sprintf("%v %+v %s", err, test.o, test.o); strings.Contains(text, hidden) {
					t.Errorf("%q repeats a secret", text)
				}
			}
		})
	}
}

func TestAServerThatIsAwayIsUnavailableAndComesBack(t *testing.T) {
	t.Parallel()
	s := meilitest.New(t, meilitest.Options{})
	s.SetDown(true)
	x, err := meilisearch.New(s.URL, meilisearch.Options{Key: meilitest.MasterKey})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Close)
	err = x.Prepare(t.Context())
	if !errors.Is(err, crm.ErrUnavailable) || errors.Is(err, meilisearch.ErrMisconfigured) {
		t.Errorf("Prepare: got error %v, want crm.ErrUnavailable", err)
	}
	if _, err := x.IndexStatus(t.Context(), crm.WorkspaceID{}); !errors.Is(err, crm.ErrUnavailable) {
		t.Errorf("IndexStatus: got error %v, want crm.ErrUnavailable", err)
	}
	s.SetDown(false)
	if _, err := x.IndexStatus(t.Context(), crm.WorkspaceID{}); err != nil {
		t.Errorf("IndexStatus, when it is back: %v", err)
	}
}

// The rights that the guide names are enough, for one index.
func TestAKeyOfOneIndexIsEnough(t *testing.T) {
	t.Parallel()
	s := meilitest.New(t, meilitest.Options{})
	s.AddKey(secret, []string{
		"search", "documents.add", "documents.get", "documents.delete", "indexes.create", "indexes.get",
		"settings.get", "settings.update", "tasks.get", "stats.get",
	}, []string{"mine"})
	x, ws := openOn(t, s, meilisearch.Options{Key: secret, Index: "mine"}), newWorkspace()
	docs := put(t, x, ws, "Ann Carter")
	if err := x.MarkIndexed(t.Context(), ws, 3); err != nil {
		t.Error(err)
	}
	if got, err := x.SearchContacts(t.Context(), ws, crm.SearchQuery{Text: "cartre", Limit: 5}); err != nil || len(got.Hits) != 1 {
		t.Errorf("SearchContacts: got %d hits and error %v, want one", len(got.Hits), err)
	}
	if err := x.DeleteDocuments(t.Context(), ws, []crm.ID{docs[0].Contact.ID}); err != nil {
		t.Error(err)
	}
	if err := x.DropWorkspace(t.Context(), ws); err != nil {
		t.Error(err)
	}
}

func TestSettingsAreSentOnce(t *testing.T) {
	t.Parallel()
	s := meilitest.New(t, meilitest.Options{})
	for range 3 {
		openOn(t, s, meilisearch.Options{})
	}
	if n := sent(s, http.MethodPatch, "/settings"); n != 1 {
		t.Errorf("settings were sent %d times, want once", n)
	}
}

func sent(s *meilitest.Server, method, suffix string) int {
	n := 0
	for _, r := range s.Requests() {
		if r.Method == method && strings.HasSuffix(r.Path, suffix) {
			n++
		}
	}
	return n
}

func TestAnIndexOfSomethingElseIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	for name, fill := range map[string]func(s *meilitest.Server){
		"with another primary key":       func(s *meilitest.Server) { s.Put("omnicrm", "isbn", `[{"isbn": "1"}]`) },
		"with documents of another kind": func(s *meilitest.Server) { s.Put("omnicrm", "id", `[{"id": "1", "title": "A book"}]`) },
		"made by another version":        func(s *meilitest.Server) { s.Put("omnicrm", "id", `[{"id": "omnicrm-format", "format": 99}]`) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := meilitest.New(t, meilitest.Options{})
			fill(s)
			_, err := meilisearch.Open(t.Context(), s.URL, meilisearch.Options{Key: meilitest.MasterKey})
			if !errors.Is(err, meilisearch.ErrMisconfigured) || !strings.Contains(err.Error(), "choose another name") {
				t.Errorf("got error %v, want ErrMisconfigured with a way out", err)
			}
			if n := sent(s, http.MethodPost, "/documents"); n > 0 {
				t.Errorf("%d batches were written into it", n)
			}
		})
	}
}

func TestSettingsOfOurIndexAreMended(t *testing.T) {
	t.Parallel()
	s := meilitest.New(t, meilitest.Options{})
	ws := crm.WorkspaceID(crm.NewID())
	x := openOn(t, s, meilisearch.Options{})
	put(t, x, ws, "Ann Carter")
	s.ChangeSettings("omnicrm", `{"filterableAttributes": ["ws"]}`)
	q := crm.SearchQuery{Text: "carter", Limit: 5}
	if _, err := x.SearchContacts(t.Context(), ws, q); !errors.Is(err, crm.ErrUnavailable) {
		t.Errorf("the first search: got error %v, want crm.ErrUnavailable", err)
	}
	if got, err := x.SearchContacts(t.Context(), ws, q); err != nil || len(got.Hits) != 1 {
		t.Errorf("the next search: got %d hits and error %v, want one hit", len(got.Hits), err)
	}
}
