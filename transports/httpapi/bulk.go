package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/omnicrm/omnicrm/crm"
)

// dateFilterInput documents a date filter.
type dateFilterInput struct {
	Mode string `json:"mode" enum:"any,today,week,month,quarter,year,range"`
	From string `json:"from,omitempty" maxLength:"10" doc:"A day, inclusive." example:"2026-01-01"`
	To   string `json:"to,omitempty" maxLength:"10" doc:"A day, inclusive." example:"2026-01-31"`
}

// filterInput is the filter of a bulk action: the parameters of the list.
type filterInput struct {
	Search            string               `json:"search,omitempty" minLength:"1" maxLength:"200" doc:"A blank one is refused here: it would mean everybody."`
	Stages            oneOrMany[crm.Stage] `json:"stage,omitempty"`
	Tags              oneOrMany[string]    `json:"tag,omitempty"`
	TagMode           string               `json:"tagMode,omitempty" enum:"any,all"`
	Sources           oneOrMany[string]    `json:"source,omitempty"`
	HasEmail          *bool                `json:"hasEmail,omitempty"`
	HasPhone          *bool                `json:"hasPhone,omitempty"`
	CreatedAt         dateFilterInput      `json:"createdAtFilter,omitzero"`
	UpdatedAt         dateFilterInput      `json:"updatedAtFilter,omitzero"`
	LastInteractionAt dateFilterInput      `json:"lastInteractionAtFilter,omitzero"`
	TimeZone          string               `json:"tz,omitempty" maxLength:"64"`
	Fields            map[string]string    `json:"fields,omitempty" maxProperties:"100" doc:"By key, as field.<key> in the list."`
	Trash             bool                 `json:"trash,omitempty"`
}

// TransformSchema adds field.<key>, as the list has it.
func (filterInput) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	if s.Extensions == nil {
		s.Extensions = map[string]any{}
	}
	s.Extensions[patternProperties] = map[string]*huma.Schema{
		fieldPattern: {Type: huma.TypeString, Description: "By a custom field, as field.<key> in the list."},
	}
	return s
}

// UnmarshalJSON reads custom fields by either way of naming them.
func (in *filterInput) UnmarshalJSON(data []byte) error {
	type plain filterInput
	var members map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(data, (*plain)(in)), json.Unmarshal(data, &members)); err != nil {
		return err // Of encoding/json, with the place.
	}
	for _, name := range sortedKeys(members) {
		if !isFieldFilter(name) {
			continue
		}
		key := strings.TrimPrefix(name, fieldPrefix)
		var value string
		if err := json.Unmarshal(members[name], &value); err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		if other, ok := in.Fields[key]; ok && other != value {
			return crm.Invalid("filter."+name, crm.CodeDuplicate, "is given with another value in fields")
		}
		if in.Fields == nil {
			in.Fields = map[string]string{}
		}
		in.Fields[key] = value
	}
	return nil
}

func (in filterInput) filter() crm.ContactFilter {
	date := func(d dateFilterInput) crm.DateFilter {
		return crm.DateFilter{Mode: crm.DateMode(d.Mode), From: d.From, To: d.To}
	}
	return crm.ContactFilter{
		Search: in.Search, Stages: in.Stages, Tags: in.Tags, TagMode: crm.TagMode(in.TagMode), Sources: in.Sources,
		HasEmail: in.HasEmail, HasPhone: in.HasPhone, CreatedAt: date(in.CreatedAt), UpdatedAt: date(in.UpdatedAt),
		LastInteractionAt: date(in.LastInteractionAt), TimeZone: in.TimeZone, Fields: in.Fields, Trash: in.Trash,
	}
}

// bulkInput is the body of bulk-delete and bulk-restore: one of the two.
type bulkInput struct {
	IDs    []crm.ID     `json:"ids,omitempty" minItems:"1" maxItems:"1000" doc:"These contacts; unknown ones count as nothing."`
	Filter *filterInput `json:"filter,omitempty" doc:"All contacts that the list would show; answers 202 with a job."`
}

