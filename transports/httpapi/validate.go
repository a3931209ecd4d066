package httpapi

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/omnicrm/omnicrm/crm"
)

// maxListedErrors bounds the broken rules that one answer lists.
const maxListedErrors = 50

// validator checks a parsed value against the same schema that the OpenAPI
// document shows. huma's own validator is not used because its messages show
// submitted values and have no codes.
type validator struct {
	registry huma.Registry
	fields   []crm.FieldError
}

// checkSchema returns a *crm.ValidationError that lists the broken rules, or
// nil. The root is named body.
func checkSchema(registry huma.Registry, schema *huma.Schema, value any, path string) error {
	v := validator{registry: registry}
	v.check(schema, value, path)
	if len(v.fields) == 0 {
		return nil
	}
	return &crm.ValidationError{Fields: v.fields}
}

func (v *validator) add(path, code, message string) {
	if path == "" {
		path = "body"
	}
	if len(v.fields) < maxListedErrors {
		v.fields = append(v.fields, crm.FieldError{Field: path, Code: code, Message: message})
	}
}

func (v *validator) check(s *huma.Schema, value any, path string) {
	if s.Ref != "" {
		s = v.registry.SchemaFromRef(s.Ref)
	}
	if len(s.OneOf) > 0 {
		v.checkOneOf(s, value, path)
		return
	}
	if value == nil {
		if s.Type != "" && s.Type != typeNull && !s.Nullable {
			v.add(path, crm.CodeInvalid, "must not be null")
		}
		return
	}
	switch s.Type {
	case huma.TypeString:
		v.checkText(s, value, path)
	case huma.TypeBoolean:
		if _, ok := value.(bool); !ok {
			v.add(path, crm.CodeInvalid, "must be true or false")
		}
	case huma.TypeInteger, huma.TypeNumber:
		v.checkNumber(s, value, path)
	case huma.TypeArray:
		v.checkList(s, value, path)
	case huma.TypeObject:
		v.checkObject(s, value, path)
	case typeNull:
		v.add(path, crm.CodeInvalid, "must be null")
	}
}

// checkOneOf accepts what one of the branches accepts. The branch whose type
// fits speaks for the error.
func (v *validator) checkOneOf(s *huma.Schema, value any, path string) {
	if value == nil && s.Nullable {
		return
	}
	types := make([]string, 0, len(s.OneOf))
	for _, branch := range s.OneOf {
		try := validator{registry: v.registry}
		try.check(branch, value, path)
		if len(try.fields) == 0 {
			return
		}
		if fitsType(branch.Type, value) {
			v.fields = append(v.fields, try.fields...)
			return
		}
		types = append(types, typeName(branch.Type))
	}
	v.add(path, crm.CodeInvalid, "must be "+strings.Join(types, " or "))
}

func fitsType(schemaType string, value any) bool {
	switch value.(type) {
	case string:
		return schemaType == huma.TypeString
	case bool:
		return schemaType == huma.TypeBoolean
	case float64:
		return schemaType == huma.TypeNumber || schemaType == huma.TypeInteger
	case []any:
		return schemaType == huma.TypeArray
	case map[string]any:
		return schemaType == huma.TypeObject
	}
	return false
}

func typeName(schemaType string) string {
	switch schemaType {
	case huma.TypeString:
		return "text"
	case huma.TypeBoolean:
		return "true or false"
	case huma.TypeInteger:
		return "a whole number"
	case huma.TypeNumber:
		return "a number"
	case huma.TypeArray:
		return "a list"
	case huma.TypeObject:
		return "an object"
	}
	return "null"
}

