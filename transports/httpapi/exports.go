package httpapi

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/omnicrm/omnicrm/crm"
)

// exportContacts streams a file. Once it has begun an error can only cut the
// connection, so that no half file passes for a whole one.
func (h *Handler) exportContacts(c *call) error {
	filter, err := c.contactFilter()
	if err != nil {
		return err
	}
	format := c.query.Get("format")
	if format == "" {
		format = defaultExportFormat
	}
	export, err := h.app.Exports.Prepare(c.r.Context(), c.actor, crm.ExportQuery{Format: format, Filter: filter})
	if err != nil {
		return err
	}
	defer export.Close(c.r.Context()) // Over HTTP nobody resumes it: the next request makes its own.
	header := c.w.Header()
	header.Set("Content-Type", export.MediaType)
	header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": export.FileName}))
	if c.r.Method == http.MethodHead {
		c.w.WriteHeader(http.StatusOK)
		return nil
	}
	if _, err := export.WriteTo(c.r.Context(), c.w, nil); err != nil {
		if errors.Is(err, context.Canceled) && c.w.began {
			panic(http.ErrAbortHandler) // The client has gone: nothing to log.
		}
		return fmt.Errorf("write export: %w", err)
	}
	if !c.w.began { // An empty file.
		c.w.WriteHeader(http.StatusOK)
	}
	return nil
}

const defaultExportFormat = "csv"

// formatNames lists the formats that the CRM was wired with.
func formatNames(formats []crm.Format) []string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = f.FormatName()
	}
	return names
}

// formatMedia lists the media types of their files.
func formatMedia(formats []crm.Format) []string {
	list := make([]string, len(formats))
	for i, f := range formats {
		media, _, _ := strings.Cut(f.MediaType(), ";")
		list[i] = media
	}
	return list
}
