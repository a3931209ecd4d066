package httpapi

import (
	"strings"

	"github.com/omnicrm/omnicrm/crm"
)

// Thin handlers: read the request, call the service, write the answer.

func (h *Handler) createContact(c *call) error {
	in, err := decode[newContactInput](c)
	if err != nil {
		return err
	}
	input, err := in.newContact()
	if err != nil {
		return err
	}
	contact, err := h.app.Contacts.Create(c.r.Context(), c.actor, input)
	if err != nil {
		return in.inSentWords(err) // The service has said what it was doing; here and below.
	}
	c.w.Header().Set("Location", c.link("contacts", contact.ID.String()))
	c.remember(contact.ID, nil)
	return c.writeContact(201, contact)
}

// replayContact answers with the contact of an earlier answer.
func (h *Handler) replayContact(c *call, saved *crm.SavedAnswer) error {
	contact, err := h.app.Contacts.Get(c.r.Context(), c.reader(), saved.Record)
	if err != nil {
		return err
	}
	return c.writeContact(saved.Status, contact)
}

func (h *Handler) getContact(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	contact, err := h.app.Contacts.Get(c.r.Context(), c.actor, id)
	if err != nil {
		return err
	}
	return c.writeContact(200, contact)
}

func (h *Handler) updateContact(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	in, err := decode[contactPatchInput](c)
	if err != nil {
		return err
	}
	patch := in.patch()
	if patch.Version, err = c.expected(c.contactVersion(id)); err != nil {
		return err
	}
	contact, err := h.app.Contacts.Update(c.r.Context(), c.actor, id, patch)
	if err != nil {
		return err
	}
	return c.writeContact(200, contact)
}

func (h *Handler) deleteContact(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	version, err := c.expected(c.contactVersion(id))
	if err != nil {
		return err
	}
	contact, err := h.app.Contacts.Delete(c.r.Context(), c.actor, id, version)
	if err != nil {
		return err
	}
	c.w.Header().Set("ETag", etag(contact.Version))
	return c.noContent()
}

func (h *Handler) restoreContact(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	version, err := c.expected(c.contactVersion(id))
	if err != nil {
		return err
	}
	contact, err := h.app.Contacts.Restore(c.r.Context(), c.actor, id, version)
	if err != nil {
		return err
	}
	c.remember(id, nil)
	return c.writeContact(200, contact)
}

func (h *Handler) eraseContact(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	version, err := c.expected(c.contactVersion(id))
	if err != nil {
		return err
	}
	if err := h.app.Contacts.Erase(c.r.Context(), c.actor, id, version); err != nil {
		return err
	}
	return c.noContent()
}

// contactVersion looks the current version up, for an If-Match that needs it.
func (c *call) contactVersion(id crm.ID) func() (int64, error) {
	return func() (int64, error) {
		contact, err := c.h.app.Contacts.Get(c.r.Context(), c.reader(), id)
		return contact.Version, err
	}
}

// tagRecord is a tag in JSON.
type tagRecord struct {
	Name  string `json:"name" doc:"As it was first written."`
	Count int    `json:"count" doc:"How many live contacts carry it."`
}

func (h *Handler) listTags(c *call) error {
	tags, err := h.app.Tags.List(c.r.Context(), c.actor)
	if err != nil {
		return err
	}
	items := make([]tagRecord, len(tags))
	for i, t := range tags {
		items[i] = tagRecord{Name: t.Name, Count: t.Count}
	}
	return c.writeJSON(200, wholeList(items))
}

// contactFilter reads the filter parameters of the list and of exports.
func (c *call) contactFilter() (crm.ContactFilter, error) {
	q := c.query
	f := crm.ContactFilter{
		Search: strings.TrimSpace(q.Get("search")), Stages: texts[crm.Stage](q["stage"]), Tags: q["tag"],
		TagMode: crm.TagMode(q.Get("tagMode")), Sources: q["source"], HasEmail: c.boolean("hasEmail"),
		HasPhone: c.boolean("hasPhone"), TimeZone: q.Get("tz"), Trash: q.Get("trash") == "true",
	}
	for name, to := range map[string]*crm.DateFilter{
		"createdAtFilter": &f.CreatedAt, "updatedAtFilter": &f.UpdatedAt, "lastInteractionAtFilter": &f.LastInteractionAt,
	} {
		if !q.Has(name) {
			continue
		}
		var err error
		if *to, err = c.dateFilter(name, q.Get(name)); err != nil {
			return f, &placeError{code: codeInvalidQuery, err: err}
		}
	}
	for name, values := range q {
		if key, ok := strings.CutPrefix(name, fieldPrefix); ok {
			if f.Fields == nil {
				f.Fields = map[string]string{}
			}
			f.Fields[key] = values[0]
		}
	}
	return f, nil
}

// dateFilter reads a parameter that is JSON, by the same rules as a body.
func (c *call) dateFilter(name, text string) (crm.DateFilter, error) {
	tree, err := parseJSON([]byte(text))
	if err == nil {
		err = checkSchema(c.h.registry, c.h.registry.Schema(typeOf[dateFilterInput](), false, ""), tree, name)
	}
	if err != nil {
		return crm.DateFilter{}, crm.Invalid(name, crm.CodeInvalid,
			`must be JSON such as {"mode":"range","from":"2026-01-01","to":"2026-01-31"}; modes are any, today, week, month, quarter, year, range`)
	}
	return crm.ParseDateFilter(name, text)
}