func (v *validator) checkText(s *huma.Schema, value any, path string) {
	text, ok := value.(string)
	if !ok {
		v.add(path, crm.CodeInvalid, "must be text")
		return
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, any(text)) {
		v.add(path, crm.CodeInvalid, "must be one of "+enumNames(s.Enum))
		return
	}
	if s.MaxLength != nil && len(text) > *s.MaxLength && utf8.RuneCountInString(text) > *s.MaxLength {
		v.add(path, crm.CodeTooLong, fmt.Sprintf("must have at most %d characters", *s.MaxLength))
	}
	if s.MinLength != nil && utf8.RuneCountInString(text) < *s.MinLength {
		v.add(path, crm.CodeRequired, fmt.Sprintf("must have at least %d characters", *s.MinLength))
	}
	switch s.Format {
	case formatUUID:
		if _, err := crm.ParseID(text); err != nil {
			v.add(path, crm.CodeInvalid, "must be a UUID such as 0190d3c1-7d3a-7f00-8000-000000000000")
		}
	case "date-time":
		if _, err := time.Parse(time.RFC3339, text); err != nil {
			v.add(path, crm.CodeInvalid, "must be a time such as 2026-11-23T12:00:00Z")
		}
	}
}

// enumNames lists the values of a choice; null, which some may also be, is no
// word to send.
func enumNames(values []any) string {
	names := make([]string, 0, len(values))
	for _, value := range values {
		if value != nil {
			names = append(names, fmt.Sprint(value))
		}
	}
	return strings.Join(names, ", ")
}

func (v *validator) checkNumber(s *huma.Schema, value any, path string) {
	n, ok := value.(float64)
	whole := s.Type == huma.TypeInteger
	switch {
	case !ok || whole && n != math.Trunc(n):
		v.add(path, crm.CodeInvalid, "must be "+typeName(s.Type))
	case s.Minimum != nil && n < *s.Minimum, s.Maximum != nil && n > *s.Maximum:
		v.add(path, crm.CodeInvalid, "must be "+rangeText(s))
	}
}

func rangeText(s *huma.Schema) string {
	number := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	switch {
	case s.Maximum == nil:
		return "at least " + number(*s.Minimum)
	case s.Minimum == nil:
		return "at most " + number(*s.Maximum)
	}
	return "between " + number(*s.Minimum) + " and " + number(*s.Maximum)
}

func (v *validator) checkList(s *huma.Schema, value any, path string) {
	list, ok := value.([]any)
	if !ok {
		v.add(path, crm.CodeInvalid, "must be a list")
		return
	}
	if s.MinItems != nil && len(list) < *s.MinItems {
		v.add(path, crm.CodeRequired, fmt.Sprintf("must have at least %d entries", *s.MinItems))
	}
	if s.MaxItems != nil && len(list) > *s.MaxItems {
		v.add(path, crm.CodeTooMany, fmt.Sprintf("must have at most %d entries", *s.MaxItems))
		return
	}
	for i, item := range list {
		if len(v.fields) >= maxListedErrors {
			return
		}
		v.check(s.Items, item, path+"["+strconv.Itoa(i)+"]")
	}
}

func (v *validator) checkObject(s *huma.Schema, value any, path string) {
	object, ok := value.(map[string]any)
	if !ok {
		v.add(path, crm.CodeInvalid, "must be an object")
		return
	}
	for _, name := range s.Required {
		if _, ok := object[name]; !ok {
			v.add(join(path, name), crm.CodeRequired, "is required")
		}
	}
	if s.MaxProperties != nil && len(object) > *s.MaxProperties {
		v.add(path, crm.CodeTooMany, fmt.Sprintf("must have at most %d entries", *s.MaxProperties))
		return
	}
	for _, name := range sortedKeys(object) {
		if len(v.fields) >= maxListedErrors {
			return
		}
		place := join(path, shownKey(name))
		if property := s.Properties[name]; property != nil {
			v.check(property, object[name], place)
			continue
		}
		if more := furtherProperty(s, name); more != nil {
			v.check(more, object[name], place)
			continue
		}
		v.add(place, crm.CodeUnknown, "is not known here; known are "+strings.Join(sortedKeys(s.Properties), ", "))
	}
}

// furtherProperty is the schema of a member that the object does not list by
// name, nil where it takes none such.
func furtherProperty(s *huma.Schema, name string) *huma.Schema {
	if more, ok := s.AdditionalProperties.(*huma.Schema); ok {
		return more
	}
	if more, ok := s.Extensions[patternProperties].(map[string]*huma.Schema); ok && isFieldFilter(name) {
		return more[fieldPattern]
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
