package httpapi

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/omnicrm/omnicrm/crm"
)

const (
	formatUUID = "uuid"
	// clearable marks a list that may be null in a request; answers have no
	// lists that are null. It never reaches the document.
	clearable = "x-clearable"
	// patternProperties is the JSON Schema keyword, which the generator's type
	// has no member for.
	patternProperties = "patternProperties"
	maxCursor         = 4_096
	// typeNull is the JSON Schema type of null, which the generator has no name for.
	typeNull = "null"
)

// newRegistry returns the registry that makes JSON schemas of our types.
func newRegistry() huma.Registry {
	r := huma.NewMapRegistry("#/components/schemas/", schemaName)
	r.RegisterTypeAlias(typeOf[crm.ID](), typeOf[idSchema]())
	r.RegisterTypeAlias(typeOf[crm.WorkspaceID](), typeOf[idSchema]())
	r.RegisterTypeAlias(typeOf[crm.Stage](), typeOf[stageSchema]())
	r.RegisterTypeAlias(typeOf[crm.RowOutcome](), typeOf[outcomeSchema]())
	r.RegisterTypeAlias(typeOf[crm.JobStatus](), typeOf[jobStatusSchema]())
	r.RegisterTypeAlias(typeOf[crm.ImportStatus](), typeOf[importStatusSchema]())
	r.RegisterTypeAlias(typeOf[crm.OnDuplicate](), typeOf[onDuplicateSchema]())
	r.RegisterTypeAlias(typeOf[crm.Role](), typeOf[roleSchema]())
	r.RegisterTypeAlias(typeOf[crm.Scope](), typeOf[scopeSchema]())
	r.RegisterTypeAlias(typeOf[crm.InteractionType](), typeOf[interactionSchema]())
	r.RegisterTypeAlias(typeOf[crm.Direction](), typeOf[directionSchema]())
	r.RegisterTypeAlias(typeOf[crm.ParticipantRole](), typeOf[participantSchema]())
	r.RegisterTypeAlias(typeOf[crm.ScorePartName](), typeOf[scorePartSchema]())
	r.RegisterTypeAlias(typeOf[crm.FollowUpAction](), typeOf[followUpActionSchema]())
	r.RegisterTypeAlias(typeOf[crm.TrendDirection](), typeOf[trendSchema]())
	return r
}

// schemaName names a schema after its type, without the words that only Go
// code needs.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for _, suffix := range []string{"Record", "Doc"} {
		if cut, ok := strings.CutSuffix(name, suffix); ok && cut != "" {
			return cut
		}
	}
	return name
}

type (
	idSchema             string
	stageSchema          string
	outcomeSchema        string
	jobStatusSchema      string
	importStatusSchema   string
	onDuplicateSchema    string
	roleSchema           string
	scopeSchema          string
	interactionSchema    string
	directionSchema      string
	participantSchema    string
	scorePartSchema      string
	followUpActionSchema string
	trendSchema          string
)

func (idSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: formatUUID}
}

func (stageSchema) Schema(huma.Registry) *huma.Schema { return enumSchema(crm.Stages()) }

func (outcomeSchema) Schema(huma.Registry) *huma.Schema { return enumSchema(crm.RowOutcomes()) }

func (jobStatusSchema) Schema(huma.Registry) *huma.Schema { return enumSchema(crm.JobStatuses()) }

func (importStatusSchema) Schema(huma.Registry) *huma.Schema { return enumSchema(importStatuses()) }

func (onDuplicateSchema) Schema(huma.Registry) *huma.Schema { return enumSchema(duplicatePolicies()) }

func (roleSchema) Schema(huma.Registry) *huma.Schema { return enumSchema(crm.Roles()) }

func (scopeSchema) Schema(huma.Registry) *huma.Schema { return enumSchema(crm.Scopes()) }

func (interactionSchema) Schema(huma.Registry) *huma.Schema {
	return enumSchema(crm.InteractionTypes())
}

func (directionSchema) Schema(huma.Registry) *huma.Schema { return enumSchema(crm.Directions()) }

func (participantSchema) Schema(huma.Registry) *huma.Schema {
	return enumSchema(crm.ParticipantRoles())
}

func (scorePartSchema) Schema(huma.Registry) *huma.Schema { return enumSchema(crm.ScorePartNames()) }

func (followUpActionSchema) Schema(huma.Registry) *huma.Schema {
	return enumSchema(crm.FollowUpActions())
}

func (trendSchema) Schema(huma.Registry) *huma.Schema { return enumSchema(crm.TrendDirections()) }

func importStatuses() []crm.ImportStatus {
	return []crm.ImportStatus{
		crm.ImportPreviewing, crm.ImportReady, crm.ImportCommitting, crm.ImportCommitted,
		crm.ImportFailed, crm.ImportUndoing, crm.ImportUndone,
	}
}

