package httpapi_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

func TestOpenAPIDocument(t *testing.T) {
	t.Parallel()
	s := setupIdentity(t)
	a := s.send(t, http.MethodGet, "openapi.json", "").want(200)

	t.Run("it is valid OpenAPI 3.1", func(t *testing.T) {
		if ok, errs := s.contract.ValidateDocument(); !ok {
			for _, err := range errs {
				t.Errorf("%s: %s %v", err.Message, err.Reason, err.SchemaValidationErrors)
			}
		}
		if got := a.text("openapi"); got != "3.1.0" {
			t.Errorf("got %s", got)
		}
	})
	t.Run("every route says who may call and how it fails", func(t *testing.T) {
		var doc struct {
			Paths map[string]map[string]struct {
				OperationID string              `json:"operationId"`
				Summary     string              `json:"summary"`
				Security    []map[string]any    `json:"security"`
				Responses   map[string]struct{} `json:"responses"`
			} `json:"paths"`
		}
		if err := json.Unmarshal([]byte(a.body), &doc); err != nil {
			t.Fatal(err)
		}
		open := map[string]bool{"login": true, "acceptInvitation": true, "openapi": true, "healthz": true, "readyz": true}
		for path, methods := range doc.Paths {
			for method, op := range methods {
				want := []string{"400", "500", "503"}
				if !open[op.OperationID] {
					want = append(want, "401", "403", "404", "429")
				}
				for _, status := range want {
					if _, ok := op.Responses[status]; !ok {
						t.Errorf("%s %s: %s is not documented", method, path, status)
					}
				}
				if op.Summary == "" || (len(op.Security) == 0) != open[op.OperationID] {
					t.Errorf("%s %s: summary %q, security %v", method, path, op.Summary, op.Security)
				}
			}
		}
	})
	t.Run("lists are never null in answers, and the generator's traces are gone", func(t *testing.T) {
		if strings.Contains(a.body, "$schema") || strings.Contains(a.body, "x-clearable") || strings.Contains(a.body, "{mount}") {
			t.Error("got traces of the generator")
		}
		if got, ok := a.get("components.schemas.Contact.properties.emails.type").(string); !ok || got != "array" {
			t.Errorf("got %v", a.get("components.schemas.Contact.properties.emails"))
		}
	})
	t.Run("what must be there is required, and every type has a name", func(t *testing.T) {
		if got := a.get("components.schemas.NewInteractionInput.required"); !reflect.DeepEqual(got, []any{"type", "occurredAt"}) {
			t.Errorf("a new interaction: got %v", got)
		}
		if strings.Contains(a.body, `"type":["",`) || strings.Contains(a.body, `"type":""`) {
			t.Error("a schema has a type without a name")
		}
	})
	t.Run("the limits are those of the domain", func(t *testing.T) {
		for path, want := range map[string]int{
			"displayName.maxLength": crm.MaxDisplayName, "givenName.maxLength": crm.MaxShortText, "company.maxLength": crm.MaxShortText, "notes.maxLength": crm.MaxNotes,
			"tags.maxItems": crm.MaxTags, "tags.items.maxLength": crm.MaxTag, "emails.maxItems": crm.MaxListed, "websites.items.maxLength": crm.MaxWebsite,
			"fields.maxProperties": crm.MaxFields, "source.maxLength": crm.MaxSource, "sourceId.maxLength": crm.MaxSourceID,
			"primaryEmail.maxLength": crm.MaxEmail, "primaryPhone.maxLength": crm.MaxPhone,
		} {
			if got := a.get("components.schemas.NewContactInput.properties." + path); got != float64(want) {
				t.Errorf("%s: got %v, want %d", path, got, want)
			}
		}
		for path, want := range map[string]int{
			"subject.maxLength": crm.MaxSubject, "body.maxLength": crm.MaxBody, "participants.maxItems": crm.MaxParticipants,
			"threadId.maxLength": crm.MaxThreadID, "source.maxLength": crm.MaxSource, "sourceId.maxLength": crm.MaxSourceID,
		} {
			if got := a.get("components.schemas.NewInteractionInput.properties." + path); got != float64(want) {
				t.Errorf("interaction %s: got %v, want %d", path, got, want)
			}
		}
		for path, want := range map[string]int{
			"ParticipantInput.properties.name.maxLength": crm.MaxShortText, "ParticipantInput.properties.address.maxLength": crm.MaxAddress,
			"EmailInput.properties.address.maxLength": crm.MaxEmail, "PhoneInput.properties.number.maxLength": crm.MaxPhone,
			"BatchInput.properties.contacts.maxItems": crm.MaxBatch, "BulkInput.properties.ids.maxItems": crm.MaxBatch,
			"FilterInput.properties.search.maxLength": crm.MaxSearchText,
		} {
			if got := a.get("components.schemas." + path); got != float64(want) {
				t.Errorf("%s: got %v, want %d", path, got, want)
			}
		}
	})
	t.Run("without an identity its routes are neither documented nor there", func(t *testing.T) {
		s := setup(t)
		if strings.Contains(s.send(t, http.MethodGet, "openapi.json", "").want(200).body, "/auth/login") {
			t.Error("login is documented")
		}
		s.send(t, http.MethodPost, "auth/login", `{}`).want(404, "not_found")
		s.send(t, http.MethodGet, "members", "").want(404, "not_found")
	})
}
