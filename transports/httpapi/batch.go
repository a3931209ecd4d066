package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/omnicrm/omnicrm/crm"
)

// batchInput is the body of POST /contacts/batch. The entries are checked one
// by one, so that a broken one does not stop the others.
type batchInput struct {
	Mode     string       `json:"mode,omitempty" enum:"create,upsert" doc:"Whether contacts that match existing ones update them. Default create."`
	Contacts []batchEntry `json:"contacts" minItems:"1" maxItems:"1000"`
}

// batchEntry is a contact whose own rules are checked later.
type batchEntry struct{ json.RawMessage }

// Schema is documented as a new contact's and checked as anything.
func (batchEntry) Schema(r huma.Registry) *huma.Schema {
	r.Schema(typeOf[newContactInput](), true, "")
	return &huma.Schema{Description: "A contact as POST /contacts takes it; one that breaks a rule is reported and does not stop the others."}
}

// UnmarshalJSON keeps the entry as it stands.
func (e *batchEntry) UnmarshalJSON(data []byte) error {
	e.RawMessage = append(e.RawMessage[:0], data...)
	return nil
}

type batchResults struct {
	Items []batchItem `json:"items" doc:"In the order of the request."`
}

type batchItem struct {
	Outcome    crm.RowOutcome     `json:"outcome"`
	Contact    *crm.ContactRecord `json:"contact,omitempty" doc:"Absent for the outcomes ambiguous and problem, and in a replay for a contact that was erased since."`
	Candidates []crm.ID           `json:"candidates" doc:"Who an ambiguous contact could be."`
	Problems   []crm.FieldError   `json:"problems" doc:"Why the outcome is problem."`
	Conflict   *crm.ID            `json:"conflict,omitempty" doc:"The contact in the way of one that could not be created."`
}

func (h *Handler) batchContacts(c *call) error {
	in, err := decode[batchInput](c)
	if err != nil {
		return err
	}
	items := make([]batchItem, len(in.Contacts))
	inputs := make([]newContactInput, len(in.Contacts))
	var good []int
	var contacts []crm.NewContact
	for i, entry := range in.Contacts {
		var contact crm.NewContact
		if inputs[i], contact, err = h.batchContact(entry); err != nil {
			items[i] = problemItem(err)
			continue
		}
		good, contacts = append(good, i), append(contacts, contact)
	}
	if len(contacts) > 0 {
		results, err := h.app.Contacts.Batch(c.r.Context(), c.actor, crm.BatchInput{Mode: crm.BatchMode(in.Mode), Contacts: contacts})
		if err != nil {
			return err
		}
		for i, r := range results {
			r.Err = inputs[good[i]].inSentWords(r.Err)
			items[good[i]] = batchItemOf(r)
		}
	} else if err := c.actor.Authorize(crm.PermContactsWrite); err != nil {
		return fmt.Errorf("batch: %w", err)
	}
	note, err := json.Marshal(notesOf(items))
	if err != nil {
		return fmt.Errorf("note batch: %w", err)
	}
	c.remember(crm.ID{}, note)
	return c.writeJSON(http.StatusOK, batchResults{Items: items})
}

// batchNote is a batchItem without the contact's content.
type batchNote struct {
	Item    batchItem `json:"item"`
	Contact crm.ID    `json:"contact,omitzero"`
}

func notesOf(items []batchItem) []batchNote {
	notes := make([]batchNote, len(items))
	for i, item := range items {
		if item.Contact != nil {
			notes[i].Contact = item.Contact.ID
		}
		item.Contact = nil
		notes[i].Item = item
	}
	return notes
}

// replayBatch answers with the outcomes of an earlier batch and the contacts as
// they are now.
func (h *Handler) replayBatch(c *call, saved *crm.SavedAnswer) error {
	var notes []batchNote
	if err := json.Unmarshal(saved.Body, &notes); err != nil {
		return fmt.Errorf("read note of batch: %w", err)
	}
	items := make([]batchItem, len(notes))
	for i, note := range notes {
		items[i] = note.Item
		if note.Contact.IsZero() {
			continue
		}
		contact, err := h.app.Contacts.Get(c.r.Context(), c.reader(), note.Contact)
		switch {
		case err == nil:
			record := contact.Record()
			items[i].Contact = &record
		case !errors.Is(err, crm.ErrNotFound):
			return err
		}
	}
	return c.writeJSON(saved.Status, batchResults{Items: items})
}

func (h *Handler) batchContact(entry batchEntry) (in newContactInput, contact crm.NewContact, err error) {
	tree, err := parseJSON(entry.RawMessage)
	if err != nil {
		return in, contact, err
	}
	schema := h.registry.Schema(typeOf[newContactInput](), true, "")
	if err := checkSchema(h.registry, schema, tree, ""); err != nil {
		return in, contact, err
	}
	if err := json.Unmarshal(entry.RawMessage, &in); err != nil {
		return in, contact, decodeError("body", err)
	}
	contact, err = in.newContact()
	return in, contact, err
}

func batchItemOf(r crm.BatchResult) batchItem {
	if r.Err != nil {
		item := problemItem(r.Err)
		item.Outcome = r.Outcome
		return item
	}
	item := batchItem{Outcome: r.Outcome, Candidates: orEmpty(r.Candidates), Problems: []crm.FieldError{}}
	if r.Contact != nil {
		record := r.Contact.Record()
		item.Contact = &record
	}
	return item
}

// problemItem reports a refused contact by its broken rules, or by what is in
// its way.
func problemItem(err error) batchItem {
	item := batchItem{Outcome: crm.RowProblem, Candidates: []crm.ID{}, Problems: []crm.FieldError{}}
	var invalid *crm.ValidationError
	var conflict *crm.ConflictError
	switch {
	case errors.As(err, &invalid):
		item.Problems = invalid.Fields
	case errors.As(err, &conflict):
		item.Problems = []crm.FieldError{{Field: "sourceId", Code: crm.CodeDuplicate, Message: "belongs to another contact already"}}
		if !conflict.ID.IsZero() {
			item.Conflict = &conflict.ID
		}
	default:
		item.Problems = []crm.FieldError{{Field: "body", Code: crm.CodeInvalid, Message: "could not be written"}}
	}
	return item
}

// orEmpty keeps lists from being null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