type bulkTagInput struct {
	IDs    []crm.ID     `json:"ids,omitempty" minItems:"1" maxItems:"1000" doc:"These contacts; unknown ones count as nothing."`
	Filter *filterInput `json:"filter,omitempty" doc:"All contacts that the list would show; answers 202 with a job."`
	Add    []string     `json:"add,omitempty" maxItems:"100" maxLength:"64"`
	Remove []string     `json:"remove,omitempty" maxItems:"100" maxLength:"64"`
}

type bulkUpdateInput struct {
	IDs    []crm.ID     `json:"ids,omitempty" minItems:"1" maxItems:"1000" doc:"These contacts; unknown ones count as nothing."`
	Filter *filterInput `json:"filter,omitempty" doc:"All contacts that the list would show; answers 202 with a job."`
	Set    bulkSet      `json:"set"`
}

type bulkSet struct {
	Stage *crm.Stage `json:"stage,omitempty"`
}

type deletedCount struct {
	Deleted int `json:"deleted" doc:"How many contacts were really changed."`
}

type restoredCount struct {
	Restored int `json:"restored" doc:"How many contacts were really changed."`
}

type updatedCount struct {
	Updated int `json:"updated" doc:"How many contacts were really changed."`
}

type jobStarted struct {
	JobID crm.ID `json:"jobId"`
}

func (h *Handler) bulkDelete(c *call) error {
	in, err := decode[bulkInput](c)
	if err != nil {
		return err
	}
	return h.bulk(c, in, crm.BulkAction{Verb: crm.BulkDelete}, func(n int) any { return deletedCount{n} })
}

func (h *Handler) bulkRestore(c *call) error {
	in, err := decode[bulkInput](c)
	if err != nil {
		return err
	}
	return h.bulk(c, in, crm.BulkAction{Verb: crm.BulkRestore}, func(n int) any { return restoredCount{n} })
}

func (h *Handler) bulkTag(c *call) error {
	in, err := decode[bulkTagInput](c)
	if err != nil {
		return err
	}
	action := crm.BulkAction{Verb: crm.BulkTag, AddTags: in.Add, RemoveTags: in.Remove}
	return h.bulk(c, bulkInput{IDs: in.IDs, Filter: in.Filter}, action, func(n int) any { return updatedCount{n} })
}

func (h *Handler) bulkUpdate(c *call) error {
	in, err := decode[bulkUpdateInput](c)
	if err != nil {
		return err
	}
	if in.Set.Stage == nil {
		return crm.Invalid("set", crm.CodeRequired, "must name what to set, such as stage")
	}
	action := crm.BulkAction{Verb: crm.BulkUpdate, Stage: in.Set.Stage}
	return h.bulk(c, bulkInput{IDs: in.IDs, Filter: in.Filter}, action, func(n int) any { return updatedCount{n} })
}

// bulk runs the action at once by ids, or starts the job by filter.
func (h *Handler) bulk(c *call, on bulkInput, a crm.BulkAction, count func(int) any) error {
	switch {
	case (on.IDs == nil) == (on.Filter == nil):
		return crm.Invalid("ids", crm.CodeRequired, "or filter must be given, and not both")
	case on.IDs != nil:
		n, err := h.app.Contacts.Bulk(c.r.Context(), c.actor, on.IDs, a)
		if err != nil {
			return err
		}
		return c.writeJSON(http.StatusOK, count(n))
	}
	job, err := h.app.Contacts.BulkByFilter(c.r.Context(), c.actor, on.Filter.filter(), a)
	if err != nil {
		return inFilter(err)
	}
	c.w.Header().Set("Location", c.link("jobs", job.ID.String()))
	return c.writeJSON(http.StatusAccepted, jobStarted{job.ID})
}

// inFilter puts filter. before the fields of a filter, which the service names
// as the list does.
func inFilter(err error) error {
	var invalid *crm.ValidationError
	if !errors.As(err, &invalid) {
		return err
	}
	own := []string{"filter", "add", "remove", "set", "ids"}
	fields := slices.Clone(invalid.Fields)
	for i, f := range fields {
		root := f.Field
		if end := strings.IndexAny(root, ".["); end >= 0 {
			root = root[:end]
		}
		if !slices.Contains(own, root) {
			fields[i].Field = "filter." + f.Field
		}
	}
	return &crm.ValidationError{Fields: fields}
}
