package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/transports/httpapi"
)

// BenchmarkList compares the list of 50 whole contacts with a bare handler:
// the same reads of the store and encoding/json, no sign-in and no checks.
func BenchmarkList(b *testing.B) {
	s := setup(b, func(o *httpapi.Options) { o.RateLimit = 1 << 30 })
	owner := actors()["owner"]
	for page := range 4 {
		in := crm.BatchInput{}
		for i := range 500 {
			n := page*500 + i
			in.Contacts = append(in.Contacts, crm.NewContact{
				DisplayName: fmt.Sprintf("Person %d Łukasz", n), GivenName: "Person", FamilyName: "Łukasz", Company: "Acme", JobTitle: "Engineer",
				Emails: []crm.Email{{Address: fmt.Sprintf("p%d@example.com", n), Label: "work"}, {Address: fmt.Sprintf("p%d@home.example", n)}},
				Phones: []crm.Phone{{Number: fmt.Sprintf("+1202555%04d", n)}}, Tags: []string{"vip", "2026"}, Notes: strings.Repeat("note ", 20),
			})
		}
		if _, err := s.app.Contacts.Batch(b.Context(), owner, in); err != nil {
			b.Fatal(err)
		}
	}
	bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := crm.ContactQuery{Sort: crm.SortCreatedAt, Desc: true, Limit: 51}
		list, err := s.store.ListContacts(r.Context(), owner.Workspace, q)
		if err != nil {
			b.Error(err)
		}
		total, err := s.store.CountContacts(r.Context(), owner.Workspace, q.Where, 0)
		if err != nil {
			b.Error(err)
		}
		records := make([]crm.ContactRecord, 50)
		for i := range records {
			records[i] = list[i].Record()
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(map[string]any{"items": records, "total": total, "nextCursor": nil}); err != nil {
			b.Error(err)
		}
	})
	for name, h := range map[string]http.Handler{"bare": bare, "api": s.handler} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/contacts?pageSize=50", nil))
				if w.Code != 200 {
					b.Fatal(w.Body)
				}
			}
		})
	}
}