func duplicatePolicies() []crm.OnDuplicate {
	return []crm.OnDuplicate{crm.DuplicateUpdate, crm.DuplicateSkip, crm.DuplicateCreate}
}

func enumSchema[T ~string](values []T) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Enum: enumOf(values)}
}

// optional is a member of a request that may be absent, null or there: a merge
// patch (RFC 7396) treats the three differently.
type optional[T any] struct {
	value T
	given bool
	null  bool
}

// UnmarshalJSON notes that the member is there.
func (o *optional[T]) UnmarshalJSON(data []byte) error {
	o.given = true
	if string(data) == "null" {
		o.null = true
		return nil
	}
	if err := json.Unmarshal(data, &o.value); err != nil {
		return fmt.Errorf("read member: %w", err)
	}
	return nil
}

// Schema is that of T, or null.
func (optional[T]) Schema(r huma.Registry) *huma.Schema {
	s := r.Schema(reflect.TypeFor[T](), true, "")
	s.Nullable = true
	if s.Type == huma.TypeArray {
		s.Extensions = map[string]any{clearable: true}
	}
	if len(s.Enum) > 0 {
		s.Enum = append(s.Enum, nil)
	}
	return s
}

// patch is nil when the member is absent, and points to the zero value, which
// clears, when it is null.
func (o optional[T]) patch() *T {
	if !o.given {
		return nil
	}
	return &o.value
}

// orNull is an object in an answer that may be null.
type orNull[T any] struct{ value *T }

// MarshalJSON writes the object or null.
func (o orNull[T]) MarshalJSON() ([]byte, error) {
	return json.Marshal(o.value) // encoding/json adds the place.
}

// Schema is that of T, or null.
func (orNull[T]) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{r.Schema(reflect.TypeFor[T](), true, ""), {Type: typeNull}}}
}

// fieldValue is the value of a custom field.
type fieldValue struct{ value any }

// UnmarshalJSON keeps what was sent; the schema has checked it.
func (f *fieldValue) UnmarshalJSON(data []byte) error {
	if err := json.Unmarshal(data, &f.value); err != nil {
		return fmt.Errorf("read field value: %w", err)
	}
	return nil
}

// Schema accepts text, numbers, booleans and null.
func (fieldValue) Schema(huma.Registry) *huma.Schema {
	s := fieldValueSchema()
	s.OneOf = append(s.OneOf, &huma.Schema{Type: typeNull})
	return s
}

func fieldValueSchema() *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{{Type: huma.TypeString}, {Type: huma.TypeNumber}, {Type: huma.TypeBoolean}}}
}

// oneOrMany is a text or a list of texts, as a query parameter is that may
// stand once or more often.
type oneOrMany[T ~string] []T

// UnmarshalJSON reads either form.
func (o *oneOrMany[T]) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		*o = make(oneOrMany[T], 1)
		return json.Unmarshal(data, &(*o)[0]) // encoding/json adds the place.
	}
	return json.Unmarshal(data, (*[]T)(o)) // encoding/json adds the place.
}

// Schema accepts either form.
func (oneOrMany[T]) Schema(r huma.Registry) *huma.Schema {
	one := r.Schema(reflect.TypeFor[T](), true, "")
	least, most := 1, maxRepeats
	return &huma.Schema{OneOf: []*huma.Schema{one, {Type: huma.TypeArray, Items: one, MinItems: &least, MaxItems: &most}}}
}

// tidySchemas corrects what the generator cannot know: lists are never null in
// answers, choices that may be null have null among them, and values of custom
// fields are scalars.
func tidySchemas(r huma.Registry) {
	seen := map[*huma.Schema]bool{}
	for _, s := range r.Map() {
		tidySchema(s, seen)
	}
	if contact := r.Map()["Contact"]; contact != nil {
		contact.Properties["fields"].AdditionalProperties = fieldValueSchema()
	}
}

func tidySchema(s *huma.Schema, seen map[*huma.Schema]bool) {
	if s == nil || seen[s] {
		return
	}
	seen[s] = true
	if s.Type == huma.TypeArray {
		s.Nullable = s.Extensions[clearable] != nil
		delete(s.Extensions, clearable)
		tidySchema(s.Items, seen)
	}
	if s.Nullable && len(s.Enum) > 0 && !slices.Contains(s.Enum, nil) {
		s.Enum = append(s.Enum, nil)
	}
	for _, property := range s.Properties {
		tidySchema(property, seen)
	}
	if more, ok := s.AdditionalProperties.(*huma.Schema); ok {
		tidySchema(more, seen)
	}
	for _, branch := range s.OneOf {
		tidySchema(branch, seen)
	}
}
