package httpapi

import (
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/omnicrm/omnicrm/crm"
)

const (
	// fieldPrefix leads the parameters that filter by custom fields, and the
	// members of a bulk action's filter that are the same.
	fieldPrefix  = "field."
	fieldPattern = `^field\..`
	// maxRepeats bounds how often a repeatable parameter may stand.
	maxRepeats = 100
	// maxQuery bounds the query string, in bytes.
	maxQuery = 16_384
)

// parseQuery reads the query string and refuses what the route does not know,
// what stands twice, what is empty and what breaks its schema.
func (c *call) parseQuery() error {
	if c.r.URL.RawQuery == "" {
		return nil
	}
	values, err := readQuery(c.op, c.h.registry, c.r.URL.RawQuery)
	if err != nil {
		return &placeError{code: codeInvalidQuery, err: err}
	}
	c.query = values
	return nil
}

func readQuery(op *operation, registry huma.Registry, raw string) (url.Values, error) {
	if len(raw) > maxQuery {
		return nil, crm.Invalid("query", crm.CodeTooLong, "must have at most 16384 bytes")
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, crm.Invalid("query", crm.CodeInvalid, "is not a well-formed query string")
	}
	v := validator{registry: registry}
	for _, name := range sortedKeys(values) {
		v.checkParameter(op, name, values)
	}
	if len(v.fields) > 0 {
		return nil, &crm.ValidationError{Fields: v.fields}
	}
	return values, nil
}

func (v *validator) checkParameter(op *operation, name string, values url.Values) {
	list := values[name]
	place := shownKey(strings.ToValidUTF8(name, "�"))
	p := op.parameters[name]
	if p == nil {
		if !op.fieldFilters || !isFieldFilter(name) {
			v.add(place, crm.CodeUnknown, "is not known here; "+knownParameters(op))
			return
		}
		p = &parameter{schema: &huma.Schema{Type: huma.TypeString}}
	}
	if len(list) > 1 && !p.repeatable {
		v.add(place, crm.CodeDuplicate, "must not stand more than once")
		return
	}
	if len(list) > maxRepeats {
		v.add(place, crm.CodeTooMany, "must not stand more than 100 times")
		return
	}
	for _, text := range list {
		v.checkParameterValue(p, place, text, values, name)
	}
}

func (v *validator) checkParameterValue(p *parameter, place, text string, values url.Values, name string) {
	switch {
	case !utf8.ValidString(text):
		v.add(place, crm.CodeInvalid, "is not valid UTF-8")
		return
	case strings.ContainsRune(text, 0):
		v.add(place, crm.CodeInvalid, "holds a NUL character")
		return
	case p.blankAbsent:
		text = strings.TrimSpace(text)
		if text == "" {
			values.Del(name)
			return
		}
	case text == "":
		v.add(place, crm.CodeRequired, "must not be empty; leave it out instead")
		return
	case p.schema.Format == formatUUID && text == (crm.ID{}).String():
		// It would pass for a parameter that is not there, and ask for everything.
		v.add(place, crm.CodeInvalid, "must not be the nil UUID; leave it out instead")
		return
	}
	v.check(p.schema, parameterValue(p.schema.Type, text), place)
}

// parameterValue reads a parameter as what its schema asks for. What cannot
// be read stays text, which the schema then refuses.
func parameterValue(schemaType, text string) any {
	switch schemaType {
	case huma.TypeInteger:
		if n, err := strconv.Atoi(text); err == nil && strconv.Itoa(n) == text {
			return float64(n)
		}
	case huma.TypeBoolean:
		switch text {
		case "true":
			return true
		case "false":
			return false
		}
	}
	return text
}

// isFieldFilter reports whether the name is field.<key>.
func isFieldFilter(name string) bool {
	return len(name) > len(fieldPrefix) && strings.HasPrefix(name, fieldPrefix)
}

func knownParameters(op *operation) string {
	if len(op.parameters) == 0 {
		return "there are no parameters"
	}
	known := "known are " + strings.Join(sortedKeys(op.parameters), ", ")
	if op.fieldFilters {
		known += ", field.<key>"
	}
	return known
}

// number returns an integer parameter, or absent when it is not there.
func (c *call) number(name string, absent int) int {
	n, err := strconv.Atoi(c.query.Get(name))
	if err != nil { // Checked by the schema: it is not there.
		return absent
	}
	return n
}

// boolean returns a boolean parameter, or nil when it is not there.
func (c *call) boolean(name string) *bool {
	if !c.query.Has(name) {
		return nil
	}
	b := c.query.Get(name) == "true"
	return &b
}

// texts returns the values of a repeatable parameter.
func texts[T ~string](list []string) []T {
	if len(list) == 0 {
		return nil
	}
	out := make([]T, len(list))
	for i, s := range list {
		out[i] = T(s)
	}
	return out
}

// The words that parameters are written with.

func textParam(name, notes string, maxLength int) parameter {
	return parameter{name: name, notes: notes, schema: &huma.Schema{Type: huma.TypeString, MaxLength: &maxLength}}
}

func enumParam[T ~string](name, notes string, values ...T) parameter {
	return parameter{name: name, notes: notes, schema: &huma.Schema{Type: huma.TypeString, Enum: enumOf(values)}}
}

func enumOf[T ~string](values []T) []any {
	list := make([]any, len(values))
	for i, v := range values {
		list[i] = string(v)
	}
	return list
}

func boolParam(name, notes string) parameter {
	return parameter{name: name, notes: notes, schema: &huma.Schema{Type: huma.TypeBoolean}}
}

func numberParam(name, notes string, least, most, absent int) parameter {
	low, high := float64(least), float64(most)
	return parameter{name: name, notes: notes, schema: &huma.Schema{Type: huma.TypeInteger, Minimum: &low, Maximum: &high, Default: absent}}
}

func idParam(name, notes string) parameter {
	return parameter{name: name, notes: notes, schema: &huma.Schema{Type: huma.TypeString, Format: formatUUID}}
}

func cursorParam() parameter {
	return textParam("cursor", "The nextCursor of an earlier answer to the same question.", maxCursor)
}

func repeated(p parameter) parameter {
	p.repeatable = true
	return p
}
