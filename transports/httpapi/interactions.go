package httpapi

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"

	"github.com/omnicrm/omnicrm/crm"
)

// createInteraction adds an interaction to a contact's timeline.
func (h *Handler) createInteraction(c *call) error {
	contact, err := c.id("id")
	if err != nil {
		return err
	}
	in, err := decode[newInteractionInput](c)
	if err != nil {
		return err
	}
	asked, err := in.newInteraction()
	if err != nil {
		return err
	}
	made, err := h.app.Interactions.CreateWith(c.r.Context(), c.actor, contact, asked)
	if err != nil {
		return err
	}
	c.w.Header().Set("Location", c.link("interactions", made.ID.String()))
	c.remember(made.ID, nil)
	return c.writeInteraction(http.StatusCreated, made)
}

// replayInteraction answers with the interaction of an earlier answer.
func (h *Handler) replayInteraction(c *call, saved *crm.SavedAnswer) error {
	found, err := h.app.Interactions.Get(c.r.Context(), c.reader(), saved.Record)
	if err != nil {
		return err
	}
	return c.writeInteraction(saved.Status, found)
}

func (c *call) writeInteraction(status int, i crm.Interaction) error {
	return c.writeRecord(status, i.Version, i.Record())
}

func (h *Handler) listInteractions(c *call) error {
	contact, err := c.id("id")
	if err != nil {
		return err
	}
	list, err := h.app.Interactions.Timeline(c.r.Context(), c.actor, contact, crm.TimelineQuery{
		Type: crm.InteractionType(c.query.Get("type")), Order: crm.SortOrder(c.query.Get("order")),
		Cursor: c.query.Get("cursor"), Limit: c.number("pageSize", crm.DefaultPageSize),
	})
	if err != nil {
		return err
	}
	items := make([]crm.InteractionRecord, len(list.Items))
	for n, i := range list.Items {
		items[n] = i.Record()
	}
	answer := countedPage(items, list.NextCursor, list.Total)
	if list.More {
		answer.TotalRelation = relationAtLeast
	}
	return c.writeJSON(http.StatusOK, answer)
}

func (h *Handler) getInteraction(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	found, err := h.app.Interactions.Get(c.r.Context(), c.actor, id)
	if err != nil {
		return err
	}
	return c.writeInteraction(http.StatusOK, found)
}

func (h *Handler) updateInteraction(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	in, err := decode[interactionPatchInput](c)
	if err != nil {
		return err
	}
	patch, err := in.patch()
	if err != nil {
		return err
	}
	if patch.Version, err = c.expected(c.interactionVersion(id)); err != nil {
		return err
	}
	changed, err := h.app.Interactions.Update(c.r.Context(), c.actor, id, patch)
	if err != nil {
		return err
	}
	return c.writeInteraction(http.StatusOK, changed)
}

func (h *Handler) deleteInteraction(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	version, err := c.expected(c.interactionVersion(id))
	if err != nil {
		return err
	}
	if err := h.app.Interactions.Delete(c.r.Context(), c.actor, id, version); err != nil {
		return err
	}
	return c.noContent()
}

// interactionVersion looks the current version up, for an If-Match that needs it.
func (c *call) interactionVersion(id crm.ID) func() (int64, error) {
	return func() (int64, error) {
		found, err := c.h.app.Interactions.Get(c.r.Context(), c.reader(), id)
		return found.Version, err
	}
}

// exportInteractions streams all interactions as JSON lines. Once it has begun
// an error can only cut the connection.
func (h *Handler) exportInteractions(c *call) error {
	if err := c.actor.Authorize(crm.PermContactsRead); err != nil {
		return fmt.Errorf("export interactions: %w", err)
	}
	format := crm.JSONLines{}
	header := c.w.Header()
	header.Set("Content-Type", format.MediaType())
	header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": "interactions" + format.Extension()}))
	if c.r.Method == http.MethodHead {
		c.w.WriteHeader(http.StatusOK)
		return nil
	}
	if _, err := h.app.Interactions.Export(c.r.Context(), c.actor, c.w); err != nil {
		if errors.Is(err, context.Canceled) && c.w.began {
			panic(http.ErrAbortHandler) // The client has gone: nothing to log.
		}
		return err
	}
	if !c.w.began { // An empty file.
		c.w.WriteHeader(http.StatusOK)
	}
	return nil
}
